"""The whole platform for tests, started once a test run: fixtures ``platform`` and ``doors``.

It stands on the PostgreSQL and the Kafka of ``platform_servers`` with topics, groups and databases of its own, so
it goes beside the tests of single parts and, with ``--platform external``, beside other people's. Mail sink and
simulators are its own, since tests make them misbehave. All clocks start at a known moment of an order day and run
on from there.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient
from klokwerk.clock import moment_on, write_shift
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import own_prefix

from klokwerk_platform.demo.doors import Doors
from klokwerk_platform.demo.run import doors_of
from klokwerk_platform.platform import Platform
from klokwerk_platform.servers import Servers, variable
from klokwerk_platform.services import SERVICES
from klokwerk_platform.testing import nothing_given, temporary_folder

__all__ = ["FIRST_DAY", "doors", "doors_of", "platform", "running_platform"]

FIRST_DAY = date(2026, 11, 24)
"""The order day at whose nine o'clock the services' clocks start: the first one of ``demo/``."""
OPTIONS = {
    "KLOKWERK_SUPPORT_PHONE": "+31 71 000 00 00",
    "KLOKWERK_SUPPORT_EMAIL": "help@trade.example",
    # A sending that was broken off by kill -9 is asked about after so long.
    "KLOKWERK_DELIVERY_LEASE_SECONDS": "3",
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(platform_servers: Servers) -> AsyncIterator[Platform]:
    """All services, shared by every test of the run that needs them whole."""
    async with running_platform(platform_servers) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def doors(platform: Platform) -> AsyncIterator[Doors]:
    """The services' APIs and what the outside shows, as a machine client with every role."""
    opened = doors_of(platform)
    yield opened
    await opened.close()


@asynccontextmanager
async def running_platform(servers: Servers) -> AsyncIterator[Platform]:
    """All services on running servers; what they made there is removed afterwards."""
    folder = temporary_folder()
    moment = moment_on(FIRST_DAY, time(9), ZoneInfo("Europe/Amsterdam"))
    write_shift(folder / "clock.json", moment - datetime.now(UTC))
    platform = Platform(folder, hasty=True, prefix=own_prefix())
    try:
        async with nothing_given():
            with _environment(_shared(servers) | OPTIONS):
                await platform.start()
        yield platform
    finally:
        await platform.stop()
        await _remove_traces(servers, platform.prefix)
        shutil.rmtree(folder, ignore_errors=True)


def _shared(servers: Servers) -> dict[str, str]:
    """The addresses of what is not started anew."""
    return {
        variable("admin_database_url"): servers.admin_database_url,
        variable("kafka"): servers.kafka,
    }


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables while the platform starts, and not while other tests run."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


async def _remove_traces(servers: Servers, prefix: str) -> None:
    """Drop the topics and databases of one platform on servers that others go on using."""
    address = KafkaAddress(servers.kafka, prefix)
    admin = AIOKafkaAdminClient(**address.client_options())
    await admin.start()
    try:
        await admin.delete_topics([name for name in await admin.list_topics() if name.startswith(prefix)])
    finally:
        await admin.close()
    connection = await asyncpg.connect(servers.admin_database_url)
    try:
        for service in SERVICES:
            name = prefix.replace("-", "_").replace(".", "_") + service.database
            await connection.execute(f'drop database if exists "{name}" with (force)')
            await connection.execute(f'drop role if exists "{name}"')
    finally:
        await connection.close()
