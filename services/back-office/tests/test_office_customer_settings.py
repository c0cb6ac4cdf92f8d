"""Settings for customers: defaults and numbering, apps, own fields, lists, files of the company, number spaces."""

from __future__ import annotations

import re
from typing import Any

from office_shapes import body_of, card, form_of, page, problem, text_of

NUMBERING = {
    "automatic": True,
    "prefix": "K",
    "year": False,
    "digits": 5,
    "next_value": 14,
    "next_number": "K00014",
}
SETTINGS = {
    "default_vat_regime": "standard", "default_language": "nl", "default_currency": "EUR", "default_country": "NL",
    "languages": ["nl", "en"], "apps": ["languages"], "numbering": NUMBERING, "revision": 4, "changed_by": "Piet",
    "changed_at": "2026-11-02T09:42:00Z",
}  # fmt: skip
PATH = "/v1/customer-settings"


def stored(office: Any, **changes: Any) -> None:
    office.services.on("GET", "debtors", PATH, SETTINGS | changes, ETag='"4"')
    office.services.on("PUT", "debtors", PATH, SETTINGS | {"revision": 5}, ETag='"5"')


async def test_FA_11_FA_17_FA_78_defaults_languages_and_numbering_are_set_on_one_page(office):
    stored(office)
    browser = await office.signed_in()
    answer = await browser.get("/settings/customers")
    assert "The next customer number is K00014." in text_of(answer)
    values = form_of(answer)
    changes = {
        "default_vat_regime": "reverse_charge",
        "languages.fr": "on",
        "numbering.prefix": " KL ",
        "numbering.year": "on",
    }
    saved = await browser.client.post("/settings/customers", data=values | changes)
    assert saved.headers["location"] == "/settings/customers"
    sent = office.services.last("PUT", PATH)
    body = body_of(sent)
    assert sent.headers["if-match"] == '"4"'
    assert (body["default_vat_regime"], body["languages"], body["apps"]) == (
        "reverse_charge",
        ["nl", "en", "fr"],
        ["languages"],
    )
    assert body["numbering"] == {"automatic": True, "prefix": "KL", "year": True, "digits": 5}, (
        "counting goes on"
    )
    await browser.client.post("/settings/customers", data=values | {"numbering.next_value": "116"})
    assert body_of(office.services.last("PUT", PATH))["numbering"]["next_value"] == 116


async def test_what_the_service_refuses_stands_beside_its_field_and_a_late_save_is_told(office):
    stored(office)
    browser = await office.signed_in()
    values = form_of(await browser.get("/settings/customers"))
    wrong = {"field": "default_language", "message": "'fi' is not offered", "cure": "Offer it."}
    office.services.on("PUT", "debtors", PATH, problem(422, "No", wrong), 422)
    refused = await browser.client.post("/settings/customers", data=values)
    assert 'id="f-default_language-error">' in refused.text
    assert "is not offered Offer it." in text_of(refused)
    office.services.on("PUT", "debtors", PATH, problem(412, "It was changed meanwhile"), 412)
    stale = await browser.client.post("/settings/customers", data=values)
    assert (stale.status_code, "Changed by Piet at 10:42" in text_of(stale)) == (409, True)


async def test_FA_86_an_app_is_activated_and_switched_off_without_touching_the_rest(office):
    stored(office)
    browser = await office.speaking("nl", "sales", "finance", "ops")
    shown = text_of(await browser.get("/settings/apps"))
    for words in ("Staffelprijzen", "Anderstalige klanten", "MailChimp", "Geactiveerd", "Niet geactiveerd"):
        assert words in shown, words
    form = {"_csrf": form_of(await browser.get("/settings/apps"))["_csrf"], "_revision": "4"}
    await browser.client.post("/settings/apps", data=form | {"app": "tier_prices", "on": "on"})
    body = body_of(office.services.last("PUT", PATH))
    assert body["apps"] == ["languages", "tier_prices"]
    assert body["numbering"] == {"automatic": True, "prefix": "K", "year": False, "digits": 5}
    assert "Staffelprijzen is geactiveerd" in text_of(await browser.get("/settings/apps"))
    await browser.client.post("/settings/apps", data=form | {"app": "languages", "on": ""})
    assert body_of(office.services.last("PUT", PATH))["apps"] == []
    reader = await office.with_roles("sales", name="sales-apps")
    assert '<button type="submit" class="add"' not in (await reader.get("/settings/apps")).text


async def test_FA_28_own_fields_are_defined_changed_and_removed(office):
    field = {
        "key": "route",
        "label": "Route",
        "type": "choice",
        "choices": ["Noord"],
        "kinds": ["debtor"],
        "revision": 3,
    }
    office.services.on("GET", "debtors", "/v1/own-fields", page(field))
    office.services.on("POST", "debtors", "/v1/own-fields", field, 201)
    office.services.on("PUT", "debtors", "/v1/own-fields/route", field | {"label": "Rit"})
    browser = await office.signed_in()
    assert 'href="/settings/own-fields/route">Route</a>' in text_of(await browser.get("/settings/own-fields"))
    values = form_of(await browser.get("/settings/own-fields/new"))
    typed = {"label": "Hâvenzône 7!", "type": "choice", "choices": "A\r\n\r\n B ", "kinds.creditor": "on"}
    await browser.client.post("/settings/own-fields/new", data=values | typed)
    assert body_of(office.services.last("POST", "/v1/own-fields")) == {
        "key": "havenzone_7", "label": "Hâvenzône 7!", "type": "choice", "choices": ["A", "B"],
        "kinds": ["debtor", "creditor"], "on_documents": False, "position": 0,
    }  # fmt: skip
    values = form_of(await browser.get("/settings/own-fields/route"))
    await browser.client.post(
        "/settings/own-fields/route", data=values | {"label": "Rit", "choices": "Noord\nZuid"}
    )
    sent = office.services.last("PUT", "/v1/own-fields/route")
    assert (sent.headers["if-match"], body_of(sent)["choices"], body_of(sent)["type"]) == (
        '"3"',
        ["Noord", "Zuid"],
        "choice",
    )
    used = problem(409, "The own field is used", detail="2 card(s) have a value.")
    office.services.on("DELETE", "debtors", "/v1/own-fields/route", used, 409)
    await browser.post("/settings/own-fields/route/remove", page="/settings")
    assert "2 card(s) have a value." in text_of(await browser.get("/settings/own-fields"))
    assert (await browser.get("/settings/own-fields/nothing")).status_code == 404


async def test_FA_82_tiers_and_categories_are_lists_of_the_office(office):
    tier = {"code": "wholesale", "label": "Groothandel", "position": 5, "revision": 2}
    lists = "/v1/customer-lists/price-tiers"
    office.services.on("GET", "debtors", lists, page(tier))
    office.services.on("POST", "debtors", lists, tier, 201)
    office.services.on("PUT", "debtors", f"{lists}/wholesale", tier)
    office.services.on("DELETE", "debtors", f"{lists}/wholesale", None, 204)
    browser = await office.speaking("nl", "sales", "finance", "ops")
    address = "/settings/customer-lists/price-tiers"
    assert "Nieuwe staffel" in text_of(await browser.get(address))
    values = form_of(await browser.get(f"{address}/new"))
    await browser.client.post(f"{address}/new", data=values | {"label": "Grote Klanten"})
    assert body_of(office.services.last("POST", lists)) == {
        "label": "Grote Klanten",
        "position": 0,
        "code": "grote-klanten",
    }
    values = form_of(await browser.get(f"{address}/wholesale"))
    await browser.client.post(f"{address}/wholesale", data=values | {"label": "En gros"})
    assert office.services.last("PUT", f"{lists}/wholesale").headers["if-match"] == '"2"'
    await browser.post(f"{address}/wholesale/remove", page="/settings")
    assert office.services.last("DELETE", f"{lists}/wholesale").headers["if-match"] == '"2"'
    office.services.on("GET", "debtors", "/v1/customer-lists/categories", page())
    assert "De lijst is leeg" in text_of(await browser.get("/settings/customer-lists/categories"))
    assert (await browser.get("/settings/customer-lists/nonsense")).status_code == 404


async def test_FA_65_the_company_has_a_page_for_its_own_attachments(office):
    office.services.on("GET", "debtors", "/v1/company-attachments", page())
    office.services.on(
        "POST", "debtors", "/v1/company-attachments", {"attachment_id": "a", "name": "Terms.pdf"}, 201
    )
    browser = await office.signed_in()
    answer = await browser.get("/settings/company-attachments")
    assert "No attachments yet" in text_of(answer)
    files = {"file": ("Terms.pdf", b"%PDF", "application/pdf")}
    data = {"_csrf": form_of(answer)["_csrf"], "documents": ["invoice"]}
    saved = await browser.client.post("/settings/company-attachments", data=data, files=files)
    assert saved.headers["location"] == "/settings/company-attachments"
    assert office.services.last("POST", "/v1/company-attachments").url.params["documents"] == "invoice"
    reader = await office.with_roles("sales", name="sales-files")
    assert 'type="file"' not in (await reader.get("/settings/company-attachments")).text


async def test_EP_14_what_waits_for_a_number_is_shown_and_one_list_or_two_is_chosen(office):
    one = {"administration": "main", "kind": "debtor", "first": 1, "last": 9, "size": 9, "remaining": 0}
    office.services.on("GET", "debtors", "/v1/number-ranges", page(one | {"shared_number_space": True}))
    office.services.on("GET", "accounting", "/v1/administrations", page())
    waiting = {
        "id": 1, "debtor_id": "d/1", "name": "Jansen & Zn.", "number_kind": "debtor", "trigger": "sale.completed",
        "reason": "The range has no free number left.", "parked_at": "2026-11-02T09:00:00Z",
    }  # fmt: skip
    office.services.on("GET", "debtors", "/v1/waiting", page(waiting, after="more"))
    browser = await office.signed_in()
    shown = text_of(await browser.get("/settings/number-ranges"))
    assert 'href="/debtors/d%2F1">Jansen & Zn.</a>' in shown
    assert 'href="/settings/number-ranges?cursor=more"' in shown, "all that wait can be seen"
    rows = await browser.get("/settings/number-ranges?cursor=more&part=rows")
    assert office.services.last("GET", "/v1/waiting").url.params["cursor"] == "more"
    assert "Jansen & Zn." in text_of(rows)
    assert "<h1>" not in rows.text
    assert "sale definitive" in shown
    assert "The range has no free number left." in shown
    assert re.search(r"<strong>main</strong> <span class=\"badge good\">One list</span>", shown)
    office.services.on("PUT", "debtors", "/v1/number-ranges/main", {"shared_number_space": False})
    await browser.post("/settings/number-ranges/main", {"shared": ""}, page="/settings")
    assert body_of(office.services.last("PUT", "/v1/number-ranges/main")) == {"shared_number_space": False}
    overlap = {"field": "first", "message": "the debtor range 1 to 9 overlaps the creditor range 5 to 8"}
    office.services.on(
        "PUT", "debtors", "/v1/number-ranges/main", problem(409, "The ranges overlap", overlap), 409
    )
    await browser.post("/settings/number-ranges/main", {"shared": "on"}, page="/settings")
    assert "overlaps the creditor range" in text_of(await browser.get("/settings/number-ranges"))


async def test_EP_14_a_number_that_waits_is_told_on_its_card(office):
    await _card_without_number(office)
    reason = "The debtor range 1 to 9 of administration main has no free number left."
    waits = {"id": 1, "debtor_id": "d1", "number_kind": "debtor", "trigger": "button", "reason": reason}
    office.services.on("GET", "debtors", "/v1/waiting", page(waits))
    shown = text_of(await (await office.speaking("nl", "finance")).get("/debtors/d1"))
    assert (
        "Wacht op een nummer. De debiteurreeks 1 tot 9 van administratie main heeft geen vrij nummer" in shown
    )
    assert office.services.last("GET", "/v1/waiting").url.params["debtor_id"] == "d1"


async def _card_without_number(office):
    settings = {"languages": ["nl"], "apps": [], "revision": 4}
    office.services.on("GET", "debtors", "/v1/customer-settings", settings, ETag='"4"')
    for path in ("/v1/own-fields", "/v1/customer-lists/price-tiers", "/v1/customer-lists/categories"):
        office.services.on("GET", "debtors", path, page())
    office.services.on("GET", "sales", "/v1/seller", {"seller": {"name": "We"}})
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')


async def test_EP_13_two_lists_are_refused_where_the_accounting_system_keeps_one(office):
    link = {"code": "books", "name": "Boeken", "source_administration": "main", "system": "Exact Online"}
    other = {"code": "second", "source_administration": "second", "shared_numbers": True}
    office.services.on("PUT", "debtors", "/v1/number-ranges/main", {"shared_number_space": False})
    office.services.on("GET", "debtors", "/v1/number-ranges", page())
    office.services.on("GET", "debtors", "/v1/waiting", page())
    browser = await office.signed_in()
    for shared, sent in ((True, 0), (False, 1)):
        links = page(link | {"shared_numbers": shared}, other)
        office.services.on("GET", "accounting", "/v1/administrations", links)
        await browser.post("/settings/number-ranges/main", {"shared": ""}, page="/settings")
        shown = text_of(await browser.get("/settings/number-ranges"))
        assert (
            "Exact Online (administration Boeken) keeps debtors and creditors in one list" in shown
        ) is shared
        assert office.services.count("PUT", "/v1/number-ranges/main") == sent
