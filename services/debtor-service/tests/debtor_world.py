"""The running debtor service as its tests see it, and factories of what goes into it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import httpx
from debtor_service.app import create
from debtor_service.settings import DebtorSettings
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import TokenIssuer, eventually, publish, read_topic, running
from klokwerk_contracts import DebtorChanged, InvoiceCreated, SaleCompleted

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@dataclass(slots=True)
class World:
    """A running service, with what is needed to speak to it."""

    client: httpx.AsyncClient
    kafka: KafkaAddress
    database_url: str
    issuer: TokenIssuer

    def headers(self, *roles: str, revision: int | None = None, **more: str) -> dict[str, str]:
        found = self.issuer.headers(*(roles or ("sales", "finance"))) | more
        return found if revision is None else found | {"If-Match": f'"{revision}"'}

    async def make(self, **fields: Any) -> dict[str, Any]:
        """A card, made over HTTP."""
        answer = await self.client.post("/v1/debtors", json=card(**fields), headers=self.headers())
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def card(self, debtor_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"/v1/debtors/{debtor_id}", headers=self.headers("read-only"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def save(self, saved: dict[str, Any], **changes: Any) -> httpx.Response:
        """PUT a card as GET gave it, with changes."""
        return await self.client.put(
            f"/v1/debtors/{saved['debtor_id']}",
            json=saved | changes,
            headers=self.headers(revision=saved["revision"]),
        )

    async def settings(self) -> dict[str, Any]:
        """The customer settings."""
        return (await self.client.get("/v1/customer-settings", headers=self.headers("read-only"))).json()

    async def settle(self, **changes: Any) -> httpx.Response:
        """PUT the customer settings as GET gave them, with changes."""
        stored = await self.settings()
        numbering = stored["numbering"] | {"next_value": None} | changes.pop("numbering", {})
        return await self.client.put(
            "/v1/customer-settings",
            json=stored | {"numbering": numbering} | changes,
            headers=self.headers("finance", revision=stored["revision"]),
        )

    async def attach(
        self, debtor_id: str, content: bytes, name: str = "contract.pdf", *documents: str, **more: str
    ) -> httpx.Response:
        """Attach a file to a card."""
        return await self.client.post(
            f"/v1/debtors/{debtor_id}/attachments",
            params={"name": name, "documents": documents},
            content=content,
            headers=self.headers() | {"content-type": "application/octet-stream"} | more,
        )

    async def press(self, debtor_id: str, kind: str = "debtor") -> httpx.Response:
        """The button beside the number."""
        return await self.client.post(
            f"/v1/debtors/{debtor_id}/numbers", json={"kind": kind}, headers=self.headers()
        )

    async def set_range(
        self, administration: str, first: int, last: int, kind: str = "debtor", **more: Any
    ) -> dict[str, Any]:
        answer = await self.client.put(
            f"/v1/number-ranges/{administration}/{kind}",
            json={"first": first, "last": last, **more},
            headers=self.headers("finance"),
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def waiting(self, debtor_id: str) -> list[dict[str, Any]]:
        answer = await self.client.get("/v1/waiting?limit=200", headers=self.headers())
        return [item for item in answer.json()["items"] if item["debtor_id"] == debtor_id]

    async def publish(self, *events: Any) -> None:
        await publish(self.kafka, *events)

    async def told(self, debtor_id: str, *, at_least: int = 1) -> list[DebtorChanged]:
        """What `debtor.changed` says of a card, in order, once there are so many."""

        async def enough() -> list[DebtorChanged]:
            records = await read_topic(self.kafka, "debtor.changed")
            found = [
                DebtorChanged.model_validate_json(r.value) for r in records if r.key == debtor_id.encode()
            ]
            return found if len(found) >= at_least else []

        return await eventually(enough)

    async def number_comes(self, debtor_id: str, field: str = "debtor_number") -> str:
        async def number() -> str:
            return (await self.card(debtor_id))[field]

        return await eventually(number)


@asynccontextmanager
async def start_world(url: str, kafka: KafkaAddress, **settings: Any) -> AsyncIterator[World]:
    """Run the service in this process on real servers."""
    issuer = TokenIssuer()
    values = DebtorSettings(
        database_url=url, kafka=kafka.bootstrap, topic_prefix=kafka.prefix, issuer=issuer.issuer, **settings
    )
    async with running(create(values, verifier=issuer.verifier)) as client:
        yield World(client, kafka, url, issuer)


def fresh(prefix: str = "d") -> str:
    """An id that no other test uses."""
    return f"{prefix}-{secrets.token_hex(5)}"


def card(**fields: Any) -> dict[str, Any]:
    """A card as a form sends it."""
    return {"name": "Bloemisterij Jansen", "emails": [{"address": "info@jansen.example"}]} | fields


def sale(debtor_id: str, **changes: Any) -> SaleCompleted:
    """A completed distribution of one line."""
    values: dict[str, Any] = {
        "debtor_id": debtor_id,
        "order_day": date(2026, 11, 24),
        "revision": 1,
        "completed_at": NOW,
        "lines": [
            {
                "line_id": "L1",
                "article": {"vbn_code": "16207", "name": "R GR AVALANCHE+"},
                "packing": {"code": "997"},
                "pieces_per_unit": 50,
                "units": 2,
                "price": {"amount": "0.560"},
            }
        ],
    }
    return SaleCompleted.model_validate(values | changes)


def invoice(debtor_id: str, **changes: Any) -> InvoiceCreated:
    """An issued invoice of one line."""
    party = {"name": "Klaproos", "address": {"country": "NL"}}
    values: dict[str, Any] = {
        "invoice_id": fresh("i"),
        "invoice_number": fresh("n"),
        "debtor_id": debtor_id,
        "issue_date": date(2026, 11, 24),
        "seller": party,
        "buyer": party,
        "lines": [
            {
                "line_id": "1",
                "name": "Rosa",
                "quantity": "1",
                "price": "1",
                "net_amount": "1",
                "vat_percent": "9",
            }
        ],
        "vat": [{"category": "S", "percent": "9", "taxable": "1", "tax": "0.09"}],
        "totals": {"net": "1", "vat": "0.09", "gross": "1.09", "payable": "1.09"},
        "created_at": NOW,
    }
    return InvoiceCreated.model_validate(values | changes)
