"""The running platform, set up as a wholesaler's is before its first order day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from klokwerk_platform.demo.doors import Doors
from klokwerk_platform.demo.steps import cards, sales
from klokwerk_platform.platform import Platform
from system_world import World, world_of


@pytest.fixture(scope="session")
async def set_up(platform: Platform, doors: Doors) -> World:
    """Company, number ranges, EKT module, automatic dispatch, two administrations, articles."""
    # The browser tests had their nights on this platform before, and a night's run comes once.
    today = date.fromisoformat((await doors.get("sales-service", "/days/default"))["order_day"])
    world = world_of(platform, doors, today)
    world.next_day()
    await cards.set_up(world.play)
    await sales.enter_articles(world.play)
    await _consent(world)
    return world


async def _consent(world: World) -> None:
    """Say yes on the consent page of Exact Online: the tokens of a fresh pair can't be renewed at once."""
    back = {"redirect_uri": "http://127.0.0.1/back"}
    begun = await world.doors.ask("accounting-sync", "POST", "/administrations/export/consents", json=back)
    page = await world.doors._client.get(begun.json()["authorize_url"])
    query = parse_qs(urlsplit(page.headers["location"]).query)
    given = {name: query[name][0] for name in ("code", "state")}
    await world.doors.ask("accounting-sync", "POST", "/consents", json=given)


@pytest.fixture
async def world(set_up: World) -> AsyncIterator[World]:
    """The one world of all tests; each of them has customers of its own in it."""
    yield set_up
    await set_up.mail_behaves()
