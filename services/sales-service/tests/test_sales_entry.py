"""Thousands of lines in one request: all or nothing, or each with an answer of its own, sent again without harm."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sales_world import MONDAY, WEBSHOP, World, foreign_sale, line


def entry(debtor_id: str, *lines: dict, **more: object) -> dict:
    return {"debtor_id": debtor_id, "lines": list(lines), **more}


async def test_each_line_is_taken_or_refused_on_its_own_and_answered_in_order(world: World) -> None:
    debtor, other = await world.debtor(), await world.debtor()
    await world.publish(foreign_sale(other.debtor_id))
    await world.listed(other.debtor_id)
    lines = [
        line(line_id="L-1"),
        line(units=-1),
        {"price": "1"},
        line(article=None, article_number="NOPE"),
        line(debtor_id="NOBODY"),
        line(debtor_id=other.debtor_id),
        line(line_id="L-1"),
        line(line_id="L-2"),
        "no line at all",
    ]
    body = entry(debtor.debtor_id, *lines, mode="each", allocate=True)
    answer = await world.post(f"/days/{MONDAY}/lines", body)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert [one["status"] for one in told["lines"]] == ["added", *["refused"] * 6, "added", "refused"]
    assert told["counts"] == {"added": 2, "changed": 0, "unchanged": 0, "refused": 7}
    fields = [one["errors"][0]["field"] for one in told["lines"] if one["errors"]]
    assert fields == [
        "lines.1.units",
        "lines.2.units",
        "lines.3.article_number",
        "lines.4.debtor_id",
        "lines.5.debtor_id",
        "lines.6.line_id",
        "lines.8",
    ]
    assert all(error["cure"] for one in told["lines"] for error in one["errors"])
    assert WEBSHOP in told["lines"][5]["errors"][0]["message"]
    assert [one["line_id"] for one in (await world.day(debtor.debtor_id))["lines"]] == ["L-1", "L-2"]
    assert (await world.day(debtor.debtor_id))["complete"] is True


async def test_the_same_lines_sent_again_change_nothing_and_changed_ones_only_themselves(
    world: World,
) -> None:
    debtor = await world.debtor()
    lines = [line(line_id=f"L-{n}") for n in range(3)]
    body = entry(debtor.debtor_id, *lines, existing="update", allocate=True)
    first = (await world.post(f"/days/{MONDAY}/lines", body)).json()
    assert first["counts"]["added"] == 3
    version = (await world.day(debtor.debtor_id))["version"]
    again = (await world.post(f"/days/{MONDAY}/lines", body)).json()
    assert again["counts"] == {"added": 0, "changed": 0, "unchanged": 3, "refused": 0}
    assert again["days"] == []
    assert (await world.day(debtor.debtor_id))["version"] == version
    lines[1] = line(line_id="L-1", units=4)
    body = entry(debtor.debtor_id, *lines, existing="update", allocate=True, reason="recount")
    changed = (await world.post(f"/days/{MONDAY}/lines", body)).json()
    assert [one["status"] for one in changed["lines"]] == ["unchanged", "changed", "unchanged"]
    await world.told()
    _, second = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert [one["units"] for one in second["lines"]] == [10, 4, 10]
    assert second["correction"]["reason"] == "recount"


async def test_another_order_of_characteristics_is_no_change(world: World) -> None:
    debtor = await world.debtor()
    both = [{"type": "S20", "value": "070"}, {"type": "S05", "value": "033"}]
    article = {**line()["article"], "characteristics": both}
    await world.sell(debtor.debtor_id, line(line_id="L-1", article=article))
    article = {**article, "characteristics": both[::-1]}
    body = entry(debtor.debtor_id, line(line_id="L-1", article=article), existing="update")
    assert (await world.post(f"/days/{MONDAY}/lines", body)).json()["lines"][0]["status"] == "unchanged"
    (shown,) = (await world.day(debtor.debtor_id))["lines"]
    assert [one["label"] for one in shown["characteristics"]] == ["Stem length", "Ripeness"]


async def test_an_article_that_a_line_has_already_is_not_taken_over_anew(world: World) -> None:
    article = {
        "number": "U-7",
        "name": "LILY",
        "vbn_code": "1234",
        "packing_code": "566",
        "pieces_per_unit": 5,
    }
    await world.post("/articles", article)
    debtor = await world.debtor()
    sold = {"line_id": "L-1", "article_number": "U-7", "units": 4, "price": "0.20"}
    await world.sell(debtor.debtor_id, sold)
    new = {**article, "name": "LILY NEW"}
    del new["number"]
    await world.put("/articles/U-7", new, headers={"If-Match": '"1"'})
    body = entry(debtor.debtor_id, {**sold, "units": 5}, existing="update")
    assert (await world.post(f"/days/{MONDAY}/lines", body)).json()["counts"]["changed"] == 1
    assert (await world.day(debtor.debtor_id))["lines"][0]["name"] == "LILY"
    # A correction by hand that names the article takes its new values.
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}/lines/L-1"
    await world.put(path, {"article_number": "U-7"})
    assert (await world.day(debtor.debtor_id))["lines"][0]["name"] == "LILY NEW"
    other = await world.put(path, {"article_number": "NOPE"})
    assert other.json()["errors"][0]["field"] == "article_number"


@pytest.mark.timeout(120)
async def test_ten_thousand_lines_with_one_bad_one_leave_nothing_or_all_the_others(world: World) -> None:
    day = date(2026, 2, 9)
    debtors = [await world.debtor() for _ in range(4)]
    lines = [line(debtor_id=debtors[n % 4].debtor_id, line_id=f"L-{n}") for n in range(10_000)]
    lines[7_777]["units"] = 0.5
    body = {"lines": lines, "allocate": True}
    answer = await world.post(f"/days/{day}/lines", body)
    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert problem["field"] == "lines.7777.units"
    assert problem["cure"]
    assert (await world.get(f"/days/{day}/debtors")).json()["totals"]["lines"] == 0
    answer = await world.post(f"/days/{day}/lines", {**body, "mode": "each"})
    assert answer.json()["counts"] == {"added": 9_999, "changed": 0, "unchanged": 0, "refused": 1}
    assert answer.json()["lines"][7_777]["errors"][0]["field"] == "lines.7777.units"
    totals = (await world.get(f"/days/{day}/debtors")).json()["totals"]
    assert (totals["debtors"], totals["lines"], totals["incomplete"]) == (4, 9_999, 0)
    for debtor in debtors:
        (event,) = await world.events("sale.completed", debtor.debtor_id, at_least=1)
        assert event["revision"] == 1


async def test_a_request_that_is_sent_again_with_its_key_is_done_once(world: World) -> None:
    debtor = await world.debtor()
    key = {"Idempotency-Key": f"entry-{debtor.debtor_id}"}
    body = entry(debtor.debtor_id, line(), line(), mode="each")
    one = await world.post(f"/days/{MONDAY}/lines", body, headers=key)
    two = await world.post(f"/days/{MONDAY}/lines", body, headers=key)
    assert one.json() == two.json()
    assert len((await world.day(debtor.debtor_id))["lines"]) == 2


async def test_a_day_that_is_full_refuses_the_lines_beyond_and_takes_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sales_service.entry.entering.MAX_LINES", 2)
    debtor = await world.debtor()
    body = entry(debtor.debtor_id, line(), line(), line(), mode="each")
    told = (await world.post(f"/days/{MONDAY}/lines", body)).json()
    assert [one["status"] for one in told["lines"]] == ["added", "added", "refused"]
    assert "which is the most" in told["lines"][2]["errors"][0]["message"]


async def test_who_changed_a_day_last_is_named_to_whoever_comes_second(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}"
    tag = (await world.get(path)).headers["ETag"]
    world.clock.advance(timedelta(seconds=1))
    await world.put(f"{path}/lines/{line_id}", {"units": 11}, headers={"If-Match": tag})
    stale = await world.put(f"{path}/lines/{line_id}", {"units": 12}, headers={"If-Match": tag})
    assert stale.status_code == 412
    assert "changed by Anna at 2026-03-10T11:" in stale.json()["detail"]
    shown = await world.day(debtor.debtor_id)
    assert (shown["changed_by"], bool(shown["changed_at"])) == ("Anna", True)
