"""Fixtures of the library's own tests: a database with the library's tables, topics of one test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from klokwerk import schema, telemetry
from klokwerk.database import Database, raw
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import fresh_database, own_prefix, topics, topics_of
from klokwerk_contracts import EktResendRequested
from klokwerk_platform.testing import Servers
from library_factories import GROUP

telemetry.configure_logging("library-test", "WARNING")


@pytest.fixture
async def database_url(platform_servers: Servers) -> AsyncIterator[str]:
    async with fresh_database(platform_servers.admin_database_url, None) as url:
        database = Database(url)
        async with database.transaction() as connection:
            await (await raw(connection)).execute(
                schema.FIRST
                + schema.DELIVERIES_1
                + schema.JOBS_1
                + schema.JOBS_2
                + "create table stored (id text primary key, times int not null)"
            )
        await database.close()
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def kafka(platform_servers: Servers) -> AsyncIterator[KafkaAddress]:
    """A cluster on which this test has the resend topic, with dead letters and replays, for itself."""
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    async with topics(address, topics_of(GROUP, EktResendRequested)):
        yield address
