"""The running service with all it stands on, and the other side, as tests talk to them."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from accounting_sync.app import create
from accounting_sync.links import Links
from accounting_sync.settings import AccountingSettings
from klokwerk.clock import Clock, FixedClock
from klokwerk.database import Database
from klokwerk.kafka import KafkaAddress
from klokwerk.sealing import Sealer
from klokwerk.testing import TokenIssuer, eventually, publish, running
from klokwerk_contracts import DebtorChanged
from klokwerk_platform.http_server import serving
from klokwerk_platform.ports import free_ports
from klokwerk_platform.simulators import exact_online as exact_simulator
from klokwerk_platform.simulators import moneybird as moneybird_simulator

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
SECRET = "a-key-for-tests-only-0123456789"


def reference(name: str) -> Path:
    folder = Path(os.environ.get("KLOKWERK_REFERENCE", Path(__file__).resolve().parents[4] / "shared"))
    path = folder / "formats" / "accounting-schemas" / name
    if not path.exists():
        pytest.skip(f"the reference folder with {name} is not here; set KLOKWERK_REFERENCE")
    return path


class OtherSide:
    """A simulated accounting system: what it has and how it is told to behave."""

    settings = ""

    def __init__(self, url: str) -> None:
        self.url = url
        # A connection that was idle may be closed from over there in the moment in which it is used again.
        fresh = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.AsyncClient(base_url=url, timeout=10, limits=fresh)

    async def set(self, **settings: Any) -> None:
        (await self._http.put(f"/{self.settings}", json=settings)).raise_for_status()

    async def behave(self, **behaviour: Any) -> None:
        """Misbehave as told; without arguments, behave."""
        (await self._http.put("/_control", json=behaviour)).raise_for_status()

    async def stored(self, name: str) -> list[dict[str, Any]]:
        return [row["item"]["fields"] for row in (await self._http.get("/_stored")).json()[name]]

    async def requests(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        return (await self._http.get("/_requests", params={"method": method, "path": path})).json()

    async def reset(self) -> None:
        for path in ("/_control", "/_requests", "/_stored"):
            (await self._http.delete(path)).raise_for_status()
        await self.set()

    async def close(self) -> None:
        await self._http.aclose()


class MoneybirdWorld(OtherSide):
    """The simulated Moneybird."""

    settings = "_moneybird"

    async def contacts(self) -> list[dict[str, Any]]:
        """The contacts it has, by customer id."""
        rows = (await self._http.get("/_stored")).json()["moneybird_contacts"]
        found = [{**row["item"]["fields"], "writes": row["item"]["writes"]} for row in rows]
        return sorted(found, key=lambda fields: str(fields["customer_id"]))


class ExactWorld(OtherSide):
    """The simulated Exact Online."""

    settings = "_exact"

    async def tokens(self) -> dict[str, str]:
        return (await self._http.post("/_exact/token")).json()

    async def visit(self, authorize_url: str) -> dict[str, str]:
        """Go to the consent page, and what the browser comes back with."""
        answer = await self._http.get(authorize_url)
        assert answer.status_code == 302, answer.text
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    async def imports(self, file: bytes) -> bytes:
        """What a person does with an exported file, and the result file they are given."""
        answer = await self._http.post("/docs/XMLUpload.aspx", params={"Topic": "Accounts"}, content=file)
        answer.raise_for_status()
        return answer.content

    async def revoke(self) -> None:
        (await self._http.post("/_exact/revoke")).raise_for_status()

    async def accounts(self) -> list[dict[str, Any]]:
        """The relations it has, codes without padding, by code."""
        rows = (await self._http.get("/_stored")).json()["exact_accounts"]
        found = [{**row["item"]["fields"], "writes": row["item"]["writes"]} for row in rows]
        return sorted(
            ({**fields, "Code": fields["Code"].strip()} for fields in found),
            key=lambda fields: fields["Code"],
        )


@asynccontextmanager
async def exact_online(clock: Clock) -> AsyncIterator[ExactWorld]:
    """A simulated Exact Online on a port of its own, ageing its tokens by `clock`."""
    (port,) = free_ports(1)
    async with serving([(exact_simulator.create_app(clock), port)]):
        world = ExactWorld(f"http://127.0.0.1:{port}")
        yield world
        await world.close()


@asynccontextmanager
async def moneybird(clock: Clock) -> AsyncIterator[MoneybirdWorld]:
    """A simulated Moneybird on a port of its own."""
    (port,) = free_ports(1)
    async with serving([(moneybird_simulator.create_app(clock), port)]):
        world = MoneybirdWorld(f"http://127.0.0.1:{port}")
        yield world
        await world.close()


@dataclass
class World:
    """The running service."""

    client: httpx.AsyncClient
    clock: Any
    kafka: KafkaAddress
    exact: ExactWorld
    moneybird: MoneybirdWorld
    database: Database
    folder: Path
    issuer: TokenIssuer
    settings: AccountingSettings | None = None

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[None]:
        """A second process of the service, as far as anybody can see, on the same database and topics."""
        assert self.settings is not None
        async with running(create(self.settings, clock=self.clock, verifier=self.issuer.verifier)):
            yield

    @asynccontextmanager
    async def links(self) -> AsyncIterator[Links]:
        """The links of another process, without the process."""
        box = Sealer(SECRET, "accounting-sync/connection")
        links = Links(self.database, self.clock, box, httpx.AsyncClient(timeout=2))
        yield links
        await links.close()

    async def ask(self, method: str, path: str, *, roles: tuple[str, ...] = ("finance",), **more: Any) -> Any:
        """A request of a person with `roles`; the raw answer."""
        headers = {**self.issuer.headers(*roles), **more.pop("headers", {})}
        return await self.client.request(method, f"/v1{path}", headers=headers, **more)

    async def books(self, target: str = "exact-xml", **settings: Any) -> Books:
        """A new administration that nobody else uses."""
        books = Books(self, f"b{secrets.token_hex(4)}")
        body = {
            "name": "Books",
            "target": target,
            "ranges": {
                "debtors": {"first": 10_000, "last": 19_999},
                "creditors": {"first": 20_000, "last": 29_999},
            },
            "mappings": {"payment_terms": {"14": "14", "30": "30"}, "currencies": {"EUR": "EUR"}},
            **settings,
        }
        if target == "exact-direct" and "credentials" not in body:
            body["credentials"] = {
                "base_url": self.exact.url,
                "division": 102030,
                "client_id": "klokwerk",
                "client_secret": "klokwerk-secret",
            }
        elif target == "moneybird" and "credentials" not in body:
            body["credentials"] = {
                "base_url": f"{self.moneybird.url}/api/v2",
                "administration_id": "123456789",
                "token": "moneybird-token",
            }
        answer = await self.ask("PUT", f"/administrations/{books.code}", json=body)
        assert answer.status_code == 201, answer.text
        if target == "exact-direct":
            answer = await self.consent(books.code)
            assert answer.status_code == 200, answer.text
        return books

    async def consent(self, code: str) -> httpx.Response:
        """A person goes to Exact Online's consent page, says yes and comes back."""
        return await self.ask("POST", "/consents", json=await self.exact.visit(await self.authorize(code)))

    async def authorize(self, code: str) -> str:
        """The consent page that a person is sent to."""
        back = {"redirect_uri": "http://here/back"}
        answer = await self.ask("POST", f"/administrations/{code}/consents", json=back)
        assert answer.status_code == 201, answer.text
        return answer.json()["authorize_url"]

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        """What the database holds, for what can't be seen from outside."""
        async with self.database.connect() as connection:
            return list(await connection.execute(sa.text(statement), values))


@dataclass
class Books:
    """One administration, as a person of finance works with it."""

    world: World
    code: str
    kind: str = "debtors"
    _made: int = field(default=0)

    def creditors(self) -> Books:
        """The same administration, its creditors."""
        return Books(self.world, self.code, "creditors", self._made + 500)

    def card(self, number: str | None = "next", **fields: Any) -> DebtorChanged:
        """A card in its first revision that could be exported as it is."""
        self._made += 1
        if number == "next":
            number = str((10_000 if self.kind == "debtors" else 20_000) + self._made)
        one = self.kind[:-1]
        return DebtorChanged.model_validate(
            {
                "administration": self.code,
                "debtor_id": f"{self.code}-{self._made}",
                "revision": 1,
                "kinds": [one],
                "name": f"Relation {self._made:03}",
                f"{one}_number": number or "",
                "addresses": [
                    {
                        "kind": "visit",
                        "lines": ["Kade 1"],
                        "postal_code": "1011 AB",
                        "city": "Amsterdam",
                        "country": "NL",
                    }
                ],
                "payment_term_days": 30,
                "changed_at": START,
                **fields,
            }
        )

    async def publish(self, *cards: DebtorChanged) -> None:
        """Publish cards on Kafka as the debtor service does, and wait until they were taken in."""
        await publish(self.world.kafka, *cards)
        wanted = {
            card.debtor_id: max(c.revision for c in cards if c.debtor_id == card.debtor_id) for card in cards
        }

        async def taken_in() -> bool:
            rows = await self.world.rows(
                "select debtor_id, revision from card where administration = :code", code=self.code
            )
            known = {row.debtor_id: row.revision for row in rows}
            return all(known.get(debtor, 0) >= revision for debtor, revision in wanted.items())

        await eventually(taken_in)

    async def fetch(self) -> dict[str, int]:
        answer = await self.world.ask("POST", f"/{self.code}/{self.kind}/fetch")
        assert answer.status_code == 200, answer.text
        return {name: value for name, value in answer.json().items() if name != "job"}

    async def lines(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.world.ask(
            "GET", f"/{self.code}/{self.kind}/lines", params={"limit": 200, **query}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    async def line(self, name: str) -> dict[str, Any]:
        (found,) = [line for line in await self.lines() if line["name"] == name]
        return found

    async def status(self, action: str, *lines: dict[str, Any]) -> httpx.Response:
        body = {"line_ids": [line["id"] for line in lines], "action": action}
        return await self.world.ask("POST", f"/{self.code}/{self.kind}/lines/status", json=body)

    async def export(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        body = {"line_ids": [line["id"] for line in lines]} if lines else {}
        answer = await self.world.ask("POST", f"/{self.code}/{self.kind}/export", json=body, **more)
        assert answer.status_code in (201, 202), answer.text
        made = answer.json()

        async def written() -> dict[str, Any] | None:
            now = await self.exported(made)
            return now if now["state"] != "planned" else None

        return await eventually(written) if made["state"] == "planned" else made

    async def exports(self) -> list[dict[str, Any]]:
        return (await self.world.ask("GET", f"/{self.code}/exports")).json()["items"]

    async def exported(self, export: dict[str, Any]) -> dict[str, Any]:
        return (await self.world.ask("GET", f"/{self.code}/exports/{export['id']}")).json()

    async def finished(self, export: dict[str, Any]) -> dict[str, Any]:
        """The export once none of its lines is under way any more."""

        async def done() -> dict[str, Any] | None:
            now = await self.exported(export)
            return now if now["state"] == "done" and not now["open"] else None

        return await eventually(done)

    async def file(self, export: dict[str, Any]) -> bytes:
        return (await self.world.ask("GET", f"/{self.code}/exports/{export['id']}/file")).content

    async def taken_up(self, *cards: DebtorChanged) -> list[dict[str, Any]]:
        """Publish, fetch, and give the lines."""
        await self.publish(*cards)
        await self.fetch()
        return await self.lines()


def changed(card: DebtorChanged, **fields: Any) -> DebtorChanged:
    """The card in its next revision."""
    return DebtorChanged.model_validate({**card.model_dump(), "revision": card.revision + 1, **fields})


@asynccontextmanager
async def start_world(url: str, kafka: KafkaAddress, folder: Path) -> AsyncIterator[World]:
    """The service on the given database and topics, with a simulated Exact Online."""
    clock = FixedClock(START)
    issuer = TokenIssuer()
    settings = AccountingSettings(
        database_url=url,
        kafka=kafka.bootstrap,
        topic_prefix=kafka.prefix,
        secret_key=SECRET,
        export_folder=folder,
        exact_timeout_seconds=2,
        worker_seconds=0.1,
        connection_test_hours=0,
    )
    async with exact_online(clock) as exact, moneybird(clock) as birds:
        await exact.set(minutely_limit=100_000, daily_limit=100_000, error_limit=100_000)
        database = Database(url)
        async with running(create(settings, clock=clock, verifier=issuer.verifier)) as client:
            yield World(client, clock, kafka, exact, birds, database, folder, issuer, settings)
        await database.close()
