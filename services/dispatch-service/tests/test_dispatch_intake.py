"""What comes in by Kafka: unknown customers, repeats, merges, bad messages; and what others are told."""

from __future__ import annotations

import hashlib

from klokwerk.testing import eventually, publish, read_topic
from klokwerk_contracts import InvoiceCreated
from klokwerk_contracts.debtor_changed import CardState
from klokwerk_contracts.record import Record, record_of


async def test_unknown_customer_is_parked_shown_and_picked_up_when_the_card_comes(tenant, world):
    await tenant.activate()
    debtor = tenant.customer()
    invoice = await tenant.invoice(debtor)
    waiting = (await world.call("GET", "/v1/waiting")).json()["items"]
    (mine,) = [item for item in waiting if item["invoice_id"] == invoice.invoice_id]
    assert mine["debtor_id"] == debtor.debtor_id
    assert invoice.invoice_number in mine["reason"]
    assert (await tenant.night())["added"] == 0
    refused = await tenant.send(invoice)
    assert refused.status_code == 409
    assert "has not come yet" in refused.json()["detail"]
    await tenant.publish(debtor)
    waiting = (await world.call("GET", "/v1/waiting")).json()["items"]
    assert invoice.invoice_id not in [item["invoice_id"] for item in waiting]
    assert (await tenant.night("2026-03-04T00:05"))["added"] == 1
    shown = await tenant.becomes(invoice, "sent")
    assert "customer known" in [entry["action"] for entry in shown["history"]]


async def test_replay_changes_nothing_and_sends_nothing(tenant, world):
    await tenant.activate(channels=["einvoice", "email"])
    debtor = tenant.customer(email=f"replay@{tenant.name}.example")
    sent, ignored = tenant.draft(debtor), tenant.draft(tenant.customer())
    await tenant.publish(debtor, sent, ignored)
    await tenant.night()
    before = await tenant.becomes(sent, "sent")
    told = await world.outcome_events(sent.invoice_id, at_least=3)
    await tenant.publish(debtor, sent, ignored, sent)
    await tenant.night("2026-03-04T00:05")
    assert await tenant.read(sent) == before
    assert await world.outcome_events(sent.invoice_id, at_least=3) == told
    assert len(await world.mails(f"replay@{tenant.name}.example")) == 1


async def test_older_card_never_replaces_a_newer_one(tenant, world):
    await tenant.activate()
    old = tenant.customer(email=f"old@{tenant.name}.example")
    new = tenant.customer(email=f"new@{tenant.name}.example").model_copy(
        update={"debtor_id": old.debtor_id, "revision": 5}
    )
    invoice = tenant.draft(old)
    await tenant.publish(new)
    await tenant.publish(old, invoice)
    await tenant.night()
    assert (await tenant.becomes(invoice, "sent"))["recipient"] == f"new@{tenant.name}.example"


async def test_D_17_merged_customer_is_reached_at_the_card_that_took_over(tenant):
    await tenant.activate()
    target = tenant.customer(email=f"target@{tenant.name}.example")
    source = tenant.customer()
    invoice = tenant.draft(source)
    merged = source.model_copy(
        update={"revision": 2, "state": CardState.MERGED, "merged_into": target.debtor_id}
    )
    await tenant.publish(source, target, invoice, merged)
    await tenant.night()
    assert (await tenant.becomes(invoice, "sent"))["recipient"] == f"target@{tenant.name}.example"


async def handed_to_the_printer(world, name):
    """Whether a letter of this administration is on its way at this moment."""
    query = {"method": "POST"}
    came = (await world.outside.get(f"{world.print_service}/_requests", params=query)).json()
    return any(name in one["body"] for one in came)


async def test_D_17_a_merge_during_the_run_sends_every_invoice_once_and_later_ones_to_the_target(
    tenant, world
):
    await tenant.activate()
    target = tenant.customer(email=f"target@{tenant.name}.example")
    source = tenant.customer(postal=True)
    before, other = tenant.draft(source), tenant.draft(source)
    await tenant.publish(source, target, before, other)
    await world.fault(world.print_service, slow_seconds=0.8, only_methods=["POST"])
    try:
        world.go_to("2026-03-03T00:05")
        await eventually(lambda: handed_to_the_printer(world, tenant.name))
        merged = source.model_copy(
            update={"revision": 2, "state": CardState.MERGED, "merged_into": target.debtor_id}
        )
        await tenant.publish(merged)
        await tenant.run_of("2026-03-03")
        for invoice in (before, other):
            await tenant.becomes(invoice, "sent")
            letters = await world.letters(invoice.invoice_number)
            mails = [
                mail
                for mail in await world.mails(f"target@{tenant.name}.example")
                if invoice.invoice_number in mail["subject"]
            ]
            assert len(letters) + len(mails) == 1, "by one way or the other, and once"
    finally:
        await world.behave()
    late = await tenant.invoice(source)
    await tenant.send(late)
    assert (await tenant.becomes(late, "sent"))["recipient"] == f"target@{tenant.name}.example"


async def test_malformed_invoice_is_a_dead_letter_and_its_neighbours_go_on(tenant, world):
    await tenant.activate()
    debtor = tenant.customer()
    before, after = tenant.draft(debtor), tenant.draft(debtor)
    good = record_of(before, source="//elsewhere.test")
    bad = Record(good.topic, good.key, b'{"invoice_id": "x"}', good.headers)
    await tenant.publish(debtor)
    await publish(world.kafka, good, bad, record_of(after, source="//elsewhere.test"))
    await world.all_in()
    assert (await tenant.read(before))["state"] == "waiting"
    assert (await tenant.read(after))["state"] == "waiting"
    dead = await read_topic(world.kafka, f"{InvoiceCreated.TOPIC}.dispatch-service.dlq", at_least=1)
    assert dead[-1].value == bad.value
    assert "invoice_number" in dict(dead[-1].headers)["dlq_detail"].decode()


async def test_NV_55_every_step_is_told_and_kept_in_the_history(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to(email=f"told@{tenant.name}.example")
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    assert [entry["action"] for entry in reversed(shown["history"])] == [
        "added to automatic dispatch",
        "will be sent",
        "sent",
    ]
    listed = (await world.call("GET", f"/v1/invoices?administration={tenant.name}")).json()["items"]
    assert [(item["label"], item["message"]) for item in listed] == [("Sent", shown["message"])]
    events = await world.outcome_events(invoice.invoice_id, at_least=3)
    assert [event["state"] for event in events] == ["waiting", "planned", "sent"]
    assert [event["revision"] for event in events] == [1, 2, 3]
    assert {event["dispatch_id"] for event in events} == {shown["dispatches"][0]["id"]}
    assert (events[-1]["channel"], events[-1]["intent"]) == ("email", "automatic")
    assert events[-1]["link"] == f"/v1/invoices/{invoice.invoice_id}"


async def test_lists_are_paged_searched_and_filtered(tenant, world):
    await tenant.activate(channels=["einvoice", "email"])
    debtor = tenant.customer(email=f"list@{tenant.name}.example")
    made = [tenant.draft(debtor) for _ in range(5)]
    lonely = tenant.draft(tenant.customer())
    await tenant.publish(debtor, *made)
    await tenant.sold_to()

    async def pages(**query: object) -> list[str]:
        found, cursor = [], None
        while True:
            params = {"administration": tenant.name, "limit": 2} | query
            params |= {"cursor": cursor} if cursor else {}
            answer = await world.call("GET", "/v1/invoices", params=params)
            assert answer.status_code == 200, answer.text
            found += [item["number"] for item in answer.json()["items"]]
            cursor = answer.json()["next"]
            if cursor is None:
                return found

    everything = await pages()
    assert len(everything) == len(set(everything)) == 6
    assert await pages(q=made[2].invoice_number.upper()) == [made[2].invoice_number]
    assert len(await pages(debtor_id=debtor.debtor_id)) == 5
    await tenant.night()
    assert len(await pages(state=["sent"])) == 5
    assert len(await pages(state=["ignored"])) == 1
    assert len(await pages(channel="email")) == 5
    assert await pages(q="100%_") == []
    assert lonely.invoice_number not in everything
    assert (await world.call("GET", "/v1/invoices?cursor=rubbish")).status_code == 400
    assert (await world.call("GET", "/v1/invoices/unknown")).status_code == 404


async def test_documents_are_served_as_sent(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to()
    path = f"/v1/invoices/{invoice.invoice_id}/documents"
    missing = await world.call("GET", f"{path}/pdf")
    assert missing.status_code == 404
    assert "was not sent as pdf" in missing.json()["detail"]
    await tenant.night()
    shown = await tenant.becomes(invoice, "sent")
    served = await world.call("GET", f"{path}/pdf")
    assert served.headers["content-type"] == "application/pdf"
    assert hashlib.sha256(served.content).hexdigest() == shown["dispatches"][0]["sha256"]
    assert (await world.call("GET", f"{path}/docx")).status_code == 404


async def test_NV_21_without_a_usable_address_nothing_is_possible_and_the_summary_counts_it(tenant, world):
    await tenant.activate()
    invoice = await tenant.sold_to(postal=False)
    await tenant.night()
    assert "No channel can reach" in (await tenant.becomes(invoice, "failed"))["message"]

    async def shown():
        body = (await world.call("GET", "/v1/summary")).json()
        counts = {count["name"]: count for count in body["counts"]}
        return counts["invoices_failed"]["value"] >= 1 and body["recent"]

    recent = await eventually(shown)
    assert any(invoice.invoice_number in each["text"] for each in recent)


async def test_export_holds_the_whole_filter_and_no_cell_runs_as_a_formula(tenant, world):
    await tenant.activate()
    debtor = tenant.customer()
    plain = tenant.draft(debtor)
    hostile = tenant.draft(debtor)
    hostile = hostile.model_copy(
        update={"buyer": hostile.buyer.model_copy(update={"name": '=HYPERLINK("http://x.example")'})}
    )
    await tenant.publish(debtor, plain, hostile)
    path = f"?administration={tenant.name}&state=&channel="
    answer = await world.call("GET", f"/v1/invoices.csv{path}")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Number;Date;")
    assert len(lines) == 3
    assert any("'=HYPERLINK" in line for line in lines)
    book = await world.call("GET", f"/v1/invoices.xlsx{path}")
    assert book.content[:2] == b"PK"
    wrong = await world.call("GET", "/v1/invoices?state=gone&channel=fax")
    assert wrong.status_code == 422
    assert "by_hand" in wrong.json()["errors"][0]["cure"]
