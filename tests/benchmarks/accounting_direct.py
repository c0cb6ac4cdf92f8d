"""Direct export to a simulated Exact Online without limits, against a bare httpx loop that posts the same."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from accounting_cards import START, card, service_database
from ground import Ground
from klokwerk.clock import FixedClock
from klokwerk.command import calm_collector
from klokwerk.database import Database
from klokwerk.deliveries import Delivery
from klokwerk.sealing import Sealer
from klokwerk_platform.ports import free_ports
from klokwerk_platform.servers import start_simulators
from measure import Comparison, Side, Watch, compare
from sqlalchemy.ext.asyncio import AsyncConnection

RELATIONS = 3_000
GOAL = 0.7
NO_LIMITS = {"minutely_limit": 10_000_000, "daily_limit": 10_000_000}
SIMULATORS = ("access-point", "print-service", "exact-online", "vies", "moneybird", "mailchimp")
_RESET = sa.text(
    "truncate relation, line, export, export_line, export_progress, delivery, delivery_attempt cascade"
)


async def run(ground: Ground) -> list[Comparison]:
    """From the press of the button until every relation is over there and noted here."""
    from accounting_sync.links import AT_ONCE

    count = ground.count(RELATIONS)
    calm_collector()
    with tempfile.TemporaryDirectory() as folder:
        ports = dict(zip(SIMULATORS, free_ports(len(SIMULATORS)), strict=True))
        program = await start_simulators(Path(folder), ports)
        url = f"http://127.0.0.1:{ports['exact-online']}"
        try:
            async with service_database(ground.admin_url, "exact-direct") as database:
                link = _Link(database, url, count)
                await link.set_up()
                found = await compare(
                    "accounting, direct",
                    Side(f"DirectExport, {AT_ONCE} at once", link.ours, link.listed),
                    Side(f"bare httpx loop, {AT_ONCE} at once", link.bare, link.forgotten),
                    unit="relations",
                    pace=ground.pace,
                    goal=ground.wanted(GOAL),
                )
                await link.close()
        finally:
            await program.stop()
    return [found]


class _Link:
    """The service's parts on one database, and the simulator."""

    def __init__(self, database: Database, url: str, count: int) -> None:
        from accounting_sync.app import delivery_worker
        from accounting_sync.channel import DirectChannel
        from accounting_sync.direct_export import DirectExport
        from accounting_sync.links import Links

        self._database, self._url, self._count = database, url, count
        self._clock = FixedClock(START)
        self._http = httpx.AsyncClient(base_url=url, timeout=30)
        self._box = Sealer("a key for benchmarks only", "accounting-sync/connection")
        self._links = Links(database, self._clock, self._box, httpx.AsyncClient(timeout=20))
        self._direct = DirectExport(database, self._clock)
        channel = DirectChannel(database, self._clock, self._links)
        self._worker = delivery_worker(database, self._clock, channel, self._direct, timedelta(seconds=15))
        self._over, self._sent, inner = asyncio.Event(), 0, self._direct.on_changes

        async def watched(connection: AsyncConnection, changed: Sequence[Delivery]) -> None:
            await inner(connection, changed)
            self._sent += len(changed)
            if self._sent >= self._count:
                self._over.set()

        self._worker._recorder.on_changes = watched
        self._bodies: list[dict[str, Any]] = []
        self._token = ""

    async def set_up(self) -> None:
        """Let the simulator in and us into it."""
        from accounting_sync.consumers import snapshot_of
        from accounting_sync.domain.targets import Target
        from accounting_sync.store import cards, connections
        from accounting_sync.targets.exact_tokens import ExactCredentials

        (await self._http.put("/_exact", json=NO_LIMITS)).raise_for_status()
        tokens = (await self._http.post("/_exact/token")).json()
        self._token = tokens["access_token"]
        credentials = ExactCredentials(
            self._url, 102030, "klokwerk", "klokwerk-secret", tokens["refresh_token"], self._token, START
        )
        async with self._database.transaction() as connection:
            await connections.save(
                connection, self._box, "main", Target.EXACT_DIRECT, credentials, self._clock.now()
            )
            plain = {"addresses": [], "bank_accounts": []}
            await cards.take_in(
                connection, [snapshot_of(card(n, **plain)) for n in range(self._count)], START
            )

    async def listed(self) -> None:
        """Everybody in the queue, nobody over there."""
        from accounting_sync.domain.relation import Kind
        from accounting_sync.fetching import fetch
        from accounting_sync.store import administrations

        await self.forgotten()
        async with self._database.transaction() as connection:
            await connection.execute(_RESET)
            main = await administrations.find(connection, "main")
            assert main is not None
            await administrations.fill(connection, main)
        await fetch(self._database, self._clock, main, Kind.DEBTORS)

    async def forgotten(self) -> None:
        """Nobody over there."""
        for path in ("/_stored", "/_requests"):
            (await self._http.delete(path)).raise_for_status()

    async def ours(self, watch: Watch) -> int:
        from accounting_sync.domain.relation import Kind
        from accounting_sync.exporting import Order
        from accounting_sync.store import administrations

        stop = asyncio.Event()
        self._over.clear()
        self._sent = 0
        running = asyncio.create_task(self._worker.run(stop))
        await asyncio.sleep(0.05)
        watch.start()
        async with self._database.transaction() as connection:
            main = await administrations.find(connection, "main")
            assert main is not None
            await self._direct.begin(connection, Order(main, Kind.DEBTORS, None, "bench", "Bench"))
        await self._direct.hand_over_claimed()
        await self._over.wait()
        watch.stop()
        stop.set()
        await running
        assert await self._none_left()
        return self._count

    async def bare(self, _watch: Watch) -> int:
        """Post the same bodies; what one would write without noting anything."""
        from accounting_sync.links import AT_ONCE

        numbers = iter(range(self._count))
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        async with httpx.AsyncClient(timeout=20) as http:

            async def post() -> None:
                for number in numbers:
                    body = _body(number)
                    answer = await http.post(
                        f"{self._url}/api/v1/102030/crm/Accounts", json=body, headers=headers
                    )
                    assert answer.status_code == 201, answer.text
                    assert answer.json()["d"]["ID"]

            await asyncio.gather(*(post() for _ in range(AT_ONCE)))
        return self._count

    async def close(self) -> None:
        await self._links.close()
        await self._http.aclose()

    async def _none_left(self) -> bool:
        async with self._database.connect() as connection:
            return not (await connection.execute(sa.text("select exists (select from line)"))).scalar_one()


def _body(number: int) -> dict[str, Any]:
    return {
        "Code": str(1_000_000 + number).rjust(18),
        "Name": f"Bloemen {number} B.V.",
        "SearchCode": f"BL{number}",
        "Phone": "+31 297 123456",
        "Email": f"post{number}@example.com",
        "Language": "NL",
        "VATNumber": "NL004495445B01",
        "ChamberOfCommerce": "34104408",
        "SalesCurrency": "EUR",
        "PaymentConditionSales": "30",
        "Blocked": False,
        "Status": "C",
    }
