"""Fixtures: the running service, and for smaller tests the other side alone."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from klokwerk.clock import FixedClock
from klokwerk.kafka import KafkaAddress
from klokwerk.testing import fresh_database, own_prefix, topics, topics_of
from klokwerk_contracts import DebtorChanged

sys.path.insert(0, str(Path(__file__).parent))

from accounting_world import START, ExactWorld, World, exact_online, start_world

GROUP = "accounting-sync"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
async def exact(clock: FixedClock) -> AsyncIterator[ExactWorld]:
    async with exact_online(clock) as world:
        yield world


@pytest.fixture(scope="session")
async def running_world(platform_servers, tmp_path_factory) -> AsyncIterator[World]:
    """One running service that all tests share; each test makes administrations of its own."""
    kafka = KafkaAddress(platform_servers.kafka, own_prefix())
    async with (
        topics(kafka, topics_of(GROUP, DebtorChanged)),
        fresh_database(platform_servers.admin_database_url, "accounting_sync") as url,
        start_world(url, kafka, tmp_path_factory.mktemp("exports")) as world,
    ):
        yield world


@pytest.fixture
async def world(running_world: World) -> World:
    """The shared service; the other side behaves and has forgotten what earlier tests sent."""
    await running_world.exact.reset()
    await running_world.exact.set(minutely_limit=100_000, daily_limit=100_000, error_limit=100_000)
    await running_world.moneybird.reset()
    return running_world
