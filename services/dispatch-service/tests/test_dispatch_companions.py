"""What goes along with an invoice: advance notice of a direct payment, factoring notice (D-12, NV-43..NV-46)."""

from __future__ import annotations

import io
from itertools import combinations

import pytest
from dispatch_factories import ADDRESSES
from dispatch_service.domain.cascade import Capabilities, Channel, Verdict
from dispatch_service.domain.companions import decide_prenotification
from klokwerk.testing import eventually
from pypdf import PdfReader

REACHABLE = Capabilities(dict.fromkeys(Channel))


@pytest.mark.parametrize(
    "selected", [frozenset(each) for size in range(4) for each in combinations(Channel, size)]
)
def test_prenotification_needs_e_invoice_and_print_and_never_email(selected):
    decision = decide_prenotification(selected, REACHABLE)
    both = {Channel.E_INVOICE, Channel.PRINT} <= selected
    assert decision.verdict is (Verdict.SEND if both else Verdict.IGNORED)
    assert decision.channel is not Channel.EMAIL


async def test_NV_44_NV_46_prenotification_is_a_letter_of_its_own(tenant, world):
    await tenant.activate(channels=["einvoice", "print"])
    debtor = tenant.customer(electronic=ADDRESSES["NL"])
    invoice = tenant.draft(debtor, direct_payment=True)
    await tenant.publish(debtor, invoice)
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    assert {d["purpose"]: d["channel"] for d in shown["dispatches"]} == {
        "invoice": "einvoice",
        "prenotification": "print",
    }
    (letter,) = await world.letters(f"{invoice.invoice_number} prenotification")
    assert letter["recipient"][0] == "Bloemisterij De Roos"
    events = await world.outcome_events(invoice.invoice_id, at_least=5)
    assert [e["state"] for e in events if e["purpose"] == "prenotification"] == ["planned", "sent"]


async def test_NV_45_without_print_the_prenotification_is_ignored_and_shown(tenant, world):
    await tenant.activate(channels=["einvoice", "email"])
    debtor = tenant.customer(electronic=ADDRESSES["NL"])
    invoice = tenant.draft(debtor, direct_payment=True)
    await tenant.publish(debtor, invoice)
    run = await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    (notice,) = [d for d in shown["dispatches"] if d["purpose"] == "prenotification"]
    assert notice["state"] == "ignored"
    assert "needs both e-invoice and print service" in notice["message"]
    assert any(entry["action"] == "prenotification ignored" for entry in shown["history"])
    assert run["ignored"] == 1

    async def digest():
        return await world.mails(tenant.email)

    (mail,) = await eventually(digest)
    assert "needs both e-invoice and print service" in mail["text"]


async def test_NV_43_factoring_notice_goes_along_by_itself(tenant, world):
    address = f"factoring@{tenant.name}.example"
    await tenant.activate(factoring_email=address)
    debtor = tenant.customer()
    invoice = tenant.draft(debtor, factoring_notice=True)
    await tenant.publish(debtor, invoice)
    await tenant.night()
    await tenant.becomes(invoice, "sent")
    (mail,) = await world.mails(address)
    assert mail["subject"] == f"Factoring notice for invoice {invoice.invoice_number}"
    text = PdfReader(io.BytesIO(await world.attachment(mail))).pages[0].extract_text()
    assert invoice.invoice_number in text


async def test_factoring_notice_without_an_address_fails_with_the_cure(tenant):
    await tenant.activate()
    debtor = tenant.customer()
    invoice = tenant.draft(debtor, factoring_notice=True)
    await tenant.publish(debtor, invoice)
    run = await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    (notice,) = [d for d in shown["dispatches"] if d["purpose"] == "factoring_notice"]
    assert notice["state"] == "failed"
    assert "fill in the factoring company's e-mail address" in notice["message"]
    assert run["failed"] == 1
