"""The outbox on a real database and a real broker."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict

import asyncpg
import pytest
import sqlalchemy as sa
from aiokafka.errors import MessageSizeTooLargeError
from klokwerk.database import Database, advisory_key
from klokwerk.kafka import KafkaAddress
from klokwerk.outbox import EventTooLarge, Outbox, Relay
from klokwerk.testing import eventually, read_topic
from klokwerk_contracts import EktResendRequested, from_headers
from library_factories import request
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

TOPIC = EktResendRequested.TOPIC


async def depth(database: Database) -> int:
    async with database.connect() as connection:
        return int((await connection.execute(sa.text("select count(*) from outbox"))).scalar_one())


async def is_empty(database: Database) -> bool:
    return await depth(database) == 0


async def stopped(stop: asyncio.Event, *tasks: asyncio.Task[None]) -> None:
    stop.set()
    await asyncio.gather(*tasks)


def order_by_key(records: list) -> dict[bytes, list[int]]:
    """Numbers of the events of each key, in the order of their offsets; repeats of the last one left out."""
    found: dict[bytes, list[int]] = defaultdict(list)
    for record in sorted(records, key=lambda r: (r.partition, r.offset)):
        found[record.key].append(int(json.loads(record.value)["request_id"][1:]))
    return found


async def test_an_event_is_sent_if_and_only_if_its_transaction_commits(
    database: Database, kafka: KafkaAddress
) -> None:
    outbox, stop = Outbox("/test"), asyncio.Event()
    relay = asyncio.create_task(Relay(database.url, kafka).run(stop))
    with pytest.raises(RuntimeError, match="changed my mind"):
        async with database.transaction() as connection:
            await outbox.append(connection, request(1))
            raise RuntimeError("changed my mind")
    async with database.transaction() as connection:
        await outbox.append(connection, request(2))
    records = await read_topic(kafka, TOPIC, at_least=1)
    await eventually(lambda: is_empty(database))
    assert [json.loads(record.value)["request_id"] for record in records] == ["r2"]
    envelope = from_headers(records[0].headers)
    assert (envelope.type, envelope.source, envelope.schema) == (TOPIC, "/test", f"{TOPIC}/v1")
    assert records[0].key == b"d1"
    await stopped(stop, relay)


async def test_two_replicas_keep_the_order_of_each_key(database: Database, kafka: KafkaAddress) -> None:
    """Writers in parallel on shared aggregates, two relays: every key in the order of its commits."""
    outbox, stop = Outbox("/test"), asyncio.Event()
    relays = [asyncio.create_task(Relay(database.url, kafka, batch=7).run(stop)) for _ in range(2)]
    async with database.transaction() as connection:
        await connection.execute(
            sa.text("insert into stored select 'd' || g, 0 from generate_series(0, 4) g")
        )

    async def write(count: int) -> None:
        for number in range(count):
            async with database.transaction() as connection:
                debtor = f"d{number % 5}"
                turn = (
                    await connection.execute(
                        sa.text("update stored set times = times + 1 where id = :id returning times"),
                        {"id": debtor},
                    )
                ).scalar_one()
                await outbox.append(connection, request(turn, debtor=debtor))

    await asyncio.gather(*(write(40) for _ in range(4)))
    records = await read_topic(kafka, TOPIC, at_least=160)
    for key, numbers in order_by_key(records).items():
        assert numbers == list(range(1, 33)), key
    await stopped(stop, *relays)


async def test_a_dead_leader_is_followed_and_nothing_is_lost(database: Database, kafka: KafkaAddress) -> None:
    outbox, stop = Outbox("/test"), asyncio.Event()
    relays = [asyncio.create_task(Relay(database.url, kafka, batch=5).run(stop)) for _ in range(2)]
    admin = await asyncpg.connect(database.url)
    try:
        for number in range(1, 121):
            async with database.transaction() as connection:
                await outbox.append(connection, request(number))
            if number % 40 == 0:
                key = advisory_key("outbox-relay")
                await admin.execute(
                    "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' "
                    "and database = (select oid from pg_database where datname = current_database()) "
                    "and (classid::bigint << 32 | objid::bigint) = $1 and pid <> pg_backend_pid()",
                    key,
                )
        await eventually(lambda: is_empty(database), within=30)
    finally:
        await admin.close()
    records = await read_topic(kafka, TOPIC, at_least=120)
    numbers = order_by_key(records)[b"d1"]
    assert set(numbers) == set(range(1, 121))
    firsts = list(dict.fromkeys(numbers))
    assert firsts == sorted(firsts), "an event overtook an earlier one of its key"
    await stopped(stop, *relays)


async def test_a_failed_send_holds_back_its_key_and_nothing_else(
    database: Database, kafka: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key's second event fails three times: its later events wait for it, other keys go on."""
    outbox, stop = Outbox("/test"), asyncio.Event()
    async with database.transaction() as connection:
        for number in range(1, 6):
            await outbox.append(connection, request(number, debtor="bad"), request(number, debtor="good"))
    refusals = 3
    make = KafkaAddress.producer

    def producer(self: KafkaAddress, **options: object) -> object:
        real = make(self, **options)
        send = real.send

        async def sometimes(topic: str, value: bytes, key: bytes, headers: list) -> asyncio.Future:
            nonlocal refusals
            if key == b"bad" and json.loads(value)["request_id"] == "r2" and refusals:
                refusals -= 1
                raise MessageSizeTooLargeError
            return await send(topic, value, key=key, headers=headers)

        real.send = sometimes
        return real

    monkeypatch.setattr(KafkaAddress, "producer", producer)
    relay = asyncio.create_task(Relay(database.url, kafka).run(stop))
    await eventually(lambda: is_empty(database), within=30)
    order = order_by_key(await read_topic(kafka, TOPIC, at_least=10))
    assert order[b"good"][-5:] == [1, 2, 3, 4, 5]
    settled = order[b"bad"]
    assert settled[-4:] == [2, 3, 4, 5], "after the failed one its followers come again, in order"
    assert refusals == 0
    await stopped(stop, relay)


async def test_an_event_that_is_too_large_is_refused_at_append(database: Database) -> None:
    outbox = Outbox("/test", max_bytes=2000)
    async with database.transaction() as connection:
        with pytest.raises(EventTooLarge, match=r"ekt\.resend\.requested with key d1 is \d+ bytes"):
            await outbox.append(connection, request(1), request(2, note="x" * 3000))
    assert await depth(database) == 0


async def test_the_trace_travels_through_the_outbox(database: Database, kafka: KafkaAddress) -> None:
    outbox, stop = Outbox("/test"), asyncio.Event()
    relay = asyncio.create_task(Relay(database.url, kafka).run(stop))
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("request") as span:
        async with database.transaction() as connection:
            await outbox.append(connection, request(1))
        wanted = f"{span.get_span_context().trace_id:032x}"
    assert trace.get_current_span().get_span_context().trace_id == 0
    records = await read_topic(kafka, TOPIC, at_least=1)
    assert wanted in from_headers(records[0].headers).traceparent
    await stopped(stop, relay)


async def test_a_held_key_keeps_its_order_behind_more_than_one_round(
    database: Database, kafka: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hold of a key ends between two fetches: what stands behind its held event must not go first."""
    outbox, stop = Outbox("/test"), asyncio.Event()
    async with database.transaction() as connection:
        for number in range(1, 31):
            await outbox.append(connection, request(number, debtor="bad"), request(number, debtor="good"))
    relay = Relay(database.url, kafka, batch=4)
    key = (TOPIC, b"bad")
    relay.hold(key, MessageSizeTooLargeError())
    asked = 0

    def is_held(each: tuple[str, bytes]) -> bool:
        nonlocal asked
        asked += each == key
        return each == key and asked < 4

    monkeypatch.setattr(Relay, "is_held", lambda _self, each: is_held(each))
    running = asyncio.create_task(relay.run(stop))
    await eventually(lambda: is_empty(database), within=30)
    order = order_by_key(await read_topic(kafka, TOPIC, at_least=60))
    assert order[b"bad"] == list(range(1, 31))
    assert order[b"good"] == list(range(1, 31))
    await stopped(stop, running)
