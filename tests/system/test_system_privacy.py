"""A customer asks to be forgotten: what names them goes from every service, what the books need stays as it was."""

from __future__ import annotations

import json

import pytest
from klokwerk_platform.demo.doors import until

pytestmark = pytest.mark.system
HOLDING = ("debtor-service", "sales-service", "ekt-service", "dispatch-service", "accounting-sync")


async def test_a_forgotten_customer_is_gone_from_every_service_and_the_invoice_stays_as_issued(world):
    name = "Vergeetmij Bloemen"
    debtor = await world.debtor(name, phones=["+31 71 555 01 99"])
    email = f"{debtor}@customer.example"
    await world.sell(debtor)
    await world.ekt_sent(debtor)
    transport = {"name": "Vervoer", "quantity": "1", "price": "25.00"}
    issued = (await world.invoice(debtor, lines=[transport]))["invoice_id"]
    number = await world.number(debtor)
    await world.dispatch(issued, "waiting")

    async def held(service: str) -> str:
        return json.dumps(await world.doors.get(service, f"/debtors/{debtor}/personal-data"))

    async def known_to_all() -> bool:
        return all([name in await held(service) for service in HOLDING])

    await until("every service knows them", known_to_all)
    assert email in await held("ekt-service")
    bought = await world.doors.get("sales-service", f"/invoices/{issued}")

    await world.doors.save(
        "debtor-service",
        f"/debtors/{debtor}",
        {"confirm": True, "reason": "request 12"},
        method="POST",
        below="/anonymise",
    )

    for text in (name, email, "555 01 99"):
        assert text not in await held("debtor-service")
    assert (await world.card_of(debtor))["debtor_number"] == number

    async def forgotten() -> bool:
        told = await held("ekt-service") + await held("accounting-sync")
        return name not in told and email not in told

    await until("EKTs and accounting have forgotten them", forgotten)

    async def forgotten_by_sales() -> bool:
        return bool((await world.doors.get("sales-service", f"/debtors/{debtor}"))["name"] != name)

    await until("the sales service has forgotten them", forgotten_by_sales)

    async def unfindable() -> bool:
        return (await world.doors.get("dispatch-service", "/invoices", q=name))["items"] == []

    await until("no search of invoices finds them", unfindable)
    after = await world.doors.get("sales-service", f"/invoices/{issued}")
    assert after["document"] == bought["document"]
    assert after["number"] == bought["number"]
    assert [ekt["state"] for ekt in await world.ekts(debtor)] == ["sent"]
