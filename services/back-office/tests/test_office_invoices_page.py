"""Invoices: the list with its dispatch, sending by hand, one invoice."""

from __future__ import annotations

import httpx
from klokwerk import pinned
from office_shapes import body_of, form_of, invoice, outcome, page, problem, text_of


async def test_the_list_tells_how_each_dispatch_went_and_why(office):
    rows = page(
        invoice(1, dispatch=outcome("ignored", "E-mail is not selected in the settings")),
        invoice(2, dispatch=outcome("failed", "550 mailbox unavailable")),
        invoice(3, dispatch=outcome("sent", "accepted")),
        invoice(4, dispatch=outcome("failed", "by hand too", "manual")),
        {**invoice(5), "number": None, "state": "draft"},
    )
    office.services.on("GET", "sales", "/v1/invoices", rows)
    shown = text_of(await (await office.signed_in()).get("/invoices"))
    for badge, why in (
        ("Automatic dispatch ignored", "E-mail is not selected in the settings"),
        ("Automatic dispatch failed", "550 mailbox unavailable"),
        ("Sent automatically", "accepted"),
    ):
        assert 'tabindex="0"><span class="badge' in shown
        assert f'{badge}</span><span class="tip" role="tooltip">{why}' in shown
    assert "Failed</span>" in shown
    assert "draft" in shown


async def test_filters_and_search_are_combined(office):
    office.services.on("GET", "sales", "/v1/invoices", page())
    await (await office.signed_in()).get("/invoices?q=jansen&payment_status=not_paid&reverse_charge=true")
    asked = dict(office.services.last("GET", "/v1/invoices").url.params)
    assert (asked["q"], asked["payment_status"], asked["reverse_charge"]) == ("jansen", "not_paid", "true")
    assert "sort" not in asked


async def test_the_selected_invoices_only_are_exported(office):
    office.services.on("GET", "sales", "/v1/invoices", page(invoice()))
    office.services.answers[("GET", "sales.test/v1/invoices.csv")] = httpx.Response(
        200, content=b"Number\r\nF1\r\n", headers={"content-type": "text/csv; charset=utf-8"}
    )
    browser = await office.signed_in()
    answer = await browser.post("/invoices/selected.csv", {"ids": ["i1", "i3"]}, page="/invoices")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert office.services.last("GET", "/v1/invoices.csv").url.params.get_list("ids") == ["i1", "i3"]
    all_of_it = {"ids": ["i1"], "scope": "matching", "matching": "dispatch=failed&q=jansen"}
    await browser.post("/invoices/selected.csv", all_of_it, page="/invoices")
    asked = office.services.last("GET", "/v1/invoices.csv").url.params
    assert (asked["dispatch"], asked["q"], asked.get_list("ids")) == ("failed", "jansen", [])
    nothing = await browser.post("/invoices/selected.csv", {"matching": ""}, page="/invoices")
    assert nothing.headers["location"] == "/invoices", "nothing ticked is not everything"
    assert office.services.count("GET", "/v1/invoices.csv") == 2


async def test_sending_by_hand_answers_for_each_invoice(office):
    office.services.on("GET", "sales", "/v1/invoices", page(invoice()))
    office.services.on("POST", "dispatch", "/v1/invoices/i1/send", {"id": "x"}, 202)
    refusal = problem(409, "The invoice can't be sent this way", detail="There is no e-mail address.")
    office.services.on("POST", "dispatch", "/v1/invoices/i2/send", refusal, 409)
    browser = await office.signed_in()
    await browser.post("/invoices/send", {"ids": ["i1", "i2"], "_once": "k"}, page="/invoices")
    assert office.services.last("POST", "/v1/invoices/i1/send").headers["idempotency-key"] == "k-i1"
    shown = text_of(await browser.get("/invoices"))
    assert "1 of 2 were handed over" in shown
    assert "There is no e-mail address." in shown


def pin(count, digest=""):
    return {"count": count, "digest": digest or f"{count:032x}"}


async def test_all_invoices_of_a_filter_are_sent_once_their_number_was_confirmed_and_asked_anew_if_others_match(
    office,
):
    office.services.on("GET", "sales", "/v1/invoices", page(invoice()))
    counted = {**pin(1236), "issued": pin(1234)}
    office.services.on("GET", "sales", "/v1/invoices/count", counted)
    browser = await office.signed_in()
    where = "/invoices?dispatch=failed"
    assert "Send all that match by hand" in text_of(await browser.get(where))
    wanted = {"ids": ["i1"], "scope": "matching", "matching": "dispatch=failed&evil=1"}
    asked = await browser.post("/invoices/send", wanted, page=where)
    shown = text_of(asked)
    assert "Send 1,234 invoices?" in shown
    assert "2 drafts stay" in shown
    assert "<strong>Failed</strong>" in shown
    changed = problem(409, "The list has changed meanwhile") | {"type": pinned.CHANGED}
    office.services.on("POST", "sales", "/v1/invoices/issued", changed, 409)
    office.services.on("GET", "sales", "/v1/invoices/count", {**pin(1236), "issued": pin(1234, "f" * 32)})
    again = await browser.post("/invoices/send", form_of(asked), page=where)
    assert "there are 1,234 as before, but not the same ones" in text_of(again)
    assert office.services.count("POST", "/v1/invoices/send") == 0
    issued = {"invoice_ids": ["i1", "i2"]}
    office.services.on("POST", "sales", "/v1/invoices/issued", issued)
    office.services.on("POST", "dispatch", "/v1/invoices/send", {"id": "j1", "kind": "invoice-sending"}, 202)
    answer = await browser.post("/invoices/send", form_of(again), page=where)
    asked_for = body_of(office.services.last("POST", "/v1/invoices/issued"))
    assert asked_for == {"matching": {"dispatch": "failed"}, "pin": pin(1234, "f" * 32)}
    request = office.services.last("POST", "/v1/invoices/send")
    assert body_of(request) == issued
    assert request.headers["idempotency-key"] == form_of(again)["_once"]
    assert answer.headers["location"].startswith("/jobs/dispatch/j1?back=")
    left = [{"name": "F1", "reason": "The invoice is being sent at this moment. Wait for the outcome."}]
    result = {"planned": 1, "left": 3, "left_rows": [left[0] | {"link": "/invoices/i2"}]}
    job = {"id": "j1", "kind": "invoice-sending", "state": "done", "result": result}
    office.services.on("GET", "dispatch", "/v1/jobs/j1", job)
    told = text_of(await browser.get(answer.headers["location"]))
    assert "F1: The invoice is being sent at this moment. Wait for the outcome." in told
    assert 'href="/invoices/i2"' in told
    assert "Of 3 the first 1 are shown" in told


async def test_all_deliveries_of_a_filter_are_sent_by_the_service_that_keeps_the_list(office):
    office.services.on("GET", "dispatch", "/v1/invoices", page(dispatched(customer="Jansen")))
    office.services.on("GET", "dispatch", "/v1/invoices/count", pin(700))
    office.services.on("POST", "dispatch", "/v1/invoices/send", {"id": "j2"}, 202)
    browser = await office.signed_in()
    where = "/deliveries/invoices?state=failed&q=jansen"
    wanted = {"scope": "matching", "matching": "q=jansen&state=failed"}
    asked = await browser.post("/deliveries/invoices/send", wanted, page=where)
    assert "Send 700 invoices?" in text_of(asked)
    await browser.post("/deliveries/invoices/send", form_of(asked), page=where)
    sent = body_of(office.services.last("POST", "/v1/invoices/send"))
    assert sent == {"matching": {"q": "jansen", "state": ["failed"]}, "pin": pin(700)}
    looking = await office.with_roles("read-only", name="only-looks")
    assert "/deliveries/invoices/send" not in text_of(await looking.get(where))


def dispatched(**changes):
    return {
        "invoice_id": "i1",
        "number": "F2026-00001",
        "state": "waiting",
        "automatic": True,
        "message": "Waits for the night",
        "actions": ["send", "automatic-off"],
        "dispatches": [],
        "history": [
            {"at": "2026-11-02T09:00:00Z", "by": "automatic dispatch", "action": "added", "detail": ""}
        ],
        **changes,
    }


async def test_the_invoice_shows_every_action_and_error_of_its_dispatch(office):
    office.services.on("GET", "sales", "/v1/invoices/i1", {**invoice(), "document": {"lines": []}})
    sending = {
        "id": "s1",
        "intent": "automatic",
        "state": "failed",
        "channel": "email",
        "recipient": "a@b.example",
    }
    sending |= {
        "message": "550 mailbox unavailable",
        "changed_at": "2026-11-03T00:05:10Z",
        "file_name": "F1.pdf",
    }
    told = dispatched(
        state="failed", message="550 mailbox unavailable", dispatches=[sending], actions=["send"]
    )
    office.services.on("GET", "dispatch", "/v1/invoices/i1", told)
    shown = text_of(await (await office.signed_in()).get("/invoices/i1"))
    assert "Automatic dispatch failed" in shown
    assert shown.count("550 mailbox unavailable") >= 2
    assert "a@b.example" in shown
    assert 'href="/invoices/i1/documents/pdf"' in shown


async def test_one_invoice_is_taken_out_of_automatic_dispatch(office):
    office.services.on("GET", "sales", "/v1/invoices/i1", {**invoice(), "document": {"lines": []}})
    office.services.on("GET", "dispatch", "/v1/invoices/i1", dispatched())
    office.services.on("POST", "dispatch", "/v1/invoices/i1/automatic", dispatched(automatic=False))
    browser = await office.signed_in()
    assert "Automatic invoicing" in text_of(await browser.get("/invoices/i1"))
    await browser.post("/invoices/i1/automatic", {"on": ""}, page="/invoices/i1")
    assert body_of(office.services.last("POST", "/v1/invoices/i1/automatic")) == {"on": False}
    assert "removed from automatic dispatch" in text_of(await browser.get("/invoices/i1"))


async def test_an_invoice_just_issued_is_shown_while_its_dispatch_is_not_known_yet(office):
    office.services.on("GET", "sales", "/v1/invoices/i1", {**invoice(), "document": {"lines": []}})
    shown = text_of(await (await office.signed_in()).get("/invoices/i1"))
    assert "The dispatch of this invoice is not known yet" in shown
