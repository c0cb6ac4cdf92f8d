"""PostgreSQL goes away while work is done: services say so, wait, and go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from klokwerk_platform.demo.doors import until
from klokwerk_platform.readiness import is_ready
from klokwerk_platform.services import BACK_OFFICE, SERVICES
from system_world import World

pytestmark = pytest.mark.system


@asynccontextmanager
async def superuser(world) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(world.platform.servers.admin_database_url)
    try:
        yield connection
    finally:
        await connection.close()


def databases(world) -> dict[str, str]:
    """Name of each service's database, which is also its role."""
    prefix = world.platform.prefix.replace("-", "_").replace(".", "_")
    return {service.name: prefix + service.database for service in SERVICES}


async def cut_connections(connection: asyncpg.Connection, names: list[str]) -> None:
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1::text[])", names
    )


@pytest.fixture
async def patient(world) -> AsyncIterator[World]:
    """The world, used by somebody who repeats a request that was answered with 503.

    The first request after a cut gets such an answer: at the end every service has given it.
    """
    world.doors.patience = 30
    try:
        yield world
        for service in SERVICES:
            if service.name == BACK_OFFICE:
                world.doors._token = ("", 0.0)
            else:
                await world.doors.get(service.name, "/summary")
    finally:
        world.doors.patience = 0


async def test_connections_cut_again_and_again_lose_and_repeat_nothing(patient):
    world = patient
    names = list(databases(world).values())
    debtors: list[str] = []

    async def work() -> None:
        debtor = await world.debtor()
        body = {"debtor_id": debtor, "lines": [world.line(units=4)], "allocate": True}
        await world.doors.ask("sales-service", "POST", f"/days/{world.day}/lines", json=body)
        debtors.append(debtor)

    async with superuser(world) as connection:
        for _ in range(5):
            working = asyncio.gather(work(), work())
            await cut_connections(connection, names)
            await working
            await cut_connections(connection, names)
    for debtor in debtors:
        (mail,) = await world.mailed_times(debtor, 1)
        assert [line.units for line in (await world.read(mail))[1]] == [4]
        await world.ekt_sent(debtor)
    assert len({await world.number(debtor) for debtor in debtors}) == len(debtors)
    await world.all_read()
    assert [len(await world.mailed(debtor)) for debtor in debtors] == [1] * len(debtors)


async def test_a_database_that_is_away_makes_its_service_not_ready_and_it_goes_on_when_it_is_back(patient):
    world = patient
    debtor = await world.debtor()
    role = databases(world)["ekt-service"]
    url = world.platform.url("ekt-service")
    async with superuser(world) as connection:
        await connection.execute(f'alter role "{role}" connection limit 0')
        try:
            await cut_connections(connection, [role])

            async def not_ready() -> str:
                ready, said = await is_ready(url)
                return "" if ready else said

            said = await until("the EKT service says that it is not ready", not_ready)
            assert "database" in said
            # Everybody else goes on meanwhile.
            await world.sell(debtor)
            await world.number(debtor)
        finally:
            await connection.execute(f'alter role "{role}" connection limit -1')
    await world.platform.wait_ready("ekt-service")
    await world.mailed_times(debtor, 1)
    await world.ekt_sent(debtor)
    assert len(await world.mailed(debtor)) == 1
