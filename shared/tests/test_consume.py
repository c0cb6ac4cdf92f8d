"""The consume layer on a real broker and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from klokwerk.consume import Consumers, Received, Rejected, Subscription, condensed
from klokwerk.database import Database
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import all_consumed, committed, eventually, publish, read_topic
from klokwerk_contracts import EktResendRequested, Record, record_of
from library_factories import GROUP, request
from sqlalchemy.ext.asyncio import AsyncConnection

TOPIC = EktResendRequested.TOPIC
DLQ = f"{TOPIC}.{GROUP}.dlq"
STORE = sa.text(
    "insert into stored (id, times) select id, 1 from unnest(cast(:ids as text[])) id "
    "on conflict (id) do update set times = stored.times + 1"
)

Items = list[Received[EktResendRequested]]


async def store(connection: AsyncConnection, items: Items) -> None:
    for item in items:
        await connection.execute(STORE, {"ids": [item.event.request_id]})


async def stored(database: Database) -> dict[str, int]:
    async with database.connect() as connection:
        return {row.id: row.times for row in await connection.execute(sa.text("select * from stored"))}


@asynccontextmanager
async def consuming(
    kafka: KafkaAddress,
    database: Database,
    handle: Callable[[AsyncConnection, Items], Awaitable[None]] | Subscription[Any] = store,
    **options: float,
) -> AsyncIterator[Consumers]:
    subscription = handle if isinstance(handle, Subscription) else Subscription(EktResendRequested, handle)
    consumers = Consumers(kafka, database, GROUP, [subscription], **options)
    stop = asyncio.Event()
    task = asyncio.create_task(consumers.run(stop))
    try:
        yield consumers
    finally:
        stop.set()
        await task


def broken(value: bytes | None, *, headers: list | None = None, key: bytes | None = b"d1") -> Record:
    good = record_of(request(0), source="//test")
    return Record(good.topic, key, value, good.headers if headers is None else headers)  # type: ignore[arg-type]


def without(name: str) -> list:
    return [(n, v) for n, v in record_of(request(0), source="//test").headers if n != name]


GOOD_BODY = request(0).model_dump_json().encode()

BAD_RECORDS = {
    "not json": (broken(b"{"), "bad_body", "JSON"),
    "no value": (broken(None), "no_body", "no value"),
    "empty": (broken(b""), "bad_body", "JSON"),
    "binary": (broken(b"\xff\xfe\x00"), "bad_body", "JSON"),
    "field missing": (broken(b'{"debtor_id": "d1"}'), "bad_body", "request_id"),
    "wrong type of field": (
        broken(GOOD_BODY.replace(b'"sale_revision":1', b'"sale_revision":0')),
        "bad_body",
        "sale_revision",
    ),
    "no headers": (broken(GOOD_BODY, headers=[]), "bad_headers", "ce_id"),
    "NULL header": (broken(GOOD_BODY, headers=[*without("ce_id"), ("ce_id", None)]), "bad_headers", "ce_id"),
    "header not UTF-8": (
        broken(GOOD_BODY, headers=[*without("ce_type"), ("ce_type", b"\xff\xff")]),
        "bad_headers",
        "not UTF-8",
    ),
    "id is no UUID": (
        broken(GOOD_BODY, headers=[*without("ce_id"), ("ce_id", b"17")]),
        "bad_headers",
        "write a UUID",
    ),
    "time without zone": (
        broken(GOOD_BODY, headers=[*without("ce_time"), ("ce_time", b"2026-01-01T10:00:00")]),
        "bad_headers",
        "zone",
    ),
    "another type": (
        broken(GOOD_BODY, headers=[*without("ce_type"), ("ce_type", b"sale.completed")]),
        "unknown_type",
        "sale.completed",
    ),
    "key of somebody else": (broken(GOOD_BODY, key=b"d2"), "wrong_key", "order hangs on the key"),
}


async def test_what_cannot_be_read_is_put_aside_with_its_bytes_and_the_rest_is_handled(
    kafka: KafkaAddress, database: Database
) -> None:
    """Every kind of bad record between two good ones, all on the partition of one key."""
    await publish(kafka, request(1), *(record for record, _, _ in BAD_RECORDS.values()), request(2))
    async with consuming(kafka, database):
        dead = await read_topic(kafka, DLQ, at_least=len(BAD_RECORDS))
        await all_consumed(kafka, GROUP, TOPIC)
    assert set(await stored(database)) == {"r1", "r2"}
    assert len(dead) == len(BAD_RECORDS)
    unexplained = dict(BAD_RECORDS)
    for record in dead:
        headers = dict(record.headers)
        match = [
            name
            for name, (sent, reason, hint) in unexplained.items()
            if (sent.value or b"") == (record.value or b"")
            and headers["dlq_reason"].decode() == reason
            and hint in headers["dlq_detail"].decode()
        ]
        assert match, (record.value, headers)
        del unexplained[match[0]]
        assert headers["dlq_service"].decode() == GROUP
        assert headers["dlq_topic"].decode() == kafka.topic(TOPIC)
        assert headers["dlq_offset"].isdigit()
        assert headers["dlq_first_seen"]
    assert not unexplained


async def test_one_event_that_breaks_the_handler_is_found_by_halving(
    kafka: KafkaAddress, database: Database
) -> None:
    async def handle(connection: AsyncConnection, items: Items) -> None:
        await store(connection, items)
        if any(item.event.request_id in {"r37", "r64"} for item in items):
            raise ZeroDivisionError("this one")

    await publish(kafka, *(request(n) for n in range(100)))
    async with consuming(kafka, database, handle):
        dead = await read_topic(kafka, DLQ, at_least=2)
        await all_consumed(kafka, GROUP, TOPIC)
    found = await stored(database)
    assert set(found) == {f"r{n}" for n in range(100)} - {"r37", "r64"}
    assert set(found.values()) == {1}, "an attempt that failed must leave nothing behind"
    assert {b'"r37"' in r.value for r in dead} == {True, False}
    assert {dict(r.headers)["dlq_reason"] for r in dead} == {b"handler_error"}


async def test_a_rejected_event_says_in_words_why(kafka: KafkaAddress, database: Database) -> None:
    async def handle(_: AsyncConnection, items: Items) -> None:
        raise Rejected(f"order day {items[0].event.order_day} is closed; book it on the next one")

    await publish(kafka, request(1))
    async with consuming(kafka, database, handle):
        (dead,) = await read_topic(kafka, DLQ, at_least=1)
    headers = dict(dead.headers)
    assert headers["dlq_reason"] == b"rejected"
    assert headers["dlq_detail"].decode() == "order day 2026-11-02 is closed; book it on the next one"


async def test_trouble_with_the_database_waits_and_loses_nothing(
    kafka: KafkaAddress, database: Database
) -> None:
    calls = 0

    async def handle(connection: AsyncConnection, items: Items) -> None:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise asyncpg.exceptions.CannotConnectNowError("the database system is starting up")
        await store(connection, items)

    await publish(kafka, *(request(n) for n in range(10)))
    async with consuming(kafka, database, handle):
        await all_consumed(kafka, GROUP, TOPIC)
    assert calls >= 3
    assert set((await stored(database)).values()) == {1}
    assert await read_topic(kafka, DLQ) == []


async def test_the_next_transaction_is_read_while_one_is_at_work_and_order_holds(
    kafka: KafkaAddress, database: Database
) -> None:
    """One fetch of 20 is four transactions of five; the second meets trouble once, and only it is done again."""
    order: list[list[str]] = []
    read_ahead, trouble = asyncio.Event(), [asyncpg.exceptions.CannotConnectNowError("starting up")]

    def keep(event: EktResendRequested) -> str:
        if event.request_id == "r9":
            read_ahead.set()
        return event.request_id

    async def handle(connection: AsyncConnection, items: list[Received[str]]) -> None:
        await connection.execute(STORE, {"ids": [item.event for item in items]})
        order.append([item.event for item in items])
        await asyncio.wait_for(read_ahead.wait(), 10)
        if len(order) == 2 and trouble:
            raise trouble.pop()

    await publish(kafka, *(request(n) for n in range(20)))
    async with consuming(kafka, database, condensed(EktResendRequested, keep, handle), batch=5):
        await all_consumed(kafka, GROUP, TOPIC)
    parts = [[f"r{n}" for n in range(at, at + 5)] for at in range(0, 20, 5)]
    assert order == [parts[0], parts[1], *parts[1:]]
    assert set((await stored(database)).values()) == {1}
    assert await read_topic(kafka, DLQ) == []


async def test_what_a_service_keeps_of_an_event_is_taken_out_of_each_alone(
    kafka: KafkaAddress, database: Database
) -> None:
    def keep(event: EktResendRequested) -> str:
        if event.request_id == "r1":
            raise Rejected("nobody wants it; ask somebody else")
        if event.request_id == "r2":
            raise ZeroDivisionError("this one")
        return event.request_id

    async def handle(connection: AsyncConnection, items: list[Received[str]]) -> None:
        await connection.execute(STORE, {"ids": [item.event for item in items]})

    await publish(kafka, *(request(n) for n in range(4)))
    async with consuming(kafka, database, condensed(EktResendRequested, keep, handle)):
        dead = await read_topic(kafka, DLQ, at_least=2)
        await all_consumed(kafka, GROUP, TOPIC)
    assert set(await stored(database)) == {"r0", "r3"}
    found = {dict(record.headers)["dlq_reason"]: dict(record.headers)["dlq_detail"] for record in dead}
    assert found[b"rejected"] == b"nobody wants it; ask somebody else"
    assert b"this one" in found[b"handler_error"]


async def test_the_offset_moves_only_after_the_transaction(kafka: KafkaAddress, database: Database) -> None:
    """Stopped by force in the middle of the handler, the batch comes again."""
    entered, released = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection, items: Items) -> None:
        await store(connection, items)
        entered.set()
        await released.wait()

    await publish(kafka, request(1))
    consumers = Consumers(kafka, database, GROUP, [Subscription(EktResendRequested, slow)], finish_within=0.1)
    task = asyncio.create_task(consumers.run(asyncio.Event()))
    await asyncio.wait_for(entered.wait(), 20)
    assert await committed(kafka, GROUP, TOPIC) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await committed(kafka, GROUP, TOPIC) == 0
    assert await stored(database) == {}
    async with consuming(kafka, database):
        await all_consumed(kafka, GROUP, TOPIC)
    assert await stored(database) == {"r1": 1}


async def test_a_replay_reaches_its_group_through_a_topic_of_its_own(
    kafka: KafkaAddress, database: Database
) -> None:
    seen: list[tuple[str, bool]] = []

    async def handle(_: AsyncConnection, items: Items) -> None:
        seen.extend((item.event.request_id, item.replayed) for item in items)

    again = record_of(request(2), source="//test")
    await publish(kafka, request(1), Record(f"{TOPIC}.{GROUP}.replay", again.key, again.value, again.headers))
    async with consuming(kafka, database, handle):

        async def both() -> bool:
            return len(seen) == 2

        await eventually(both)
    assert sorted(seen) == [("r1", False), ("r2", True)]


async def test_two_replicas_share_the_partitions_and_lose_nothing(
    kafka: KafkaAddress, database: Database
) -> None:
    await publish(kafka, *(request(n, debtor=f"d{n % 20}") for n in range(300)))
    async with consuming(kafka, database, batch=20), consuming(kafka, database, batch=20):
        await publish(kafka, *(request(n, debtor=f"d{n % 20}") for n in range(300, 600)))
        await all_consumed(kafka, GROUP, TOPIC)
    assert set(await stored(database)) == {f"r{n}" for n in range(600)}


async def test_the_watchdog_starts_a_consumer_again_that_stands_still(
    kafka: KafkaAddress, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer that fetches nothing more although the partition has more is replaced by a new one."""
    await publish(kafka, request(1))
    async with consuming(kafka, database, stuck_after=1.0) as consumers:
        await all_consumed(kafka, GROUP, TOPIC)
        stuck, standing_still = consumers._subscriber.consumer, asyncio.Event()

        async def nothing(**_: object) -> dict:
            standing_still.set()
            await asyncio.sleep(0.05)
            return {}

        monkeypatch.setattr(stuck, "getmany", nothing)
        await asyncio.wait_for(standing_still.wait(), 10)
        await publish(kafka, request(2))

        async def both() -> bool:
            return set(await stored(database)) == {"r1", "r2"}

        await eventually(both, within=40)
        assert consumers._subscriber.consumer is not stuck
