"""Parked things on a real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import sqlalchemy as sa
from klokwerk import parked
from klokwerk.database import Database
from klokwerk.parked import Parked

AT = datetime(2026, 11, 2, tzinfo=UTC)


def thing(name: str, waits_for: str = "debtor:7") -> Parked:
    return Parked(name, waits_for, "sale", {"id": name}, "The debtor is not known yet.", AT)


async def test_what_waits_is_shown_and_woken_once_in_the_order_it_came(database: Database) -> None:
    async with database.transaction() as connection:
        await parked.park(connection, thing("a"), thing("b"), thing("c", "debtor:8"))
        await parked.park(connection, thing("a"))
    async with database.connect() as connection:
        assert [p.natural_key for p in await parked.waiting(connection)] == ["a", "b", "c"]
        assert (await parked.waiting(connection))[0].reason == "The debtor is not known yet."
    async with database.transaction() as connection:
        woken = await parked.wake(connection, ["debtor:7"])
        assert [(p.natural_key, p.body) for p in woken] == [("a", {"id": "a"}), ("b", {"id": "b"})]
        assert await parked.wake(connection, ["debtor:7"]) == []
        assert await parked.waiting_count(connection) == 1


async def test_a_waker_that_rolls_back_leaves_them_waiting(database: Database) -> None:
    async with database.transaction() as connection:
        await parked.park(connection, thing("a"))
    async with database.connect() as connection:
        assert len(await parked.wake(connection, ["debtor:7"])) == 1
        await connection.rollback()
        assert await parked.waiting_count(connection) == 1


async def test_data_that_is_stored_in_parallel_is_never_missed(database: Database) -> None:
    """Parking and storing race 60 times; each time the thing is either handled at once or woken."""
    handled: set[str] = set()

    async def arrive(number: int) -> None:
        name = f"debtor:{number}"
        async with database.transaction() as connection:
            if not await known(connection, name):
                await parked.guard(connection, [name])
                if not await known(connection, name):
                    await parked.park(connection, thing(f"t{number}", name))
                    return
        handled.add(f"t{number}")

    async def store(number: int) -> None:
        name = f"debtor:{number}"
        async with database.transaction() as connection:
            await connection.execute(sa.text("insert into stored values (:id, 1)"), {"id": name})
            woken = await parked.wake(connection, [name])
        handled.update(p.natural_key for p in woken)

    for number in range(60):
        pair = [arrive(number), store(number)]
        await asyncio.gather(*(pair if number % 2 else reversed(pair)))
    assert handled == {f"t{number}" for number in range(60)}


async def known(connection: object, name: str) -> bool:
    found = await connection.execute(sa.text("select 1 from stored where id = :id"), {"id": name})  # type: ignore[attr-defined]
    return found.first() is not None
