"""What the benchmarks stand on: servers, a database of their own, topics of their own, events of 500 bytes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from klokwerk import schema
from klokwerk.database import Database, raw
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import fresh_database, own_prefix, topics
from klokwerk_contracts import EktResendRequested, Record, record_of
from klokwerk_platform.testing import embedded_servers
from measure import Pace

TOPIC = EktResendRequested.TOPIC
GROUP = "benchmark"
PARTITIONS = 6
EVENT_BYTES = 500
DEBTORS = 200

_STORED = """
create table stored (
    request_id text primary key, debtor_id text not null, order_day date not null,
    revision bigint not null, note text not null
);
create unlogged table outbox_kept (
    id bigint, event_id uuid, topic text, key bytea, headers bytea, value bytea
);
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where one benchmark works.

    Attributes:
        admin_url: administrator's address, for a benchmark that needs a service's own schema.
        pace: how long each of its comparisons may take.
        scale: how much of the full number of units is done.
        admin_url: of the PostgreSQL server, for who needs a database of a service.
    """

    database: Database
    kafka: KafkaAddress
    pace: Pace
    scale: float
    admin_url: str = ""

    def count(self, full: int) -> int:
        """`full` units, or the part of it that a short run does."""
        return max(20, int(full * self.scale))

    def wanted(self, goal: float) -> float | None:
        """`goal`, or none in a short run, where starting up outweighs the work."""
        return goal if self.scale >= 1 else None


@asynccontextmanager
async def addresses() -> AsyncIterator[tuple[str, str]]:
    """Administrator's address of PostgreSQL and bootstrap of Kafka: those given, or embedded ones."""
    given = os.environ.get("KLOKWERK_ADMIN_DATABASE_URL"), os.environ.get("KLOKWERK_KAFKA")
    if given[0] and given[1]:
        yield given[0], given[1]
        return
    async with embedded_servers() as servers:
        yield servers.admin_database_url, servers.kafka


@asynccontextmanager
async def ground(admin_url: str, bootstrap: str, *, pace: Pace, scale: float) -> AsyncIterator[Ground]:
    """A fresh database and fresh topics; both are gone afterwards."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_database(admin_url, None))
        kafka = KafkaAddress(bootstrap, own_prefix())
        names = [TOPIC, f"{TOPIC}.{GROUP}.dlq", f"{TOPIC}.{GROUP}.replay"]
        await stack.enter_async_context(topics(kafka, names, partitions=PARTITIONS))
        database = Database(url)
        stack.push_async_callback(database.close)
        async with database.transaction() as connection:
            await (await raw(connection)).execute(schema.FIRST + schema.DELIVERIES_1 + _STORED)
        yield Ground(database, kafka, pace, scale, admin_url)


def event(number: int) -> EktResendRequested:
    """An event whose body is `EVENT_BYTES` long."""

    def of(note: str) -> EktResendRequested:
        return EktResendRequested(
            request_id=f"r{number:08d}",
            debtor_id=f"d{number % DEBTORS}",
            order_day=date(2026, 11, 2),
            sale_revision=1 + number // DEBTORS,
            requested_by="Anna",
            requested_at=datetime(2026, 11, 2, 9, tzinfo=UTC),
            note=note,
        )

    return of("x" * (EVENT_BYTES - len(of("").model_dump_json())))


def records(count: int) -> list[Record]:
    """The Kafka records of `count` events."""
    return [record_of(event(number), source="/benchmark") for number in range(count)]
