"""Pages with services that answer fixed things: what is shown, what is sent on, what trouble looks like."""

from __future__ import annotations

import html
import json

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from office_shapes import DAY, card, debtor_day, ekt, invoice, line, outcome, page, problem, sale, sold


def text_of(response: httpx.Response) -> str:
    return " ".join(html.unescape(response.text).split())


def body_of(request: httpx.Request):
    return json.loads(request.content)


# --- the clients ------------------------------------------------------------------------------------------


async def test_services_are_called_with_the_users_own_token_and_one_correlation(office):
    office.services.on("GET", "debtors", "/v1/debtors", page())
    browser = await office.signed_in()
    await browser.get("/debtors", headers={"X-Correlation-Id": "abc-123"})
    request = office.services.last("GET", "/v1/debtors")
    keys = KeySet.import_key_set((await office.client.get("/.well-known/jwks.json")).json())
    claims = jwt.decode(request.headers["authorization"].removeprefix("Bearer "), keys).claims
    assert (claims["name"], claims["aud"]) == ("anna", "klokwerk")
    assert request.headers["x-correlation-id"] == "abc-123"


async def test_a_read_is_tried_again_a_few_times_and_a_change_never(office):
    office.services.away("GET", "debtors", "/v1/debtors")
    office.services.away("POST", "sales", f"/v1/days/{DAY}/debtors/d1/resend")
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", sale())
    browser = await office.signed_in()
    assert (await browser.get("/debtors")).status_code == 502
    assert office.services.count("GET", "/v1/debtors") == 3
    await browser.post(f"/sales/{DAY}/d1/resend", page="/accounting/nowhere")
    assert office.services.count("POST", f"/v1/days/{DAY}/debtors/d1/resend") == 1


async def test_ids_of_others_stay_one_part_of_a_path(office):
    browser = await office.signed_in()
    await browser.get("/debtors/a%3Fkind=x%23y")
    assert office.services.asked[-1].url.raw_path == b"/v1/debtors/a%3Fkind%3Dx%23y"


async def test_a_service_that_is_away_gives_a_page_that_says_so_with_a_reference(office):
    office.services.away("GET", "debtors", "/v1/debtors")
    answer = await (await office.signed_in()).get("/debtors", headers={"X-Correlation-Id": "ref-7"})
    shown = text_of(answer)
    assert answer.status_code == 502
    assert "Debtors does not answer" in shown
    assert "<code>ref-7</code>" in shown
    assert "+31 71 000 00 00" in shown


async def test_an_unreadable_answer_counts_as_away_too(office):
    office.services.answers[("GET", "debtors.test/v1/debtors")] = httpx.Response(
        200, content=b"<html>proxy</html>"
    )
    assert (await (await office.signed_in()).get("/debtors")).status_code == 502


# --- home -------------------------------------------------------------------------------------------------


def summary(value: int = 3, state: str = "ok", link: str = "/sales/2026-11-02/d1"):
    return {
        "counts": [
            {"name": "ekts_failed_today", "label": "EKTs failed today", "value": value, "state": state}
        ],
        "recent": [{"at": "2026-11-02T09:00:00Z", "text": "Sale to Jansen", "state": "ok", "link": link}],
    }


async def test_home_shows_each_service_and_one_that_is_away_does_not_spoil_the_others(office):
    for service in ("debtors", "ekts", "dispatch", "accounting"):
        office.services.on("GET", service, "/v1/summary", summary())
    office.services.away("GET", "sales", "/v1/summary")
    shown = text_of(await (await office.signed_in()).get("/"))
    assert shown.count('class="panel') >= 5
    assert "Does not answer" in shown
    assert shown.count("EKTs failed today") == 4


async def test_home_counts_are_in_the_users_language_and_tell_what_needs_attention(office):
    for service in ("debtors", "sales", "ekts", "dispatch", "accounting"):
        office.services.on("GET", service, "/v1/summary", summary(2, "error"))
    browser = await office.signed_in(language="nl")
    await browser.post("/language", {"language": "nl", "back": "/"}, page="/")
    shown = text_of(await browser.get("/"))
    assert "EKT's vandaag mislukt" in shown
    assert "(vraagt aandacht)" in shown
    await browser.post("/language", {"language": "en", "back": "/"}, page="/")


async def test_the_flow_is_sent_again_only_when_it_changed(office):
    for service in ("debtors", "sales", "ekts", "dispatch", "accounting"):
        office.services.on("GET", service, "/v1/summary", summary(1))
    browser = await office.signed_in()
    first = (await browser.get("/flow")).text
    seen = first.split("/flow?seen=")[1].split('"')[0]
    assert (await browser.get(f"/flow?seen={seen}")).status_code == 204
    office.services.on("GET", "sales", "/v1/summary", summary(2))
    assert (await browser.get(f"/flow?seen={seen}")).status_code == 200


# --- debtors ----------------------------------------------------------------------------------------------


async def test_the_debtors_are_searched_and_filtered_and_the_url_holds_it(office):
    office.services.on("GET", "debtors", "/v1/debtors", page(card(), after="next-one"))
    browser = await office.signed_in()
    answer = await browser.get("/debtors?q=jansen&kind=debtor&use_ekts=true")
    asked = dict(office.services.last("GET", "/v1/debtors").url.params)
    assert (asked["q"], asked["kind"], asked["use_ekts"]) == ("jansen", "debtor", "true")
    shown = html.unescape(answer.text)
    assert 'href="/debtors/d1"' in shown
    assert 'href="/debtors?q=jansen&use_ekts=true" aria-label="Remove filter Kind"' in shown
    assert "cursor=next-one" in shown


async def test_a_search_while_typing_gets_the_list_alone_and_the_clean_address(office):
    office.services.on("GET", "debtors", "/v1/debtors", page(card()))
    answer = await (await office.signed_in()).get("/debtors?q=jan&part=table", headers={"HX-Request": "true"})
    assert answer.headers["hx-push-url"] == "/debtors?q=jan"
    assert "<html" not in answer.text
    assert 'id="debtors"' in answer.text


async def test_more_gets_further_rows_only(office):
    office.services.on("GET", "debtors", "/v1/debtors", page(card(debtor_id="d2")))
    answer = await (await office.signed_in()).get("/debtors?cursor=abc&part=rows")
    assert office.services.last("GET", "/v1/debtors").url.params["cursor"] == "abc"
    assert answer.text.count("<tr") == 1
    assert "<table" not in answer.text


async def test_names_of_others_are_text_never_markup(office):
    evil = "<script>alert(1)</script>"
    office.services.on("GET", "debtors", "/v1/debtors", page(card(name=evil)))
    answer = await (await office.signed_in()).get("/debtors?q=%22%3E%3Cscript%3E")
    assert evil not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert '"><script>' not in answer.text


async def test_an_empty_list_says_why_and_an_empty_search_how_to_clear_it(office):
    office.services.on("GET", "debtors", "/v1/debtors", page())
    browser = await office.signed_in()
    assert "No debtors yet" in text_of(await browser.get("/debtors"))
    assert "Clear search and filters" in text_of(await browser.get("/debtors?q=zzz"))


def form_of(answer: httpx.Response) -> dict[str, str]:
    """What a browser would send back unchanged."""
    import re

    values = {}
    for tag in re.findall(r"<input[^>]*>", answer.text, re.S):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if "name" not in attributes or (attributes.get("type") == "checkbox" and " checked" not in tag):
            continue
        values[attributes["name"]] = html.unescape(attributes.get("value", ""))
    for name, options in re.findall(r'<select[^>]*?name="([^"]+)"[^>]*>(.*?)</select>', answer.text, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        values[name] = chosen.group(1) if chosen else ""
    return values


async def test_saving_a_card_changes_what_was_typed_and_keeps_what_the_form_does_not_show(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("PUT", "debtors", "/v1/debtors/d1", card(revision=5), ETag='"5"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1"))
    assert values["_revision"] == "4"
    answer = await browser.client.post(
        "/debtors/d1", data={**values, "name": "Jansen B.V.", "payment_term_days": "30"}
    )
    assert answer.status_code == 303
    sent = office.services.last("PUT", "/v1/debtors/d1")
    assert sent.headers["if-match"] == '"4"'
    body = body_of(sent)
    before = card()
    assert (body["name"], body["payment_term_days"]) == ("Jansen B.V.", 30)
    for kept in (
        "internal_note",
        "bank_accounts",
        "addresses",
        "emails",
        "phones",
        "kinds",
        "ekt",
        "language",
    ):
        expected = before[kept]
        found = {key: body[kept][key] for key in expected} if isinstance(expected, dict) else body[kept]
        if kept == "addresses":
            found = [{key: value for key, value in one.items() if key != "region"} for one in found]
        assert found == expected, kept
    assert "Jansen Bloemen was saved" in text_of(await browser.get("/debtors/d1"))


async def test_field_errors_stand_beside_their_fields_with_what_was_typed(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    errors = [
        {
            "field": "vat_number",
            "message": "is not a Dutch VAT number",
            "cure": "write NL, 9 digits, B, 2 digits",
        },
        {"field": "emails.0.address", "message": "has no domain", "cure": "write name@domain"},
        {"field": "bank_accounts.0.iban", "message": "is wrong"},
    ]
    office.services.on(
        "PUT", "debtors", "/v1/debtors/d1", problem(422, "The card can't be saved", *errors), 422
    )
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1"))
    answer = await browser.client.post(
        "/debtors/d1", data={**values, "vat_number": "NL123", "name": "New name"}
    )
    shown = text_of(answer)
    assert answer.status_code == 422
    assert 'value="NL123"' in shown
    assert 'value="New name"' in shown
    assert 'id="f-vat_number-error">is not a Dutch VAT number write NL, 9 digits' in shown
    assert 'id="f-emails-general-error">has no domain' in shown
    assert "bank_accounts.0.iban: is wrong" in shown
    assert 'aria-invalid="true"' in shown


async def test_a_card_changed_by_somebody_else_says_who_and_when_and_keeps_the_typing(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"5"')
    office.services.on("PUT", "debtors", "/v1/debtors/d1", problem(412, "It was changed meanwhile"), 412)
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1"))
    answer = await browser.client.post("/debtors/d1", data={**values, "name": "Mine"})
    shown = text_of(answer)
    assert answer.status_code == 409
    assert "Changed by Piet at 10:42: reload" in shown
    assert 'value="Mine"' in shown
    assert '<a href="/debtors/d1">Reload</a>' in shown


async def test_the_number_button_gives_the_next_number_and_shows_it(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("POST", "debtors", "/v1/debtors/d1/numbers", card(debtor_number="10007"))
    browser = await office.signed_in()
    assert "none yet" in (await browser.get("/debtors/d1")).text
    answer = await browser.post("/debtors/d1/numbers", {"kind": "debtor", "_once": "k1"}, page="/debtors/d1")
    assert answer.headers["location"] == "/debtors/d1"
    request = office.services.last("POST", "/v1/debtors/d1/numbers")
    assert (body_of(request), request.headers["idempotency-key"]) == ({"kind": "debtor"}, "k1")
    assert "Number 10007 was given" in (await browser.get("/debtors/d1")).text


async def test_use_ekts_takes_effect_on_save_with_the_revision_that_was_read(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(ekt={"use_ekts": False}), ETag='"4"')
    office.services.on("PATCH", "debtors", "/v1/debtors/d1/ekt", card(), ETag='"5"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1/configuration"))
    assert "use_ekts" not in values
    assert office.services.count("PATCH", "/v1/debtors/d1/ekt") == 0
    answer = await browser.client.post("/debtors/d1/configuration", data={**values, "use_ekts": "on"})
    assert answer.status_code == 303
    request = office.services.last("PATCH", "/v1/debtors/d1/ekt")
    assert (request.headers["if-match"], body_of(request)["use_ekts"]) == ('"4"', True)
    shown = text_of(await browser.get("/debtors/d1/configuration"))
    assert "Saved: EKTs are on for Jansen Bloemen" in shown


async def test_a_refusal_to_switch_ekts_on_stands_beside_the_box_with_whom_to_ask(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(ekt={"use_ekts": False}), ETag='"4"')
    refusal = {"field": "ekt.use_ekts", "message": "EKT is not set up", "cure": "contact your administrator"}
    office.services.on("PATCH", "debtors", "/v1/debtors/d1/ekt", problem(422, "No", refusal), 422)
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1/configuration"))
    shown = text_of(await browser.client.post("/debtors/d1/configuration", data={**values, "use_ekts": "on"}))
    assert 'id="f-use_ekts-error">EKT is not set up contact your administrator' in shown


async def test_a_reader_sees_the_card_but_no_way_to_save_it(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    browser = await office.with_roles("read-only", name="reader1")
    shown = (await browser.get("/debtors/d1")).text
    assert "data-save" not in shown
    assert "disabled" in shown
    assert "needs the role sales, finance or ops" in shown


# --- sales ------------------------------------------------------------------------------------------------


def on_sale(office, found, log):
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", found)
    office.services.on("GET", "ekts", f"/v1/debtors/d1/days/{DAY}", log)


async def test_the_day_is_todays_at_first_and_then_the_one_last_looked_at(office):
    today = office.app.state.office.clock.today().isoformat()
    for day in (today, DAY):
        office.services.on("GET", "sales", f"/v1/days/{day}/debtors", page())
    office.services.on("GET", "sales", "/v1/days", page())
    browser = await office.signed_in()
    assert f'value="{today}"' in (await browser.get("/sales")).text
    await browser.get(f"/sales?day={DAY}")
    assert f'value="{DAY}"' in (await browser.get("/sales")).text
    other = await office.signed_in()
    assert f'value="{today}"' in (await other.get("/sales")).text


async def test_the_list_marks_who_uses_ekts_and_how_the_last_one_went(office):
    rows = page(sold(), sold(debtor_id="d2", name="De Linde", use_ekts=False, ekt=None, complete=False))
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors", rows)
    shown = text_of(await (await office.signed_in()).get(f"/sales?day={DAY}"))
    assert "EKTs on" in shown
    assert "250 OK" in shown
    assert "Not complete" in shown
    assert "€240.00" in shown
    assert f'href="/sales/{DAY}/d1"' in shown


async def test_a_day_that_is_none_is_told_and_todays_is_shown(office):
    today = office.app.state.office.clock.today().isoformat()
    office.services.on("GET", "sales", f"/v1/days/{today}/debtors", page())
    shown = text_of(await (await office.signed_in()).get("/sales?day=yesterday"))
    assert "That is no day" in shown


@pytest.mark.parametrize(
    ("use_ekts", "active", "button", "why"),
    [
        (True, True, True, ""),
        (False, True, False, "is off for this customer"),
        (True, False, False, "The EKT module is not active"),
    ],
)
async def test_the_button_is_there_or_its_absence_is_explained(office, use_ekts, active, button, why):
    on_sale(office, sale(use_ekts=use_ekts), debtor_day(visible=use_ekts and active))
    shown = text_of(await (await office.signed_in()).get(f"/sales/{DAY}/d1"))
    assert ('type="submit">Resend EKT</button>' in shown) is button
    assert ("Why is there no button" in shown) is not button
    assert why in shown
    if not use_ekts:
        assert 'href="/debtors/d1/configuration"' in shown
        assert "Setting up and using debtor" in shown
        assert "+31 71 000 00 00" in shown


async def test_everything_that_is_missing_is_listed_with_where_it_is_mended_and_the_button_stays(office):
    gap = {
        "rule": "EF-70",
        "label": "ROSE",
        "message": "0 of 3 are allocated",
        "cure": "allocate them",
        "link": "",
    }
    needed = [
        {"code": "EF-64", "text": "There is no e-mail address.", "link": "/debtors/d1"},
        {"code": "EF-70", "text": "The same gap in other words.", "link": ""},
    ]
    on_sale(office, sale(can_resend={"visible": True, "missing": [gap]}), debtor_day(missing=needed))
    shown = text_of(await (await office.signed_in()).get(f"/sales/{DAY}/d1"))
    assert "ROSE: 0 of 3 are allocated - allocate them" in shown
    assert 'There is no e-mail address. <a href="/debtors/d1">' in shown
    assert "The same gap in other words" not in shown
    assert "Resend EKT</button>" in shown


async def test_one_click_asks_for_a_resend_and_confirms_it(office):
    on_sale(office, sale(), debtor_day(ekt()))
    path = f"/v1/days/{DAY}/debtors/d1/resend"
    office.services.on("POST", "sales", path, {"request_id": "r1", "sale_revision": 1}, 202)
    browser = await office.signed_in()
    answer = await browser.post(f"/sales/{DAY}/d1/resend", {"_once": "click-1"}, page=f"/sales/{DAY}/d1")
    assert answer.headers["location"] == f"/sales/{DAY}/d1"
    request = office.services.last("POST", path)
    assert (body_of(request), request.headers["idempotency-key"]) == ({}, "click-1")
    assert "The EKT is being sent to Jansen Bloemen" in text_of(await browser.get(f"/sales/{DAY}/d1"))


async def test_a_refusal_names_every_missing_thing_a_reference_and_support(office):
    on_sale(office, sale(), debtor_day())
    errors = [
        {"field": "ekt", "message": "no e-mail address", "cure": "fill it in", "link": "/debtors/d1"},
        {"field": "lines", "message": "the distribution is not complete", "cure": "allocate it"},
    ]
    office.services.on("POST", "sales", f"/v1/days/{DAY}/debtors/d1/resend", problem(422, "No", *errors), 422)
    browser = await office.signed_in()
    await browser.post(f"/sales/{DAY}/d1/resend", page=f"/sales/{DAY}/d1")
    shown = text_of(await browser.get(f"/sales/{DAY}/d1"))
    assert "The EKT was not sent" in shown
    assert "no e-mail address - fill it in" in shown
    assert "the distribution is not complete - allocate it" in shown
    assert "Reference to quote" in shown
    assert "help@klokwerk.test" in shown


async def test_from_the_third_resend_on_the_page_warns_and_does_not_block(office):
    browser = await office.signed_in()
    on_sale(office, sale(), debtor_day(ekt(1), ekt(2)))
    assert "usually" not in text_of(await browser.get(f"/sales/{DAY}/d1")).lower()
    on_sale(office, sale(), debtor_day(ekt(1), ekt(2), ekt(3)))
    shown = text_of(await browser.get(f"/sales/{DAY}/d1"))
    assert "resent 2 times already" in shown
    assert "Resend EKT</button>" in shown


async def test_the_log_shows_each_sending_newest_first_with_its_file(office):
    on_sale(
        office,
        sale(),
        debtor_day(ekt(1), ekt(2, state="failed", message="550 no such box", note="asked by phone")),
    )
    shown = text_of(await (await office.signed_in()).get(f"/sales/{DAY}/d1"))
    assert shown.index("EKT-2.edi") < shown.index("EKT-1.edi")
    assert "550 no such box" in shown
    assert "asked by phone" in shown
    assert 'href="/ekts/00000002/file?number=1"' in shown


async def test_the_sale_is_shown_also_while_the_ekt_service_is_away(office):
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", sale())
    office.services.away("GET", "ekts", f"/v1/debtors/d1/days/{DAY}")
    answer = await (await office.signed_in()).get(f"/sales/{DAY}/d1")
    assert answer.status_code == 200
    assert "R GR AVALANCHE+" in text_of(answer)
    assert "EKTs does not answer" in text_of(answer)


async def test_who_may_not_resend_sees_no_button_and_why(office):
    on_sale(office, sale(), debtor_day())
    browser = await office.with_roles("finance", name="finance1")
    shown = text_of(await browser.get(f"/sales/{DAY}/d1"))
    assert "Resend EKT</button>" not in shown
    assert "belongs to the roles sales and ops" in shown


async def test_a_file_is_saved_never_shown(office):
    office.services.answers[("GET", "ekts.test/v1/ekts/e1/file")] = httpx.Response(
        200,
        content=b"UNB+",
        headers={"content-type": "text/html", "content-disposition": 'inline; filename="x.edi"'},
    )
    answer = await (await office.signed_in()).get("/ekts/e1/file")
    assert answer.content == b"UNB+"
    assert answer.headers["content-disposition"] == 'attachment; filename="x.edi"'
    assert answer.headers["x-content-type-options"] == "nosniff"


# --- invoices ---------------------------------------------------------------------------------------------


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


# --- accounting -------------------------------------------------------------------------------------------


def on_accounting(office, *lines, mode="file"):
    one = {"code": "main", "name": "Flowers", "mode": mode}
    office.services.on("GET", "accounting", "/v1/administrations", page(one))
    office.services.on("GET", "accounting", "/v1/main/debtors/lines", page(*lines))


async def test_each_line_opens_its_relation_in_the_words_of_the_manual(office):
    on_accounting(office, line(1))
    browser = await office.signed_in(language="nl")
    await browser.post("/language", {"language": "nl", "back": "/"}, page="/accounting/main/debtors")
    shown = text_of(await browser.get("/accounting/main/debtors"))
    for words in ("Debiteuren ophalen", "Wijzig status in Update", "Exporteer debiteuren (alle)", "Melding"):
        assert words in shown
    assert 'href="/debtors/d1">Open relatie</a>' in shown
    await browser.post("/language", {"language": "en", "back": "/"}, page="/accounting/main/debtors")


async def test_one_sees_which_lines_have_a_message_and_which_are_new(office):
    failed = line(2, message="VAT number is in use", message_origin="accounting", never_synced=False)
    on_accounting(office, line(1), failed)
    shown = text_of(await (await office.signed_in()).get("/accounting/main/debtors"))
    assert "new: never synchronised" in shown
    assert "VAT number is in use" in shown
    assert "accounting system" in shown
    assert "Katwijk · NL999000010B17" in shown


async def test_selected_lines_only_are_changed_and_exported_and_none_means_all(office):
    on_accounting(office, line(1), line(2))
    office.services.on("POST", "accounting", "/v1/main/debtors/lines/status", {"changed": 2})
    made = {"id": "e1", "kind": "debtors", "mode": "file", "state": "done", "lines": 2}
    office.services.on("POST", "accounting", "/v1/main/debtors/export", made, 201)
    browser = await office.signed_in()
    where = "/accounting/main/debtors"
    await browser.post(f"{where}/status", {"ids": ["line-1", "line-2"], "action": "Update"}, page=where)
    changed = body_of(office.services.last("POST", "/v1/main/debtors/lines/status"))
    assert changed == {"line_ids": ["line-1", "line-2"], "action": "Update"}
    assert "Status of 2 lines changed" in text_of(await browser.get(where))
    await browser.post(f"{where}/export", {"ids": ["line-2"], "_once": "x"}, page=where)
    assert body_of(office.services.last("POST", "/v1/main/debtors/export")) == {"line_ids": ["line-2"]}
    await browser.post(f"{where}/export", {"_once": "y"}, page=where)
    assert body_of(office.services.last("POST", "/v1/main/debtors/export")) == {}


async def test_changing_status_of_nothing_asks_to_select_first(office):
    on_accounting(office, line(1))
    browser = await office.signed_in()
    await browser.post(
        "/accounting/main/debtors/status", {"action": "Update"}, page="/accounting/main/debtors"
    )
    assert office.services.count("POST", "/v1/main/debtors/lines/status") == 0
    assert "Select the lines first" in text_of(await browser.get("/accounting/main/debtors"))


async def test_a_failed_export_says_so_and_where_to_look(office):
    on_accounting(office, line(1))
    made = {"id": "e1", "mode": "file", "state": "failed", "lines": 1, "message": "1 line can't be exported."}
    office.services.on("POST", "accounting", "/v1/main/debtors/export", made, 201)
    browser = await office.signed_in()
    await browser.post("/accounting/main/debtors/export", page="/accounting/main/debtors")
    shown = text_of(await browser.get("/accounting/main/debtors"))
    assert "The export did not succeed" in shown
    assert "1 line can't be exported. Look at the column Message" in shown


async def test_who_is_not_of_finance_may_look_but_not_synchronise(office):
    on_accounting(office, line(1))
    browser = await office.with_roles("sales", name="sales1")
    shown = text_of(await browser.get("/accounting/main/debtors"))
    assert "belong to the role finance" in shown
    assert "Fetch debtors" not in shown
    assert "<button" not in shown.split('id="lines"')[1].split("</table>")[0]


async def test_the_export_history_has_the_file_and_a_way_to_record_a_failed_import(office):
    on_accounting(office)
    one = {"id": "e1", "kind": "debtors", "mode": "file", "state": "done", "lines": 4, "file_name": "x.xml"}
    one |= {"sha256": "0" * 64, "created_by_name": "anna", "created_at": "2026-11-02T09:00:00Z"}
    office.services.on("GET", "accounting", "/v1/main/exports", page(one))
    office.services.on("POST", "accounting", "/v1/main/exports/e1/import-failed", {"returned": 4})
    browser = await office.signed_in()
    where = "/accounting/main/exports"
    shown = text_of(await browser.get(where))
    assert f'href="{where}/e1/file">x.xml' in shown
    assert f'formaction="{where}/e1/import-failed"' in shown
    await browser.post(f"{where}/e1/import-failed", page=where)
    assert "4 relations come back at the next fetch" in text_of(await browser.get(where))


# --- deliveries -------------------------------------------------------------------------------------------


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
