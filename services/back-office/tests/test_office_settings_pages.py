"""The other settings pages: EKT, own company, number ranges, administrations."""

from __future__ import annotations

import pytest
from office_shapes import body_of, debtor_day, form_of, page, problem, sale, text_of

EKT = {
    "active": True,
    "sender_name": "Flower trade",
    "sender_code": "8719999000015",
    "auction_code": "47",
    "seller_gln": "",
    "application": "KLOKWERK",
    "mail_from": "ekt@trade.example",
    "reply_to": "",
    "default_language": "en",
    "templates": {"en": {"subject": "EKT {{ order_day }}", "text": "Dear {{ debtor_name }}"}},
    "file_name_pattern": "EKT{date}-{number}.edi",
    "name_length": 20,
    "test": False,
    "other_address_allowed": False,
    "confirmation_link": False,
    "revision": 2,
    "changed_at": "2026-11-02T09:42:00Z",
    "changed_by": "Piet",
    "email_possible": True,
    "folder_possible": False,
}
SELLER = {
    "name": "Flower trade B.V.",
    "address": {
        "lines": ["Veilingdreef 24"],
        "postal_code": "1431 GB",
        "city": "Aalsmeer",
        "region": "NH",
        "country": "NL",
    },
    "vat_number": "NL999000095B28",
    "chamber_number": "99000001",
    "electronic": {"scheme": "0106", "identifier": "99000001"},
    "email": "office@trade.example",
    "phone": "",
    "iban": "NL91ABNA0417164300",
    "bic": "",
    "payment_term_days": 14,
    "invoice_series": "F",
    "credit_series": "C",
}


def number_range(**changes):
    return {
        "administration": "main",
        "kind": "debtor",
        "first": 10001,
        "last": 10100,
        "fill_gaps": False,
        "size": 100,
        "remaining": 40,
        "warning": "",
        "given": 0,
        **changes,
    }


def administration(**changes):
    return {
        "code": "main",
        "name": "Flower trade",
        "target": "exact-direct",
        "mode": "direct",
        "source_administration": "main",
        "folder": None,
        "ranges": {"debtors": {"first": 10001, "last": 19999}, "creditors": None},
        "mappings": {
            "payment_terms": {"30": "0030", "8": "08"},
            "vat_regimes": {"standard": "4"},
            "currencies": {"EUR": "EUR"},
            "languages": {},
            "countries": {},
        },
        "connection": {"has_credentials": True, "needs_consent": False, "paused_until": None},
        "revision": 5,
        **changes,
    }


async def test_the_page_of_all_settings_marks_what_a_user_can_only_look_at(office):
    browser = await office.with_roles("finance", name="bookkeeper")
    shown = text_of(await browser.get("/settings"))
    for path in ("automatic-dispatch", "ekt", "company", "number-ranges", "administrations"):
        assert f'href="/settings/{path}"' in shown
    assert shown.count("look only") == 2


# --- EKT ------------------------------------------------------------------------------------------------


async def test_the_ekt_page_says_which_ways_of_sending_are_possible_here(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    shown = text_of(await (await office.signed_in()).get("/settings/ekt"))
    assert 'E-mail</dt><dd><span class="badge good">Possible here' in shown
    assert 'Folder (system)</dt><dd><span class="badge warn">Not possible here' in shown
    assert "Dear {{ debtor_name }}</textarea>" in shown


async def test_saving_the_ekt_settings_keeps_what_the_page_does_not_show(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    office.services.on("PUT", "ekts", "/v1/settings", EKT, ETag='"3"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/ekt"))
    typed = {
        **values,
        "auction_code": "48",
        "templates.en.text": "Hello {{ debtor_name }}\r\n",
        "templates.new.language": "DE",
        "templates.new.subject": "EKT",
        "templates.new.text": "Guten Tag",
    }
    answer = await browser.client.post("/settings/ekt", data=typed)
    assert answer.status_code == 303
    request = office.services.last("PUT", "/v1/settings")
    assert request.headers["if-match"] == '"2"'
    shown_only = ("revision", "changed_at", "changed_by", "email_possible", "folder_possible")
    expected = {name: value for name, value in EKT.items() if name not in shown_only}
    assert body_of(request) == expected | {
        "auction_code": "48",
        "templates": {
            "en": {"subject": "EKT {{ order_day }}", "text": "Hello {{ debtor_name }}\n", "file_name": ""},
            "de": {"subject": "EKT", "text": "Guten Tag", "file_name": ""},
        },
    }
    assert "Saved: the EKT module is active" in text_of(await browser.get("/settings/ekt"))


async def test_a_template_that_was_emptied_is_taken_out(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    office.services.on("PUT", "ekts", "/v1/settings", EKT, ETag='"3"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/ekt"))
    await browser.client.post(
        "/settings/ekt", data={**values, "templates.en.subject": "", "templates.en.text": " "}
    )
    assert body_of(office.services.last("PUT", "/v1/settings"))["templates"] == {}


async def test_a_further_language_never_takes_the_place_of_one_that_is_there(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/ekt"))
    typed = {**values, "templates.new.language": "en", "templates.new.text": "Other"}
    answer = await browser.client.post("/settings/ekt", data=typed)
    assert answer.status_code == 422
    assert 'id="f-templates-new-language-error">There is a mail in this language already' in text_of(answer)
    assert office.services.count("PUT", "/v1/settings") == 0


async def test_what_is_missing_for_an_ekt_links_to_the_settings(office):
    office.services.on("GET", "sales", "/v1/days/2026-11-02/debtors/d1", sale())
    gap = {"code": "EF-66", "text": "The sender has no code.", "link": "/settings/ekt"}
    office.services.on(
        "GET", "ekts", "/v1/debtors/d1/days/2026-11-02", debtor_day(missing=[gap], can_resend=False)
    )
    shown = text_of(await (await office.signed_in()).get("/sales/2026-11-02/d1"))
    assert 'The sender has no code. <a href="/settings/ekt">Put this right</a>' in shown


async def test_an_ekt_module_that_is_off_links_to_the_settings(office):
    office.services.on("GET", "sales", "/v1/days/2026-11-02/debtors/d1", sale())
    office.services.on("GET", "ekts", "/v1/debtors/d1/days/2026-11-02", debtor_day(visible=False))
    shown = text_of(await (await office.signed_in()).get("/sales/2026-11-02/d1"))
    assert '<a href="/settings/ekt">Open the EKT settings</a>' in shown


# --- Own company ----------------------------------------------------------------------------------------


async def test_the_company_is_saved_whole_on_the_revision_that_was_read(office):
    office.services.on("GET", "sales", "/v1/seller", {"revision": 1, "seller": SELLER}, ETag='"1"')
    office.services.on("PUT", "sales", "/v1/seller", {"revision": 2, "seller": SELLER}, ETag='"2"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/company"))
    typed = {**values, "address.lines": "Veilingdreef 24\r\nHal 3", "invoice_series": "fa"}
    answer = await browser.client.post("/settings/company", data=typed)
    assert answer.status_code == 303
    request = office.services.last("PUT", "/v1/seller")
    assert request.headers["if-match"] == '"1"'
    address = SELLER["address"] | {"lines": ["Veilingdreef 24", "Hal 3"]}
    assert body_of(request) == SELLER | {"address": address, "invoice_series": "FA"}


async def test_a_company_that_was_never_filled_in_says_what_that_stops_and_can_be_made(office):
    office.services.on("GET", "sales", "/v1/seller", {"revision": 0, "seller": None}, ETag='"0"')
    office.services.on("PUT", "sales", "/v1/seller", {"revision": 1, "seller": SELLER}, ETag='"1"')
    browser = await office.signed_in()
    answer = await browser.get("/settings/company")
    assert "No invoice can be finalised" in text_of(answer)
    typed = {**form_of(answer), "name": "New B.V.", "address.lines": "Kade 1"}
    assert (await browser.client.post("/settings/company", data=typed)).status_code == 303
    request = office.services.last("PUT", "/v1/seller")
    assert request.headers["if-match"] == '"0"'
    assert (body_of(request)["name"], body_of(request)["electronic"]) == ("New B.V.", None)


async def test_wrong_numbers_of_the_company_stand_beside_their_fields(office):
    office.services.on("GET", "sales", "/v1/seller", {"revision": 1, "seller": SELLER}, ETag='"1"')
    errors = (
        {"field": "electronic.identifier", "message": "does not fit scheme 0106", "cure": "8 digits"},
        {"field": "address.lines", "message": "x", "cure": "y", "code": "too_short"},
    )
    office.services.on("PUT", "sales", "/v1/seller", problem(422, "Some numbers", *errors), 422)
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/company"))
    shown = text_of(await browser.client.post("/settings/company", data=values))
    assert 'id="f-electronic-identifier-error">does not fit scheme 0106 8 digits' in shown
    assert 'id="f-address-lines-error">Fill this in.' in shown


async def test_a_company_changed_by_somebody_else_is_not_overwritten(office):
    office.services.on("GET", "sales", "/v1/seller", {"revision": 2, "seller": SELLER}, ETag='"2"')
    office.services.on("PUT", "sales", "/v1/seller", problem(412, "It was changed meanwhile"), 412)
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/company"))
    answer = await browser.client.post("/settings/company", data={**values, "name": "Mine"})
    assert answer.status_code == 409
    assert "Somebody else changed this meanwhile: reload" in text_of(answer)
    assert 'value="Mine"' in text_of(answer)


# --- Number ranges --------------------------------------------------------------------------------------


async def test_ranges_show_how_full_they_are_and_what_is_not_set(office):
    nearly = number_range(remaining=9, warning="9 numbers are left of 100: widen the range in time.")
    office.services.on("GET", "debtors", "/v1/number-ranges", page(nearly))
    office.services.on("GET", "accounting", "/v1/administrations", page(administration()))
    shown = text_of(await (await office.signed_in()).get("/settings/number-ranges"))
    assert '<rect class="gauge-used" width="91" height="8"/>' in shown
    assert 'badge warn">Nearly full' in shown
    assert "9 numbers are left of 100" in shown
    assert 'href="/settings/number-ranges/main/creditor"' in shown
    assert 'badge warn">Not set' in shown


async def test_a_range_can_be_looked_at_while_accounting_is_away(office):
    office.services.on("GET", "debtors", "/v1/number-ranges", page(number_range()))
    office.services.away("GET", "accounting", "/v1/administrations")
    shown = text_of(await (await office.signed_in()).get("/settings/number-ranges"))
    assert "10001 - 10100" in shown
    assert "60 %" in shown


async def test_widening_a_range_tells_who_got_a_number_by_it(office):
    office.services.on("GET", "debtors", "/v1/number-ranges", page(number_range()))
    wider = number_range(last=10200, given=3)
    office.services.on("PUT", "debtors", "/v1/number-ranges/main/debtor", wider)
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/number-ranges/main/debtor"))
    await browser.client.post("/settings/number-ranges/main/debtor", data={**values, "last": "10 200"})
    request = office.services.last("PUT", "/v1/number-ranges/main/debtor")
    assert body_of(request) == {"first": 10001, "last": 10200, "fill_gaps": False}
    shown = text_of(await browser.get("/settings/number-ranges/main/debtor"))
    assert "Saved: Debtors 10001 - 10200" in shown
    assert "3 relations that waited have a number now." in shown


async def test_a_kind_that_has_no_numbers_is_no_page_and_changes_nothing(office):
    browser = await office.signed_in()
    assert (await browser.get("/settings/number-ranges/main/others")).status_code == 404
    posted = await browser.post("/settings/number-ranges/main/others", {"first": "1", "last": "2"})
    assert posted.status_code == 404
    assert not [one for one in office.services.asked if one.method == "PUT"]


async def test_an_empty_range_is_refused_beside_its_end(office):
    office.services.on("GET", "debtors", "/v1/number-ranges", page())
    error = {"field": "last", "message": "it is below first", "cure": "Write first <= last."}
    office.services.on(
        "PUT", "debtors", "/v1/number-ranges/main/debtor", problem(422, "The range is empty", error), 422
    )
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/number-ranges/main/debtor"))
    answer = await browser.client.post(
        "/settings/number-ranges/main/debtor", data={**values, "first": "9", "last": "1"}
    )
    assert answer.status_code == 422
    assert 'id="f-last-error">it is below first' in text_of(answer)
    assert 'value="9"' in text_of(answer)


# --- Administrations ------------------------------------------------------------------------------------


async def test_an_administration_keeps_its_access_unless_it_is_typed_again(office):
    office.services.on("GET", "accounting", "/v1/administrations/main", administration(), ETag='"5"')
    office.services.on("PUT", "accounting", "/v1/administrations/main", administration(), ETag='"6"')
    browser = await office.signed_in()
    answer = await browser.get("/settings/administrations/main")
    assert "Leave all of it empty to keep it" in text_of(answer)
    values = form_of(answer)
    rows = [values[f"mappings.payment_terms.{index}.ours"] for index in range(4)]
    assert rows == ["8", "30", "", ""]
    typed = {
        **values,
        "mappings.payment_terms.0.ours": "",
        "mappings.payment_terms.0.theirs": "",
        "mappings.payment_terms.2.ours": "60",
        "mappings.payment_terms.2.theirs": "0060",
    }
    saved = await browser.client.post("/settings/administrations/main", data=typed)
    assert saved.status_code == 303
    request = office.services.last("PUT", "/v1/administrations/main")
    assert request.headers["if-match"] == '"5"'
    assert body_of(request) == {
        "name": "Flower trade",
        "target": "exact-direct",
        "source_administration": "main",
        "folder": None,
        "ranges": {"debtors": {"first": "10001", "last": "19999"}, "creditors": None},
        "mappings": {
            "payment_terms": {"30": "0030", "60": "0060"},
            "vat_regimes": {"standard": "4"},
            "currencies": {"EUR": "EUR"},
            "languages": {},
            "countries": {},
        },
    }


async def test_secrets_are_sent_once_and_never_shown_again(office):
    office.services.on("GET", "accounting", "/v1/administrations/main", administration(), ETag='"5"')
    errors = (
        {"field": "credentials.division", "message": "x", "cure": "y", "code": "missing"},
        {"field": "mappings.payment_terms.30", "message": "x", "cure": "y", "code": "string_too_long"},
        {"field": "ranges", "message": "debtors and creditors overlap"},
    )
    office.services.on("PUT", "accounting", "/v1/administrations/main", problem(422, "No", *errors), 422)
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/administrations/main"))
    typed = {**values, "credentials.client_id": "klok", "credentials.client_secret": "sesame"}
    shown = text_of(await browser.client.post("/settings/administrations/main", data=typed))
    sent = body_of(office.services.last("PUT", "/v1/administrations/main"))
    assert sent["credentials"] == {"client_id": "klok", "client_secret": "sesame"}
    assert "sesame" not in shown
    assert 'id="f-credentials-division-error">Fill this in.' in shown
    assert 'id="f-mappings-payment_terms-1-theirs-error">This is too long' in shown
    assert 'id="s-ranges-error">debtors and creditors overlap' in shown


async def test_a_value_that_stands_in_a_mapping_table_twice_is_not_saved(office):
    office.services.on("GET", "accounting", "/v1/administrations/main", administration(), ETag='"5"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/administrations/main"))
    typed = {
        **values,
        "mappings.payment_terms.2.ours": "30",
        "mappings.payment_terms.2.theirs": "x",
        "mappings.currencies.1.theirs": "USD",
    }
    shown = text_of(await browser.client.post("/settings/administrations/main", data=typed))
    assert 'id="f-mappings-payment_terms-2-ours-error">This stands here twice' in shown
    assert 'id="f-mappings-currencies-1-ours-error">Fill this in.' in shown
    assert office.services.count("PUT", "/v1/administrations/main") == 0


async def test_a_new_administration_needs_a_code_of_its_own(office):
    office.services.on("GET", "accounting", "/v1/administrations", page(administration()))
    office.services.on("PUT", "accounting", "/v1/administrations/second", administration(code="second"), 201)
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/administrations/new"))
    typed = {**values, "code": "main", "name": "Second"}
    taken = await browser.client.post("/settings/administrations/new", data=typed)
    assert taken.status_code == 422
    assert "There is an administration with this code already" in text_of(taken)
    made = await browser.client.post("/settings/administrations/new", data={**typed, "code": "second"})
    assert made.headers["location"] == "/settings/administrations/second"
    assert "if-match" not in office.services.last("PUT", "/v1/administrations/second").headers


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"ok": True, "message": "division 1 answers"}, "The connection works"),
        ({"ok": False, "message": "consent was withdrawn"}, "The connection does not work"),
    ],
)
async def test_the_connection_is_tried_and_the_answer_shown(office, result, said):
    office.services.on("GET", "accounting", "/v1/administrations/main", administration(), ETag='"5"')
    office.services.on("GET", "accounting", "/v1/main/health", result)
    browser = await office.signed_in()
    path = "/settings/administrations/main"
    answer = await browser.post(f"{path}/test", page=path)
    assert answer.headers["location"] == path
    shown = text_of(await browser.get(path))
    assert said in shown
    assert result["message"] in shown


async def test_a_connection_that_failed_its_last_test_is_not_called_set_up(office):
    state = {"has_credentials": True, "check_ok": False, "check_message": "403 Forbidden"}
    office.services.on("GET", "accounting", "/v1/administrations", page(administration(connection=state)))
    shown = text_of(await (await office.signed_in()).get("/settings/administrations"))
    assert "Failed its last test" in shown
    assert "403 Forbidden" in shown
    assert '<span class="badge good">Set up</span>' not in shown


async def test_consent_is_given_at_the_accounting_system_and_finished_on_the_way_back(office):
    state = {"has_credentials": True, "needs_consent": True, "why": "consent was withdrawn; give it again"}
    asked = administration(connection=state)
    office.services.on("GET", "accounting", "/v1/administrations/main", asked, ETag='"5"')
    office.services.on("GET", "accounting", "/v1/administrations", page(asked))
    begun = {"authorize_url": "https://exact.example/auth?client_id=k&state=s1"}
    office.services.on("POST", "accounting", "/v1/administrations/main/consents", begun, 201)
    office.services.on("POST", "accounting", "/v1/consents", {"administration": "main"})
    browser = await office.signed_in()
    where = "/settings/administrations/main"
    assert "consent was withdrawn; give it again" in text_of(await browser.get(where))
    leading = text_of(await browser.post(f"{where}/consent", page=where))
    assert 'href="https://exact.example/auth?client_id=k&state=s1"' in leading
    back = body_of(office.services.last("POST", "/v1/administrations/main/consents"))["redirect_uri"]
    assert back == "http://office.test/settings/administrations/consents"
    answer = await browser.get(f"{back}?code=c1&state=s1")
    assert answer.headers["location"] == where
    assert body_of(office.services.last("POST", "/v1/consents")) == {"code": "c1", "state": "s1"}
    assert "Consent given" in text_of(await browser.get(where))
    await browser.get(f"{back}?error=access_denied&error_description=no+<b>")
    refused = await browser.get("/settings/administrations")
    assert "Exact Online says: no <b>" in text_of(refused)
    assert "no <b>" not in refused.text
    assert office.services.count("POST", "/v1/consents") == 1


async def test_a_new_administration_may_go_to_moneybird_whose_token_is_never_shown(office):
    office.services.on("GET", "accounting", "/v1/administrations", page())
    errors = ({"field": "credentials.administration_id", "message": "moneybird needs it"},)
    office.services.on("PUT", "accounting", "/v1/administrations/bird", problem(422, "No", *errors), 422)
    browser = await office.signed_in()
    where = "/settings/administrations/new"
    values = form_of(await browser.get(where))
    typed = {**values, "code": "bird", "name": "Bird", "target": "moneybird", "credentials.token": "sesame"}
    shown = text_of(await browser.client.post(where, data=typed))
    sent = body_of(office.services.last("PUT", "/v1/administrations/bird"))
    assert (sent["target"], sent["credentials"]) == ("moneybird", {"token": "sesame"})
    assert "moneybird needs it" in shown
    assert "sesame" not in shown


async def test_every_settings_page_tells_a_reader_which_role_may_change_it(office):
    office.services.on("GET", "ekts", "/v1/settings", EKT, ETag='"2"')
    office.services.on("GET", "sales", "/v1/seller", {"revision": 1, "seller": SELLER}, ETag='"1"')
    office.services.on("GET", "debtors", "/v1/number-ranges", page(number_range()))
    office.services.on("GET", "accounting", "/v1/administrations/main", administration(), ETag='"5"')
    browser = await office.with_roles("read-only", name="reader2")
    pages = {
        "/settings/ekt": "billing-admin or ops",
        "/settings/company": "billing-admin or finance",
        "/settings/number-ranges/main/debtor": "finance",
        "/settings/administrations/main": "finance",
    }
    for path, roles in pages.items():
        shown = text_of(await browser.get(path))
        assert f"that needs the role {roles}." in shown, path
        assert "data-save" not in shown, path
