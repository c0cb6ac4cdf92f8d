"""The whole order day of the demo while processes, brokers and the database are killed under it.

The steps prove their outcomes from the outside as always; afterwards every effect is counted once more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest
from fault_effects import assert_everything_once
from klokwerk_platform.demo.run import perform
from klokwerk_platform.services import SERVICES

pytestmark = [pytest.mark.faults, pytest.mark.timeout(420)]


async def test_kill_9_of_every_service_in_turn_during_the_order_day_leaves_every_effect_once(started):
    world = await started(1)
    seed = random.randrange(10_000)
    print(f"moments chosen with seed {seed}")
    chance = random.Random(seed)

    async def kill_in_turn() -> int:
        names = [service.name for service in SERVICES]
        chance.shuffle(names)
        for name in names:
            await asyncio.sleep(chance.uniform(0.5, 8.0))  # the moments are what the test is about
            world.platform.kill(name)
            await world.platform.restart(name)
        return len(names)

    async with meanwhile(kill_in_turn()) as killing:
        await perform(world.play)
    assert await killing == len(SERVICES)
    await world.all_read()
    await assert_everything_once(world)


async def test_a_broker_of_three_killed_and_started_again_during_the_order_day_loses_nothing(started):
    world = await started(3)
    node = random.randint(1, 3)
    print(f"broker {node} is killed")

    async def kill_and_start() -> int:
        await asyncio.sleep(random.uniform(4, 12))  # somewhere in the first half of the day
        world.platform.kill_broker(node)
        await asyncio.sleep(10)
        await world.platform.start_broker(node)
        return node

    async with meanwhile(kill_and_start()) as killing:
        await perform(world.play)
    assert await killing == node
    await world.all_read()
    await assert_everything_once(world)


async def test_postgresql_killed_and_started_again_during_the_order_day_loses_nothing(started):
    world = await started(1)

    async def kill_and_start() -> int:
        for _ in range(3):
            await asyncio.sleep(random.uniform(3, 8))  # as above
            world.platform.kill_postgres()
            await asyncio.sleep(1)
            await world.platform.start_postgres()
        return 3

    async with meanwhile(kill_and_start()) as killing:
        await perform(world.play)
    assert await killing == 3
    await world.all_read()
    await assert_everything_once(world)


@asynccontextmanager
async def meanwhile(trouble: Awaitable[int]) -> AsyncIterator[asyncio.Future[int]]:
    """Make trouble beside the body; it is not made any more when the body fails."""
    making = asyncio.ensure_future(trouble)
    try:
        yield making
        await making
    except BaseException:
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)
        raise
