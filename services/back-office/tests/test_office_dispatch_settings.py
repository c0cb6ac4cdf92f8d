"""Sales > Settings > Billing settings > Automatic dispatch, against fixed answers of the dispatch service."""

from __future__ import annotations

from office_shapes import body_of, form_of, problem, text_of

PATH = "/settings/automatic-dispatch"
CHOICES = {
    "sources": ["manual", "interface"],
    "channels": ["einvoice", "email", "print"],
    "by_invoice_date": False,
    "notice_email": "office@trade.example",
    "notice_phone": "",
    "report_ignored": True,
    "consumer_einvoicing": False,
    "belgian_rule": True,
    "factoring_email": "",
}


def dispatch_settings(*, active=None, draft=None, **changes):
    in_force = {
        **CHOICES,
        "active_since": "2026-11-02T09:00:00Z",
        "active_from": "2026-11-02T09:00:00Z",
        "activated_by": "Piet",
        **(active or {}),
    }
    return {
        "administration": "main",
        "revision": 3,
        "draft": CHOICES | (draft or {}),
        "changed_at": "2026-11-02T09:42:00Z",
        "changed_by": "Piet",
        "active": None if active is None else in_force,
        "changed": True,
        "warnings": [],
        "next_run": "2026-11-02T23:05:00Z" if active is not None else None,
        **changes,
    }


def serve(office, body, etag='"3"'):
    office.services.on("GET", "dispatch", "/v1/settings", body, ETag=etag)


async def test_the_page_says_it_is_off_and_where_it_belongs(office):
    serve(office, dispatch_settings())
    shown = text_of(await (await office.signed_in()).get(PATH))
    assert "Automatic dispatch is off" in shown
    assert "Settings</a> › <span>Billing settings</span> › " in shown
    assert "No invoice goes out by itself" in shown
    assert "Switch off" not in shown


async def test_each_channel_says_plainly_what_leaving_it_out_does(office):
    serve(office, dispatch_settings(draft={"channels": ["email", "print"]}))
    shown = text_of(await (await office.signed_in()).get(PATH))
    assert "If you leave this out, every invoice is ignored" in shown
    assert "We recommend to keep every channel on" in shown
    remark = shown.split('id="remarks"')[1]
    assert "E-invoice is left out" in remark


async def test_what_is_in_force_and_what_is_only_saved_are_shown_apart(office):
    serve(office, dispatch_settings(active={"channels": ["einvoice"]}, draft={"notice_email": ""}))
    shown = text_of(await (await office.signed_in()).get(PATH))
    assert "Automatic dispatch is on" in shown
    assert "Changes not activated" in shown
    assert "In force since 2 Nov 2026, 10:00:00, activated by Piet." in shown
    assert "Next run: 3 Nov 2026, 00:05:00." in shown
    assert 'In force</span> E-invoice</dd><dd><span class="compare-what">After activating</span> ' in shown
    assert "E-invoice, E-mail, Print service" in shown
    assert "nobody is told when an invoice fails" in shown


async def test_saving_sends_every_choice_with_the_revision_and_activates_nothing(office):
    serve(office, dispatch_settings())
    office.services.on("PUT", "dispatch", "/v1/settings", dispatch_settings(revision=4), ETag='"4"')
    browser = await office.signed_in()
    values = form_of(await browser.get(PATH))
    del values["channels.print"]
    answer = await browser.client.post(PATH, data={**values, "notice_phone": " +31 6 12345678 "})
    assert answer.headers["location"] == PATH
    request = office.services.last("PUT", "/v1/settings")
    assert request.headers["if-match"] == '"3"'
    assert body_of(request) == CHOICES | {
        "channels": ["einvoice", "email"],
        "notice_phone": "+31 6 12345678",
    }
    assert office.services.count("POST", "/v1/settings/activate") == 0
    assert "They have no effect until you press Activate" in text_of(await browser.get(PATH))


async def test_activating_saves_what_is_on_the_screen_first(office):
    serve(office, dispatch_settings())
    office.services.on("PUT", "dispatch", "/v1/settings", dispatch_settings(revision=4), ETag='"4"')
    on = dispatch_settings(active={}, changed=False, next_run="2026-11-02T23:05:00Z")
    office.services.on("POST", "dispatch", "/v1/settings/activate", on)
    browser = await office.signed_in()
    values = form_of(await browser.get(PATH))
    answer = await browser.client.post(f"{PATH}/activate", data={**values, "by_invoice_date": "on"})
    assert answer.status_code == 303
    asked = [
        request.method for request in office.services.asked if request.url.path.startswith("/v1/settings")
    ]
    assert asked == ["GET", "PUT", "POST"]
    assert body_of(office.services.last("PUT", "/v1/settings"))["by_invoice_date"] is True
    assert "Next run: 3 Nov 2026, 00:05:00" in text_of(await browser.get(PATH))


async def test_activating_nothing_is_refused_beside_the_choices_that_lack(office):
    empty = dispatch_settings(draft={"sources": []}, revision=4)
    serve(office, empty, '"4"')
    office.services.on("PUT", "dispatch", "/v1/settings", empty, ETag='"4"')
    lacking = {"field": "sources", "message": "nothing is selected", "cure": "select at least one"}
    office.services.on(
        "POST", "dispatch", "/v1/settings/activate", problem(422, "It would send nothing", lacking), 422
    )
    browser = await office.signed_in()
    values = form_of(await browser.get(PATH))
    answer = await browser.client.post(f"{PATH}/activate", data=values)
    shown = text_of(answer)
    assert answer.status_code == 422
    assert 'id="s-sources-error">nothing is selected select at least one' in shown
    assert '<a href="#s-sources">Which invoices are sent</a>: nothing is selected' in shown
    assert "Not activated: look at what is marked" in shown
    assert 'name="_revision" value="4"' in shown


async def test_a_wrong_address_is_said_in_the_users_language_with_what_was_typed(office):
    serve(office, dispatch_settings())
    wrong = {
        "field": "notice_email",
        "message": "String should match pattern '^x$'",
        "cure": "Write it in the form that the API description gives.",
        "code": "string_pattern_mismatch",
    }
    phone = {
        "field": "notice_phone",
        "message": "Value error, is no phone number: write it with its country",
        "cure": "see /docs",
        "code": "value_error",
    }
    office.services.on("PUT", "dispatch", "/v1/settings", problem(422, "Not valid", wrong, phone), 422)
    browser = await office.with_roles("billing-admin", name="beheer")
    await browser.post("/language", {"language": "nl", "back": PATH}, page=PATH)
    values = form_of(await browser.get(PATH))
    shown = text_of(await browser.client.post(PATH, data={**values, "notice_email": "nobody"}))
    assert 'id="f-notice_email-error">Schrijf het als naam@domein.example.' in shown
    assert 'id="f-notice_phone-error">is no phone number: write it with its country<' in shown
    assert 'value="nobody"' in shown
    assert "pattern" not in shown
    assert "/docs" not in shown


async def test_who_saves_second_is_told_who_was_first(office):
    serve(office, dispatch_settings())
    office.services.on("PUT", "dispatch", "/v1/settings", problem(412, "It was changed meanwhile"), 412)
    browser = await office.signed_in()
    values = form_of(await browser.get(PATH))
    answer = await browser.client.post(f"{PATH}/activate", data={**values, "notice_email": "mine@x.example"})
    shown = text_of(answer)
    assert answer.status_code == 409
    assert "Changed by Piet at 10:42: reload" in shown
    assert 'value="mine@x.example"' in shown
    assert office.services.count("POST", "/v1/settings/activate") == 0


async def test_switching_off_asks_first_and_says_what_becomes_of_what_waited(office):
    serve(office, dispatch_settings(active={}, changed=False))
    office.services.on("POST", "dispatch", "/v1/settings/deactivate", dispatch_settings())
    browser = await office.signed_in()
    assert 'data-confirm="Switch automatic dispatch off?' in text_of(await browser.get(PATH))
    await browser.post(f"{PATH}/deactivate", page=PATH)
    assert "back with the ones to be sent by hand" in text_of(await browser.get(PATH))


async def test_only_a_billing_administrator_can_change_it_and_others_are_told(office):
    serve(office, dispatch_settings(active={}))
    browser = await office.with_roles("finance", "sales", name="looker")
    shown = text_of(await browser.get(PATH))
    assert "needs the role billing-admin" in shown
    assert "data-save" not in shown
    assert "Switch off" not in shown
    assert ' id="f-notice_email" name="notice_email" disabled' in shown
