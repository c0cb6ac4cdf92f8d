"""Each channel with the real other side: what leaves, what comes back, and what trouble does."""

from __future__ import annotations

import base64
import hashlib
import io

import pytest
from dispatch_factories import ADDRESSES
from klokwerk_contracts.debtor_changed import EmailAddress
from pypdf import PdfReader

E_INVOICE = {"electronic": ADDRESSES["NL"]}


async def test_NV_14_NV_24_NV_26_NV_42_e_invoice_reaches_the_access_point(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to(**E_INVOICE, email=f"info@{tenant.name}.example")
    run = await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    (document,) = await world.documents(invoice.invoice_number)
    assert (document["sender"], document["receiver"]) == ("0106:12345678", "0106:87654321")
    assert document["document_type"] == "Invoice"
    assert (shown["channel"], shown["recipient"]) == ("einvoice", "0106:87654321")
    assert run["sent"] == {"e-invoice": 1}
    assert await world.mails(f"info@{tenant.name}.example") == [], "one delivery per invoice (NV-27)"
    kept = await world.call("GET", f"/v1/invoices/{invoice.invoice_id}/documents/ubl")
    assert hashlib.sha256(kept.content).hexdigest() == document["sha256"]


async def test_NV_19_FA_26_FA_27_email_with_pdf_goes_to_the_invoice_address(tenant, world):
    await tenant.activate()
    general, billing = f"info@{tenant.name}.example", f"boekhouding@{tenant.name}.example"
    special = await tenant.sold_to(email=general, invoice_email=billing)
    ordinary = await tenant.sold_to(email=general)
    await tenant.night()
    await tenant.becomes(special, "sent")
    shown = await tenant.becomes(ordinary, "sent")
    (mail,) = await world.mails(billing)
    (other,) = await world.mails(general)
    assert special.invoice_number in mail["subject"]
    assert ordinary.invoice_number in other["subject"]
    headers = {name.lower(): value for name, value in mail["headers"]}
    assert headers["auto-submitted"] == "auto-generated"
    assert headers["reply-to"] == "facturen@bloemhof.example"
    pdf = await world.attachment(other)
    assert ordinary.invoice_number in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert other["message_id"] == f"<{shown['dispatches'][0]['id']}@klokwerk.example>"


async def test_NV_20_letter_reaches_the_print_service_with_its_address(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to()
    await tenant.night()
    await tenant.becomes(invoice, "sent")
    (letter,) = await world.letters(invoice.invoice_number)
    assert letter["recipient"] == ["Bloemisterij De Roos", "Dorpsstraat 1", "1234 AB  Dorp"]
    assert letter["return_address"][0] == "Bloemhof Export B.V."
    kept = await world.call("GET", f"/v1/invoices/{invoice.invoice_id}/documents/pdf")
    assert base64.b64decode(letter["pdf"]) == kept.content


async def test_LS_25_D_23_contents_are_as_issued_and_the_address_as_it_stands_now(tenant, world):
    await tenant.activate()
    debtor = tenant.customer(email=f"old@{tenant.name}.example")
    invoice = tenant.draft(debtor)
    await tenant.publish(debtor, invoice)
    moved = debtor.model_copy(
        update={
            "revision": 2,
            "name": "New Name B.V.",
            "emails": (EmailAddress(address=f"new@{tenant.name}.example"),),
        }
    )
    await tenant.publish(moved)
    await tenant.night()
    await tenant.becomes(invoice, "sent")
    assert await world.mails(f"old@{tenant.name}.example") == []
    (mail,) = await world.mails(f"new@{tenant.name}.example")
    text = PdfReader(io.BytesIO(await world.attachment(mail))).pages[0].extract_text()
    assert "New Name B.V." in text
    assert invoice.invoice_number in text


async def test_NV_57_NV_58_refused_e_invoice_fails_and_never_goes_on_to_the_next_channel(tenant, world):
    await tenant.activate()
    address = ADDRESSES["SE"]
    participant = f"{address.scheme}:{address.identifier}"
    await world.outside.put(f"{world.access_point}/_unregistered/{participant}")
    invoice = await tenant.sold_to(electronic=address, email=f"info@{tenant.name}.example")
    run = await tenant.night()
    shown = await tenant.becomes(invoice, "failed")
    assert shown["label"] == "Automatic dispatch failed"
    assert "not registered" in shown["message"]
    assert await world.mails(f"info@{tenant.name}.example") == []
    assert (run["failed"], run["ignored"]) == (1, 0)


async def test_429_is_tried_again_within_the_run(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to(**E_INVOICE)
    await world.fault(world.access_point, fail_next=2, status=429, retry_after=0, only_methods=["POST"])
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    assert shown["dispatches"][0]["attempts"] == 3
    assert len(await world.documents(invoice.invoice_number)) == 1


async def test_temporary_trouble_that_stays_ends_as_failed_within_the_run(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to()
    await world.fault(world.print_service, status=503, only_methods=["POST"])
    run = await tenant.night()
    shown = await tenant.becomes(invoice, "failed")
    assert "503" in shown["message"]
    assert "Given up after 4 tries" in shown["message"]
    assert run["failed"] == 1


@pytest.mark.parametrize("provider", ["access_point", "print_service"])
async def test_answer_lost_after_accepting_is_unknown_and_settled_by_the_same_key(tenant, world, provider):
    await tenant.activate()
    invoice = await tenant.sold_to(**(E_INVOICE if provider == "access_point" else {}))
    await world.fault(getattr(world, provider), lose_answer_after_accepting=1, only_methods=["POST"])
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    assert "found by its key" in shown["message"]
    assert "outcome unknown" in [entry["action"] for entry in shown["history"]]
    if provider == "access_point":
        taken = await world.documents(invoice.invoice_number)
    else:
        taken = await world.letters(invoice.invoice_number)
    assert [each["key"] for each in taken] == [shown["dispatches"][0]["id"]]
    assert shown["dispatches"][0]["attempts"] == 1, "asked, never sent blindly again"


async def test_server_error_that_stored_nothing_is_asked_about_and_then_sent_once(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to(**E_INVOICE)
    await world.fault(world.access_point, fail_next=1, status=500, body=False, only_methods=["POST"])
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    assert shown["dispatches"][0]["attempts"] == 2
    assert len(await world.documents(invoice.invoice_number)) == 1


async def test_D_20_outcome_that_nobody_can_tell_ends_as_failed_with_that_text(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to(**E_INVOICE)
    await world.fault(world.access_point, lose_answer_after_accepting=True, only_paths=["/documents"])
    run = await tenant.night()
    shown = await tenant.becomes(invoice, "failed")
    assert shown["message"].startswith("Outcome unknown: it may have arrived.")
    assert run["failed"] == 1
    await world.behave()
    again = await tenant.send(invoice, "einvoice")
    assert again.status_code == 202, again.text
    await tenant.becomes(invoice, "sent")
    (document,) = await world.documents(invoice.invoice_number)
    assert document["key"] == again.json()["id"], "sent again under its own key: the other side knows it"


async def test_mail_connection_lost_after_data_is_settled_by_its_message_id(tenant, world):
    await tenant.activate()
    address = f"lost@{tenant.name}.example"
    invoice = await tenant.sold_to(email=address)
    await world.fault(world.mail, drop_after_data=1)
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    assert "Message-ID" in shown["message"]
    assert len(await world.mails(address)) == 1


async def test_mail_lost_before_it_was_stored_is_sent_once_more(tenant, world):
    await tenant.activate()
    address = f"dropped@{tenant.name}.example"
    invoice = await tenant.sold_to(email=address)
    await world.fault(world.mail, drop_before_storing=1)
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    assert shown["dispatches"][0]["attempts"] == 2
    assert len(await world.mails(address)) == 1


async def test_mail_451_is_tried_again_and_550_fails_with_the_server_s_words(tenant, world):
    await tenant.activate()
    good, bad = f"good@{tenant.name}.example", f"gone@{tenant.name}.example"
    later = await tenant.sold_to(email=good)
    await world.fault(world.mail, fail_next=1, reject_recipients=[bad])
    never = await tenant.sold_to(email=bad)
    await tenant.night()
    await tenant.becomes(later, "sent")
    shown = await tenant.becomes(never, "failed")
    assert "550" in shown["message"]
    assert await world.letters(never.invoice_number) == [], "never on to the next channel after a try"


async def test_wrong_credentials_fail_with_what_to_do(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to(**E_INVOICE)
    await world.fault(world.access_point, wrong_credentials=True)
    await tenant.night()
    shown = await tenant.becomes(invoice, "failed")
    assert "credentials" in shown["message"]
    assert "KLOKWERK_ACCESS_POINT_URL" in shown["message"]
