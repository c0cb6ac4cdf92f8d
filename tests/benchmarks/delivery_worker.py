"""The delivery worker with a channel that answers at once, against a bare loop: update a row, commit, next.

The worker does more for each delivery, and must: the claim and the beginning of the attempt are committed
before the call, the answer, the attempt's end and the outcome event after it.
"""

from __future__ import annotations

import asyncio
import secrets

import sqlalchemy as sa
from ground import Ground
from klokwerk import deliveries
from klokwerk.clock import SystemClock
from klokwerk.deliveries import Delivery, DeliveryWorker, Outcome, Plan, State
from measure import Comparison, Side, Watch, compare
from sqlalchemy.ext.asyncio import AsyncConnection

DELIVERIES = 500
GOAL = 0.5
_ALL = sa.text("select id from delivery order by id")
_SENT = sa.text("update delivery set state = 'sent', revision = revision + 1 where id = :id")
_CLEAR = sa.text("truncate delivery, delivery_attempt")


class _Instant:
    """A channel whose other side takes everything without any delay."""

    async def send(self, delivery: Delivery) -> Outcome:
        return deliveries.sent(reference=str(delivery.id))

    async def ask(self, delivery: Delivery) -> Outcome:
        return deliveries.unknown("never asked here")


async def run(ground: Ground) -> list[Comparison]:
    """From the worker's start until the last outcome is committed."""
    count, clock, database = ground.count(DELIVERIES), SystemClock(), ground.database

    async def fill() -> None:
        plans = [
            Plan(secrets.token_hex(8), "bench", str(n), "instant", payload=b"x" * 2000) for n in range(count)
        ]
        async with database.transaction() as connection:
            await connection.execute(_CLEAR)
            await deliveries.plan(connection, clock, *plans)

    async def worker(watch: Watch) -> int:
        stop, done, sent = asyncio.Event(), asyncio.Event(), 0

        async def on_change(_connection: AsyncConnection, delivery: Delivery) -> None:
            nonlocal sent
            sent += delivery.state is State.SENT
            if sent == count:
                done.set()

        work = DeliveryWorker(database, clock, {"instant": _Instant()}, on_change)
        running = asyncio.create_task(work.run(stop))
        await done.wait()
        stop.set()
        await running
        watch.stop()
        return sent

    async def bare(_watch: Watch) -> int:
        async with database.connect() as connection:
            ids = list((await connection.execute(_ALL)).scalars())
        for each in ids:
            async with database.transaction() as connection:
                await connection.execute(_SENT, {"id": each})
        return len(ids)

    return [
        await compare(
            "deliveries",
            Side("DeliveryWorker, instant channel", worker, fill),
            Side("bare update + commit each", bare, fill),
            unit="deliveries",
            pace=ground.pace,
            goal=ground.wanted(GOAL),
        )
    ]
