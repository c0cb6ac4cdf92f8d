"""Fixtures of the EKT service's tests: the real service on PostgreSQL, Kafka and SMTP."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from klokwerk.testing import fresh_database

sys.path.insert(0, str(Path(__file__).parent))

from customer_world import Customer, customer_servers
from ekt_world import MailSink, World, mail_sink, own_kafka, start_world


@pytest.fixture(scope="session")
async def sink(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailSink]:
    """A mail sink of our own, because its behaviour is changed in tests."""
    async with mail_sink(tmp_path_factory.mktemp("mail")) as running:
        yield running


@pytest.fixture(scope="session")
async def world(platform_servers, sink: MailSink, tmp_path_factory) -> AsyncIterator[World]:
    """One running service that all tests share; each test uses debtors of its own."""
    async with (
        own_kafka(platform_servers.kafka) as kafka,
        fresh_database(platform_servers.admin_database_url, "ekt_service") as url,
        start_world(url, kafka, sink, tmp_path_factory.mktemp("customers")) as world,
    ):
        await world.activate()
        yield world


@pytest.fixture
async def own_world(platform_servers, sink: MailSink, tmp_path) -> AsyncIterator[World]:
    """A service with a database and topics of one test, not yet set up."""
    async with (
        own_kafka(platform_servers.kafka) as kafka,
        fresh_database(platform_servers.admin_database_url, "ekt_service") as url,
        start_world(url, kafka, sink, tmp_path) as world,
    ):
        yield world


@pytest.fixture(autouse=True)
async def well_behaved(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The mail sink takes everything again after each test."""
    yield
    if "sink" in request.fixturenames:
        await request.getfixturevalue("sink").behave()


@pytest.fixture(scope="session")
async def customer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Customer]:
    """A customer with servers of its own, which all tests share; each test uses a folder of its own."""
    async with customer_servers(tmp_path_factory.mktemp("customer")) as running:
        yield running


@pytest.fixture(autouse=True)
async def a_customer_without_trouble(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The customer's servers work again after each test."""
    yield
    if "customer" in request.fixturenames:
        await request.getfixturevalue("customer").behave()
