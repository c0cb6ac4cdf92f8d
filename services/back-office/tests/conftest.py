"""Fixtures of the back office's tests: the real service on PostgreSQL, the others played by fixed answers."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from klokwerk.testing import fresh_database

sys.path.insert(0, str(Path(__file__).parent))

from back_office_world import World, start_world


@pytest.fixture(scope="session")
async def running_office(platform_servers) -> AsyncIterator[World]:
    async with (
        fresh_database(platform_servers.admin_database_url, "back_office") as url,
        start_world(url) as world,
    ):
        yield world


@pytest.fixture
async def office(running_office: World) -> World:
    """One running back office for all tests, with services that have forgotten the test before."""
    running_office.services.answers.clear()
    running_office.services.asked.clear()
    return running_office


@pytest.fixture
async def fresh_office(platform_servers) -> AsyncIterator[World]:
    """A back office with a database of one test."""
    async with (
        fresh_database(platform_servers.admin_database_url, "back_office") as url,
        start_world(url) as world,
    ):
        yield world
