"""Corrections of a completed distribution: gathered for a moment, told once, lost never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from klokwerk.clock import FixedClock
from klokwerk.database import Database
from klokwerk.outbox import EventTooLarge, Outbox
from klokwerk.testing import eventually
from sales_service.app import SOURCE
from sales_service.domain.distribution import Author, Pending, Window
from sales_service.selling import Distributions
from sales_service.store import sales
from sales_service.store.sales import DayKey
from sales_service.workers import RETRY, CorrectionWorker
from sales_world import MONDAY, WINDOW, World, card, foreign_sale, line, start_world

AT = datetime(2026, 3, 10, 11, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TWO = Window(2 * SECOND, 10 * SECOND)


def line_path(debtor_id: str, line_id: str) -> str:
    return f"/days/{MONDAY}/debtors/{debtor_id}/lines/{line_id}"


# --- the window ---------------------------------------------------------------------------------------------


def test_each_correction_waits_for_the_next_one_and_all_together_no_longer_than_the_window() -> None:
    first = TWO.gather(None, Author("Anna", "price"), AT)
    assert (first.due, first.since) == (AT + 2 * SECOND, AT)
    second = TWO.gather(first, Author("Bas", "units"), AT + SECOND)
    assert second.due == AT + 3 * SECOND
    last = TWO.gather(second, Author("Anna", "price"), AT + 9 * SECOND)
    assert (last.due, last.since) == (AT + 10 * SECOND, AT)
    assert last.author == Author("Anna, Bas", "price; units")


def test_a_clock_that_was_set_back_does_not_put_a_correction_off() -> None:
    waiting = Pending(AT + 2 * SECOND, AT, Author("Anna"))
    again = TWO.gather(waiting, Author("Anna"), AT - timedelta(hours=1))
    assert again.due == AT - timedelta(hours=1) + 2 * SECOND


def test_reasons_that_are_too_long_for_an_event_are_cut() -> None:
    whole = Author("Anna", "x" * 150).with_(Author("Bas", "y" * 150))
    assert len(whole.reason) == 200


# --- in the service -----------------------------------------------------------------------------------------


async def test_EF_42_ten_quick_corrections_give_one_event_with_everybodys_reasons(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    for n in range(10):
        body = {"units": 20 + n, "reason": "counted again" if n % 2 else "miscounted"}
        answer = (await world.put(line_path(debtor.debtor_id, line_id), body)).json()
        assert (answer["revision"], answer["published"]) == (1, False)
        assert answer["publish_at"]
    shown = await world.day(debtor.debtor_id)
    assert (shown["revision"], shown["publish_at"] is None) == (1, False)
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 1
    await world.told()
    first, second = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 2
    assert (first["revision"], second["revision"]) == (1, 2)
    assert second["lines"][0]["units"] == 29
    assert second["correction"] == {"by": "Anna", "reason": "miscounted; counted again"}
    after = await world.day(debtor.debtor_id)
    assert (after["revision"], after["publish_at"]) == (2, None)
    # Publishing is no change that a person with a form open has to hear of.
    assert after["version"] == shown["version"]


async def test_the_first_completion_is_told_at_once_and_a_correction_taken_back_never(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    assert len(await world.events("sale.completed", debtor.debtor_id, at_least=1)) == 1
    await world.put(line_path(debtor.debtor_id, line_id), {"units": 11})
    back = (await world.put(line_path(debtor.debtor_id, line_id), {"units": 10})).json()
    assert back["publish_at"] is None
    await world.told()
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 1


async def test_a_correction_that_makes_it_incomplete_waits_until_it_is_complete_again(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    await world.put(line_path(debtor.debtor_id, line_id), {"units": 11})
    await world.put(line_path(debtor.debtor_id, line_id), {"allocated": 5})
    await world.told()
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 1
    await world.put(line_path(debtor.debtor_id, line_id), {"allocated": 11})
    await world.told()
    told = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert [event["revision"] for event in told] == [1, 2]


async def test_EF_45_a_resend_names_a_revision_that_is_told_before_it(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    await world.put(line_path(debtor.debtor_id, line_id), {"units": 11})
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}/resend"
    assert (await world.post(path, {})).json()["sale_revision"] == 2
    told = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert (told[1]["revision"], told[1]["lines"][0]["units"]) == (2, 11)
    assert (await world.day(debtor.debtor_id))["publish_at"] is None
    await world.told()
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 2


async def test_an_invoice_of_the_day_is_told_after_the_corrections_it_bills(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    await world.put(line_path(debtor.debtor_id, line_id), {"units": 11})
    draft = await world.post("/invoices", {"debtor_id": debtor.debtor_id, "order_day": str(MONDAY)})
    assert draft.status_code == 201, draft.text
    await world.post(f"/invoices/{draft.json()['invoice_id']}/finalise")
    assert (await world.day(debtor.debtor_id))["revision"] == 2


async def test_what_waits_when_the_service_dies_is_told_by_the_next_process(
    world: World, database_url: str
) -> None:
    """A kill between change and event: what waits is in the row, so any process finds it."""
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    await world.put(line_path(debtor.debtor_id, line_id), {"units": 12})
    key = DayKey(debtor.debtor_id, MONDAY)
    clock = FixedClock(world.clock.now() + WINDOW)
    database = Database(database_url, pool=2)
    try:
        dying = Distributions(Outbox(SOURCE), clock, window=TWO)
        with pytest.raises(ConnectionResetError):
            async with database.transaction() as connection:
                rows = await sales.lock_existing(connection, key)
                assert rows[key].pending
                await dying.publish_pending(connection, rows.values())
                raise ConnectionResetError  # dies with the event in hand, before the commit
        assert len(await world.events("sale.completed", debtor.debtor_id)) == 1
        assert (await world.day(debtor.debtor_id))["publish_at"]
        next_one = CorrectionWorker(database, clock, dying)

        async def publish() -> bool:
            await next_one.publish_due()
            return bool((await world.day(debtor.debtor_id))["revision"] == 2)

        await eventually(publish)
    finally:
        await database.close()
    told = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert [event["lines"][0]["units"] for event in told] == [10, 12]


@pytest.fixture(scope="module")
async def second(world: World, database_url: str) -> AsyncIterator[World]:
    """A second replica of the service."""
    async with start_world(database_url, world.kafka, world.issuer) as replica:
        yield replica


async def test_two_replicas_that_find_the_same_correction_tell_it_once(world: World, second: World) -> None:
    debtors = [await world.debtor() for _ in range(8)]
    for debtor in debtors:
        (line_id,) = await world.sell(debtor.debtor_id)
        await world.put(line_path(debtor.debtor_id, line_id), {"units": 12})
    await world.told(second)
    for debtor in debtors:
        told = await world.events("sale.completed", debtor.debtor_id, at_least=2)
        assert [event["revision"] for event in told] == [1, 2]


async def test_two_replicas_that_complete_the_same_day_at_once_tell_it_once(
    world: World, second: World
) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id, line(), line(), allocate=False)
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}/allocate"
    answers = await asyncio.gather(*[one.post(path, {}) for one in (world, second) * 4])
    assert sorted(answer.json()["published"] for answer in answers) == [False] * 7 + [True]
    (event,) = await world.events("sale.completed", debtor.debtor_id)
    assert event["revision"] == 1


async def test_corrections_are_told_also_after_the_clock_was_set_back(
    world: World, database_url: str
) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    now = world.clock.now()
    world.clock.set(now + timedelta(days=1))
    await world.put(line_path(debtor.debtor_id, line_id), {"units": 12})
    world.clock.set(now)
    told = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert told[1]["lines"][0]["units"] == 12


async def test_FA_56_a_merge_while_a_correction_waits_tells_it_under_the_target(world: World) -> None:
    target, removed, alone = [await world.debtor() for _ in range(3)]
    tuesday = MONDAY + timedelta(days=1)
    (kept,) = await world.sell(target.debtor_id, line(line_id="K-1"))
    (lost,) = await world.sell(removed.debtor_id, line(line_id="R-1", units=1))
    (only,) = await world.sell(removed.debtor_id, line(line_id="T-1"), day=tuesday)
    await world.put(line_path(removed.debtor_id, lost), {"units": 2, "reason": "one more"})
    path = f"/days/{tuesday}/debtors/{removed.debtor_id}/lines/{only}"
    await world.put(path, {"units": 3, "reason": "fewer"})
    merged = card(removed.debtor_id, revision=2, state="merged", merged_into=target.debtor_id)
    await world.publish(merged, source="/debtor-service")

    async def moved() -> bool:
        return (await world.day(removed.debtor_id, tuesday))["debtor_id"] == target.debtor_id

    await eventually(moved)
    both = await world.day(target.debtor_id)
    assert sorted(entry["units"] for entry in both["lines"]) == [2, 10]
    assert (both["revision"], both["publish_at"]) == (2, None)
    await world.told()
    told = await world.events("sale.completed", target.debtor_id, at_least=3)
    assert [(event["order_day"], event["revision"]) for event in told] == [
        (str(MONDAY), 1),
        (str(MONDAY), 2),
        (str(tuesday), 2),
    ]
    assert told[1]["correction"]["reason"].startswith("one more; card ")
    assert told[2]["lines"][0]["units"] == 3
    assert kept in {entry["line_id"] for entry in told[1]["lines"]}
    # The history of the removed card's day is the target's now.
    history = (await world.get(f"/days/{tuesday}/debtors/{target.debtor_id}/history")).json()["items"]
    assert {"lines entered", "published", "distribution changed"} <= {entry["what"] for entry in history}
    assert (await world.day(alone.debtor_id))["lines"] == []


async def test_what_is_sold_here_or_elsewhere_while_its_card_is_merged_comes_under_the_target(
    world: World, database_url: str
) -> None:
    target, removed = await world.debtor(), await world.debtor()
    database = Database(database_url, pool=2)
    try:
        async with database.transaction() as connection:
            # The merge has the card in hand and has not come to its end.
            await connection.exec_driver_sql(
                f"update debtors set state = 'merged', merged_into = '{target.debtor_id}', revision = 2 "
                f"where debtor_id = '{removed.debtor_id}'"
            )
            selling = asyncio.create_task(world.sell(removed.debtor_id))
            await world.publish(foreign_sale(removed.debtor_id, day=MONDAY + timedelta(days=1)))

            async def both_wait() -> bool:
                waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                return (await world.sql(waiting))[0][0] >= 2

            await eventually(both_wait)
        await selling
    finally:
        await database.close()
    assert len((await world.day(target.debtor_id))["lines"]) == 1
    await world.listed(target.debtor_id, MONDAY + timedelta(days=1))
    left = await world.sql("select count(*) from sale_lines where debtor_id = :id", id=removed.debtor_id)
    assert left == [(0,)]


async def test_a_correction_that_does_not_fit_into_an_event_is_refused_while_its_author_hears_it(
    world: World, database_url: str
) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id)
    database = Database(database_url, pool=2)
    small = Distributions(Outbox(SOURCE, max_bytes=3000), world.clock, window=TWO)
    key = DayKey(debtor.debtor_id, MONDAY)

    async def correct(image_url: str) -> None:
        async with database.transaction() as connection:
            rows = await small.lock(connection, [key])
            (first,) = (await sales.lines(connection, [key]))[key]
            await sales.write(connection, {key: [replace(first, image_url=image_url)]})
            await small.settle(connection, rows, Author("Anna"))

    try:
        with pytest.raises(EventTooLarge, match="more than 3000"):
            await correct("https://img.example/" + "x" * 470)
        assert (await world.day(debtor.debtor_id))["publish_at"] is None
        await correct("https://img.example/" + "x" * 10)
        assert (await world.day(debtor.debtor_id))["publish_at"]
    finally:
        await database.close()


async def test_one_that_can_not_be_told_is_put_off_and_holds_up_nobody(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await world.debtor(), await world.debtor()
    day = date(2026, 2, 17)
    for debtor in (bad, good):
        (line_id,) = await world.sell(debtor.debtor_id, day=day)
        await world.put(f"/days/{day}/debtors/{debtor.debtor_id}/lines/{line_id}", {"units": 12})
    clock = FixedClock(world.clock.now() + WINDOW)

    class Picky(Outbox):
        async def append(self, connection, *events, time=None):
            if any(event.key == bad.debtor_id for event in events):
                raise EventTooLarge("too large")
            return await super().append(connection, *events, time=time)

    database = Database(database_url, pool=2)
    worker = CorrectionWorker(database, clock, Distributions(Picky(SOURCE), clock, window=TWO))
    try:
        assert await worker.publish_due() >= 2
        rows = dict(
            await world.sql(
                "select debtor_id, publish_due from distributions where order_day = :day", day=day
            )
        )
        assert rows[good.debtor_id] is None
        assert rows[bad.debtor_id] == clock.now() + RETRY
        assert await worker.publish_due() == 0
        # A replica whose clock is a little behind does not take it for a clock that was set back.
        behind = CorrectionWorker(database, FixedClock(clock.now() - SECOND), worker.distributions)
        assert await behind.publish_due() == 0
        # It goes out by itself as soon as it can.
        clock.advance(RETRY)
        healthy = replace(worker.distributions, outbox=Outbox(SOURCE))
        worker.distributions = healthy
        assert await worker.publish_due() == 1
    finally:
        await database.close()
    assert len(await world.events("sale.completed", bad.debtor_id, at_least=2)) == 2
