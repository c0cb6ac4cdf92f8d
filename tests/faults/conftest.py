"""A platform of its own for each fault test, with the demo's order day to be played on it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from klokwerk_platform import postgres
from klokwerk_platform.platform import Platform
from klokwerk_platform.testing import nothing_given, temporary_folder
from klokwerk_platform.testing_system import FIRST_DAY, doors_of
from system_world import World, world_of

pytest.register_assert_rewrite("fault_effects")
Started = Callable[[int], Awaitable[World]]


@pytest.fixture
async def started() -> AsyncIterator[Started]:
    """Starts a platform with so many brokers; it ends with the test."""
    async with AsyncExitStack() as stack:

        async def start(brokers: int) -> World:
            return await stack.enter_async_context(_world(brokers))

        yield start


@asynccontextmanager
async def _world(brokers: int) -> AsyncIterator[World]:
    folder = temporary_folder()
    platform = Platform(folder, brokers=brokers, customer=True, hasty=True, prefix="")
    try:
        async with nothing_given():
            with pytest.MonkeyPatch.context() as patch:
                # A sending that was broken off by kill -9 is asked about after so long.
                patch.setenv("KLOKWERK_DELIVERY_LEASE_SECONDS", "3")
                await platform.start()
        doors = doors_of(platform)
        doors.patience = 60
        yield world_of(platform, doors, FIRST_DAY)
        await doors.close()
    finally:
        await platform.stop()
        postgres.remove_data(folder)
        shutil.rmtree(folder, ignore_errors=True)
