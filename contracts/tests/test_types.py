"""The value types of events: exact decimals, instants in UTC, and the record that is made of an event."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from klokwerk_contracts import EktResendRequested, Event, from_headers, record_of
from klokwerk_contracts.debtor_changed import DebtorChanged, DocumentKind, EmailAddress
from klokwerk_contracts.documentation import split_docstring
from klokwerk_contracts.types import DECIMAL_PATTERN, Money
from pydantic import ValidationError

REQUEST: dict[str, Any] = {
    "request_id": "r-1",
    "debtor_id": "d-1001",
    "order_day": "2026-03-02",
    "sale_revision": 1,
    "requested_by": "anna",
    "requested_at": "2026-03-02T10:00:00Z",
}
amounts = st.decimals(
    allow_nan=False, allow_infinity=False, places=6, min_value=-(10**15) + 1, max_value=10**15 - 1
)


@given(amounts)
def test_every_amount_survives_and_stands_in_json_as_the_schema_says(amount: Decimal) -> None:
    text = Money(amount=amount).model_dump_json()
    assert re.fullmatch(DECIMAL_PATTERN, json.loads(text)["amount"])
    assert Money.model_validate_json(text).amount == amount


@pytest.mark.parametrize(
    ("given_amount", "written"),
    [(Decimal("1E+2"), "100"), (Decimal("1E-6"), "0.000001"), ("-0.50", "-0.50"), (7, "7")],
)
def test_amounts_are_written_plainly(given_amount: Any, written: str) -> None:
    assert json.loads(Money(amount=given_amount).model_dump_json())["amount"] == written


@pytest.mark.parametrize(
    "amount",
    [
        0.1,
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "0.0000001",
        "1234567890123456",
        "",
        "1,50",
        None,
        "x" * 1000,
    ],
)
def test_an_amount_that_is_not_exact_or_not_a_number_is_refused(amount: Any) -> None:
    with pytest.raises(ValidationError):
        Money(amount=amount)


def test_a_float_is_refused_with_the_cure() -> None:
    with pytest.raises(ValidationError, match="write it as a string"):
        Money.model_validate_json('{"amount": 12.5}')


@pytest.mark.parametrize("identifier", ["", " ", "a b", "-a", "a\n", "é", "a" * 65, "a/b", "'; drop table"])
def test_a_strange_identifier_is_refused(identifier: str) -> None:
    with pytest.raises(ValidationError):
        EktResendRequested.model_validate(REQUEST | {"debtor_id": identifier})


@pytest.mark.parametrize("moment", ["2026-03-02T10:00:00", "2026-03-02", "soon", "", None])
def test_an_instant_without_a_zone_is_refused(moment: Any) -> None:
    with pytest.raises(ValidationError):
        EktResendRequested.model_validate(REQUEST | {"requested_at": moment})


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_beyond_the_calendar_is_refused_as_bad_input(moment: str) -> None:
    with pytest.raises(ValidationError):
        EktResendRequested.model_validate(REQUEST | {"requested_at": moment})


def test_unknown_fields_are_ignored() -> None:
    assert not hasattr(EktResendRequested.model_validate(REQUEST | {"later": 1}), "later")


def test_an_event_can_not_be_changed() -> None:
    with pytest.raises(ValidationError):
        EktResendRequested.model_validate(REQUEST).note = "x"  # type: ignore[misc]


def test_the_record_of_an_event_holds_key_body_and_headers() -> None:
    event: Event = EktResendRequested.model_validate(REQUEST)
    event_id = UUID("0195568e-5f2a-7c1d-9a40-2f6b7d1c0e55")
    moment = datetime(2026, 3, 2, 10, tzinfo=UTC)
    record = record_of(event, source="//shop.test", event_id=event_id, time=moment, traceparent="00-1")
    assert (record.topic, record.key) == ("ekt.resend.requested", b"d-1001")
    assert json.loads(record.value)["order_day"] == "2026-03-02"
    envelope = from_headers(record.headers)
    assert (envelope.id, envelope.time, envelope.traceparent) == (event_id, moment, "00-1")
    assert (envelope.type, envelope.schema) == ("ekt.resend.requested", "ekt.resend.requested/v1")


def test_two_records_of_one_event_have_ids_of_their_own_unless_one_is_given() -> None:
    event = EktResendRequested.model_validate(REQUEST | {"order_day": date(2026, 3, 2)})
    ids = {from_headers(record_of(event, source="/x").headers).id for _ in range(3)}
    assert len(ids) == 3


def test_each_kind_of_document_has_its_own_address_or_the_general_one() -> None:
    card = DebtorChanged(
        debtor_id="d-1",
        revision=1,
        name="De Linde",
        changed_at=datetime(2026, 3, 2, tzinfo=UTC),
        emails=(
            EmailAddress(address="info@x.test"),
            EmailAddress(address="ekt@x.test", document=DocumentKind.EKT),
        ),
    )
    assert card.email_for(DocumentKind.EKT) == "ekt@x.test"
    assert card.email_for(DocumentKind.INVOICE) == "info@x.test"
    assert card.model_copy(update={"emails": ()}).email_for(DocumentKind.INVOICE) == ""


def test_what_a_docstring_says_of_a_field_stands_beside_it_in_the_schema() -> None:
    properties = EktResendRequested.model_json_schema()["properties"]
    assert (
        properties["request_id"]["description"] == "id of this request; asking twice with one id sends once."
    )
    assert properties["administration"]["description"].startswith("the legal entity")
    assert "Attributes" not in EktResendRequested.model_json_schema()["description"]


def test_a_docstring_entry_may_go_on_over_lines() -> None:
    text = "What it is.\n\n    Attributes:\n        one: first\n            and more.\n        two: second.\n"
    assert split_docstring(text) == ("What it is.", {"one": "first and more.", "two": "second."})
