"""Events leave through a table: written in the transaction of the change, sent by one relay.

Guarantees:

- an event is sent if and only if the transaction that appended it committed (at least once);
- events of one key arrive in the order of their commits, also with several replicas of the service running,
  as long as the writer locks the aggregate's row before it appends: ids are given at insert, not at commit;
- a failed send holds back later events of the same key and topic, and nothing else;
- a leader that dies at any point leaves at most repeats of events whose acknowledgement was not recorded.

One relay per database leads by a session-level advisory lock. It reads and deletes on the very connection
that holds the lock, so a lost leadership shows before the next send.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import orjson
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from klokwerk_contracts.record import Record, record_of
from klokwerk_contracts.types import Event
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk import telemetry
from klokwerk.database import advisory_key, is_transient
from klokwerk.kafka import MAX_EVENT_BYTES, KafkaAddress
from klokwerk.wakeup import Wakeup

log = telemetry.get_logger(__name__)

SCHEMA_1 = """
create table outbox (
    id bigint generated always as identity primary key,
    event_id uuid not null unique,
    topic text not null,
    key bytea not null,
    headers bytea not null,
    value bytea not null,
    created_at timestamptz not null default clock_timestamp()
);
alter table outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
"""
"""First version of the table, for a service's first migration."""

_INSERT = sa.text(
    "insert into outbox (event_id, topic, key, headers, value) "
    "select * from unnest(cast(:ids as uuid[]), cast(:topics as text[]), cast(:keys as bytea[]), "
    "cast(:headers as bytea[]), cast(:values as bytea[]))"
)
_NOTIFY = sa.text("select pg_notify('outbox', '')")
_FETCH = (
    "select id, topic, key, headers, value from outbox where id <> all($1::bigint[]) order by id limit $2"
)
_DELETE = "delete from outbox where id = any($1::bigint[])"
_DEPTH = "select count(*), coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0) from outbox"


class EventTooLarge(ValueError):
    """The event is larger than Kafka takes; refused before it could block the relay."""


class Outbox:
    """Where a service puts its events.

    Args:
        source: the service's name in ``ce_source``, e.g. ``/sales-service``.
        max_bytes: largest record, value, key and headers together.
    """

    def __init__(self, source: str, *, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self.source = source
        self.max_bytes = max_bytes

    async def append(
        self, connection: AsyncConnection, *events: Event, time: datetime | None = None
    ) -> list[Record]:
        """Put `events` into the outbox within the caller's transaction, in the given order.

        Args:
            connection: the transaction that also makes the change. Lock the aggregate's row in it first.
            events: bodies; id, source and trace are added here.
            time: when it happened, by the service's clock; now unless given.

        Raises:
            EventTooLarge: one of them is larger than `max_bytes`; nothing was appended.
        """
        if not events:
            return []
        traceparent = telemetry.current_traceparent()
        records = [record_of(e, source=self.source, time=time, traceparent=traceparent) for e in events]
        for record in records:
            size = len(record.value) + len(record.key) + sum(len(n) + len(v) for n, v in record.headers)
            if size > self.max_bytes:
                raise EventTooLarge(
                    f"{record.topic} with key {record.key.decode()} is {size} bytes, "
                    f"more than {self.max_bytes}: split it or make it smaller"
                )
        await connection.execute(
            _INSERT,
            {
                "ids": [dict(record.headers)["ce_id"].decode() for record in records],
                "topics": [record.topic for record in records],
                "keys": [record.key for record in records],
                "headers": [
                    orjson.dumps([[name, value.decode()] for name, value in record.headers])
                    for record in records
                ],
                "values": [record.value for record in records],
            },
        )
        await connection.execute(_NOTIFY)
        return records


@dataclass(slots=True)
class _Batch:
    rows: Sequence[Any]
    futures: list[asyncio.Future[Any]]


@dataclass(slots=True)
class _Held:
    until: float
    pause: float


@dataclass(slots=True)
class Relay:
    """Sends what is in the outbox; run one in every process, one of them leads.

    Args:
        database_url: the service's database.
        kafka: where events go.
        batch: most events in one round.
        poll_seconds: longest wait without a notice.
    """

    database_url: str
    kafka: KafkaAddress
    batch: int = 500
    poll_seconds: float = 1.0
    name: str = "outbox-relay"
    _wakeup: Wakeup = field(default_factory=Wakeup)
    _held: dict[tuple[str, bytes], _Held] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Lead when the lock is free, until `stop`; what is waiting then is sent first if that is quick."""
        pause = 0.2
        while not stop.is_set():
            try:
                if await self._lead(stop):
                    return
                pause = 0.2
                await _pause(stop, 0.5)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                level = log.warning if _expected(error) else log.exception
                level("outbox_relay_trouble", error=repr(error), again_in=pause)
                await _pause(stop, pause)
                pause = min(pause * 2, 10.0)
            finally:
                telemetry.OUTBOX_LEADER.set(0)

    async def _lead(self, stop: asyncio.Event) -> bool:
        """Relay as long as this process holds the lock. False when another one leads."""
        connection = await asyncpg.connect(self.database_url, timeout=5, command_timeout=30)
        try:
            if not await connection.fetchval("select pg_try_advisory_lock($1)", advisory_key("outbox-relay")):
                return False
            await self._wakeup.listen(connection, "outbox")
            # linger 0: a round is gathered here already, waiting in the producer only adds latency.
            producer = self.kafka.producer(linger_ms=0, client_id="klokwerk-outbox")
            await producer.start()
            log.info("outbox_relay_leads")
            telemetry.OUTBOX_LEADER.set(1)
            try:
                await self._relay(connection, producer, stop)
            finally:
                await producer.stop()
            return True
        finally:
            # A terminated session gives the advisory lock back; close() alone may hang on a dead network.
            try:
                await connection.close(timeout=2)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    async def _relay(
        self, connection: asyncpg.Connection, producer: AIOKafkaProducer, stop: asyncio.Event
    ) -> None:
        """Fetch, send and delete in a pipeline of two: the next round is on its way while one is awaited.

        Every fetch starts at the lowest id and leaves out what is in flight. A position would be cheaper and
        wrong: an id below it may commit late, and the next event of its key would be sent first.
        """
        flying: _Batch | None = None
        passed_over: list[int] = []
        last_measure = 0.0
        while True:
            in_flight = [row["id"] for row in flying.rows] if flying else []
            rows = await connection.fetch(_FETCH, in_flight + passed_over, self.batch)
            sendable = [row for row in rows if not self._is_held(row)]
            if len(sendable) < len(rows):
                passed_over += [row["id"] for row in rows if self._is_held(row)]
            batch = _Batch(sendable, await self._send(producer, sendable)) if sendable else None
            if flying is not None:
                await self._settle(connection, flying)
            flying = batch
            if rows:
                continue
            passed_over.clear()
            if time.monotonic() - last_measure > 2:
                await self._measure(connection)
                last_measure = time.monotonic()
            if stop.is_set():
                return
            await self._wait(stop)

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[Any]) -> list[asyncio.Future[Any]]:
        futures = []
        prefix = self.kafka.prefix
        for row in rows:
            headers = [(name, value.encode()) for name, value in orjson.loads(row["headers"])]
            try:
                future = await producer.send(
                    prefix + row["topic"], row["value"], key=row["key"], headers=headers
                )
            except KafkaError as error:
                future = asyncio.get_running_loop().create_future()
                future.set_exception(error)
            futures.append(future)
        return futures

    async def _settle(self, connection: asyncpg.Connection, batch: _Batch) -> None:
        """Delete what was acknowledged, hold back the keys of what was not."""
        answers = await asyncio.gather(*batch.futures, return_exceptions=True)
        failed: dict[tuple[str, bytes], BaseException] = {}
        done: list[int] = []
        for row, answer in zip(batch.rows, answers, strict=True):
            key = (row["topic"], row["key"])
            if isinstance(answer, BaseException):
                failed.setdefault(key, answer)
            elif key not in failed:
                # Behind a failed one of its key an acknowledged event stays: it is sent again after it.
                done.append(row["id"])
                self._held.pop(key, None)
        if done:
            await connection.execute(_DELETE, done)
            for topic, count in _count(row["topic"] for row in batch.rows).items():
                telemetry.OUTBOX_SENT.labels(topic).inc(count)
        if not failed:
            return
        for key, error in failed.items():
            pause = min(self._held[key].pause * 2, 30.0) if key in self._held else 0.5
            self._held[key] = _Held(time.monotonic() + pause, pause)
            telemetry.OUTBOX_FAILED.labels(type(error).__name__).inc()
            log.warning(
                "outbox_send_failed", topic=key[0], key=repr(key[1]), error=repr(error), again_in=pause
            )
        # An idempotent producer that lost a batch may have a gap in its sequence: start a new one.
        raise next(iter(failed.values()))

    def _is_held(self, row: Any) -> bool:
        held = self._held.get((row["topic"], row["key"]))
        return held is not None and held.until > time.monotonic()

    async def _wait(self, stop: asyncio.Event) -> None:
        until = self.poll_seconds
        if self._held:
            until = min(until, max(0.05, min(h.until for h in self._held.values()) - time.monotonic()))
        waiting = asyncio.ensure_future(self._wakeup.wait(until))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            stopping.cancel()

    async def _measure(self, connection: asyncpg.Connection) -> None:
        depth, age = await connection.fetchrow(_DEPTH)
        telemetry.OUTBOX_DEPTH.set(depth)
        telemetry.OUTBOX_AGE.set(float(age))


def _count(values: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _expected(error: BaseException) -> bool:
    return isinstance(error, KafkaError) or is_transient(error)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
