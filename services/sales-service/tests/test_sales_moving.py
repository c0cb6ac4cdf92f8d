"""Units moved from one debtor to another on the same day: both days change together, identities stay unique."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sales_service.domain.lines import Line
from sales_service.domain.moving import free_id, move
from sales_world import MONDAY, World, foreign_sale, line

ROSES = Line(
    "L-1", 10, 10, name="ROSE", logistic_number="00042", barcode="B-1", plate="P-7", order_reference="PO 1"
)


def move_path(debtor_id: str) -> str:
    return f"/days/{MONDAY}/debtors/{debtor_id}/move"


# --- the rule -----------------------------------------------------------------------------------------------


def test_a_whole_line_keeps_its_identity_and_leaves_the_buyers_own_references_behind() -> None:
    moved = move(ROSES, 10, "NEW")
    assert moved.left is None
    assert (moved.gone.line_id, moved.gone.logistic_number, moved.gone.barcode) == ("L-1", "00042", "B-1")
    assert (moved.gone.plate, moved.gone.order_reference) == ("", "")


def test_a_part_is_a_transaction_of_its_own_and_the_rest_keeps_number_and_barcode() -> None:
    moved = move(ROSES, 4, "NEW")
    assert moved.left == replace(ROSES, units=6, allocated=6)
    assert (moved.gone.line_id, moved.gone.units, moved.gone.allocated) == ("NEW", 4, 4)
    assert (moved.gone.logistic_number, moved.gone.barcode) == ("", "")


@pytest.mark.parametrize("units", [0, -1, 11])
def test_what_was_not_sold_is_not_moved(units: int) -> None:
    with pytest.raises(ValueError, match="choose 1 to 10"):
        move(ROSES, units, "NEW")


@given(st.integers(1, 200), st.data())
def test_no_unit_and_no_allocation_comes_or_goes(units: int, data: st.DataObject) -> None:
    allocated = data.draw(st.integers(0, units))
    moved_units = data.draw(st.integers(1, units))
    moved = move(replace(ROSES, units=units, allocated=allocated), moved_units, "NEW")
    sides = [side for side in (moved.left, moved.gone) if side]
    assert sum(side.units for side in sides) == units
    assert sum(side.allocated for side in sides) == allocated
    assert all(0 <= side.allocated <= side.units for side in sides)


def test_an_id_that_the_other_has_gets_a_suffix_that_tells_where_it_came_from() -> None:
    assert free_id("L-1", "D-1", set()) == "L-1"
    first = free_id("L-1", "D-1", {"L-1"})
    assert first.startswith("L-1.")
    assert free_id("L-1", "D-1", {"L-1", first}) == first + "2"
    assert len(free_id("x" * 64, "D-1", {"x" * 64})) <= 64


# --- in the service -----------------------------------------------------------------------------------------


async def test_a_part_moves_and_both_days_are_told_once(world: World) -> None:
    jansen, bakker = await world.debtor(name="Jansen"), await world.debtor(name="Bakker")
    sold = line(line_id="L-1", logistic_number="00042", barcode="B-1", plate="P-7")
    await world.sell(jansen.debtor_id, sold)
    await world.sell(bakker.debtor_id, line(line_id="L-9"))
    body = {"to": bakker.debtor_id, "lines": [{"line_id": "L-1", "units": 4}], "reason": "swapped"}
    answer = await world.post(move_path(jansen.debtor_id), body)
    assert answer.status_code == 200, answer.text
    assert [day["complete"] for day in answer.json()["days"]] == [True, True]
    (left,) = (await world.day(jansen.debtor_id))["lines"]
    assert (left["units"], left["allocated"], left["logistic_number"]) == (6, 6, "00042")
    arrived = (await world.day(bakker.debtor_id))["lines"][1]
    assert arrived["line_id"] == answer.json()["line_ids"]["L-1"] != "L-1"
    assert (arrived["units"], arrived["barcode"], arrived["plate"]) == (4, "", "")
    await world.told()
    for debtor, units in ((jansen, [6]), (bakker, [10, 4])):
        _, second = await world.events("sale.completed", debtor.debtor_id, at_least=2)
        assert (second["revision"], [entry["units"] for entry in second["lines"]]) == (2, units)
        assert second["correction"] == {"by": "Anna", "reason": "swapped"}
    here = (await world.get(f"/days/{MONDAY}/debtors/{jansen.debtor_id}/history")).json()["items"][1]
    assert (here["what"], here["other_debtor"], here["reason"]) == (
        "lines moved",
        bakker.debtor_id,
        "swapped",
    )
    assert {(change["field"], change["old"], change["new"]) for change in here["changes"]} == {
        ("units", "10", "6"),
        ("allocated", "10", "6"),
    }
    there = (await world.get(f"/days/{MONDAY}/debtors/{bakker.debtor_id}/history")).json()["items"][1]
    assert (there["other_debtor"], there["changes"][0]["kind"]) == (jansen.debtor_id, "added")


async def test_whole_lines_move_with_their_id_and_the_day_they_left_is_void(world: World) -> None:
    jansen, bakker = await world.debtor(), await world.debtor()
    await world.sell(jansen.debtor_id, line(line_id="L-1"), line(line_id="L-2"))
    await world.sell(bakker.debtor_id, line(line_id="L-2", units=1), allocate=False)
    body = {"to": bakker.debtor_id, "lines": [{"line_id": "L-1"}, {"line_id": "L-2", "units": 10}]}
    names = (await world.post(move_path(jansen.debtor_id), body)).json()["line_ids"]
    assert names["L-1"] == "L-1"
    assert names["L-2"].startswith("L-2.")
    assert (await world.day(jansen.debtor_id))["lines"] == []
    assert len((await world.day(bakker.debtor_id))["lines"]) == 3
    await world.told()
    _, void = await world.events("sale.completed", jansen.debtor_id, at_least=2)
    assert void["lines"] == []
    assert await world.events("sale.completed", bakker.debtor_id) == []


async def test_moves_against_each_other_wait_for_one_another_and_lose_no_unit(world: World) -> None:
    one, other = await world.debtor(), await world.debtor()
    for debtor in (one, other):
        await world.sell(debtor.debtor_id, line(line_id="L-1", units=50))

    async def some(source: str, to: str) -> int:
        body = {"to": to, "lines": [{"line_id": "L-1", "units": 3}]}
        return (await world.post(move_path(source), body)).status_code

    answers = await asyncio.gather(
        *[some(one.debtor_id, other.debtor_id) for _ in range(5)],
        *[some(other.debtor_id, one.debtor_id) for _ in range(5)],
    )
    assert set(answers) == {200}
    units = [
        sum(entry["units"] for entry in (await world.day(debtor.debtor_id))["lines"])
        for debtor in (one, other)
    ]
    assert units == [50, 50]


async def test_what_can_not_be_moved_is_refused_with_the_cure_and_nothing_moves(world: World) -> None:
    jansen, bakker = await world.debtor(), await world.debtor()
    supplier = await world.debtor(kinds=("creditor",))
    await world.sell(jansen.debtor_id, line(line_id="L-1"), line(line_id="L-2"))
    tag = (await world.get(f"/days/{MONDAY}/debtors/{jansen.debtor_id}")).headers["ETag"]
    lines = [{"line_id": "L-1"}]
    for body, field, status in [
        ({"to": jansen.debtor_id, "lines": lines}, "to", 422),
        ({"to": "NOBODY", "lines": lines}, "to", 422),
        ({"to": supplier.debtor_id, "lines": lines}, "to", 422),
        ({"to": bakker.debtor_id, "lines": [{"line_id": "L-9"}]}, "lines.0.line_id", 422),
        ({"to": bakker.debtor_id, "lines": [*lines, *lines]}, "lines.1.line_id", 422),
        ({"to": bakker.debtor_id, "lines": [{"line_id": "L-1", "units": 11}]}, "lines.0.units", 422),
    ]:
        answer = await world.post(move_path(jansen.debtor_id), body)
        assert answer.status_code == status, answer.text
        (problem,) = answer.json()["errors"]
        assert problem["field"] == field
        assert problem["cure"]
    draft = await world.post("/invoices", {"debtor_id": jansen.debtor_id, "order_day": str(MONDAY)})
    await world.post(f"/invoices/{draft.json()['invoice_id']}/finalise")
    billed = await world.post(move_path(jansen.debtor_id), {"to": bakker.debtor_id, "lines": lines})
    assert billed.status_code == 409
    assert billed.json()["errors"][0]["link"] == f"/invoices/{draft.json()['invoice_id']}"
    removed = await world.ask("DELETE", f"/days/{MONDAY}/debtors/{jansen.debtor_id}/lines/L-1")
    assert removed.status_code == 409
    path = f"/days/{MONDAY}/debtors/{jansen.debtor_id}/allocate"
    await world.post(path, {"quantities": {"L-1": 1}})
    stale = await world.post(
        move_path(jansen.debtor_id), {"to": bakker.debtor_id, "lines": lines}, headers={"If-Match": tag}
    )
    assert stale.status_code == 412
    assert "changed by Anna at 2026-03-10" in stale.json()["detail"]
    assert (await world.day(bakker.debtor_id))["lines"] == []
    forbidden = await world.post(
        move_path(jansen.debtor_id), {"to": bakker.debtor_id, "lines": lines}, roles=("finance",)
    )
    assert forbidden.status_code == 403


async def test_the_sale_of_another_system_takes_nothing_and_gives_nothing(world: World) -> None:
    ours, theirs = await world.debtor(), await world.debtor()
    await world.sell(ours.debtor_id, line(line_id="L-1"))
    await world.publish(foreign_sale(theirs.debtor_id))
    await world.listed(theirs.debtor_id)
    for source, to, name in ((ours, theirs, "L-1"), (theirs, ours, "W-1")):
        body = {"to": to.debtor_id, "lines": [{"line_id": name}]}
        answer = await world.post(move_path(source.debtor_id), body)
        assert answer.status_code == 409
        assert answer.json()["title"] == "This sale is kept by another system"
