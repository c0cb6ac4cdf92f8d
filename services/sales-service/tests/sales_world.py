"""The running sales service as tests see it: its HTTP API, its topics, and factories of what goes in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import orjson
from klokwerk.clock import FixedClock
from klokwerk.database import Database
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import TokenIssuer, eventually, publish, read_topic, running
from klokwerk_contracts import DebtorChanged, Event
from klokwerk_contracts.debtor_changed import CardAddress, EktConfiguration
from klokwerk_contracts.sale_completed import Article, Packing, SaleCompleted, SaleLine
from klokwerk_contracts.types import Money
from sales_service.app import Stand, create
from sales_service.settings import SalesSettings
from sqlalchemy import text

MONDAY = date(2026, 3, 9)
NOON = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
WEBSHOP = "//webshop.test"
NUMBERS = count(1)
WINDOW = timedelta(seconds=2)
"""How long corrections are gathered by default."""

SELLER = {
    "name": "Bloem Groothandel B.V.",
    "address": {
        "lines": ["Legmeerdijk 313"],
        "postal_code": "1431 GB",
        "city": "Aalsmeer",
        "country": "NL",
    },
    "vat_number": "NL123456782B12",
    "chamber_number": "12345678",
    "electronic": {"scheme": "0106", "identifier": "12345678"},
    "email": "facturen@bloem.example",
    "iban": "NL91ABNA0417164300",
    "payment_term_days": 14,
}


def card(
    debtor_id: str | None = None, *, revision: int = 1, use_ekts: bool = True, **more: Any
) -> DebtorChanged:
    """A customer in Naaldwijk that uses EKTs."""
    name = more.pop("name", f"Bloemist {next(NUMBERS)}")
    values: dict[str, Any] = {
        "debtor_id": debtor_id or f"D-{uuid4().hex[:8]}",
        "revision": revision,
        "name": name,
        "debtor_number": "10042",
        "addresses": (
            CardAddress(lines=("Markt 1",), postal_code="2671 AB", city="Naaldwijk", country="NL"),
        ),
        "emails": ({"address": "winkel@bloemist.example"},),
        "ekt": EktConfiguration(use_ekts=use_ekts),
        "changed_at": NOON,
    }
    return DebtorChanged(**{**values, **more})


def line(**more: Any) -> dict[str, Any]:
    """A sale line that lacks nothing: 10 units of 80 stems at 0.56."""
    return {
        "article": {"vbn_code": "10120", "name": "R GR RED NAOMI", "number": "A-100"},
        "packing": {"code": "997"},
        "pieces_per_unit": 80,
        "units": 10,
        "price": {"amount": "0.560", "currency": "EUR"},
        **more,
    }


def sold_line(line_id: str = "W-1", *, units: int = 10, price: str = "0.560") -> SaleLine:
    """A line as another system publishes it."""
    return SaleLine(
        line_id=line_id,
        article=Article(vbn_code="10120", name="R GR RED NAOMI"),
        packing=Packing(code="997"),
        pieces_per_unit=80,
        units=units,
        price=Money(amount=price),
    )


def foreign_sale(debtor_id: str, *lines: SaleLine, day: date = MONDAY, revision: int = 1) -> SaleCompleted:
    """A sale that another system completed."""
    return SaleCompleted(
        debtor_id=debtor_id,
        order_day=day,
        revision=revision,
        completed_at=NOON,
        lines=lines or (sold_line(),),
    )


@dataclass
class World:
    """One running service.

    Attributes:
        client: sends requests without a token; use `get`, `post`, ... for a person's.
    """

    client: httpx.AsyncClient
    kafka: KafkaAddress
    database_url: str
    issuer: TokenIssuer
    clock: FixedClock
    roles: tuple[str, ...] = ("sales", "finance")
    _database: Database | None = field(default=None)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.ask("POST", path, json=body, **options)

    async def put(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return await self.ask("PUT", path, json=body, **options)

    async def ask(
        self, method: str, path: str, *, roles: tuple[str, ...] | None = None, **options: Any
    ) -> httpx.Response:
        headers = {
            **self.issuer.headers(*(self.roles if roles is None else roles)),
            **options.pop("headers", {}),
        }
        return await self.client.request(method, f"/v1{path}", headers=headers, **options)

    async def publish(self, *events: Event, source: str = WEBSHOP) -> None:
        await publish(self.kafka, *events, source=source)

    async def debtor(self, **more: Any) -> DebtorChanged:
        """A new customer that has reached the service."""
        event = card(**more)
        await self.know(event)
        return event

    async def know(self, event: DebtorChanged) -> None:
        """Publish a card and wait until the service holds it."""
        await self.publish(event, source="/debtor-service")

        async def known() -> bool:
            answer = await self.get(f"/debtors/{event.debtor_id}")
            return answer.status_code == 200 and answer.json()["revision"] >= event.revision

        await eventually(known)

    async def sell(
        self, debtor_id: str, *lines: dict[str, Any], day: date = MONDAY, allocate: bool = True
    ) -> list[str]:
        """Enter lines (one that lacks nothing unless given) and allocate them; their ids."""
        body = {"debtor_id": debtor_id, "lines": list(lines) or [line()], "allocate": allocate}
        answer = await self.post(f"/days/{day}/lines", body)
        assert answer.status_code == 201, answer.text
        return list(answer.json()["line_ids"])

    async def day(self, debtor_id: str, day: date = MONDAY) -> dict[str, Any]:
        """The distribution as the service shows it."""
        answer = await self.get(f"/days/{day}/debtors/{debtor_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def events(
        self, topic: str, key: str, *, at_least: int = 0, source: str = "/sales-service"
    ) -> list[dict[str, Any]]:
        """Bodies of what the service published under `key`, in order, once there are so many."""

        async def enough() -> list[dict[str, Any]] | bool:
            found = [
                orjson.loads(record.value)
                for record in await read_topic(self.kafka, topic)
                if record.key == key.encode() and dict(record.headers)["ce_source"] == source.encode()
            ]
            return found if len(found) >= max(at_least, 1) else False

        return list(await eventually(enough)) if at_least else await self._none_left(topic, key, source)

    async def _none_left(self, topic: str, key: str, source: str) -> list[dict[str, Any]]:
        """Everything under `key`, after the outbox has run empty."""

        async def empty() -> bool:
            return await self.sql("select count(*) from outbox") == [(0,)]

        await eventually(empty)
        return [
            orjson.loads(record.value)
            for record in await read_topic(self.kafka, topic)
            if record.key == key.encode() and dict(record.headers)["ce_source"] == source.encode()
        ]

    async def listed(self, debtor_id: str, day: date = MONDAY) -> dict[str, Any]:
        """The row of a debtor in the list of a day, once it is there."""

        async def there() -> dict[str, Any]:
            found = await self.get(f"/days/{day}/debtors", params={"q": debtor_id})
            return next(iter(found.json()["items"]), {})

        return await eventually(there)

    async def told(self, *others: World) -> None:
        """Let the moment pass for which corrections are gathered; returns when all of them are published."""
        for world in (self, *others):
            world.clock.advance(WINDOW)

        async def none_waits() -> bool:
            return await self.sql("select count(*) from distributions where publish_due is not null") == [
                (0,)
            ]

        await eventually(none_waits)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        """Rows straight from the database."""
        database = self._database = self._database or Database(self.database_url, pool=2)
        async with database.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), values)]

    async def own_company(self) -> None:
        """Fill in our own company."""
        answer = await self.put("/seller", SELLER, headers={"If-Match": '"0"'})
        assert answer.status_code in (200, 412), answer.text

    async def finalised(self, debtor_id: str, **more: Any) -> dict[str, Any]:
        """A new invoice, issued."""
        body = {
            "debtor_id": debtor_id,
            "lines": [{"name": "Rosa Red Naomi", "quantity": "800", "price": "0.56"}],
            **more,
        }
        draft = await self.post("/invoices", body)
        assert draft.status_code == 201, draft.text
        final = await self.post(f"/invoices/{draft.json()['invoice_id']}/finalise")
        assert final.status_code == 200, final.text
        return dict(final.json())

    async def close(self) -> None:
        if self._database is not None:
            await self._database.close()


@asynccontextmanager
async def start_world(
    database_url: str, kafka: KafkaAddress, issuer: TokenIssuer | None = None
) -> AsyncIterator[World]:
    """The service on a database and topics that exist already."""
    issuer = issuer or TokenIssuer()
    clock = FixedClock(NOON)
    settings = SalesSettings(
        database_url=database_url, kafka=kafka.bootstrap, topic_prefix=kafka.prefix, issuer=issuer.issuer
    )
    async with running(create(settings, Stand(clock, issuer.verifier))) as client:
        world = World(client, kafka, database_url, issuer, clock)
        try:
            yield world
        finally:
            await world.close()
