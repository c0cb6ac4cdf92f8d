"""Debtors: list, card, numbers, the configuration with "Use EKTs"."""

from __future__ import annotations

import html

from office_shapes import body_of, card, form_of, page, problem, text_of


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
    answer = await (await office.signed_in()).get(
        "/debtors?q=jan&part=search", headers={"HX-Request": "true"}
    )
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
    assert "No customers yet" in text_of(await browser.get("/debtors"))
    assert "Clear search and filters" in text_of(await browser.get("/debtors?q=zzz"))


async def test_saving_a_card_changes_what_was_typed_and_keeps_what_the_form_does_not_show(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("PUT", "debtors", "/v1/debtors/d1", card(revision=5), ETag='"5"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1/edit"))
    assert values["_revision"] == "4"
    answer = await browser.client.post(
        "/debtors/d1/edit", data={**values, "name": "Jansen B.V.", "payment_term_days": "30"}
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
        {"field": "contact_persons.0.email", "message": "is wrong"},
    ]
    office.services.on(
        "PUT", "debtors", "/v1/debtors/d1", problem(422, "The card can't be saved", *errors), 422
    )
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1/edit"))
    answer = await browser.client.post(
        "/debtors/d1/edit", data={**values, "vat_number": "NL123", "name": "New name"}
    )
    shown = text_of(answer)
    assert answer.status_code == 422
    assert 'value="NL123"' in shown
    assert 'value="New name"' in shown
    assert 'id="f-vat_number-error">is not a Dutch VAT number write NL, 9 digits' in shown
    assert 'id="f-emails-general-error">has no domain' in shown
    assert "contact_persons.0.email: is wrong" in shown
    assert 'aria-invalid="true"' in shown


async def test_a_card_changed_by_somebody_else_says_who_and_when_and_keeps_the_typing(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"5"')
    office.services.on("PUT", "debtors", "/v1/debtors/d1", problem(412, "It was changed meanwhile"), 412)
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1/edit"))
    answer = await browser.client.post("/debtors/d1/edit", data={**values, "name": "Mine"})
    shown = text_of(answer)
    assert answer.status_code == 409
    assert "Changed by Piet at 10:42: reload" in shown
    assert 'value="Mine"' in shown
    assert '<a href="/debtors/d1/edit">Reload</a>' in shown


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
    assert "/debtors/d1/edit" not in shown
    assert "needs the role sales, finance or ops" in shown
    for address, back in (("/debtors/d1/edit", "/debtors/d1"), ("/debtors/new", "/debtors")):
        assert (await browser.get(address)).headers["location"] == back
