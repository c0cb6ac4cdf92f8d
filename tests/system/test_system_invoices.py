"""Invoices from draft to the customer's mail box."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from klokwerk_platform.demo.doors import until
from pypdf import PdfReader
from system_events import invoice, tell

pytestmark = pytest.mark.system
TRANSPORT = {"name": "Vervoer", "quantity": "1", "price": "25.00"}


async def test_EP_07_EP_08_a_draft_gives_no_number_and_the_issued_invoice_does(world):
    draft_only = await world.debtor(use_ekts=False)
    issued = await world.debtor(use_ekts=False)
    draft = await world.draft(draft_only, lines=[TRANSPORT])
    await world.invoice(issued, lines=[TRANSPORT])
    await world.number(issued)
    await world.all_read()
    assert (await world.card_of(draft_only))["debtor_number"] == ""
    await world.doors.ask("sales-service", "POST", f"/invoices/{draft['invoice_id']}/finalise")
    assert await world.number(draft_only) != await world.number(issued)


async def test_FA_02_a_document_is_made_from_the_card_alone(world):
    address = {
        "kind": "invoice",
        "lines": ["Postbus 9"],
        "postal_code": "1431 GB",
        "city": "Aalsmeer",
        "country": "NL",
    }
    debtor = await world.debtor("Klaproos BV", use_ekts=False, payment_term_days=45, addresses=[address])
    made = await world.invoice(debtor, lines=[TRANSPORT])
    shown = await world.doors.get("sales-service", f"/invoices/{made['invoice_id']}")
    assert shown["buyer_name"] == "Klaproos BV"
    assert "Aalsmeer" in str(shown["document"]["buyer"])
    days = date.fromisoformat(shown["due_date"]) - date.fromisoformat(shown["issue_date"])
    assert days == timedelta(days=45)


async def test_NV_11_NV_13_every_invoice_records_its_source_wherever_it_is_shown(world):
    debtor = await world.debtor(use_ekts=False)
    foreign = invoice(debtor, world.day, world.now)
    await tell(world, foreign)
    sources = {foreign.invoice_id: "interface"}
    for source in ("manual", "contract", "rebilled"):
        made = await world.invoice(debtor, lines=[TRANSPORT], source=source)
        sources[made["invoice_id"]] = source
    for service in ("sales-service", "dispatch-service"):

        async def shown(service: str = service) -> bool:
            answers = [await world.doors.get(service, f"/invoices/{each}") for each in sources]
            return {answer["invoice_id"]: answer["source"] for answer in answers} == sources

        await until(f"{service} shows the sources", shown)


async def test_NV_36_NV_38_an_invoice_of_13_o_clock_leaves_in_the_coming_night_just_after_midnight(world):
    day = world.next_day()
    world.clock(day, 13)
    debtor = await world.debtor(use_ekts=False)
    issued = await world.invoice(debtor, lines=[TRANSPORT])
    await world.dispatch(issued["invoice_id"], "waiting")
    world.clock(day, 23, 59, 50)
    await world.all_read()
    assert await world.invoice_mails(issued["number"]) == []
    tomorrow = world.next_day()
    world.clock(tomorrow, 0, 4, 57)
    assert await world.invoice_mails(issued["number"]) == []
    await world.dispatch(issued["invoice_id"], "sent")
    (mail,) = await world.invoice_mails(issued["number"])
    assert mail["envelope_to"] == [f"{debtor}@customer.example"]
    part = next(p for p in mail["attachments"] if p["content_type"] == "application/pdf")
    pdf = PdfReader(io.BytesIO(await world.doors.attachment(mail, part["number"])))
    assert issued["number"] in "".join(page.extract_text() for page in pdf.pages)

    async def told() -> bool:
        shown = await world.doors.get("sales-service", f"/invoices/{issued['invoice_id']}")
        return (shown["dispatch"] or {}).get("state") == "sent"

    await until("the sales service shows that it was sent", told)
    world.clock(tomorrow, 9)
