"""Deliveries: EKTs and dispatches in one place."""

from __future__ import annotations

from office_shapes import card, ekt, page, text_of


async def test_deliveries_are_filtered_by_state_and_name_the_customer(office):
    office.services.on("GET", "ekts", "/v1/ekts", page(ekt(state="failed", message="550 no such box")))
    office.services.on("GET", "debtors", "/v1/debtors/d1", card())
    shown = text_of(await (await office.signed_in()).get("/deliveries?state=failed"))
    assert office.services.last("GET", "/v1/ekts").url.params["state"] == "failed"
    assert "Jansen Bloemen" in shown
    assert "550 no such box" in shown


async def test_deliveries_are_shown_also_while_the_names_are_not_to_be_had(office):
    office.services.on("GET", "ekts", "/v1/ekts", page(ekt()))
    office.services.away("GET", "debtors", "/v1/debtors/d1")
    answer = await (await office.signed_in()).get("/deliveries")
    assert answer.status_code == 200
    assert ">d1</a>" in answer.text


async def test_dispatches_of_invoices_have_a_list_of_their_own(office):
    row = {
        "invoice_id": "i1",
        "number": "F1",
        "customer": "Jansen",
        "state": "ignored",
        "message": "not selected",
    }
    office.services.on("GET", "dispatch", "/v1/invoices", page({**row, "changed_at": "2026-11-02T09:00:00Z"}))
    shown = text_of(await (await office.signed_in()).get("/deliveries/invoices?state=ignored"))
    assert "Automatic dispatch ignored" in shown
    assert "not selected" in shown
