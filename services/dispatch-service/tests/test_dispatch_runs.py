"""The night's run: what it takes, when it starts, what it leaves alone, how it ends (NV-08..NV-62)."""

from __future__ import annotations

import asyncio

import pytest
from dispatch_factories import ADDRESSES, BE_BUYER
from dispatch_world import second_replica
from klokwerk.testing import eventually

E_INVOICE = {"electronic": ADDRESSES["NL"]}


@pytest.mark.parametrize("source", ["contract", "manual", "rebilled", "interface"])
async def test_NV_08_NV_09_NV_10_NV_11_NV_12_each_source_is_switched_by_itself(tenant, source):
    await tenant.activate(sources=[source])
    debtor = tenant.customer()
    made = {
        each: tenant.draft(debtor, source=each) for each in ("contract", "manual", "rebilled", "interface")
    }
    await tenant.publish(debtor, *made.values())
    await tenant.night()
    states = {each: (await tenant.read(invoice))["state"] for each, invoice in made.items()}
    assert states == {each: "sent" if each == source else "ignored" for each in made}
    other = next(invoice for each, invoice in made.items() if each != source)
    shown = await tenant.read(other)
    assert shown["reason"] == "source-off"
    assert shown["label"] == "Automatic dispatch ignored"


async def test_NV_22_NV_23_NV_28_NV_29_NV_56_dispatch_stops_when_email_is_not_selected(tenant, world):
    await tenant.activate(channels=["einvoice", "print"])
    invoice = await tenant.sold_to(email=f"stop@{tenant.name}.example")
    run = await tenant.night()
    shown = await tenant.becomes(invoice, "ignored")
    assert shown["label"] == "Automatic dispatch ignored"
    assert "e-mail, is not selected" in shown["message"]
    assert "print service) are not tried past it" in shown["message"]
    assert await world.mails(f"stop@{tenant.name}.example") == []
    assert await world.letters(invoice.invoice_number) == []
    assert run["ignored"] == 1


async def test_NV_30_e_invoice_still_goes_when_email_is_not_selected(tenant):
    await tenant.activate(channels=["einvoice", "print"])
    invoice = await tenant.sold_to(**E_INVOICE)
    await tenant.night()
    assert (await tenant.becomes(invoice, "sent"))["channel"] == "einvoice"


async def test_NV_31_without_print_the_chain_is_e_invoice_then_email_then_stop(tenant):
    await tenant.activate(channels=["einvoice", "email"])
    by_network = await tenant.sold_to(**E_INVOICE)
    by_mail = await tenant.sold_to(email=f"x@{tenant.name}.example")
    neither = await tenant.sold_to()
    await tenant.night()
    assert (await tenant.becomes(by_network, "sent"))["channel"] == "einvoice"
    assert (await tenant.becomes(by_mail, "sent"))["channel"] == "email"
    assert (await tenant.becomes(neither, "ignored"))["channel"] == "print"


async def test_NV_32_without_e_invoice_everything_is_ignored(tenant):
    await tenant.activate(channels=["email", "print"])
    invoice = await tenant.sold_to(email=f"x@{tenant.name}.example")
    await tenant.night()
    assert (await tenant.becomes(invoice, "ignored"))["channel"] == "einvoice"


async def test_NV_15_NV_16_NV_27_incomplete_address_passes_e_invoice_over_for_email(tenant):
    await tenant.activate()
    invoice = await tenant.sold_to(**E_INVOICE, postal=False, email=f"x@{tenant.name}.example")
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    assert shown["channel"] == "email"
    planned = next(entry for entry in shown["history"] if entry["action"] == "will be sent")
    assert "address is not complete" in planned["detail"]


async def test_NV_17_NV_18_consumer_needs_the_agreement_and_the_choice_in_the_bank(tenant):
    await tenant.activate(consumer_einvoicing=True)
    chose = await tenant.sold_to(**E_INVOICE, party="person", delivery={"consumer_chose_einvoice": True})
    did_not = await tenant.sold_to(**E_INVOICE, party="person")
    await tenant.night()
    assert (await tenant.becomes(chose, "sent"))["channel"] == "einvoice"
    assert (await tenant.becomes(did_not, "sent"))["channel"] == "print"
    await tenant.activate(consumer_einvoicing=False)
    off = await tenant.sold_to(**E_INVOICE, party="person", delivery={"consumer_chose_einvoice": True})
    await tenant.night("2026-03-04T00:05")
    assert (await tenant.becomes(off, "sent"))["channel"] == "print"


async def test_belgian_business_customer_gets_a_structured_invoice_or_nothing(tenant, world):
    await tenant.activate()
    debtor = tenant.customer(email=f"be@{tenant.name}.example")
    invoice = tenant.draft(debtor, seller="BE", buyer="BE", lines=(("10", "1", "S", "6"),))
    assert invoice.buyer == BE_BUYER
    await tenant.publish(debtor, invoice)
    await tenant.night()
    shown = await tenant.becomes(invoice, "failed")
    assert shown["reason"] == "structured-invoice-required"
    assert await world.mails(f"be@{tenant.name}.example") == []
    await tenant.activate(belgian_rule=False)
    allowed = tenant.draft(debtor, seller="BE", buyer="BE", lines=(("10", "1", "S", "6"),))
    await tenant.publish(allowed)
    await tenant.night("2026-03-04T00:05")
    assert (await tenant.becomes(allowed, "sent"))["channel"] == "email"


async def test_NV_36_NV_38_NV_40_created_at_13_00_goes_that_night_at_00_05(tenant, world):
    await tenant.activate()
    world.go_to("2026-03-02T13:00")
    invoice = await tenant.sold_to()
    world.go_to("2026-03-03T00:04:50")
    assert (await tenant.read(invoice))["state"] == "waiting"
    assert await tenant.runs() == []
    run = await tenant.night()
    assert (run["day"], run["trigger"], run["added"]) == ("2026-03-03", "night", 1)
    assert run["started_at"] >= "2026-03-02T23:05:00"
    await tenant.becomes(invoice, "sent")


async def test_NV_41_D_10_created_at_00_03_belongs_to_the_next_night(tenant, world):
    await tenant.activate()
    world.go_to("2026-03-03T00:03")
    invoice = await tenant.sold_to()
    assert (await tenant.night())["added"] == 0
    assert (await tenant.read(invoice))["state"] == "waiting"
    assert (await tenant.night("2026-03-04T00:05"))["added"] == 1
    await tenant.becomes(invoice, "sent")


async def test_NV_33_NV_34_NV_35_NV_51_by_invoice_date_waits_for_the_date(tenant):
    await tenant.activate(by_invoice_date=True)
    debtor = tenant.customer()
    future = tenant.draft(debtor, issue_date="2026-03-10", due_date=None)
    past = tenant.draft(debtor, issue_date="2026-02-20", due_date=None)
    await tenant.publish(debtor, future, past)
    await tenant.night()
    await tenant.becomes(past, "sent")
    assert (await tenant.read(future))["state"] == "waiting"
    assert (await tenant.night("2026-03-09T00:05"))["added"] == 0
    assert (await tenant.night("2026-03-10T00:05"))["added"] == 1
    await tenant.becomes(future, "sent")


async def test_NV_35_without_the_option_a_future_date_goes_the_next_night(tenant):
    await tenant.activate()
    debtor = tenant.customer()
    future = tenant.draft(debtor, issue_date="2026-03-10", due_date=None)
    await tenant.publish(debtor, future)
    await tenant.night()
    await tenant.becomes(future, "sent")


async def test_NV_50_imported_with_a_retroactive_date_is_dispatched(tenant, world):
    world.go_to("2026-02-06T10:00")
    await tenant.activate()
    debtor = tenant.customer()
    imported = tenant.draft(
        debtor, source="interface", issue_date="2026-02-03", created_at="2026-02-03T08:00:00Z"
    )
    await tenant.publish(debtor, imported)
    await tenant.night("2026-02-07T00:05")
    await tenant.becomes(imported, "sent")


@pytest.mark.parametrize("status", ["open", "paid"])
async def test_NV_47_NV_48_NV_49_only_unsent_invoices_are_dispatched(tenant, status):
    await tenant.activate()
    debtor = tenant.customer()
    imported = tenant.draft(debtor, source="interface", status=status)
    unsent = tenant.draft(debtor, source="interface")
    await tenant.publish(debtor, imported, unsent)
    await tenant.night()
    await tenant.becomes(unsent, "sent")
    assert (await tenant.read(imported))["state"] == "by_hand"
    refused = await tenant.switch(imported, on=True)
    assert refused.status_code == 409
    assert "unsent" in refused.json()["title"]


async def test_D_09_cover_is_fixed_at_creation_channels_when_the_run_starts(tenant, world):
    await tenant.activate(sources=["manual"], channels=["einvoice"])
    debtor = tenant.customer()
    early = tenant.draft(debtor, source="contract")
    covered = tenant.draft(debtor)
    await tenant.publish(debtor, early, covered)
    world.go_to("2026-03-02T18:00")
    await tenant.activate(sources=["contract"])
    late = await tenant.invoice(debtor, source="contract")
    run = await tenant.night()
    assert run["added"] == 2
    assert (await tenant.becomes(covered, "sent"))["channel"] == "print"
    await tenant.becomes(late, "sent")
    assert (await tenant.read(early))["state"] == "ignored"
    assert (await tenant.switch(early, on=True)).json()["state"] == "waiting"
    await tenant.night("2026-03-04T00:05")
    await tenant.becomes(early, "sent")


async def test_D_09_late_event_is_judged_by_what_was_in_force_when_it_was_created(tenant, world):
    debtor = tenant.customer()
    before = tenant.draft(debtor)
    world.go_to("2026-03-02T13:00")
    await tenant.activate(sources=["manual"])
    during = tenant.draft(debtor)
    world.go_to("2026-03-02T14:00")
    await tenant.activate(sources=["contract"])
    await tenant.publish(debtor, before, during)
    assert (await tenant.read(before))["reason"] == "service-off"
    assert (await tenant.read(during))["state"] == "waiting"


async def test_NV_40_missed_run_is_caught_up_after_downtime(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to()
    world.go_to("2026-03-05T15:30")
    run = await tenant.run_of("2026-03-05")
    assert run["added"] == 1
    await tenant.becomes(invoice, "sent")
    assert len(await tenant.runs()) == 1


@pytest.mark.parametrize(
    ("before", "night", "utc"),
    [
        ("2026-03-28T15:00", "2026-03-29T00:05", "2026-03-28T23:05"),
        ("2026-03-29T15:00", "2026-03-30T00:05", "2026-03-29T22:05"),
        ("2026-10-24T15:00", "2026-10-25T00:05", "2026-10-24T22:05"),
        ("2026-10-25T15:00", "2026-10-26T00:05", "2026-10-25T23:05"),
    ],
)
async def test_NV_40_nights_in_which_the_clock_changes_have_one_run_at_00_05(
    tenant, world, before, night, utc
):
    world.go_to(before)
    await tenant.activate()
    invoice = await tenant.sold_to()
    run = await tenant.night(night)
    assert run["started_at"].startswith(utc)
    await tenant.becomes(invoice, "sent")
    world.go_to(f"{night[:10]}T03:30")
    await tenant.becomes(invoice, "sent")
    assert len(await tenant.runs()) == 1


async def test_nothing_is_owed_for_the_night_before_the_activation(tenant, world):
    await tenant.activate()
    await tenant.deactivate()
    world.go_to("2026-03-03T09:00")
    await tenant.activate()
    invoice = await tenant.sold_to()
    run = await tenant.night("2026-03-04T00:05")
    assert [each["day"] for each in await tenant.runs()] == ["2026-03-04"]
    assert run["added"] == 1
    await tenant.becomes(invoice, "sent")


async def test_NV_68_deactivating_stops_invoices_that_wait_already(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to()
    await tenant.deactivate()
    world.go_to("2026-03-03T00:05")
    await tenant.activate()
    assert (await tenant.read(invoice))["state"] == "waiting"
    assert await tenant.runs() == []


async def test_NV_39_D_11_NV_37_NV_62_NV_63_one_failing_invoice_stops_nobody_and_the_digest_tells(
    tenant, world
):
    await tenant.activate(channels=["einvoice", "email"])
    good = await tenant.sold_to(email=f"good@{tenant.name}.example")
    debtor = tenant.customer(**E_INVOICE)
    wrong = tenant.draft(debtor)
    wrong = wrong.model_copy(update={"totals": wrong.totals.model_copy(update={"vat": wrong.totals.vat + 1})})
    await tenant.publish(debtor, wrong)
    ignored = await tenant.sold_to()
    last = await tenant.sold_to(**E_INVOICE)
    run = await tenant.night()
    assert (run["sent"], run["failed"], run["ignored"]) == ({"e-invoice": 1, "e-mail": 1}, 1, 1)
    for invoice in (good, last):
        await tenant.becomes(invoice, "sent")
    assert "totals.vat" in (await tenant.becomes(wrong, "failed"))["message"]

    async def digest():
        return await world.mails(tenant.email)

    (mail,) = await eventually(digest)
    assert mail["subject"] == "Automatic dispatch 2026-03-03: 1 failed, 1 ignored"
    text = mail["text"]
    assert text.index("FAILED (1)") < text.index(wrong.invoice_number)
    assert text.index(wrong.invoice_number) < text.index("IGNORED (1)") < text.index(ignored.invoice_number)
    assert good.invoice_number not in text
    assert {name.lower() for name, _ in mail["headers"]} >= {"auto-submitted"}


async def test_D_11_ignored_can_be_left_out_of_the_digest(tenant, world):
    await tenant.activate(channels=["einvoice"], report_ignored=False)
    await tenant.sold_to()
    run = await tenant.night()
    assert run["ignored"] == 1
    other = await tenant.sold_to(electronic=ADDRESSES["NL"])
    await tenant.night("2026-03-04T00:05")
    await tenant.becomes(other, "sent")
    assert await world.mails(tenant.email) == []


async def test_NV_59_NV_60_NV_61_after_ignored_or_failed_it_is_never_tried_again(tenant, world):
    await tenant.activate(channels=["einvoice"])
    debtor = tenant.customer()
    invoice = tenant.draft(debtor)
    await tenant.publish(debtor, invoice)
    await tenant.night()
    await tenant.becomes(invoice, "ignored")
    await tenant.activate()
    better = debtor.model_copy(
        update={"revision": 2, "invoice_delivery": debtor.invoice_delivery.model_copy(update=E_INVOICE)}
    )
    await tenant.publish(better)
    assert (await tenant.night("2026-03-04T00:05"))["added"] == 0
    assert (await tenant.read(invoice))["state"] == "ignored"
    assert (await tenant.switch(invoice, on=True)).status_code == 409
    assert (await tenant.send(invoice)).json()["channel"] == "einvoice"
    await tenant.becomes(invoice, "sent")


async def test_two_replicas_share_a_run_and_nothing_goes_twice(tenant, world):
    await tenant.activate()
    debtors = [
        tenant.customer(email=f"c{n}@{tenant.name}.example") if n % 2 else tenant.customer() for n in range(4)
    ]
    made = [tenant.draft(debtors[n % 4]) for n in range(24)]
    async with second_replica(world):
        await tenant.publish(*debtors, *made)
        run = await tenant.night()
        assert run["added"] == 24
        assert run["sent"] == {"e-mail": 12, "print service": 12}
        await asyncio.gather(*(tenant.becomes(invoice, "sent") for invoice in made))
    assert len(await tenant.runs()) == 1
    mails = [mail for each in (1, 3) for mail in await world.mails(f"c{each}@{tenant.name}.example")]
    numbers = [mail["subject"].split()[1] for mail in mails]
    numbers += [letter["reference"] for letter in await world.stored(world.print_service, "letters")]
    assert all(numbers.count(invoice.invoice_number) == 1 for invoice in made)


async def test_person_starts_a_run_for_what_is_due(tenant, world):
    await tenant.activate()
    assert (await tenant.night())["added"] == 0
    world.go_to("2026-03-03T11:00")
    early = await tenant.sold_to()
    refused = await world.call("POST", "/v1/runs", "finance", json={"administration": tenant.name})
    assert refused.status_code == 403
    started = await world.call("POST", "/v1/runs", "ops", json={"administration": tenant.name})
    assert started.status_code == 202
    assert (started.json()["trigger"], started.json()["added"]) == ("person", 0)
    assert (await tenant.read(early))["state"] == "waiting", "created today: due next night (D-10)"
    off = await world.call("POST", "/v1/runs", "ops", json={"administration": "nobody"})
    assert off.status_code == 409
