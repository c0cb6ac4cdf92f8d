"""kill -9 in the middle of the work: after the restart every effect is there, once.

The short form of ``tests/faults``: each service is killed at the moment that hurts it most.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import httpx
import pytest
from klokwerk_platform.demo.doors import until
from system_events import events_about
from test_system_accounting import line_of, relations

pytestmark = pytest.mark.system
TRANSPORT = {"name": "Vervoer", "quantity": "1", "price": "25.00"}
SENDERS = ("ekt-service", "dispatch-service", "accounting-sync", "debtor-service")


async def ekt_under_way(world, debtor: str) -> None:
    """Return once an attempt at sending a debtor's EKT has begun and not ended."""

    async def begun() -> bool:
        ekts = [await world.doors.get("ekt-service", f"/ekts/{e['id']}") for e in await world.ekts(debtor)]
        return any(attempt["ended_at"] is None for ekt in ekts for attempt in ekt["attempts"])

    await until(f"the EKT of {debtor} is being sent", begun)


async def invoice_under_way(world, invoice_id: str) -> None:
    """Return once an invoice is being sent."""

    async def begun() -> bool:
        found = await world.doors.get("dispatch-service", f"/invoices/{invoice_id}")
        return any(sending["state"] == "sending" for sending in found["dispatches"])

    await until(f"{invoice_id} is being sent", begun)


async def called_for(world, debtor: str) -> None:
    """Return once Exact Online was asked to take a debtor."""

    async def called() -> bool:
        seen = await world.doors.outside(f"{world.doors.servers.exact_url}/_requests", method="POST")
        return any(f"Bloemist {debtor}" in each["body"] for each in seen)

    await until("Exact Online was called", called)


async def relations_to_export(world, number: int) -> list[dict[str, Any]]:
    """Lines of new, numbered debtors of the administration that is synchronised by direct calls."""
    debtors = [await world.debtor(use_ekts=False, administration="export") for _ in range(number)]
    for debtor in debtors:
        path = f"/debtors/{debtor}/numbers"
        await world.doors.ask("debtor-service", "POST", path, json={"kind": "debtor"})

    async def numbered() -> list[dict[str, Any]]:
        lines = [await line_of(world, "export", debtor) for debtor in debtors]
        return lines if all(line.get("number") for line in lines) else []

    return await until("the numbered debtors on the list", numbered)


async def test_services_killed_while_the_outside_takes_its_time_do_everything_once(world):
    buyers = [await world.debtor() for _ in range(3)]
    issued = []
    for _ in range(2):
        payer = await world.debtor(use_ekts=False)
        issued.append(await world.invoice(payer, lines=[TRANSPORT]))
    for invoice in issued:
        await world.dispatch(invoice["invoice_id"], "waiting")
    lines = await relations_to_export(world, 2)
    control = f"{world.doors.servers.exact_url}/_control"
    slow = {"slow_seconds": 3, "only_methods": ["POST"], "only_paths": ["/api/v1"]}
    await world.mail_behaves(hang_seconds=8)
    (await world.doors._client.put(control, json=slow)).raise_for_status()
    try:
        for buyer in buyers:
            await world.sell(buyer)
        for invoice in issued:
            await world.send_invoice(invoice["invoice_id"])
        body = {"line_ids": [line["id"] for line in lines]}
        asked = world.doors.ask("accounting-sync", "POST", "/export/debtors/export", json=body)
        exporting = asyncio.create_task(asked)
        await ekt_under_way(world, buyers[-1])
        await invoice_under_way(world, issued[-1]["invoice_id"])
        await called_for(world, lines[0]["debtor_id"])
        late = await world.debtor()
        world.platform.kill("debtor-service")  # what it was to do about the next sale is not begun
        await world.sell(late)
        for name in SENDERS:
            world.platform.kill(name)
        await asyncio.gather(exporting, return_exceptions=True)
    finally:
        await world.mail_behaves()
        (await world.doors._client.delete(control)).raise_for_status()
    await asyncio.gather(*(world.platform.restart(name) for name in SENDERS))
    for buyer in (*buyers, late):
        await world.mailed_times(buyer, 1)
        await world.ekt_sent(buyer)
    for invoice in issued:
        await world.dispatch(invoice["invoice_id"], "sent")

    async def exported() -> bool:
        left = await world.doors.everything("accounting-sync", "/export/debtors/lines")
        return not {line["id"] for line in left} & {line["id"] for line in lines}

    await until("every line has gone", exported, within=90)
    numbers = [await world.number(buyer) for buyer in (*buyers, late)]
    await world.all_read()
    assert [len(await world.mailed(buyer)) for buyer in (*buyers, late)] == [1, 1, 1, 1]
    assert [len(await world.invoice_mails(invoice["number"])) for invoice in issued] == [1, 1]
    assert [len(await relations(world, line["name"])) for line in lines] == [1, 1]
    assert len(set(numbers)) == len(numbers)


async def test_sales_service_killed_at_a_completion_has_completed_it_once_or_not_at_all(world):
    debtors = [await world.debtor() for _ in range(2)]
    for debtor in debtors:
        await world.sell(debtor, allocate=False)
        path = f"/days/{world.day}/debtors/{debtor}/allocate"
        asked = asyncio.create_task(world.doors.ask("sales-service", "POST", path, json={}))
        await asyncio.sleep(random.uniform(0.005, 0.03))  # the moment is what the test is about
        world.platform.kill("sales-service")
        (answer,) = await asyncio.gather(asked, return_exceptions=True)
        assert isinstance(answer, httpx.Response | httpx.TransportError), answer
        await world.platform.restart("sales-service")
        # A person who got no answer clicks again.
        await world.doors.ask("sales-service", "POST", path, json={})
    for debtor in debtors:
        await world.mailed_times(debtor, 1)
        await world.ekt_sent(debtor)
        await world.number(debtor)
    await world.all_read()
    for debtor in debtors:
        events = [json.loads(value) for _, value in await events_about(world, debtor, "sale.completed")]
        assert {event["revision"] for event in events} == {1}
        assert len(await world.mailed(debtor)) == 1


async def test_sales_service_killed_before_a_correction_is_told_tells_it_once_afterwards(world):
    debtor = await world.debtor()
    (line,) = await world.sell(debtor, world.line(units=3))
    await world.mailed_times(debtor, 1)
    path = f"/days/{world.day}/debtors/{debtor}/lines/{line}"
    changed = await world.doors.ask("sales-service", "PUT", path, json={"units": 5})
    assert changed.json()["publish_at"]
    world.platform.kill("sales-service")
    await world.platform.restart("sales-service")

    async def told() -> bool:
        return (await world.sale(debtor))["revision"] == 2

    await until("the next process tells the correction", told)
    assert (await world.resend(debtor))["sale_revision"] == 2
    mails = await world.mailed_times(debtor, 2)
    assert [line.units for line in (await world.read(mails[1]))[1]] == [5]
    await world.all_read()
    events = [json.loads(value) for _, value in await events_about(world, debtor, "sale.completed")]
    assert [event["revision"] for event in events] == [1, 2]
