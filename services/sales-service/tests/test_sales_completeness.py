"""The predicate "complete distribution" (D-03) and what is published when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sales_service.domain.completeness import Rule, is_complete, missing
from sales_service.domain.distribution import (
    Author,
    Published,
    sale_completed,
    snapshot_digest,
    standing,
)
from sales_service.domain.lines import Line, from_contract, to_contract

ROSES = Line(
    line_id="L1",
    units=10,
    allocated=10,
    article_number="A-100",
    name="R GR RED NAOMI",
    vbn_code="10120",
    packing_code="997",
    pieces_per_unit=80,
    price=Decimal("0.560"),
)


def test_a_line_with_everything_and_allocated_is_complete() -> None:
    assert is_complete([ROSES])


@pytest.mark.parametrize(
    ("change", "rule", "field"),
    [
        ({"allocated": 9}, Rule.INCOMPLETE, "allocated"),
        ({"allocated": 0}, Rule.INCOMPLETE, "allocated"),
        ({"allocated": 11}, Rule.INCOMPLETE, "allocated"),
        ({"vbn_code": ""}, Rule.DATA_MISSING, "vbn_code"),
        ({"name": ""}, Rule.DATA_MISSING, "name"),
        ({"packing_code": ""}, Rule.DATA_MISSING, "packing"),
        ({"pieces_per_unit": None}, Rule.DATA_MISSING, "pieces_per_unit"),
        ({"units": 0, "allocated": 0}, Rule.DATA_MISSING, "units"),
        ({"price": None}, Rule.DATA_MISSING, "price"),
        ({"price": Decimal("-0.01")}, Rule.DATA_MISSING, "price"),
        ({"currency": "SEK"}, Rule.DATA_MISSING, "price"),
    ],
)
def test_each_gap_is_named_with_field_and_cure(change: dict[str, object], rule: Rule, field: str) -> None:
    (gap,) = missing([ROSES, replace(ROSES, line_id="L2", **change)])
    assert (gap.rule, gap.line_id, gap.field) == (rule, "L2", field)
    assert gap.cure
    assert gap.message


def test_a_free_line_is_complete() -> None:
    assert is_complete([replace(ROSES, price=Decimal(0))])


def test_no_lines_is_no_distribution() -> None:
    (gap,) = missing([])
    assert gap.rule is Rule.NO_DISTRIBUTION


def test_every_gap_of_every_line_is_listed() -> None:
    bare = Line(line_id="L9", units=5)
    assert {gap.field for gap in missing([bare, ROSES])} == {
        "allocated",
        "name",
        "vbn_code",
        "packing",
        "pieces_per_unit",
        "price",
    }


def test_first_completion_is_revision_one_and_the_same_again_is_nothing() -> None:
    first = standing([ROSES], None)
    assert first.publish == 1
    again = standing([ROSES], Published(1, first.digest))
    assert again.publish is None
    assert again.complete


def test_a_correction_is_the_next_revision_and_an_incomplete_one_waits() -> None:
    known = Published(4, snapshot_digest([ROSES]))
    assert standing([replace(ROSES, price=Decimal("0.55"))], known).publish == 5
    waiting = standing([replace(ROSES, units=12)], known)
    assert waiting.publish is None
    assert waiting.missing_count == 1


def test_the_last_line_removed_voids_the_sale_only_if_it_was_published() -> None:
    assert standing([], None).publish is None
    assert standing([], Published(1, snapshot_digest([ROSES]))).publish == 2
    assert standing([], Published(2, snapshot_digest([]))).publish is None


def test_totals_count_lines_and_money() -> None:
    stand = standing([ROSES, replace(ROSES, line_id="L2", allocated=3)], None)
    assert (stand.line_count, stand.allocated_count) == (2, 1)
    assert stand.goods_total == Decimal("896.000")


def test_the_event_tells_who_corrected_from_revision_two_on() -> None:
    moment = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)

    def event(revision: int):
        return sale_completed(
            administration="main",
            debtor_id="D1",
            order_day=date(2026, 3, 9),
            revision=revision,
            lines=[ROSES],
            completed_at=moment,
            author=Author("anna", "wrong price"),
        )

    assert event(1).correction is None
    assert event(2).correction.by == "anna"
    assert event(1).goods_total.amount == Decimal(448)


lines = st.builds(
    Line,
    line_id=st.from_regex(r"[A-Z][0-9]{1,6}", fullmatch=True),
    units=st.integers(0, 500),
    allocated=st.integers(0, 500),
    name=st.sampled_from(["", "TULIP", "Lily 'X'"]),
    vbn_code=st.sampled_from(["", "1", "10120"]),
    packing_code=st.sampled_from(["", "999"]),
    pieces_per_unit=st.one_of(st.none(), st.integers(1, 500)),
    price=st.one_of(st.none(), st.decimals("0", "99", places=3)),
    packing_price=st.one_of(st.none(), st.decimals("0", "9", places=2)),
)


@given(st.lists(lines, min_size=1, max_size=6, unique_by=lambda line: line.line_id))
def test_complete_means_the_event_can_be_made_and_read_back(sold: list[Line]) -> None:
    if is_complete(sold):
        assert [from_contract(to_contract(line)) for line in sold] == sold
        assert snapshot_digest(sold) == snapshot_digest(sold[::-1])
    else:
        assert standing(sold, None).publish is None
