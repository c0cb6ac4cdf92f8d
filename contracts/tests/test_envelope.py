"""The headers around an event: written and read back, and refused with a reason that names the cure."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from klokwerk_contracts.envelope import BadEnvelope, Envelope, from_headers, new_event_id, to_headers

GOOD: dict[str, bytes] = {
    "ce_specversion": b"1.0",
    "ce_id": b"0195568e-5f2a-7c1d-9a40-2f6b7d1c0e55",
    "ce_type": b"sale.completed",
    "ce_source": b"//webshop.example",
    "ce_time": b"2026-03-02T08:41:00Z",
    "ce_dataschema": b"sale.completed/v1",
    "content-type": b"application/json",
}


def headers(**changes: bytes | None) -> list[tuple[str, bytes | None]]:
    """Good headers with some changed (underscores for what a keyword can't hold)."""
    return [*(GOOD | changes).items()]


def test_good_headers_are_read() -> None:
    envelope = from_headers(headers())
    assert envelope.id == UUID("0195568e-5f2a-7c1d-9a40-2f6b7d1c0e55")
    assert envelope.type == "sale.completed"
    assert envelope.source == "//webshop.example"
    assert envelope.time == datetime(2026, 3, 2, 8, 41, tzinfo=UTC)
    assert envelope.schema == "sale.completed/v1"
    assert envelope.traceparent == ""


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_source", "ce_time", "ce_specversion"])
@pytest.mark.parametrize("value", ["absent", None, b""])
def test_a_missing_null_or_empty_required_header_is_named(name: str, value: Any) -> None:
    given_headers = [pair for pair in headers() if pair[0] != name]
    if value != "absent":
        given_headers.append((name, value))
    with pytest.raises(BadEnvelope, match=f"header {name} is missing"):
        from_headers(given_headers)


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        ("ce_id", b"17", "write a UUID"),
        ("ce_id", b"\xff\xfe", "not UTF-8"),
        ("ce_type", b"\xe9", "not UTF-8"),
        ("ce_source", b"caf\xe9", "not UTF-8"),
        ("ce_specversion", b"0.3", "this reader knows 1.0"),
        ("ce_specversion", b"1.0.0", "this reader knows 1.0"),
        ("ce_time", b"yesterday", "write ISO 8601 with a zone"),
        ("ce_time", b"2026-03-02T08:41:00", "the zone is missing"),
        ("ce_time", b"2026-03-02", "the zone is missing"),
        ("ce_time", b"2026-13-02T08:41:00Z", "write ISO 8601"),
        ("ce_time", b"1772440860", "write ISO 8601"),
        ("ce_time", b"0001-01-01T00:00:00+14:00", "write ISO 8601"),
        ("ce_time", b"9999-12-31T23:59:59-14:00", "write ISO 8601"),
        ("ce_dataschema", b"\xff", "not UTF-8"),
        ("traceparent", b"\xc3\x28", "not UTF-8"),
    ],
)
def test_a_bad_header_is_named_with_its_cure(name: str, value: bytes, cure: str) -> None:
    with pytest.raises(BadEnvelope, match=f"header {name} .*{cure}"):
        from_headers(headers(**{name: value}))


def test_headers_of_others_may_hold_anything() -> None:
    strange: list[tuple[str, bytes | None]] = [
        ("x-raw", b"\xff\xfe"),
        ("x-null", None),
        ("", b""),
        ("ce_extra", b"\x00"),
    ]
    assert from_headers(headers() + strange) == from_headers(headers())


def test_the_last_of_two_equal_headers_counts() -> None:
    assert from_headers([("ce_type", b"old"), *headers()]).type == "sale.completed"


def test_a_mapping_is_read_like_pairs() -> None:
    assert from_headers(GOOD) == from_headers(headers())


def test_what_is_optional_may_be_null_or_absent() -> None:
    assert from_headers(headers(ce_dataschema=None, traceparent=None)).schema == ""
    assert from_headers([pair for pair in headers() if pair[0] != "content-type"]).type == "sale.completed"


@pytest.mark.parametrize(
    "moment", ["2026-03-02T09:41:00+01:00", "2026-03-02T08:41:00.000000+00:00", "20260302T084100Z"]
)
def test_time_comes_back_in_utc(moment: str) -> None:
    assert from_headers(headers(ce_time=moment.encode())).time == datetime(2026, 3, 2, 8, 41, tzinfo=UTC)


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
envelopes = st.builds(
    Envelope,
    id=st.uuids(),
    type=text,
    source=text,
    time=st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=zones),  # noqa: DTZ001
    schema=st.one_of(st.just(""), text),
    traceparent=st.one_of(st.just(""), text),
)


@given(envelopes)
def test_every_envelope_survives_the_way_through_headers(envelope: Envelope) -> None:
    assert from_headers(to_headers(envelope)) == envelope


@given(
    st.lists(
        st.tuples(st.sampled_from([*GOOD, "traceparent", "x"]), st.none() | st.binary(max_size=40)),
        max_size=12,
    )
)
def test_whatever_the_headers_hold_the_answer_is_an_envelope_or_a_reason(
    pairs: list[tuple[str, bytes | None]],
) -> None:
    with suppress(BadEnvelope):
        assert from_headers([*headers(), *pairs]).time.tzinfo is UTC


def test_event_ids_are_version_7_unique_and_sorted_by_time() -> None:
    made = [new_event_id() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    times = [one.int >> 80 for one in made]
    assert times == sorted(times)
