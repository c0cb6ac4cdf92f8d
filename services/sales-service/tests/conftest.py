"""Fixtures of the sales service's tests: the real service on PostgreSQL and Kafka."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import fresh_database, own_prefix, topics, topics_of
from klokwerk_contracts import (
    DebtorChanged,
    EktDeliveryChanged,
    EktResendRequested,
    InvoiceCreated,
    InvoiceDispatchChanged,
    SaleCompleted,
)

sys.path.insert(0, str(Path(__file__).parent))

from sales_world import World, start_world

TOPICS = topics_of(
    "sales-service",
    DebtorChanged,
    SaleCompleted,
    InvoiceCreated,
    EktDeliveryChanged,
    InvoiceDispatchChanged,
    written=[EktResendRequested],
)


@pytest.fixture(scope="session")
async def kafka(platform_servers) -> AsyncIterator[KafkaAddress]:
    address = KafkaAddress(platform_servers.kafka, own_prefix())
    async with topics(address, TOPICS):
        yield address


@pytest.fixture(scope="session")
async def database_url(platform_servers) -> AsyncIterator[str]:
    async with fresh_database(platform_servers.admin_database_url, "sales_service") as url:
        yield url


@pytest.fixture(scope="session")
async def world(database_url: str, kafka: KafkaAddress) -> AsyncIterator[World]:
    """One running service that all tests share; each test has debtors of its own."""
    async with start_world(database_url, kafka) as world:
        await world.own_company()
        yield world
