"""Events leave through a table: written in the transaction of the change, sent by one relay.

Guarantees:

- an event is sent if and only if the transaction that appended it committed (at least once);
- events of one key arrive in the order of their commits, also with several replicas of the service running,
  as long as the writer locks the aggregate's row before it appends: ids are given at insert, not at commit;
- a failed send holds back later events of the same key and topic, and nothing else;
- a leader that dies at any point leaves at most repeats of events whose acknowledgement was not recorded.

One relay per database leads by a session-level advisory lock. It reads and deletes on the very connection
that holds the lock, and looks whether that still stands before each round goes out.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
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
_DELETE = "delete from outbox where id = any($1::bigint[])"
_TURN = (
    "with gone as (delete from outbox where id = any($1::bigint[])) "
    "select id, topic, key, headers, value from ("
    "select id, topic, key, headers, value, sum(octet_length(value)) over (order by id) as up_to "
    "from outbox where id <> all($2::bigint[]) order by id limit $3) as next "
    "where up_to - octet_length(value) < $4 order by id"
)
"""Deletes what was acknowledged and fetches what is next, in one round trip; the first row always comes."""
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


_SESSION = {
    # Planned with the ids at hand, PostgreSQL looks them up in a hash table; else one by one.
    "plan_cache_mode": "force_custom_plan",
    # The table is empty or full, and its statistics are of the other moment: always read along the key.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    # A deletion that a crash of the server forgets is a repeat, nothing worse: no waiting for the disk.
    "synchronous_commit": "off",
}

ROUND_BYTES = 8 * 1024 * 1024
"""About what the bodies of one round may take in memory; at most three rounds are in hand."""

Key = tuple[str, bytes]
"""Topic and key of an event: what order is kept for."""


@dataclass(frozen=True, slots=True)
class _Round:
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
        batch: most events in one round; see also `ROUND_BYTES`.
        poll_seconds: longest wait without a notice.
    """

    database_url: str
    kafka: KafkaAddress
    batch: int = 2000
    poll_seconds: float = 1.0
    name: str = "outbox-relay"
    _wakeup: Wakeup = field(default_factory=Wakeup)
    _held: dict[Key, _Held] = field(default_factory=dict)

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
        connection = await asyncpg.connect(
            self.database_url,
            timeout=5,
            command_timeout=30,
            server_settings=_SESSION,
        )
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
                await _Leadership(self, connection, producer).work(stop)
            finally:
                await producer.stop()
            return True
        finally:
            # A terminated session gives the advisory lock back; close() alone may hang on a dead network.
            try:
                await connection.close(timeout=2)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

    def is_held(self, key: Key) -> bool:
        """Whether events of `key` wait because one of them could not be sent."""
        held = self._held.get(key)
        return held is not None and held.until > time.monotonic()

    def hold(self, key: Key, error: BaseException) -> None:
        """Let events of `key` wait, longer each time."""
        pause = min(self._held[key].pause * 2, 30.0) if key in self._held else 0.5
        self._held[key] = _Held(time.monotonic() + pause, pause)
        telemetry.OUTBOX_FAILED.labels(type(error).__name__).inc()
        log.warning("outbox_send_failed", topic=key[0], key=repr(key[1]), error=repr(error), again_in=pause)

    def release(self, key: Key) -> None:
        """One of `key` was sent: the next trouble starts with a short pause again."""
        if self._held:
            self._held.pop(key, None)

    async def wait(self, stop: asyncio.Event) -> None:
        """Until a notice, the end of a hold, `stop` or the next poll."""
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


@dataclass(slots=True)
class _Leadership:
    """One relay's time as leader, from taking the lock until it stops, loses the lock or a send fails.

    While one round goes out, the database deletes the round before and fetches the next one.

    Every fetch starts at the lowest id and leaves out what is in hand. A position would be cheaper and wrong:
    an id below it may commit late, and the next event of its key would be sent first.
    """

    relay: Relay
    connection: asyncpg.Connection
    producer: AIOKafkaProducer
    _flying: deque[_Round] = field(default_factory=deque)
    _failed: dict[Key, BaseException] = field(default_factory=dict)
    _passed_ids: list[int] = field(default_factory=list)
    _passed_keys: set[Key] = field(default_factory=set)
    _measured: float = 0.0

    async def work(self, stop: asyncio.Event) -> None:
        """Send until `stop`, and then what is left.

        Raises:
            KafkaError: an event could not be sent; what was acknowledged beside it is deleted.
        """
        rows: Sequence[Any] = []
        acknowledged: list[int] = []
        while True:
            sendable = self._sendable(rows)
            turn = asyncio.ensure_future(self._turn(acknowledged, sendable))
            try:
                await asyncio.sleep(0)  # the statement leaves before the sending takes the processor
                await self._send(sendable)
                acknowledged = await self._settle(keep=1 if sendable else 0)
                rows = await turn
            finally:
                await _given_up(turn)
            if self._failed:
                acknowledged += await self._settle(keep=0)
                await self.connection.execute(_DELETE, acknowledged)
                # An idempotent producer that lost a batch may have a gap in its sequence: start a new one.
                raise next(iter(self._failed.values()))
            if not (rows or acknowledged or self._flying):
                if stop.is_set():
                    return
                await self._measure()
                await self.relay.wait(stop)

    def _sendable(self, rows: Sequence[Any]) -> list[Any]:
        """Those of `rows` whose key is not held; the others are passed over."""
        sendable = []
        for row in rows:
            key = (row["topic"], row["key"])
            if key in self._passed_keys or self.relay.is_held(key):
                # Once passed over, a key stays so until a fetch from the lowest id: its first goes first.
                self._passed_keys.add(key)
                self._passed_ids.append(row["id"])
            else:
                sendable.append(row)
        return sendable

    async def _turn(self, acknowledged: list[int], sendable: Sequence[Any]) -> Sequence[Any]:
        if any(not self.relay.is_held(key) for key in self._passed_keys):
            self._passed_keys.clear()
            self._passed_ids.clear()
        leave_out = acknowledged + self._passed_ids + [row["id"] for row in sendable]
        for each in self._flying:
            leave_out += [row["id"] for row in each.rows]
        rows: Sequence[Any] = await self.connection.fetch(
            _TURN, acknowledged, leave_out, self.relay.batch, ROUND_BYTES
        )
        return rows

    async def _send(self, rows: Sequence[Any]) -> None:
        if not rows:
            return
        if self.connection.is_closed():
            raise ConnectionError("the session that holds the relay's lock is gone")
        futures: list[asyncio.Future[Any]] = []
        self._flying.append(_Round(rows, futures))
        prefix, send = self.relay.kafka.prefix, self.producer.send
        for row in rows:
            headers = [(name, value.encode()) for name, value in orjson.loads(row["headers"])]
            try:
                future = await send(prefix + row["topic"], row["value"], key=row["key"], headers=headers)
            except KafkaError as error:
                future = asyncio.get_running_loop().create_future()
                future.set_exception(error)
            futures.append(future)

    async def _settle(self, keep: int) -> list[int]:
        """Wait for the answers to all rounds but the last `keep`; the ids that may be deleted."""
        done: list[int] = []
        while len(self._flying) > keep:
            sent = self._flying.popleft()
            counts: Counter[str] = Counter()
            for row, future in zip(sent.rows, sent.futures, strict=True):
                if not future.done():
                    await asyncio.wait((future,))
                key = (row["topic"], row["key"])
                error = asyncio.CancelledError() if future.cancelled() else future.exception()
                if error is not None and key not in self._failed:
                    self._failed[key] = error
                    self.relay.hold(key, error)
                elif key not in self._failed:
                    # Behind a failed one of its key an acknowledged event stays: it is sent again after it.
                    done.append(row["id"])
                    counts[row["topic"]] += 1
                    self.relay.release(key)
            for topic, count in counts.items():
                telemetry.OUTBOX_SENT.labels(topic).inc(count)
        return done

    async def _measure(self) -> None:
        if time.monotonic() - self._measured < 2:
            return
        depth, age = await self.connection.fetchrow(_DEPTH)
        telemetry.OUTBOX_DEPTH.set(depth)
        telemetry.OUTBOX_AGE.set(float(age))
        self._measured = time.monotonic()


async def _given_up(turn: asyncio.Task[Any]) -> None:
    """Leave no statement running on the connection."""
    if not turn.done():
        turn.cancel()
        await asyncio.wait((turn,), timeout=5)
    if not turn.cancelled():
        turn.exception()


def _expected(error: BaseException) -> bool:
    return isinstance(error, KafkaError) or is_transient(error)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
