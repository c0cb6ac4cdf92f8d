"""The EKT service as it runs, seen from outside: events in, mails and files out, its HTTP API."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from ekt_service.app import NAME, create_app
from ekt_service.settings import EktSettings
from fastapi import FastAPI
from klokwerk.database import Database
from klokwerk.deliveries import DeliveryWorker
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import (
    TokenIssuer,
    all_consumed,
    eventually,
    own_prefix,
    publish,
    read_topic,
    running,
    topics,
    topics_of,
)
from klokwerk_contracts import DebtorChanged, EktDeliveryChanged, EktResendRequested, Event, SaleCompleted
from klokwerk_contracts.debtor_changed import EktConfiguration, EmailAddress
from klokwerk_contracts.sale_completed import Article, Characteristic, Grower, Packing, SaleLine
from klokwerk_contracts.types import Money
from klokwerk_platform.http_server import serving
from klokwerk_platform.mail import RETURN_DOMAIN
from klokwerk_platform.mail.messages import MailBox
from klokwerk_platform.mail.pop3 import Pop3Server
from klokwerk_platform.mail.smtp import SmtpSink
from klokwerk_platform.mail.web import create_mail_app
from klokwerk_platform.ports import free_ports

DAY = date(2026, 1, 30)
NOON = datetime(2026, 1, 30, 12, tzinfo=UTC)
_numbers = itertools.count(1)
HASTE = 0.05
"""Pauses between tries and questions are as much shorter here."""
SECRET = "a secret for tests of the EKT service"
PATIENCE = 60.0
"""Seconds that a busy machine may take for something that usually takes one."""

MODULE = {
    "active": True,
    "sender_name": "Voorbeeld Bloemen",
    "sender_code": "8714231141907",
    "auction_code": "41",
    "mail_from": "ekt@voorbeeld.example",
}


@dataclass(slots=True)
class MailSink:
    """The inbox that receives the mails."""

    smtp: str
    url: str
    http: httpx.AsyncClient
    pop3: str
    box: MailBox

    async def behave(self, **behaviour: Any) -> None:
        """Order trouble, or none."""
        (await self.http.put("/api/behaviour", json=behaviour)).raise_for_status()

    async def to(self, address: str) -> list[dict[str, Any]]:
        """Mails to an address, oldest first."""
        return list(reversed((await self.http.get("/api/messages", params={"to": address})).json()))

    async def attachment(self, mail: dict[str, Any], number: int = 1) -> bytes:
        """The bytes of an attachment as received."""
        return (await self.http.get(f"/api/messages/{mail['id']}/attachments/{number}")).content

    async def mails(self, address: str, count: int) -> list[dict[str, Any]]:
        """Await that many mails."""

        async def arrived() -> list[dict[str, Any]]:
            found = await self.to(address)
            return found if len(found) >= count else []

        return await eventually(arrived, within=PATIENCE)


def control(url: str) -> httpx.AsyncClient:
    """A client that uses no connection again which the other side may just be closing: servers do after 5 s."""
    return httpx.AsyncClient(base_url=url, limits=httpx.Limits(keepalive_expiry=1))


@asynccontextmanager
async def mail_sink(folder: Path) -> AsyncIterator[MailSink]:
    smtp, web, pop3 = free_ports(3)
    box = MailBox(folder)
    sink = SmtpSink(box, "127.0.0.1", smtp)
    await sink.start()
    returned = Pop3Server(box, "127.0.0.1", pop3, RETURN_DOMAIN)
    await returned.start()
    url = f"http://127.0.0.1:{web}"
    async with serving([(create_mail_app(box, sink), web)]), control(url) as http:
        yield MailSink(f"127.0.0.1:{smtp}", url, http, f"127.0.0.1:{pop3}", box)
    await returned.stop()
    await sink.stop()


@asynccontextmanager
async def own_kafka(bootstrap: str) -> AsyncIterator[KafkaAddress]:
    address = KafkaAddress(bootstrap, own_prefix())
    names = topics_of(NAME, DebtorChanged, SaleCompleted, EktResendRequested, written=[EktDeliveryChanged])
    async with topics(address, names):
        yield address


@dataclass(slots=True)
class World:
    """A running service."""

    http: httpx.AsyncClient
    kafka: KafkaAddress
    sink: MailSink
    folder: Path
    database: Database
    tokens: TokenIssuer
    app: FastAPI
    producer: AIOKafkaProducer
    _revisions: dict[str, int] = field(default_factory=dict)

    def headers(self, *roles: str) -> dict[str, str]:
        return self.tokens.headers(*(roles or ("read-only",)))

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(path, params=params, headers=self.headers())
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def configure(self, **changes: Any) -> httpx.Response:
        """Change the module's settings as an administrator."""
        now = await self.http.get("/v1/settings", headers=self.headers())
        known = {"revision", "changed_at", "changed_by", "email_possible", "folder_possible"}
        body = {name: value for name, value in now.json().items() if name not in known} | changes
        headers = self.headers("ops") | {"If-Match": now.headers["ETag"]}
        return await self.http.put("/v1/settings", json=body, headers=headers)

    async def activate(self) -> None:
        """Set the module up as an administrator would."""
        answer = await self.configure(**MODULE)
        assert answer.status_code == 200, answer.text

    async def publish(self, *events: Event) -> None:
        await publish(self.kafka, *events, producer=self.producer)

    async def consumed(self, *models: type[Event]) -> None:
        """Everything published so far was handled; for asserting that nothing happened."""
        for model in models or (DebtorChanged, SaleCompleted, EktResendRequested):
            await all_consumed(self.kafka, NAME, model.TOPIC)

    async def knows(self, debtor: DebtorChanged) -> None:
        """Await that the service has a card."""
        known = "select count(*) from debtor where debtor_id = :id and revision >= :revision"

        async def here() -> bool:
            return await self.rows(known, id=debtor.debtor_id, revision=debtor.revision) == [[1]]

        await eventually(here, within=PATIENCE)

    async def day(self, debtor_id: str, day: date = DAY, **params: Any) -> dict[str, Any]:
        return dict(await self.get(f"/v1/debtors/{debtor_id}/days/{day}", **params))

    async def ekts(
        self, debtor_id: str, count: int, state: str = "sent", day: date = DAY
    ) -> list[dict[str, Any]]:
        """Await the log of a debtor and day: that many EKTs, the newest in that state, none on its way."""

        async def there() -> list[dict[str, Any]]:
            log = (await self.day(debtor_id, day))["ekts"]
            states = [ekt["state"] for ekt in log]
            assert states[count - 1 :] == [state], log
            assert "planned" not in states
            return list(log)

        return await eventually(there, within=PATIENCE)

    async def only(self, debtor_id: str, day: date = DAY) -> dict[str, Any]:
        """The one EKT of a debtor and day, in whatever state, for asserting on while it is waited for."""
        log = (await self.day(debtor_id, day))["ekts"]
        assert len(log) == 1, log
        return dict(log[0])

    async def file(self, ekt: dict[str, Any], number: int = 1) -> bytes:
        answer = await self.http.get(
            f"/v1/ekts/{ekt['id']}/file", params={"number": number}, headers=self.headers()
        )
        assert answer.status_code == 200, answer.text
        return answer.content

    async def told(self, debtor_id: str) -> list[EktDeliveryChanged]:
        """What was published about a debtor, in order."""
        records = await read_topic(self.kafka, EktDeliveryChanged.TOPIC)
        return [
            EktDeliveryChanged.model_validate_json(record.value)
            for record in records
            if record.key == debtor_id.encode()
        ]

    async def rows(self, statement: str, **values: Any) -> list[list[Any]]:
        async with self.database.connect() as connection:
            return [[*row] for row in await connection.execute(sa.text(statement), values)]

    async def scalar(self, statement: str) -> Any:
        async with self.database.connect() as connection:
            return (await connection.execute(sa.text(statement))).scalar_one()


@asynccontextmanager
async def start_world(
    url: str, kafka: KafkaAddress, sink: MailSink, folder: Path, **settings: Any
) -> AsyncIterator[World]:
    tokens = TokenIssuer()
    values = {
        "database_url": url,
        "kafka": kafka.bootstrap,
        "topic_prefix": kafka.prefix,
        "smtp": sink.smtp,
        "smtp_timeout_seconds": 5,
        "mail_trace_url": sink.url,
        "ekt_folder": folder,
        "secret_key": SECRET,
        "ekt_internal_targets": True,
        "ekt_transfer_timeout_seconds": 5,
        "public_url": "https://office.voorbeeld.example",
        "bounce_address": f"bounce@{RETURN_DOMAIN}",
        "pop3": sink.pop3,
        "pop3_poll_seconds": 0.2,
    } | settings
    app = create_app(EktSettings(**values), verifier=tokens.verifier)
    for worker in app.state.runtime.parts.workers:
        if isinstance(worker, DeliveryWorker):
            worker.retries = [pause * HASTE for pause in worker.retries]
            worker.questions = [pause * HASTE for pause in worker.questions]
    database = Database(url, pool=2)
    producer = kafka.producer()
    await producer.start()
    async with running(app) as http:
        yield World(http, kafka, sink, folder, database, tokens, app, producer)
    await producer.stop()
    await database.close()


def new_id() -> str:
    """A debtor id that no other test uses."""
    return f"D{next(_numbers):04d}"


def a_debtor(debtor_id: str | None = None, revision: int = 1, **changes: Any) -> DebtorChanged:
    """A debtor that uses EKTs by e-mail; `ekt` holds changes of the EKT configuration."""
    debtor_id = debtor_id or new_id()
    ekt = {"use_ekts": True, "accepts_ekts": True} | changes.pop("ekt", {})
    values = {
        "name": f"Bloemist {debtor_id}",
        "debtor_number": f"1{debtor_id[1:]}",
        "emails": (EmailAddress(address=f"{debtor_id.lower()}@bloemist.example"),),
        "changed_at": NOON,
    } | changes
    return DebtorChanged(debtor_id=debtor_id, revision=revision, ekt=EktConfiguration(**ekt), **values)


def address_of(debtor: DebtorChanged) -> str:
    return debtor.emails[0].address


def a_sale_line(line_id: str = "L1", **changes: Any) -> SaleLine:
    values = {
        "article": Article(
            vbn_code="16207",
            name="R GR Avalanche+",
            number="AVA-70",
            characteristics=(Characteristic(type="S20", value="070"),),
            country_of_origin="NL",
        ),
        "packing": Packing(code="997", price=Money(amount=Decimal("0.25"))),
        "pieces_per_unit": 10,
        "units": 8,
        "price": Money(amount=Decimal("0.56")),
        "grower": Grower(number="8622", name="Kwekerij"),
        "transaction_at": NOON,
    } | changes
    return SaleLine(line_id=line_id, **values)


def a_sale(debtor_id: str, *lines: SaleLine, revision: int = 1, **changes: Any) -> SaleCompleted:
    values = {"order_day": DAY, "completed_at": NOON} | changes
    return SaleCompleted(debtor_id=debtor_id, revision=revision, lines=lines or (a_sale_line(),), **values)


def a_request(debtor_id: str, revision: int = 1, **changes: Any) -> EktResendRequested:
    values = {
        "request_id": f"R{next(_numbers):05d}",
        "order_day": DAY,
        "requested_by": "Anna",
        "requested_at": NOON,
    } | changes
    return EktResendRequested(debtor_id=debtor_id, sale_revision=revision, **values)
