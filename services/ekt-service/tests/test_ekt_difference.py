"""What changed from file to file, told line by line."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from ekt_factories import a_line, a_message, an_interchange
from ekt_service.domain.difference import CHANGED_FIELDS, HEAD_FIELDS, Change, ChangeKind, compare
from ekt_service.edifact.clockt import Characteristic, Interchange, Transaction
from ekt_service.edifact.reader import read
from ekt_service.edifact.writer import ClocktWriter


def a_file(*lines: Transaction, **head: str) -> Interchange:
    """A file as it comes back from its bytes."""
    messages = (a_message(line, reference=f"R{number}", **head) for number, line in enumerate(lines, 1))
    return read(ClocktWriter(name_length=35).write(an_interchange(*messages)))


def changes(before: Interchange, after: Interchange) -> tuple[Change, ...]:
    return compare([before], [after]).changes


def test_EF_41_a_corrected_quantity_is_told_as_people_say_it() -> None:
    before = a_file(a_line(1), a_line(2), a_line(3, units=10, pieces=80))
    after = a_file(a_line(1), a_line(2), a_line(3, units=10, pieces=60))
    found = compare([before], [after])
    assert found.changes == (
        Change(ChangeKind.CHANGED, 3, "R GR AVALANCHE+", "quantity", "10 x 80", "10 x 60"),
    )
    assert (found.goods_before - found.goods_after) == Decimal("0.56") * 200


def test_lines_that_came_and_went_are_told_with_their_number_in_the_file_they_are_in() -> None:
    before = a_file(a_line(1), a_line(2, name="Gone"), a_line(3))
    after = a_file(a_line(1), a_line(3), a_line(4, name="New", price=Decimal("0.1")))
    assert changes(before, after) == (
        Change(ChangeKind.ADDED, 3, "NEW", "", "", "8 x 10, 0.100"),
        Change(ChangeKind.REMOVED, 2, "GONE", "", "8 x 10, 0.560", ""),
    )


@pytest.mark.parametrize(
    ("field", "change", "before", "after"),
    [
        ("price", {"price": Decimal("0.6")}, "0.560", "0.600"),
        ("name", {"name": "Other"}, "R GR AVALANCHE+", "OTHER"),
        ("packaging", {"packaging": "999"}, "997", "999"),
        ("packaging_price", {"packaging_price": None}, "7.000", ""),
        ("customer_price", {"customer_price": Decimal(2)}, "", "2.000"),
        ("grower", {"grower": "1"}, "8622", "1"),
        ("place", {"place": ""}, "157", ""),
        ("order", {"order": "X"}, "PO:12'7", "X"),
        ("article", {"article": "B"}, "ROS-AV+70", "B"),
        ("time", {"at": None}, "06:18:05", ""),
        ("carriers", {"carriers": "2"}, "1 BX", "2 BX"),
        ("characteristic", {"characteristics": (Characteristic("S62", "NL"),)}, "S20 070", ""),
        ("product", {"vbn_code": "1"}, "16207", "1"),
    ],
)
def test_each_field_is_told_by_its_name(field: str, change: dict, before: str, after: str) -> None:
    line = a_line(1)
    (found,) = changes(a_file(line), a_file(replace(line, **change)))
    assert (found.kind, found.line, found.field) == (ChangeKind.CHANGED, 1, field)
    assert (found.before, found.after) == (before, after)
    assert field in CHANGED_FIELDS


def test_the_same_file_again_has_no_difference() -> None:
    lines = [a_line(number) for number in range(1, 8)]
    again = a_file(*reversed(lines))
    assert changes(a_file(*lines), again) == ()


def test_what_stands_in_front_of_the_lines_is_told_once() -> None:
    before, after = a_file(a_line(1), a_line(2)), a_file(a_line(1), a_line(2), buyer="NEW", kind="231")
    found = changes(before, after)
    assert [(each.kind, each.field, each.before, each.after) for each in found] == [
        (ChangeKind.HEAD, "buyer", "K1001", "NEW"),
        (ChangeKind.HEAD, "kind", "493", "231"),
    ]
    apart = compare([before], [a_file(a_line(1)), a_file(a_line(2))]).changes
    assert [(each.field, each.before, each.after) for each in apart] == [("files", "1", "2")]
    assert {each.field for each in (*found, *apart)} <= set(HEAD_FIELDS)


def test_without_a_vn_a_line_is_known_by_its_agj() -> None:
    line = a_line(7, order_line="")
    before, after = a_file(line), a_file(replace(line, units=9))
    (found,) = changes(before, after)
    assert (found.before, found.after) == ("8 x 10", "9 x 10")


def test_five_thousand_lines_are_compared_within_a_second() -> None:
    lines = [a_line(number) for number in range(1, 5001)]
    before = Interchange(an_interchange().envelope, (a_message(*lines),))
    after = Interchange(an_interchange().envelope, (a_message(*lines[1:]),))
    found = compare([before], [after])
    assert [change.kind for change in found.changes] == [ChangeKind.REMOVED]
