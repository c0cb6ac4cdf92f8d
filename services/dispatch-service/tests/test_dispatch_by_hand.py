"""Sending by hand, sending again, removing one invoice from automatic dispatch (NV-52, NV-60, NV-64..NV-67, LS-24)."""

from __future__ import annotations

import pytest
from dispatch_factories import ADDRESSES
from klokwerk.testing import eventually

E_INVOICE = {"electronic": ADDRESSES["NL"]}


async def test_NV_52_sent_by_hand_before_the_run_is_left_alone_by_it(tenant, world):
    await tenant.activate()
    address = f"hand@{tenant.name}.example"
    invoice = await tenant.sold_to(email=address)
    answer = await tenant.send(invoice)
    assert answer.status_code == 202
    assert (answer.json()["intent"], answer.json()["channel"]) == ("manual", "email")
    await tenant.becomes(invoice, "sent")
    assert (await tenant.night())["added"] == 0
    assert len(await world.mails(address)) == 1


async def test_LS_24_LS_25_resend_gives_the_stored_bytes(tenant, world):
    await tenant.activate()
    address = f"again@{tenant.name}.example"
    debtor = tenant.customer(email=address)
    invoice = tenant.draft(debtor)
    await tenant.publish(debtor, invoice)
    await tenant.night()
    await tenant.becomes(invoice, "sent")
    await tenant.publish(debtor.model_copy(update={"revision": 2, "name": "Another Name"}))
    world.go_to("2026-03-20T09:00")
    answer = await tenant.send(invoice)
    assert answer.json()["intent"] == "resend"

    async def twice():
        return len(await world.mails(address)) == 2

    await eventually(twice)
    first, second = await world.mails(address)
    assert await world.attachment(first) == await world.attachment(second)
    assert first["message_id"] != second["message_id"]
    assert (await tenant.read(invoice))["state"] == "sent"


async def test_e_invoice_is_never_sent_twice_as_a_new_document(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to(**E_INVOICE, email=f"copy@{tenant.name}.example")
    await tenant.night()
    await tenant.becomes(invoice, "sent")
    for channel in ("einvoice", None):
        refused = await tenant.send(invoice, channel)
        assert refused.status_code == 409
        assert "may not be sent twice" in refused.json()["detail"]
    assert len(await world.documents(invoice.invoice_number)) == 1
    assert (await tenant.send(invoice, "email")).json()["intent"] == "resend"
    events = await world.outcome_events(invoice.invoice_id, at_least=5)
    assert {event["channel"] for event in events if event["intent"] == "resend"} == {"email"}


async def test_e_invoice_refused_for_its_content_may_be_made_anew_after_correction(tenant, world):
    await tenant.activate()
    wrong, right = ADDRESSES["BE"], ADDRESSES["NL"]
    await world.outside.put(f"{world.access_point}/_unregistered/{wrong.scheme}:{wrong.identifier}")
    debtor = tenant.customer(electronic=wrong)
    invoice = tenant.draft(debtor)
    await tenant.publish(debtor, invoice)
    await tenant.night()
    await tenant.becomes(invoice, "failed")
    corrected = debtor.invoice_delivery.model_copy(update={"electronic": right})
    await tenant.publish(debtor.model_copy(update={"revision": 2, "invoice_delivery": corrected}))
    assert (await tenant.send(invoice)).json()["recipient"] == "0106:87654321"
    await tenant.becomes(invoice, "sent")
    assert len(await world.documents(invoice.invoice_number)) == 1


async def test_impossible_channel_is_refused_with_what_is_missing(tenant):
    await tenant.activate()
    invoice = await tenant.sold_to()
    refused = await tenant.send(invoice, "email")
    assert refused.status_code == 409
    assert "no e-mail address" in refused.json()["detail"]


async def test_same_idempotency_key_sends_once(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to()
    first = await tenant.send(invoice, headers={"Idempotency-Key": f"k-{tenant.name}"})
    second = await tenant.send(invoice, headers={"Idempotency-Key": f"k-{tenant.name}"})
    assert first.json()["id"] == second.json()["id"]
    await tenant.becomes(invoice, "sent")
    assert len(await world.letters(invoice.invoice_number)) == 1


async def test_NV_65_NV_66_NV_67_one_invoice_is_removed_and_put_back(tenant, world):
    await tenant.activate()
    debtor = tenant.customer()
    removed, other = tenant.draft(debtor), tenant.draft(debtor)
    await tenant.publish(debtor, removed, other)
    shown = (await tenant.switch(removed, on=False)).json()
    assert (shown["state"], shown["automatic"], shown["reason"]) == ("by_hand", False, "removed")
    assert (shown["history"][0]["by"], shown["history"][0]["action"]) == (
        "Anna",
        "removed from automatic dispatch",
    )
    await tenant.night()
    await tenant.becomes(other, "sent")
    assert (await tenant.read(removed))["state"] == "by_hand"
    too_late = await tenant.switch(other, on=False)
    assert too_late.status_code == 409
    assert (await tenant.switch(removed, on=True)).json()["state"] == "waiting"
    assert (await tenant.switch(removed, on=True)).json()["state"] == "waiting", "twice is once"
    await tenant.night("2026-03-04T00:05")
    await tenant.becomes(removed, "sent")


async def test_NV_65_removed_at_creation_is_not_sent_by_itself(tenant):
    await tenant.activate()
    debtor = tenant.customer()
    invoice = tenant.draft(debtor, automatic_dispatch=False)
    await tenant.publish(debtor, invoice)
    assert (await tenant.night())["added"] == 0
    assert (await tenant.read(invoice))["reason"] == "removed"
    await tenant.send(invoice)
    await tenant.becomes(invoice, "sent")


@pytest.mark.parametrize("role", ["ops", "read-only"])
async def test_NV_69_only_who_edits_invoices_sends_and_removes_them(tenant, world, role):
    await tenant.activate()
    invoice = await tenant.sold_to()
    path = f"/v1/invoices/{invoice.invoice_id}"
    assert (await world.call("POST", f"{path}/send", role, json={})).status_code == 403
    assert (await world.call("POST", f"{path}/automatic", role, json={"on": False})).status_code == 403
    assert (await world.call("GET", path, role)).status_code == 200


async def test_a_sending_under_way_is_not_started_again(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to()
    await world.fault(world.print_service, slow_seconds=0.8, only_methods=["POST"])
    assert (await tenant.send(invoice)).status_code == 202
    refused = await tenant.send(invoice)
    assert refused.status_code == 409
    assert "at this moment" in refused.json()["detail"]
    await tenant.becomes(invoice, "sent")
