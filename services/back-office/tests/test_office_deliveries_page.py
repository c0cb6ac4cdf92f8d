"""Deliveries: the invoices that left the house."""

from __future__ import annotations

from office_shapes import page, text_of


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
