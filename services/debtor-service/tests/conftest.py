"""Fixtures of the debtor service's tests: the real service on PostgreSQL and Kafka, and people with roles."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import fresh_database, own_prefix, topics, topics_of
from klokwerk_contracts import DebtorChanged, InvoiceCreated, SaleCompleted

sys.path.insert(0, str(Path(__file__).parent))

from debtor_world import World, start_world

GROUP = "debtor-service"


@pytest.fixture(scope="session")
async def kafka(platform_servers) -> AsyncIterator[KafkaAddress]:
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    names = topics_of(GROUP, SaleCompleted, InvoiceCreated, written=[DebtorChanged])
    async with topics(address, names):
        yield address


@pytest.fixture(scope="session")
async def world(platform_servers, kafka: KafkaAddress) -> AsyncIterator[World]:
    """One running service that all tests share; each test uses ids and administrations of its own."""
    async with (
        fresh_database(platform_servers.admin_database_url, "debtor_service") as url,
        start_world(url, kafka) as world,
    ):
        yield world


@pytest.fixture(scope="module")
async def module_world(platform_servers) -> AsyncIterator[World]:
    """A service for the tests of one file, which may change what holds for the whole installation."""
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    names = topics_of(GROUP, SaleCompleted, InvoiceCreated, written=[DebtorChanged])
    async with (
        topics(address, names),
        fresh_database(platform_servers.admin_database_url, "debtor_service") as url,
        start_world(url, address) as world,
    ):
        yield world


@pytest.fixture
async def own_world(platform_servers, monkeypatch) -> AsyncIterator[World]:
    """A service with a database and topics of one test, and no VIES but what the test names."""
    monkeypatch.delenv("KLOKWERK_VIES_URL", raising=False)
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    names = topics_of(GROUP, SaleCompleted, InvoiceCreated, written=[DebtorChanged])
    async with (
        topics(address, names),
        fresh_database(platform_servers.admin_database_url, "debtor_service") as url,
        start_world(url, address) as world,
    ):
        yield world
