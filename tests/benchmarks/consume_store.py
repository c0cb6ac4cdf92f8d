"""The consumers of a service against a bare loop: fetch, read, COPY into a table, commit the offset.

Both store the same rows of the same records into the same table; the service's layer validates headers and
body of every event beside that, keeps dead letters apart and watches itself. The last comparison replays a
topic that is stored already: the revision-guarded upsert finds nothing to do.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import asyncpg
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from ground import GROUP, TOPIC, Ground, records
from klokwerk.consume import BATCH, Consumers, Received, Subscription
from klokwerk.database import raw
from klokwerk.kafka import KafkaAddress
from klokwerk_contracts import EktResendRequested, Record
from measure import Comparison, Side, Watch, compare
from sqlalchemy.ext.asyncio import AsyncConnection

EVENTS = 30_000
EVENTS_A_SECOND = 15_000.0
_COLUMNS = ("request_id", "debtor_id", "order_day", "revision", "note")
_UPSERT = (
    "insert into stored select * from unnest($1::text[], $2::text[], $3::date[], $4::bigint[], $5::text[]) "
    "on conflict (request_id) do update set debtor_id = excluded.debtor_id, order_day = excluded.order_day, "
    "revision = excluded.revision, note = excluded.note where stored.revision < excluded.revision"
)
_TRUNCATE = sa.text("truncate stored")
_COUNT = sa.text("select count(*) from stored")

Batch = list[Received[EktResendRequested]]


async def copy_in(connection: AsyncConnection, batch: Batch) -> None:
    """A set-based handler for events that are all new."""
    rows = [_row(item.event) for item in batch]
    await (await raw(connection)).copy_records_to_table("stored", records=rows, columns=_COLUMNS)


async def upsert(connection: AsyncConnection, batch: Batch) -> None:
    """A set-based handler that may see everything twice."""
    await (await raw(connection)).execute(_UPSERT, *zip(*(_row(item.event) for item in batch), strict=True))


def _row(event: EktResendRequested) -> tuple[str, str, date, int, str]:
    return event.request_id, event.debtor_id, event.order_day, event.sale_revision, event.note


async def run(ground: Ground) -> list[Comparison]:
    """From the first batch that is stored until the last one is; the events in between count."""
    count = ground.count(EVENTS)
    await publish(ground.kafka, TOPIC, records(count))

    async def empty() -> None:
        async with ground.database.transaction() as connection:
            await connection.execute(_TRUNCATE)

    async def service(watch: Watch) -> int:
        return await _consume(ground, copy_in, count, watch)

    async def bare(watch: Watch) -> int:
        return await _bare(ground, count, watch)

    consumed = await compare(
        "consume + store",
        Side("Consumers, COPY handler", service, empty),
        Side("bare getmany + json + COPY", bare, empty),
        unit="events",
        pace=ground.pace,
        floor=ground.wanted(EVENTS_A_SECOND),
    )

    async def upserting(watch: Watch) -> int:
        return await _consume(ground, upsert, count, watch)

    async def seen() -> None:
        async with ground.database.connect() as connection:
            if (await connection.execute(_COUNT)).scalar_one() == count:
                return
        await empty()
        await _consume(ground, upsert, count, Watch())

    replayed = await compare(
        "replay of seen events",
        Side("upsert, all seen before", upserting, seen),
        Side("upsert, all new", upserting, empty),
        unit="events",
        pace=ground.pace,
    )
    return [consumed, replayed]


async def publish(kafka: KafkaAddress, topic: str, many: Iterable[Record]) -> None:
    """Put records on a topic and wait for all acknowledgements."""
    producer = kafka.producer(linger_ms=5)
    await producer.start()
    try:
        name = kafka.topic(topic)
        await asyncio.gather(
            *[await producer.send(name, r.value, key=r.key, headers=r.headers) for r in many]
        )
    finally:
        await producer.stop()


@dataclass(frozen=True, slots=True)
class OwnGroup(KafkaAddress):
    """The ground's topics, read by a group that never was there before."""

    topics: KafkaAddress = field(kw_only=True)

    def topic(self, name: str) -> str:
        return self.topics.topic(name)

    def dead_letters(self, topic: str, group: str) -> str:
        return self.topics.dead_letters(topic, group)

    def replays(self, topic: str, group: str) -> str:
        return self.topics.replays(topic, group)


async def _consume(ground: Ground, handle: Any, count: int, watch: Watch) -> int:
    """Read the topic from the start with the service's layer until `count` events are stored."""
    stop, done = asyncio.Event(), asyncio.Event()
    first = handled = 0

    async def handle_and_count(connection: AsyncConnection, batch: Batch) -> None:
        nonlocal first, handled
        await handle(connection, batch)
        handled += len(batch)
        if not first:
            first = handled
            watch.start()
        if handled >= count:
            watch.stop()
            done.set()

    subscription = Subscription(EktResendRequested, handle_and_count)
    kafka = OwnGroup(ground.kafka.bootstrap, f"b{secrets.token_hex(4)}.", topics=ground.kafka)
    running = asyncio.create_task(
        Consumers(kafka, ground.database, GROUP, [subscription], batch=_batch(count)).run(stop)
    )
    await done.wait()
    stop.set()
    await running
    return handled - first


async def _bare(ground: Ground, count: int, watch: Watch) -> int:
    """What one would write without any of it."""
    consumer = AIOKafkaConsumer(
        ground.kafka.topic(TOPIC),
        bootstrap_servers=ground.kafka.bootstrap,
        group_id=ground.kafka.prefix + secrets.token_hex(4),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    connection = await asyncpg.connect(ground.database.url)
    first = stored = 0
    try:
        while stored < count:
            fetched = await consumer.getmany(timeout_ms=200, max_records=_batch(count))
            rows = [_bare_row(record) for part in fetched.values() for record in part]
            if not rows:
                continue
            async with connection.transaction():
                await connection.copy_records_to_table("stored", records=rows, columns=_COLUMNS)
            await consumer.commit()
            stored += len(rows)
            if not first:
                first = stored
                watch.start()
        watch.stop()
    finally:
        await consumer.stop()
        await connection.close()
    return stored - first


def _batch(count: int) -> int:
    """Records in a batch: a service's own number, or fewer so that a short run has several batches too."""
    return min(BATCH, max(5, count // 10))


def _bare_row(record: ConsumerRecord[Any, Any]) -> tuple[str, str, date, int, str]:
    body = json.loads(record.value)
    day = date.fromisoformat(body["order_day"])
    return body["request_id"], body["debtor_id"], day, body["sale_revision"], body["note"]
