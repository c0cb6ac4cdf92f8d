"""What the tests of a service stand on: a fresh database, topics of their own, tokens, the running app.

Nothing here is a stand-in for a server: databases and topics are made on the real ones whose addresses are
given, under names of their own, so that many test runs may share them.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from klokwerk_contracts.record import Record, record_of
from klokwerk_contracts.types import Event

from klokwerk.access import ALGORITHMS, AUDIENCE, FixedKeys, Verifier
from klokwerk.clock import SystemClock
from klokwerk.database import Database, provision
from klokwerk.kafka import TOPIC_MAX_MESSAGE_BYTES, KafkaAddress
from klokwerk.migration import migrate

T = TypeVar("T")
ISSUER = "http://issuer.test"


@dataclass(slots=True)
class TokenIssuer:
    """Gives access tokens and the verifier that accepts them."""

    issuer: str = ISSUER
    key: OKPKey = field(
        default_factory=lambda: OKPKey.generate_key("Ed25519", {"kid": "test", "alg": "Ed25519"})
    )

    @property
    def verifier(self) -> Verifier:
        """Accepts this issuer's tokens."""
        return Verifier(self.issuer, FixedKeys(KeySet([self.key])))

    def token(self, *roles: str, subject: str = "anna", name: str = "Anna", seconds: int = 3600) -> str:
        """A token for a person with `roles`; a negative `seconds` makes an expired one."""
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject,
            "name": name,
            "roles": list(roles),
            "exp": int(SystemClock().now().timestamp()) + seconds,
        }
        return jwt.encode({"alg": "Ed25519", "kid": "test"}, claims, self.key, algorithms=ALGORITHMS)

    def headers(self, *roles: str, **options: Any) -> dict[str, str]:
        """Request headers of a person with `roles`."""
        return {"Authorization": f"Bearer {self.token(*roles, **options)}"}


@asynccontextmanager
async def fresh_database(admin_url: str, package: str | None) -> AsyncIterator[str]:
    """The address of a new database with a role of its own, migrated for `package`; dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    url = await provision(admin_url, name, "test")
    try:
        if package is not None:
            database = Database(url)
            await migrate(database, package)
            await database.close()
        yield url
    finally:
        connection = await asyncpg.connect(admin_url)
        await connection.execute(f'drop database "{name}" with (force)')
        await connection.execute(f'drop role "{name}"')
        await connection.close()


def own_prefix() -> str:
    """A topic prefix that no other test run uses."""
    return f"t{secrets.token_hex(4)}."


@asynccontextmanager
async def topics(kafka: KafkaAddress, names: Iterable[str], *, partitions: int = 3) -> AsyncIterator[None]:
    """Topics `names` (without prefix) with as many partitions as asked; deleted afterwards."""
    full = [kafka.topic(name) for name in names]
    limits = {"max.message.bytes": str(TOPIC_MAX_MESSAGE_BYTES)}
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=limits) for name in full])
        yield
    finally:
        await admin.delete_topics(full)
        await admin.close()


def topics_of(group: str, *read: type[Event], written: Iterable[type[Event]] = ()) -> list[str]:
    """Names of the topics that a service needs: what it reads with dead letters and replays, what it writes."""
    names = [model.TOPIC for model in written]
    for model in read:
        names += [model.TOPIC, f"{model.TOPIC}.{group}.dlq", f"{model.TOPIC}.{group}.replay"]
    return list(dict.fromkeys(names))


@asynccontextmanager
async def running(app: FastAPI, *, ready_within: float = 30.0) -> AsyncIterator[httpx.AsyncClient]:
    """The app with everything that runs beside it, and a client; entered once it reports ready."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://service.test"
        ) as client,
    ):

        async def is_ready() -> bool:
            return (await client.get("/health/ready")).status_code == 200

        try:
            await eventually(is_ready, within=ready_within)
        except AssertionError:
            raise AssertionError((await client.get("/health/ready")).text) from None
        yield client


async def publish(
    kafka: KafkaAddress,
    *events: Event | Record,
    source: str = "//elsewhere.test",
    producer: AIOKafkaProducer | None = None,
) -> list[Record]:
    """Send `events` as another system would, and wait for the broker's acknowledgement.

    Args:
        producer: a started one to send by, where much is published; else one is made for these events.
    """
    if producer is None:
        own = kafka.producer()
        await own.start()
        try:
            return await publish(kafka, *events, source=source, producer=own)
        finally:
            await own.stop()
    records = [e if isinstance(e, Record) else record_of(e, source=source) for e in events]
    futures = [
        await producer.send(kafka.topic(r.topic), r.value, key=r.key, headers=r.headers) for r in records
    ]
    await asyncio.gather(*futures)
    return records


async def read_topic(
    kafka: KafkaAddress, topic: str, *, at_least: int = 0, within: float = 20.0
) -> list[ConsumerRecord[Any, Any]]:
    """Everything in `topic` (without prefix) from the start, once there are `at_least` records.

    Raises:
        AssertionError: there were fewer after `within` seconds.
    """
    name = kafka.topic(topic)
    consumer = AIOKafkaConsumer(
        name, **kafka.client_options(), group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:

        async def assigned() -> list[TopicPartition]:
            return sorted(consumer.assignment())

        partitions = await eventually(assigned, within=10)
        found: list[ConsumerRecord[Any, Any]] = []
        deadline = time.monotonic() + within
        while True:
            ends = await consumer.end_offsets(partitions)
            while any([await consumer.position(p) < ends[p] for p in partitions]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(records)
            if len(found) >= at_least:
                return sorted(found, key=lambda record: (record.timestamp, record.partition, record.offset))
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} records in {topic} after {within} s, expected {at_least}")
            await asyncio.sleep(0.05)
    finally:
        await consumer.stop()


async def committed(kafka: KafkaAddress, group: str, topic: str) -> int:
    """Sum of the offsets that `group` committed for `topic` (both without prefix)."""
    async with _admin(kafka) as admin:
        return await _committed(admin, kafka, group, topic)


async def all_consumed(kafka: KafkaAddress, group: str, topic: str, *, within: float = 30.0) -> None:
    """Return once `group` has committed everything that `topic` holds now; for asserting that nothing happened."""
    consumer = AIOKafkaConsumer(kafka.topic(topic), **kafka.client_options(), group_id=None)
    await consumer.start()
    try:
        wanted: int = sum((await consumer.end_offsets(sorted(consumer.assignment()))).values())
    finally:
        await consumer.stop()
    async with _admin(kafka) as admin:

        async def done() -> bool:
            return await _committed(admin, kafka, group, topic) >= wanted

        await eventually(done, within=within)


@asynccontextmanager
async def _admin(kafka: KafkaAddress) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _committed(admin: AIOKafkaAdminClient, kafka: KafkaAddress, group: str, topic: str) -> int:
    offsets = await admin.list_consumer_group_offsets(kafka.prefix + group)
    return sum(m.offset for tp, m in offsets.items() if tp.topic == kafka.topic(topic) and m.offset > 0)


async def eventually(
    check: Callable[[], Awaitable[T]], *, within: float = 20.0, every: timedelta = timedelta(milliseconds=50)
) -> T:
    """The first true answer of `check`, asked again until then; what it asserts may fail meanwhile.

    Raises:
        AssertionError: there was none within `within` seconds.
    """
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            last = await check()
            if last:
                return last
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s, last answer: {last!r}")
        await asyncio.sleep(every.total_seconds())
