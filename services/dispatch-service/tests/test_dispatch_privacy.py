"""A customer's data given in one document; and a card that was anonymised: found by name no more, documents kept."""

from __future__ import annotations

from dispatch_factories import NL_BUYER
from dispatch_world import Tenant, World
from klokwerk_contracts.debtor_changed import CardState, DebtorChanged, InvoiceDelivery


def anonymised(card: DebtorChanged) -> DebtorChanged:
    """The card as the debtor service tells it once the person was forgotten."""
    return DebtorChanged(
        administration=card.administration,
        debtor_id=card.debtor_id,
        revision=card.revision + 1,
        state=CardState.ANONYMISED,
        name="Anonymised K00001",
        invoice_delivery=InvoiceDelivery(email_allowed=False, print_allowed=False),
        changed_at=card.changed_at,
    )


async def test_everything_about_a_customer_is_given_with_the_cards_merged_into_it(
    tenant: Tenant, world: World
):
    await tenant.activate(channels=["einvoice", "email"])
    debtor = tenant.customer(email=f"all@{tenant.name}.example")
    merged = tenant.customer()
    invoice, old = tenant.draft(debtor), tenant.draft(merged)
    tombstone = merged.model_copy(
        update={"revision": 2, "state": CardState.MERGED, "merged_into": debtor.debtor_id}
    )
    await tenant.publish(debtor, merged, invoice, old)
    await tenant.night()
    await tenant.becomes(invoice, "sent")
    await tenant.publish(tombstone)
    for asked in (debtor.debtor_id, merged.debtor_id):
        answer = await world.call("GET", f"/v1/debtors/{asked}/personal-data", "ops")
        assert answer.status_code == 200, answer.text
        held = answer.json()
        assert (held["service"], held["debtor_id"]) == ("dispatch-service", debtor.debtor_id)
        assert {card["debtor_id"] for card in held["cards"]} == {debtor.debtor_id, merged.debtor_id}
        assert {each["invoice_id"] for each in held["invoices"]} == {invoice.invoice_id, old.invoice_id}
        (sent,) = [each for each in held["deliveries"] if each["state"] == "sent"]
        assert (sent["recipient"], sent["invoice_id"]) == (f"all@{tenant.name}.example", invoice.invoice_id)
        assert held["invoices"][0]["document"]["buyer"]["name"] == NL_BUYER.name
        assert held["invoices"][0]["history"]
    assert (
        await world.call("GET", f"/v1/debtors/{debtor.debtor_id}/personal-data", "sales")
    ).status_code == 403
    assert (await world.call("GET", "/v1/debtors/nobody/personal-data", "ops")).status_code == 404


async def test_an_anonymised_customer_is_found_by_name_no_more_but_the_document_stays(
    tenant: Tenant, world: World
):
    await tenant.activate(channels=["einvoice", "email"])
    debtor = tenant.customer(email=f"gone@{tenant.name}.example", name="Tante Roos")
    buyer = NL_BUYER.model_copy(update={"name": f"Roos {tenant.name}"})
    invoice = tenant.draft(debtor).model_copy(update={"buyer": buyer})
    await tenant.publish(debtor, invoice)
    await tenant.night()
    await tenant.becomes(invoice, "sent")
    list_path = f"/v1/invoices?q=roos {tenant.name}"
    assert len((await world.call("GET", list_path)).json()["items"]) == 1

    gone = anonymised(debtor)
    await tenant.publish(gone)
    assert (await world.call("GET", list_path)).json()["items"] == []
    (found,) = (await world.call("GET", f"/v1/invoices?q={invoice.invoice_number}")).json()["items"]
    assert found["customer"] == "Anonymised"
    document = await world.call("GET", f"/v1/invoices/{invoice.invoice_id}/documents/pdf")
    assert document.status_code == 200
    held = (await world.call("GET", f"/v1/debtors/{debtor.debtor_id}/personal-data", "finance")).json()
    assert held["cards"][0]["name"] == "Anonymised K00001"
    assert "Tante" not in str(held["cards"])
    assert held["invoices"][0]["document"]["buyer"]["name"] == buyer.name

    # A replay of everything, the invoice after the card, brings no name back; nor does a late invoice.
    late = tenant.draft(debtor).model_copy(update={"buyer": buyer})
    await tenant.publish(debtor, gone, invoice, late)
    assert (await world.call("GET", list_path)).json()["items"] == []
    await tenant.night("2026-03-05T00:05")
    shown = await tenant.becomes(late, "ignored")
    assert "anonymised" in shown["message"]
    refused = await tenant.send(invoice, "email")
    assert refused.status_code == 409
    assert "anonymised" in refused.json()["detail"]
