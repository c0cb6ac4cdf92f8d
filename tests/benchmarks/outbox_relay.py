"""The outbox relay against a bare loop over `producer.send`: same broker, process, events and producer."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from ground import TOPIC, Ground, event, records
from klokwerk.outbox import Outbox, Relay
from measure import Comparison, Side, Watch, compare

EVENTS = 30_000
GOAL = 0.7
_COLUMNS = "event_id, topic, key, headers, value"


async def run(ground: Ground) -> list[Comparison]:
    """From the relay's start until the outbox is empty, against from the producer's start until all acks."""
    count = ground.count(EVENTS)
    await _keep(ground, count)
    ready = records(count)

    async def fill() -> None:
        async with ground.database.transaction() as connection:
            await connection.execute(
                sa.text(f"insert into outbox ({_COLUMNS}) select {_COLUMNS} from outbox_kept order by id")
            )

    async def relay(_watch: Watch) -> int:
        stop = asyncio.Event()
        running = asyncio.create_task(Relay(ground.database.url, ground.kafka).run(stop))
        await asyncio.sleep(0)
        stop.set()  # told to stop, a relay that leads first sends all there is
        await running
        async with ground.database.connect() as connection:
            left = (await connection.execute(sa.text("select count(*) from outbox"))).scalar_one()
        return count - int(left)

    async def bare(_watch: Watch) -> int:
        producer = ground.kafka.producer(linger_ms=0)
        await producer.start()
        try:
            topic = ground.kafka.topic(TOPIC)
            futures = [
                await producer.send(topic, record.value, key=record.key, headers=record.headers)
                for record in ready
            ]
            return len(await asyncio.gather(*futures))
        finally:
            await producer.stop()

    return [
        await compare(
            "outbox relay",
            Side("relay: fetch, send, delete", relay, fill),
            Side("bare producer.send loop", bare),
            unit="events",
            pace=ground.pace,
            goal=ground.wanted(GOAL),
        )
    ]


async def _keep(ground: Ground, count: int) -> None:
    """Append `count` events the way a service does, and keep the rows for every round."""
    outbox = Outbox("/benchmark")
    async with ground.database.transaction() as connection:
        for start in range(0, count, 500):
            await outbox.append(connection, *(event(n) for n in range(start, min(start + 500, count))))
        await connection.execute(sa.text(f"insert into outbox_kept select id, {_COLUMNS} from outbox"))
        await connection.execute(sa.text("delete from outbox"))
