"""What the EKT benchmarks stand on: customers and their sales of a day, a mail sink, the service."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import psutil
import sqlalchemy as sa
from aiokafka.admin import AIOKafkaAdminClient
from klokwerk.database import Database
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import all_consumed, fresh_database, topics, topics_of
from klokwerk_contracts import (
    DebtorChanged,
    EktDeliveryChanged,
    EktResendRequested,
    Record,
    SaleCompleted,
    record_of,
)
from klokwerk_contracts.debtor_changed import EktConfiguration, EmailAddress
from klokwerk_contracts.sale_completed import Article, Bought, Characteristic, Grower, Packing, SaleLine
from klokwerk_contracts.types import Money
from klokwerk_platform.ports import free_ports

LINES = 20
FIRST_DAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SERVICE = "ekt-service"
MODULE = {
    "active": True,
    "sender_name": "Voorbeeld Bloemen",
    "sender_code": "8714231141907",
    "auction_code": "41",
    "mail_from": "ekt@voorbeeld.example",
}


def debtor(number: int) -> DebtorChanged:
    """A customer that uses EKTs by e-mail."""
    return DebtorChanged(
        debtor_id=f"d{number:05d}",
        revision=1,
        name=f"Bloemist {number}",
        debtor_number=str(10_001 + number),
        emails=(EmailAddress(address=f"d{number:05d}@bloemist.example"),),
        ekt=EktConfiguration(use_ekts=True, accepts_ekts=True),
        changed_at=NOW,
    )


def lines(number: int, count: int = LINES) -> tuple[SaleLine, ...]:
    """What a customer buys on a day."""
    return tuple(
        SaleLine(
            line_id=f"l{number}-{place}",
            article=Article(
                vbn_code=str(100 + (number + place) % 3000),
                name=f"R GR PRESTIGE {place}",
                number=f"R{place:04d}",
                characteristics=(
                    Characteristic(type="S20", value=f"0{40 + place % 5 * 10}"),
                    Characteristic(type="S05", value="033"),
                ),
                country_of_origin="NL",
            ),
            packing=Packing(code="577"),
            pieces_per_unit=10 + place % 40,
            units=1 + place % 9,
            price=Money(amount=Decimal(100 + (number + place) % 900).scaleb(-3)),
            grower=Grower(number=str(20_000 + number % 500), name="Kwekerij"),
            bought=Bought.CLOCK,
            clock_number=11,
            supply_letter=str(300_000 + number),
            plate=str(number % 200),
            transaction_at=NOW,
        )
        for place in range(count)
    )


def sale(number: int, day: date = FIRST_DAY) -> SaleCompleted:
    """A customer's completed day."""
    return SaleCompleted(
        debtor_id=f"d{number:05d}", order_day=day, revision=1, completed_at=NOW, lines=lines(number)
    )


def sales_of(count: int, day_number: int) -> list[Record]:
    """The records of a day on which every customer's distribution is completed."""
    day = FIRST_DAY + timedelta(days=day_number)
    return [record_of(sale(number, day), source="//bench") for number in range(count)]


@dataclass(slots=True)
class Publisher:
    """Publishes sales from a process of its own."""

    process: asyncio.subprocess.Process

    async def prepare(self, day: int, count: int) -> None:
        """Make the records; takes a while, and is nobody's work."""
        await self._order(f"prepare {day} {count}", "ready")

    async def go(self, rate: float = 0.0) -> dict[str, float]:
        """Publish what was prepared, at so many a second or at once; when each was published, by its key."""
        told = await self._order(f"go {rate}", "done")
        return {key: float(at) for at, _, key in (line.partition(" ") for line in told)}

    async def _order(self, text: str, until: str) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{text}\n".encode())
        lines = []
        while (line := (await self.process.stdout.readline()).decode().strip()) != until:
            if not line:
                raise RuntimeError("the publisher ended")
            lines.append(line)
        return lines


@asynccontextmanager
async def publisher(kafka: KafkaAddress) -> AsyncIterator[Publisher]:
    """A publisher, ready."""
    program = Path(__file__).with_name("ekt_publisher.py")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(program), kafka.bootstrap, kafka.prefix),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Publisher(process)
    finally:
        process.terminate()
        await process.wait()


@dataclass(slots=True)
class Sink:
    """The mail sink: when it took whose mail."""

    address: str
    process: asyncio.subprocess.Process
    taken: dict[str, list[float]] = field(default_factory=dict)
    count: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Follow what the sink tells."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            at, _, recipient = line.decode().strip().partition(" ")
            self.taken.setdefault(recipient, []).append(float(at))
            self.count += 1
            self._more.set()

    async def reach(self, count: int, within: float = 300.0) -> None:
        """Wait until so many mails were taken in all."""
        async with asyncio.timeout(within):
            while self.count < count:
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def mail_sink() -> AsyncIterator[Sink]:
    """A sink in a process of its own."""
    (port,) = free_ports(1)
    program = Path(__file__).with_name("mail_sink.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(port), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).strip() == b"ready"
    sink = Sink(f"127.0.0.1:{port}", process)
    reader = asyncio.create_task(sink.read())
    try:
        yield sink
    finally:
        process.terminate()
        await process.wait()
        reader.cancel()


@dataclass(frozen=True, slots=True)
class EktGround:
    """The service's database and topics, with debtors in them to come."""

    url: str
    kafka: KafkaAddress
    sink: Sink

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the service, by their names."""
        return {
            "database_url": self.url,
            "secret_key": "a secret for benchmarks",
            "kafka": self.kafka.bootstrap,
            "topic_prefix": self.kafka.prefix,
            "smtp": self.sink.address,
            "log_level": "ERROR",
        }

    async def publish(self, records: list[Record]) -> None:
        """Send records, and wait for the broker."""
        producer = self.kafka.producer()
        await producer.start()
        try:
            futures = [
                await producer.send(self.kafka.topic(r.topic), r.value, key=r.key, headers=r.headers)
                for r in records
            ]
            await asyncio.gather(*futures)
        finally:
            await producer.stop()

    async def add_debtors(self, count: int) -> None:
        """Publish the cards and wait until the service has them all."""
        await self.publish([record_of(debtor(number), source="//bench") for number in range(count)])
        await all_consumed(self.kafka, SERVICE, DebtorChanged.TOPIC, within=60)


@asynccontextmanager
async def ekt_ground(admin_url: str, kafka: KafkaAddress) -> AsyncIterator[EktGround]:
    """A database that is set up, topics, a sink."""
    names = topics_of(SERVICE, DebtorChanged, SaleCompleted, EktResendRequested, written=[EktDeliveryChanged])
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(fresh_database(admin_url, "ekt_service"))
        await stack.enter_async_context(topics(kafka, names, partitions=6))
        sink = await stack.enter_async_context(mail_sink())
        database = Database(url, pool=1)
        async with database.transaction() as connection:
            values = {"settings": orjson.dumps(MODULE).decode()}
            await connection.execute(sa.text("update module set settings = cast(:settings as jsonb)"), values)
        await database.close()
        yield EktGround(url, kafka, sink)


@dataclass(slots=True)
class ServiceProcess:
    """An ekt-service of its own."""

    process: asyncio.subprocess.Process

    @property
    def cpu(self) -> float:
        """CPU seconds it has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system


@asynccontextmanager
async def service_process(ground: EktGround) -> AsyncIterator[ServiceProcess]:
    """``python -m ekt_service serve`` as it is run in production."""
    (port,) = free_ports(1)
    values = ground.settings | {"port": port}
    environment = os.environ | {f"KLOKWERK_{name.upper()}": str(value) for name, value in values.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ekt_service", "serve", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield ServiceProcess(process)
    finally:
        process.terminate()
        await process.wait()


async def members(ground: EktGround, count: int, within: float = 60.0) -> None:
    """Wait until the group has settled with so many processes, each with its share of the partitions."""
    admin = AIOKafkaAdminClient(**ground.kafka.client_options())
    await admin.start()
    try:
        deadline = time.monotonic() + within
        while True:
            (answer,) = await admin.describe_consumer_groups([ground.kafka.prefix + SERVICE])
            _, _, state, _, _, found, *_ = answer.groups[0]
            if state == "Stable" and len(found) == count and all(member[4] for member in found):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the group is {state} with {len(found)} of {count} processes")
            await asyncio.sleep(0.1)
    finally:
        await admin.close()
