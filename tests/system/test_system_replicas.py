"""Two replicas of every service at once: order kept for each debtor, nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from klokwerk_platform.demo.doors import Doors
from klokwerk_platform.demo.steps.accounting import fetch
from klokwerk_platform.services import SERVICES
from klokwerk_platform.testing_system import doors_of
from system_events import events_about
from system_world import World

pytestmark = pytest.mark.system
DEBTORS, CORRECTIONS = 5, 4


@dataclass
class Two:
    """The world, and doors to the first and the second replica of every service."""

    world: World
    doors: tuple[Doors, Doors]

    async def ask(self, number: int, service: str, method: str, path: str, body: object) -> dict:
        """Ask one replica after the other."""
        answer = await self.doors[number % 2].ask(service, method, path, json=body)
        return dict(answer.json())


@pytest.fixture(scope="module")
async def two(set_up: World) -> AsyncIterator[Two]:
    """The platform with a second process of everything, for this module only."""
    platform = set_up.platform
    await asyncio.gather(*(platform.scale(service.name, 2) for service in SERVICES))
    second = doors_of(platform, 1)
    try:
        yield Two(set_up, (set_up.doors, second))
    finally:
        await second.close()
        await asyncio.gather(*(platform.scale(service.name, 1) for service in SERVICES))


async def test_twenty_quick_corrections_through_two_replicas_end_in_the_newest_for_everybody(two):
    world = two.world
    debtors = [await world.debtor() for _ in range(DEBTORS)]
    lines = {debtor: (await world.sell(debtor))[0] for debtor in debtors}

    async def correct(debtor: str) -> None:
        for number in range(CORRECTIONS):
            path = f"/days/{world.day}/debtors/{debtor}/lines/{lines[debtor]}"
            await two.ask(number, "sales-service", "PUT", path, {"units": 10 + number})
            # The number that the sale gives the card may make it newer while it is open.
            phones = {"phones": [f"+31 20 555 01{number:02}"]}
            await two.doors[number % 2].save(
                "debtor-service", f"/debtors/{debtor}", lambda card, phones=phones: card | phones
            )
        await two.ask(number, "sales-service", "POST", f"/days/{world.day}/debtors/{debtor}/resend", {})

    await asyncio.gather(*(correct(debtor) for debtor in debtors))
    newest = 10 + CORRECTIONS - 1
    for debtor in debtors:
        mails = await world.mailed_times(debtor, 2)
        assert (await world.read(mails[1]))[1][0].units == newest
        await world.ekt_sent(debtor, 2)
    await world.all_read()
    numbers = set()
    for debtor in debtors:
        sales = [json.loads(value) for _, value in await events_about(world, debtor, "sale.completed")]
        # Quick corrections are told together: no revision is left out, none is told twice, the last one is the newest.
        told_revisions = [event["revision"] for event in sales]
        assert told_revisions == list(range(1, len(sales) + 1))
        assert 2 <= len(sales) <= CORRECTIONS + 1
        assert sales[-1]["lines"][0]["units"] == newest
        cards = [json.loads(value) for _, value in await events_about(world, debtor, "debtor.changed")]
        revisions = [event["revision"] for event in cards]
        assert revisions == list(range(1, len(revisions) + 1))
        assert len(await world.mailed(debtor)) == 2
        for doors in two.doors:
            seen = await doors.get("ekt-service", f"/debtors/{debtor}/days/{world.day}")
            assert seen["sale_revision"] == len(sales)
        numbers.add(await world.number(debtor))
    assert len(numbers) == DEBTORS
    lines_there = {line["debtor_id"]: line for line in await fetch(world.play, "main", "debtors")}
    phone = f"01{CORRECTIONS - 1:02}"
    told = [json.dumps(lines_there[debtor]).replace(" ", "") for debtor in debtors]
    assert [phone in line for line in told] == [True] * DEBTORS


async def test_invoices_finalised_at_two_replicas_are_numbered_without_a_gap_and_leave_once(two):
    world = two.world
    world.next_day()
    debtors = [await world.debtor(use_ekts=False) for _ in range(6)]
    body = {"lines": [{"name": "Vervoer", "quantity": "1", "price": "25.00"}]}

    async def issue(number: int, debtor: str) -> dict:
        draft = await two.ask(number, "sales-service", "POST", "/invoices", {"debtor_id": debtor} | body)
        path = f"/invoices/{draft['invoice_id']}/finalise"
        # At both replicas at the same time: the second answers with what the first one did.
        first, second = await asyncio.gather(
            *(two.ask(each, "sales-service", "POST", path, None) for each in (0, 1))
        )
        assert first["number"] == second["number"]
        return first

    issued = await asyncio.gather(*(issue(number, debtor) for number, debtor in enumerate(debtors)))
    numbers = sorted(int(invoice["number"][-5:]) for invoice in issued)
    assert numbers == list(range(numbers[0], numbers[0] + len(issued)))
    for invoice in issued:
        await world.dispatch(invoice["invoice_id"], "waiting")
    tomorrow = world.next_day()
    world.clock(tomorrow, 0, 4, 58)
    for invoice in issued:
        await world.dispatch(invoice["invoice_id"], "sent")
    await world.all_read()
    world.clock(tomorrow, 9)
    mails = [len(await world.invoice_mails(invoice["number"])) for invoice in issued]
    assert mails == [1] * len(issued)
    for debtor in debtors:
        events = await events_about(world, debtor, "invoice.created")
        assert len(events) == 1


async def test_one_of_two_replicas_is_killed_and_the_other_goes_on_alone(two):
    world = two.world
    before = await world.debtor()
    await world.sell(before)
    await world.mailed_times(before, 1)
    names = [service.name for service in SERVICES if service.name != "back-office"]
    for name in names:
        world.platform.kill(name, 1)
    debtor = await world.debtor()
    await world.sell(debtor)
    (mail,) = await world.mailed_times(debtor, 1)
    assert [line.units for line in (await world.read(mail))[1]] == [3]
    await world.number(debtor)
    await world.ekt_sent(debtor)
    await world.all_read()
    assert [len(await world.mailed(each)) for each in (before, debtor)] == [1, 1]
