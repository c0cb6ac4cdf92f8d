"""The service as a process of its own, killed with SIGKILL in the middle of an export, and started again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from accounting_world import SECRET, Books, ExactWorld, World, exact_online, moneybird
from fastapi import FastAPI
from klokwerk.clock import SystemClock, write_shift
from klokwerk.database import Database
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import TokenIssuer, eventually, fresh_database, own_prefix, topics, topics_of
from klokwerk_contracts import DebtorChanged
from klokwerk_platform.http_server import serving
from klokwerk_platform.ports import free_ports
from lxml import etree


class Service:
    """`python -m accounting_sync serve` with a way to kill it."""

    def __init__(self, environment: dict[str, str], port: int) -> None:
        self._environment = environment
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "accounting_sync",
            "serve",
            env={**os.environ, **self._environment, "KLOKWERK_PORT": str(self._port)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self._port}") as client:

            async def ready() -> bool:
                try:
                    return (await client.get("/health/ready")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(ready, within=120)

    async def running(self) -> None:
        """See that it runs, whatever a test before did to it."""
        if self._process is None or self._process.returncode is not None:
            await self.start()

    async def kill(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def _keys(issuer: TokenIssuer) -> AsyncIterator[str]:
    app = FastAPI()

    @app.get("/keys")
    async def keys() -> dict[str, object]:
        return {"keys": [issuer.key.as_dict(private=False)]}

    (port,) = free_ports(1)
    async with serving([(app, port)]):
        yield f"http://127.0.0.1:{port}/keys"


@pytest.fixture(scope="module")
async def started(platform_servers, tmp_path_factory) -> AsyncIterator[tuple[Service, World]]:
    """One process for all tests of this file; each kills it and starts it again."""
    tmp_path: Path = tmp_path_factory.mktemp("killed")
    kafka = KafkaAddress(platform_servers.kafka, own_prefix())
    issuer = TokenIssuer()
    shift = tmp_path / "clock.json"
    clock = SystemClock(shift_file=shift)
    (tmp_path / "exports").mkdir()
    (port,) = free_ports(1)
    async with (
        topics(kafka, topics_of("accounting-sync", DebtorChanged)),
        fresh_database(platform_servers.admin_database_url, "accounting_sync") as url,
        exact_online(clock) as exact,
        moneybird(clock) as birds,
        _keys(issuer) as keys,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        environment = {
            "KLOKWERK_DATABASE_URL": url,
            "KLOKWERK_KAFKA": kafka.bootstrap,
            "KLOKWERK_TOPIC_PREFIX": kafka.prefix,
            "KLOKWERK_SECRET_KEY": SECRET,
            "KLOKWERK_EXPORT_FOLDER": str(tmp_path / "exports"),
            "KLOKWERK_CLOCK_FILE": str(shift),
            "KLOKWERK_WORKER_SECONDS": "0.2",
            "KLOKWERK_DELIVERY_LEASE_SECONDS": "1",
            "KLOKWERK_CONNECTION_TEST_HOURS": "0",
            "KLOKWERK_ISSUER": issuer.issuer,
            "KLOKWERK_JWKS_URL": keys,
        }
        running = Service(environment, port)
        await running.start()
        database = Database(url)
        yield running, World(client, clock, kafka, exact, birds, database, tmp_path / "exports", issuer)
        await database.close()
        await running.kill()


@pytest.fixture
async def service(started: tuple[Service, World]) -> tuple[Service, World]:
    process, world = started
    await process.running()
    await world.exact.reset()
    return started


async def _state(books: Books) -> str:
    rows = await books.world.rows("select state from export where administration = :code", code=books.code)
    return rows[0].state if rows else ""


async def test_a_file_export_killed_in_the_middle_ends_as_one_whole_file(
    service: tuple[Service, World],
) -> None:
    process, world = service
    books = await world.books()
    count = 1500
    await books.taken_up(*(books.card() for _ in range(count)))
    asking = asyncio.create_task(world.ask("POST", f"/{books.code}/debtors/export"))
    await eventually(lambda: _is(books, "planned"), within=60)
    await process.kill()
    await asyncio.gather(asking, return_exceptions=True)
    await process.start()
    await eventually(lambda: _is(books, "done"), within=60)
    (entry,) = await books.exports()
    files = sorted(path.name for path in (world.folder / books.code).iterdir())
    assert files == [entry["file_name"]]
    document = etree.fromstring((world.folder / books.code / entry["file_name"]).read_bytes())
    assert len({account.get("code") for account in document.iterfind("Accounts/Account")}) == count
    assert (entry["synced"], await books.lines()) == (count, [])


async def _is(books: Books, wanted: str) -> bool:
    return await _state(books) == wanted


async def test_a_direct_export_killed_after_the_insert_left_makes_no_duplicate(
    service: tuple[Service, World],
) -> None:
    process, world = service
    books = await world.books("exact-direct")
    await books.taken_up(books.card(), books.card())
    await world.exact.behave(slow_seconds=0.5, only_methods=["POST"], only_paths=["/api/v1"])
    await books.export()
    await eventually(lambda: _posted(world.exact))
    await process.kill()
    await world.exact.behave()
    await process.start()
    (entry,) = await books.exports()
    done = await books.finished(entry)
    assert (done["synced"], done["failed"]) == (2, 0)
    assert [(account["Code"], account["writes"]) for account in await world.exact.accounts()] == [
        ("10001", 1),
        ("10002", 1),
    ]


async def _posted(exact: ExactWorld) -> bool:
    return bool(await exact.requests("POST", "/api/v1"))


_RENEWING = "select 1 from connection where administration = :code and renewing_by is not null"
_WAITS = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def test_a_sign_in_renewal_killed_between_exacts_answer_and_our_commit_is_found_and_costs_no_line(
    service: tuple[Service, World],
) -> None:
    """The moment that nothing can close: the new pair is known to the dead process alone (decision 0035)."""
    process, world = service
    books = await world.books("exact-direct")
    await books.taken_up(books.card())
    write_shift(world.folder.parent / "clock.json", timedelta(minutes=10))
    await world.exact.behave(slow_seconds=0.5, only_paths=["/api/oauth2/token"])
    export = await books.export()

    async def seen(statement: str, **values: str) -> bool:
        return bool(await world.rows(statement, **values))

    await eventually(lambda: seen(_RENEWING, code=books.code))
    async with world.database.transaction() as connection:
        lock = "select 1 from connection where administration = :code for update"
        await connection.execute(sa.text(lock), {"code": books.code})
        await eventually(lambda: seen(_WAITS))  # Exact has answered, and the pair can't be committed
        await process.kill()
    await world.exact.behave()
    async with world.database.transaction() as connection:
        past = "update connection set renewing_since = clock_timestamp() - interval '2 minutes'"
        await connection.execute(sa.text(past))
    await process.start()

    async def told() -> dict[str, object] | None:
        state = (await world.ask("GET", f"/administrations/{books.code}")).json()["connection"]
        return state if state["needs_consent"] else None

    state = await eventually(told)
    assert "interrupted" in str(state["why"])
    asked = [one["body"] for one in await world.exact.requests("POST", "/api/oauth2/token")]
    renewals = Counter(body for body in asked if "grant_type=refresh_token" in body)
    assert max(renewals.values()) == 2, f"lost, tried once: {asked}"
    assert await world.exact.accounts() == []
    assert len(await books.lines()) == 1
    assert (await world.consent(books.code)).status_code == 200
    write_shift(world.folder.parent / "clock.json", timedelta(hours=25))
    assert (await books.finished(export))["synced"] == 1
    assert [account["writes"] for account in await world.exact.accounts()] == [1]
