"""EKTs from sale to mail box: sent by themselves, corrected, sent again, and only to those who use them."""

from __future__ import annotations

import pytest
from klokwerk_platform.demo.doors import until
from system_events import events_about

pytestmark = pytest.mark.system


async def test_EF_01_EP_05_EP_06_a_completed_distribution_gives_a_number_and_mails_the_ekt(world):
    debtor = await world.debtor()
    lines = await world.sell(debtor, world.line(units=3, price="0.480"), world.line(units=2), allocate=False)
    await world.all_read()
    assert (await world.card_of(debtor))["debtor_number"] == ""
    assert await world.mailed(debtor) == []
    path = f"/days/{world.day}/debtors/{debtor}/allocate"
    await world.doors.ask("sales-service", "POST", path, json={"line_ids": lines})
    (mail,) = await world.mailed_times(debtor, 1)
    buyer, read = await world.read(mail)
    assert buyer == await world.number(debtor)
    assert sorted((line.pieces, line.units, float(line.price)) for line in read) == [
        (50, 2, 0.48),
        (50, 3, 0.48),
    ]
    (ekt,) = await world.ekt_sent(debtor)
    assert (ekt["trigger"], ekt["recipient"]) == ("first", f"{debtor}@customer.example")


async def test_EF_34_who_does_not_use_ekts_gets_a_number_and_no_mail(world):
    debtor = await world.debtor(use_ekts=False)
    await world.sell(debtor)
    await world.number(debtor)
    await world.all_read()
    assert await world.ekts(debtor) == []
    assert await world.mailed(debtor) == []


async def test_EF_06_EF_29_EF_41_a_resend_mails_the_corrected_sale_and_changes_neither_sale_nor_invoice(
    world,
):
    debtor = await world.debtor()
    (line,) = await world.sell(debtor, world.line(units=3))
    (first,) = await world.mailed_times(debtor, 1)
    await world.ekt_sent(debtor)
    revision = await world.correct(debtor, line, units=7)
    issued = await world.invoice(debtor)
    await world.dispatch(issued["invoice_id"], "waiting")
    await world.all_read()

    async def standing() -> dict:
        sale = await world.sale(debtor)
        # What is new about the sale is the record of the sending; everything else must stay.
        kept = {name: value for name, value in sale.items() if name not in ("ekt", "ekts", "resends")}
        sales = await world.doors.get("sales-service", f"/invoices/{issued['invoice_id']}")
        return {
            "sale": kept,
            "invoice": sales,
            "dispatch": await world.doors.get("dispatch-service", f"/invoices/{issued['invoice_id']}"),
            "events": await events_about(world, debtor, "sale.completed", "invoice.created"),
        }

    async def all_told() -> bool:
        told = [topic for topic, _ in await events_about(world, debtor, "sale.completed", "invoice.created")]
        return told == ["sale.completed"] * revision + ["invoice.created"]

    await until("the sale and the invoice on their topics", all_told)
    before = await standing()
    assert (await world.resend(debtor))["sale_revision"] == revision
    mails = await world.mailed_times(debtor, 2)
    await world.ekt_sent(debtor, 2)
    await world.all_read()
    assert await standing() == before
    assert [(await world.read(mail))[1][0].units for mail in mails] == [3, 7]
    log = {ekt["trigger"]: ekt for ekt in await world.ekts(debtor)}
    kept = await world.doors.ask("ekt-service", "GET", f"/ekts/{log['first']['id']}/file")
    assert kept.content == await world.doors.attachment(first)


async def test_EF_35_EF_43_ticking_use_ekts_shows_the_button_at_once_and_the_ekt_can_be_sent(world):
    debtor = await world.debtor(use_ekts=False)
    await world.sell(debtor)
    await world.number(debtor)
    assert (await world.sale(debtor))["can_resend"]["visible"] is False
    await world.doors.save(
        "debtor-service", f"/debtors/{debtor}", {"use_ekts": True}, method="PATCH", below="/ekt"
    )

    async def visible() -> bool:
        offered = (await world.sale(debtor))["can_resend"]
        return offered["visible"] and not offered["missing"]

    await until("Resend EKT is offered", visible, within=10)
    await world.resend(debtor)
    (mail,) = await world.mailed_times(debtor, 1)
    assert [line.units for line in (await world.read(mail))[1]] == [3]
    await world.ekt_sent(debtor)
