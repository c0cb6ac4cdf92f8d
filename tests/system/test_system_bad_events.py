"""Events that nobody can use: put aside with a reason, their neighbours unhindered."""

from __future__ import annotations

import pytest
from klokwerk.testing import publish
from klokwerk_platform.dead_letters import dead_letters
from klokwerk_platform.demo.doors import until
from klokwerk_platform.topics import contracts
from system_events import SHOP, invoice, malformed, resend, sale, tell

pytestmark = pytest.mark.system


async def test_malformed_events_on_every_topic_become_dead_letters_and_good_ones_around_them_are_handled(
    world,
):
    debtor = await world.debtor()
    day = world.day
    bad = [record for contract in contracts() for record in malformed(contract.name, debtor).values()]
    await tell(world, sale(debtor, day, 1, 2))
    await publish(world.kafka, *bad)
    # The first EKT is built from the newest revision there is when the debtor's number has come.
    await world.mailed_times(debtor, 1)
    billed = invoice(debtor, day, world.now)
    await tell(world, sale(debtor, day, 2, 9), resend(debtor, day, 2), billed)
    mails = await world.mailed_times(debtor, 2)
    assert [(await world.read(mail))[1][0].units for mail in mails] == [2, 9]
    await world.dispatch(billed.invoice_id, "waiting")
    await world.number(debtor)
    await world.change_card(debtor, name=f"Bloemist {debtor} en Zn.")

    async def shown() -> bool:
        card = await world.doors.get("sales-service", f"/debtors/{debtor}")
        states = {ekt["state"] for ekt in (await world.sale(debtor))["ekts"]}
        found = await world.doors.get("sales-service", f"/invoices/{billed.invoice_id}")
        told = card["name"].endswith("en Zn.") and states == {"sent"}
        return told and (found["dispatch"] or {}).get("state") == "waiting"

    await until("the sales service heard of everything after the bad events", shown)
    await world.all_read()
    letters = [each for each in await dead_letters(world.kafka) if each.key == debtor.encode()]
    seen = sorted((each.topic, each.group, each.header("dlq_reason")) for each in letters)
    wanted = sorted(
        (contract.name, each.group, reason.partition(":")[0])
        for contract in contracts()
        for each in contract.readers
        for reason in malformed(contract.name, debtor)
    )
    assert seen == wanted
    assert all(each.header("dlq_detail") for each in letters)
    one = next(each for each in letters if each.header("dlq_reason") == "wrong_key")
    listed = await world.klokwerk("dlq", "list", "--topic", one.topic, "--group", one.group)
    assert listed.code == 0, listed.out
    assert one.number in listed.out
    assert "order hangs on the key" in listed.out


async def test_an_event_that_was_refused_for_what_was_entered_here_goes_through_when_that_is_mended(world):
    debtor = await world.debtor()
    (own,) = await world.sell(debtor, allocate=False)
    await tell(world, sale(debtor, world.day, 1, 8))

    async def refused() -> list:
        found = await dead_letters(world.kafka, "sale.completed", "sales-service")
        return [each for each in found if each.key == debtor.encode()]

    (letter,) = await until("a dead letter of the foreign sale", refused)
    assert letter.header("dlq_reason") == "rejected"
    assert "one system keeps one debtor's day" in letter.header("dlq_detail")
    path = f"/days/{world.day}/debtors/{debtor}/lines/{own}"
    await world.doors.ask("sales-service", "DELETE", path)
    ran = await world.klokwerk("dlq", "redrive", letter.number, "--reason", "our own line was a mistake")
    assert ran.code == 0, ran.out

    async def recorded() -> bool:
        found = await world.sale(debtor)
        return found["source"] == SHOP and [line["units"] for line in found["lines"]] == [8]

    await until("the foreign sale is recorded", recorded)
    await world.all_read()
    assert await refused() == []
    # The EKT service took it the first time: it went out once.
    assert len(await world.mailed(debtor)) == 1
