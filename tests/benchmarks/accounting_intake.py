"""`debtor.changed` taken in by a fresh accounting-sync, against a bare loop that only stores the bodies."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import replace
from typing import Any

import asyncpg
import sqlalchemy as sa
from accounting_cards import START, card, service_database
from aiokafka import AIOKafkaConsumer
from consume_store import OwnGroup, publish
from ground import Ground
from klokwerk.clock import FixedClock
from klokwerk.command import calm_collector
from klokwerk.consume import BATCH, Consumers, Received, Subscription
from klokwerk.database import Database
from klokwerk.testing import topics
from klokwerk_contracts import DebtorChanged, record_of
from measure import Comparison, Side, Watch, compare
from sqlalchemy.ext.asyncio import AsyncConnection

CARDS = 100_000
CARDS_A_SECOND = 8_000.0
TOPIC = DebtorChanged.TOPIC
_EMPTY = sa.text("truncate card, relation cascade")
_STORED = "create table if not exists stored (debtor_id text primary key, revision integer, body jsonb)"


async def run(ground: Ground) -> list[Comparison]:
    """From the first batch that is stored until the last one is; the cards in between count."""
    from accounting_sync.consumers import debtor_changed

    count = ground.count(CARDS)
    calm_collector()
    subscription = debtor_changed(FixedClock(START))
    async with (
        topics(ground.kafka, [TOPIC, f"{TOPIC}.benchmark.dlq", f"{TOPIC}.benchmark.replay"], partitions=6),
        service_database(ground.admin_url) as database,
    ):
        await publish(ground.kafka, TOPIC, (record_of(card(n), source="/benchmark") for n in range(count)))

        async def fresh() -> None:
            async with database.transaction() as connection:
                await connection.execute(_EMPTY)

        async def ours(watch: Watch) -> int:
            return await _consume(ground, database, subscription, count, watch)

        async def bare(watch: Watch) -> int:
            return await _bare(ground, database, count, watch)

        found = await compare(
            "debtor.changed taken in",
            Side("Consumers of a fresh accounting-sync", ours, fresh),
            Side("bare getmany + json + COPY of the bodies", bare),
            unit="cards",
            pace=ground.pace,
            floor=ground.wanted(CARDS_A_SECOND),
        )
        async with database.connect() as connection:
            kept = (await connection.execute(sa.text("select count(*) from relation"))).scalar_one()
        assert kept == count, f"{kept} relations of {count} cards"
    return [found]


async def _consume(
    ground: Ground,
    database: Database,
    subscription: Subscription[Any],
    count: int,
    watch: Watch,
) -> int:
    stop, done = asyncio.Event(), asyncio.Event()
    first = handled = 0

    async def handle_and_count(connection: AsyncConnection, batch: list[Received[Any]]) -> None:
        nonlocal first, handled
        await subscription.handle(connection, batch)
        handled += len(batch)
        if not first:
            first = handled
            watch.start()
        if handled >= count:
            watch.stop()
            done.set()

    kafka = OwnGroup(ground.kafka.bootstrap, f"b{secrets.token_hex(4)}.", topics=ground.kafka)
    batch = min(BATCH, max(5, count // 10))
    counted = replace(subscription, handle=handle_and_count)
    consumers = Consumers(kafka, database, "benchmark", [counted], batch=batch)
    running = asyncio.create_task(consumers.run(stop))
    await done.wait()
    stop.set()
    await running
    return handled - first


async def _bare(ground: Ground, database: Database, count: int, watch: Watch) -> int:
    consumer: Any = AIOKafkaConsumer(
        ground.kafka.topic(TOPIC),
        bootstrap_servers=ground.kafka.bootstrap,
        group_id=ground.kafka.prefix + secrets.token_hex(4),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    connection = await asyncpg.connect(database.url)
    await connection.execute(_STORED)
    await connection.execute("truncate stored")
    first = stored = 0
    try:
        while stored < count:
            fetched = await consumer.getmany(timeout_ms=200, max_records=min(BATCH, max(5, count // 10)))
            rows = []
            for record in (record for part in fetched.values() for record in part):
                body = json.loads(record.value)
                rows.append((body["debtor_id"], body["revision"], record.value.decode()))
            if not rows:
                continue
            async with connection.transaction():
                columns = ("debtor_id", "revision", "body")
                await connection.copy_records_to_table("stored", records=rows, columns=columns)
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
