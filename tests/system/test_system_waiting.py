"""Events that come before the card they are about."""

from __future__ import annotations

import pytest
from klokwerk_platform.demo.doors import until
from system_events import SHOP, invoice, resend, sale, tell

pytestmark = pytest.mark.system

SERVICES = ("debtor-service", "sales-service", "ekt-service", "dispatch-service")


async def waiting_for(world, debtor: str) -> dict[str, int]:
    """How many things wait for a debtor, by service."""
    found = {}
    for service in SERVICES:
        rows = await world.doors.everything(service, "/waiting")
        found[service] = sum(debtor in str(row) for row in rows)
    return found


async def test_what_comes_before_its_debtor_waits_is_shown_and_goes_on_when_the_card_comes(world):
    card = world.card()
    debtor = card["debtor_id"]
    sold, billed = sale(debtor, world.day, 3, 4), invoice(debtor, world.day, world.now)
    await tell(world, sold, billed)

    async def all_wait() -> bool:
        return all((await waiting_for(world, debtor)).values())

    await until("every service shows that it waits for the debtor", all_wait)
    rows = await world.doors.everything("sales-service", "/waiting")
    reason = next(row["reason"] for row in rows if debtor in str(row["event"]))
    assert "goes on by itself when the card comes" in reason
    assert await world.mailed(debtor) == []
    await world.add(card)
    (mail,) = await world.mailed_times(debtor, 1)
    assert [line.units for line in (await world.read(mail))[1]] == [4]

    async def gone_on() -> bool:
        if (await world.sale(debtor))["source"] != SHOP:
            return False
        shown = await world.doors.get("sales-service", f"/invoices/{billed.invoice_id}")
        return shown["number"] == billed.invoice_number and not any(
            (await waiting_for(world, debtor)).values()
        )

    await until("nothing waits any more", gone_on)
    await world.number(debtor)
    await world.dispatch(billed.invoice_id, "waiting")
    await world.ekt_sent(debtor)


async def test_a_resend_request_of_a_newer_revision_waits_for_it(world):
    debtor = await world.debtor()
    await tell(world, sale(debtor, world.day, 1, 2))
    await world.mailed_times(debtor, 1)
    await tell(world, resend(debtor, world.day, 3))

    async def waits() -> bool:
        return any(debtor in str(row) for row in await world.doors.everything("ekt-service", "/waiting"))

    await until("the request waits for revision 3", waits)
    await tell(world, sale(debtor, world.day, 2, 5))
    await world.all_read()
    assert len(await world.mailed(debtor)) == 1
    await tell(world, sale(debtor, world.day, 3, 6))
    mails = await world.mailed_times(debtor, 2)
    assert [(await world.read(mail))[1][0].units for mail in mails] == [2, 6]
    await world.ekt_sent(debtor, 2)
