"""Many invoices sent by hand at once: those named, or all of a filter as a person confirmed them (NV-60)."""

from __future__ import annotations

from typing import Any

from dispatch_service import by_hand
from klokwerk import pinned
from klokwerk.testing import eventually

PATH = "/v1/invoices/send"


async def ended(world: Any, answer: Any) -> dict[str, Any]:
    """The job of an answer, once it is over."""
    assert answer.status_code == 202, answer.text

    async def over() -> dict[str, Any]:
        job = (await world.call("GET", f"/v1/jobs/{answer.json()['id']}")).json()
        return job if job["state"] == "done" else {}

    return await eventually(over)


async def test_NV_60_all_of_a_filter_are_sent_as_they_were_confirmed_each_with_its_own_answer(
    tenant, world, monkeypatch
):
    monkeypatch.setattr(by_hand, "CHUNK", 2)
    meant = {"administration": tenant.name, "state": "by_hand"}
    matching = {"administration": tenant.name, "state": ["by_hand"]}
    first, second = tenant.customer(email=f"a@{tenant.name}.example"), tenant.customer(email="b@many.example")
    invoices = [tenant.draft(each) for each in (first, first, second, f"{tenant.name}-not-known")]
    await tenant.publish(first, second, *invoices[:3])
    told = (await world.call("GET", "/v1/invoices/count", params=meant)).json()
    assert told["count"] == 3
    unsaid = await world.call("POST", PATH, "finance", json={"matching": matching})
    assert (unsaid.status_code, "has to be confirmed" in unsaid.text) == (422, True)

    # A colleague sends one of them and another one comes in: as many as were confirmed, but others.
    assert (await tenant.send(invoices[0])).status_code == 202
    await tenant.becomes(invoices[0], "sent")
    await tenant.publish(invoices[3])
    body = {"matching": matching, "pin": told}
    answer = await world.call("POST", PATH, "finance", json=body)
    assert (answer.status_code, answer.json()["type"]) == (409, pinned.CHANGED), answer.text
    assert (await world.call("GET", "/v1/invoices/count", params=meant)).json()["count"] == 3

    body["pin"] = (await world.call("GET", "/v1/invoices/count", params=meant)).json()
    once = {"Idempotency-Key": f"many-{tenant.name}"}
    answer = await world.call("POST", PATH, "finance", json=body, headers=once)
    again = await world.call("POST", PATH, "finance", json=body, headers=once)
    assert again.json()["id"] == answer.json()["id"]
    job = await ended(world, answer)
    assert (job["done"], job["total"]) == (3, 3)
    assert (job["result"]["planned"], job["result"]["left"]) == (2, 1)
    (left,) = job["result"]["left_rows"]
    assert (left["name"], left["link"]) == (invoices[3].invoice_number, f"/invoices/{invoices[3].invoice_id}")
    alone = await tenant.send(invoices[3])
    assert alone.json()["detail"] == left["reason"], "the same answer as for one alone"
    for invoice in invoices[1:3]:
        await tenant.becomes(invoice, "sent")
    assert len(await world.mails(f"a@{tenant.name}.example")) == 2


async def test_invoices_that_are_named_are_sent_once_each_and_unknown_ones_are_told(tenant, world):
    invoice = await tenant.sold_to(email=f"named@{tenant.name}.example")
    body = {"invoice_ids": [invoice.invoice_id, invoice.invoice_id, f"{tenant.name}-none"]}
    job = await ended(world, await world.call("POST", PATH, "sales", json=body))
    assert (job["result"]["planned"], job["result"]["left"]) == (1, 1)
    assert job["result"]["left_rows"][0]["reason"].startswith("The invoice has not come to dispatch yet")
    await tenant.becomes(invoice, "sent")
    assert len(await world.mails(f"named@{tenant.name}.example")) == 1


async def test_who_may_send_many_and_what_is_refused(tenant, world):
    assert (await world.call("POST", PATH, "ops", json={"invoice_ids": ["x"]})).status_code == 403
    pin = {"count": 0, "digest": "0" * 32}
    for wrong in (
        {},
        {"invoice_ids": []},
        {"invoice_ids": ["x"], "matching": {}, "pin": pin},
        {"matching": {"state": ["lost"]}, "pin": pin},
        {"matching": {"paid": True}, "pin": pin},
        {"matching": {}, "pin": {"count": 1, "digest": "short"}},
    ):
        assert (await world.call("POST", PATH, "finance", json=wrong)).status_code == 422, wrong
