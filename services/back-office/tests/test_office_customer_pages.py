"""The pages of one customer: card, form with more options, hints, contact persons, attachments, timeline, merging."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pycountry
from back_office.texts.catalogue import Translator
from back_office.web.pages.debtor import codes
from back_office.web.pages.debtor.changes import Difference, differences
from office_shapes import body_of, card, form_of, page, problem, text_of

FILE = {
    "attachment_id": "a1",
    "debtor_id": "d1",
    "name": "Contract <1>.pdf",
    "media_type": "application/pdf",
    "size": 48_211,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "documents": ["invoice"],
    "scan": "not_scanned",
    "revision": 3,
    "uploaded_at": "2026-11-02T09:42:00Z",
    "uploaded_by": "Piet",
}


def settings(**changes: Any) -> dict[str, Any]:
    return {"languages": ["nl", "en", "fr"], "apps": ["languages"], "revision": 4, **changes}


def surroundings(office: Any, **changes: Any) -> None:
    """What the debtor service says beside the card."""
    office.services.on("GET", "debtors", "/v1/customer-settings", settings(**changes), ETag='"4"')
    route = {
        "key": "route",
        "label": "Route",
        "type": "choice",
        "choices": ["Noord", "Zuid"],
        "kinds": ["debtor"],
    }
    brand = {"key": "brand", "label": "Brand", "kinds": ["creditor"]}
    office.services.on("GET", "debtors", "/v1/own-fields", page(route, brand))
    tiers = [{"code": "wholesale", "label": "Wholesale"}]
    office.services.on("GET", "debtors", "/v1/customer-lists/price-tiers", page(*tiers))
    categories = [{"code": "company", "label": "Company"}]
    office.services.on("GET", "debtors", "/v1/customer-lists/categories", page(*categories))
    office.services.on("GET", "sales", "/v1/seller", {"seller": {"name": "We", "payment_term_days": 14}})


# --- list and card --------------------------------------------------------------------------------------------


async def test_FA_03_FA_04_customers_are_in_the_navigation_and_a_green_button_adds_one(office):
    office.services.on("GET", "debtors", "/v1/debtors", page(card()))
    shown = text_of(await (await office.speaking("nl", "sales", "finance", "ops")).get("/debtors"))
    assert re.search(r'<a href="/debtors" aria-current="page">.*?Klanten \(debiteuren\)</a>', shown)
    assert '<a class="button add" href="/debtors/new">Nieuwe klant</a>' in shown


async def test_FA_50_FA_53_the_actions_menu_exports_and_ends_with_merging(office):
    office.services.on("GET", "debtors", "/v1/debtors", page(card()))
    shown = text_of(
        await (await office.speaking("nl", "sales", "finance", "ops")).get("/debtors?q=jan&kind=debtor")
    )
    menu = re.search(r'<details class="menu"><summary class="button">Acties</summary>(.*?)</details>', shown)[
        1
    ]
    links = re.findall(r'<a href="([^"]+)"( download)?(?: data-follows="debtors")?>([^<]+)</a>', menu)
    assert links[0] == ("/imports/new", "", "Importeren")
    assert links[1] == ("/exports/debtors.csv?q=jan&kind=debtor", "", "Exporteer naar CSV")
    assert links[2][2] == "Exporteer naar Excel"
    assert links[-1] == ("/debtors/merge", "", "Klanten samenvoegen")
    reader = await office.with_roles("read-only", name="reader-menu")
    assert "/debtors/merge" not in (await reader.get("/debtors")).text


async def test_FA_07_the_card_is_read_and_the_yellow_button_leads_to_its_form(office):
    surroundings(office)
    shown_card = card(customer_number="K00014", own_fields={"route": "Zuid"}, payment_term_days=None)
    office.services.on("GET", "debtors", "/v1/debtors/d1", shown_card, ETag='"4"')
    browser = await office.signed_in()
    shown = text_of(await browser.get("/debtors/d1"))
    assert '<a class="button edit" href="/debtors/d1/edit">Edit</a>' in shown
    for words in ("K00014", "calls early", "14 days (term of the company)", "<dd>Zuid</dd>"):
        assert words in shown, words
    assert shown.index("<dd>Zuid</dd>") < shown.index("calls early"), (
        "the note is below the customer's data (FA-31)"
    )
    assert "Brand" not in shown, "a field for suppliers"
    values = form_of(await browser.get("/debtors/d1/edit"))
    assert values["_revision"] == "4"
    assert values["own_fields.route"] == "Zuid"


async def test_a_merged_card_can_not_be_edited_and_leads_to_the_one_that_stayed(office):
    office.services.on(
        "GET", "debtors", "/v1/debtors/d1", card(state="merged", merged_into="d 2"), ETag='"4"'
    )
    browser = await office.signed_in()
    shown = text_of(await browser.get("/debtors/d1"))
    assert '<a href="/debtors/d%202">To the card that stayed</a>' in shown
    assert "/edit" not in shown
    assert (await browser.get("/debtors/d1/edit")).headers["location"] == "/debtors/d1"


async def test_FA_06_the_green_button_at_the_bottom_adds_the_card_with_the_defaults(office):
    surroundings(office, default_vat_regime="reduced", default_currency="SEK", default_country="SE")
    office.services.on("POST", "debtors", "/v1/debtors", card(debtor_id="d9", name="Nieuw"), 201)
    browser = await office.signed_in()
    answer = await browser.get("/debtors/new")
    assert re.search(r'<button class="add" type="submit" data-save>Add</button>', answer.text)
    values = form_of(answer)
    assert (values["vat_regime"], values["currency"], values["country"]) == ("reduced", "SEK", "SE")
    saved = await browser.client.post(
        "/debtors/new", data=values | {"name": "Nieuw", "own_fields.route": "Noord"}
    )
    assert saved.headers["location"] == "/debtors/d9"
    sent = office.services.last("POST", "/v1/debtors")
    body = body_of(sent)
    assert sent.headers["idempotency-key"] == values["_once"]
    assert (body["name"], body["vat_regime"], body["own_fields"]["route"]) == ("Nieuw", "reduced", "Noord")
    assert "customer_number" not in body, "it is assigned (FA-10)"


async def test_FA_20_more_fields_are_behind_more_options_which_opens_when_one_is_wrong(office):
    surroundings(office)
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    browser = await office.signed_in()
    shown = (await browser.get("/debtors/d1/edit")).text
    before, more = shown.split('<details class="more" data-remember="debtor-more">')
    assert '<summary class="button">More options</summary>' in more
    for name in (
        "payment_term_days",
        "discount_percent",
        "emails.purchase_order",
        "bank_accounts.0.iban",
        "website",
    ):
        assert f'name="{name}"' in more, name
        assert f'name="{name}"' not in before
    for name in ("name", "vat_number", "vat_regime", "internal_note", "emails.general"):
        assert f'name="{name}"' in before, name
    wrong = {"field": "discount_percent", "message": "is no percentage", "cure": "write 2.5"}
    office.services.on("PUT", "debtors", "/v1/debtors/d1", problem(422, "No", wrong), 422)
    values = form_of(await browser.get("/debtors/d1/edit"))
    refused = await browser.client.post("/debtors/d1/edit", data=values | {"discount_percent": "veel"})
    assert 'data-remember="debtor-more" open data-keep-open' in refused.text
    assert 'id="f-discount_percent-error">is no percentage write 2.5' in text_of(refused)


async def test_FA_86_options_of_apps_that_are_not_activated_are_hidden_and_lose_nothing(office):
    surroundings(office, apps=[])
    stored = card(price_tier="wholesale", language="fr")
    office.services.on("GET", "debtors", "/v1/debtors/d1", stored, ETag='"4"')
    office.services.on("PUT", "debtors", "/v1/debtors/d1", stored, ETag='"5"')
    browser = await office.signed_in()
    answer = await browser.get("/debtors/d1/edit")
    assert 'name="price_tier"' not in answer.text
    assert 'id="f-language"' not in answer.text
    assert "Price tier" not in (await browser.get("/debtors/d1")).text
    await browser.client.post("/debtors/d1/edit", data=form_of(answer))
    body = body_of(office.services.last("PUT", "/v1/debtors/d1"))
    assert (body["price_tier"], body["language"]) == ("wholesale", "fr")

    surroundings(office, apps=["tier_prices", "languages"])
    shown = (await browser.get("/debtors/d1/edit")).text
    assert re.search(r'<option value="wholesale" selected>Wholesale</option>', shown)
    assert re.search(r'<option value="fr" selected>French</option>', shown)


async def test_saving_keeps_what_the_form_does_not_show_and_takes_all_that_it_does(office):
    surroundings(office)
    stored = card(
        phones=["+31 1", "+31 2", "+31 3", "+31 4"],
        addresses=[
            {
                "kind": "visit",
                "lines": ["Gebouw 4", "Kade 1"],
                "postal_code": "1",
                "city": "A",
                "country": "NL",
            },
            {"kind": "delivery", "lines": ["Dok 2"], "postal_code": "2", "city": "B", "country": "NL"},
        ],
        bank_accounts=[{"iban": f"NL{n}", "bic": ""} for n in range(3)],
        vat_regime="standard",
        merged_into=None,
    )
    office.services.on("GET", "debtors", "/v1/debtors/d1", stored, ETag='"4"')
    office.services.on("PUT", "debtors", "/v1/debtors/d1", stored, ETag='"5"')
    browser = await office.signed_in()
    values = form_of(await browser.get("/debtors/d1/edit"))
    changes = {
        "internal_note": "Belt\r\nvroeg",
        "discount_percent": "2,5",
        "discount_kind": "financial",
        "emails.reminder": "debt@x.example",
        "addresses.1.city": "",
        "addresses.1.postal_code": "",
        "addresses.1.lines.0": "",
        "addresses.2.kind": "invoice",
        "addresses.2.city": "Postbus",
    }
    answer = await browser.client.post("/debtors/d1/edit", data=values | changes)
    assert answer.status_code == 303
    body = body_of(office.services.last("PUT", "/v1/debtors/d1"))
    assert body["phones"] == stored["phones"]
    assert body["merged_into"] is None
    assert [account["iban"] for account in body["bank_accounts"]] == ["NL0", "NL1", "NL2"]
    assert [(a["kind"], a["lines"], a["city"]) for a in body["addresses"]] == [
        ("visit", ["Gebouw 4", "Kade 1"], "A"),
        ("invoice", [], "Postbus"),
    ]
    assert (body["internal_note"], body["discount_percent"], body["discount_kind"]) == (
        "Belt\nvroeg",
        "2.5",
        "financial",
    )
    assert {"document": "reminder", "address": "debt@x.example"} in body["emails"]


async def test_every_email_address_of_a_card_is_shown_and_none_is_lost_by_saving(office):
    surroundings(office)
    emails = [
        ("general", "first@x.example"),
        ("general", "second@x.example"),
        ("general", "third@x.example"),
        ("invoice", "bills@x.example"),
        ("invoice", "more-bills@x.example"),
    ]
    stored = card(emails=[{"document": document, "address": address} for document, address in emails])
    office.services.on("GET", "debtors", "/v1/debtors/d1", stored, ETag='"4"')
    office.services.on("PUT", "debtors", "/v1/debtors/d1", stored, ETag='"5"')
    browser = await office.speaking("nl", "sales")
    shown = text_of(await browser.get("/debtors/d1"))
    assert all(address in shown for _, address in emails)
    assert "<dt>Algemeen e-mailadres 3</dt>" in shown
    values = form_of(await browser.get("/debtors/d1/edit"))
    assert (values["emails.general.2"], values["emails.general.3"]) == ("third@x.example", "")
    await browser.client.post("/debtors/d1/edit", data=values)
    assert body_of(office.services.last("PUT", "/v1/debtors/d1"))["emails"] == stored["emails"]
    changes = {"emails.general": "", "emails.general.3": "fourth@x.example"}
    await browser.client.post("/debtors/d1/edit", data=values | changes)
    sent = body_of(office.services.last("PUT", "/v1/debtors/d1"))["emails"]
    general = [each["address"] for each in sent if each["document"] == "general"]
    assert general == ["second@x.example", "third@x.example", "fourth@x.example"]
    wrong = {"field": "emails.2.address", "message": "is no address", "cure": "write it anew"}
    office.services.on("PUT", "debtors", "/v1/debtors/d1", problem(422, "No", wrong), 422)
    refused = await browser.client.post("/debtors/d1/edit", data=values)
    assert 'id="f-emails-general-2-error">is no address' in text_of(refused)


def test_the_timeline_tells_of_every_address_of_one_kind():
    first, second = ({"document": "general", "address": f"{name}@x.example"} for name in ("first", "second"))
    (found,) = differences({"emails": [first, second]}, {"emails": [first]}, Translator("nl"), {})
    assert found == Difference("Algemeen e-mailadres", "first@x.example; second@x.example", "first@x.example")


def test_every_country_and_currency_can_be_chosen_by_its_name():
    countries = codes.countries(Translator("nl"))
    known = {country.alpha_2 for country in pycountry.countries}
    assert {option.value for option in countries} == known, "what the services take for a country"
    assert (countries[0].value, countries[0].label) == ("NL", "Nederland")
    others = [option.label for option in countries[len(codes.USUAL_COUNTRIES) :]]
    assert others.index("Åland") < others.index("Albanië") < others.index("Ierland")
    assert codes.countries(Translator("en"), "ZZ")[-1].value == "ZZ", "what stands on the card stays"
    currencies = {option.value: option.label for option in codes.currencies(Translator("nl"))}
    assert currencies["CZK"] == "CZK (Tsjechische kroon)"
    assert all(pycountry.currencies.get(alpha_3=code) for code in currencies)


# --- hints ----------------------------------------------------------------------------------------------------


def hint(browser: Any, csrf: str, name: str, data: dict[str, str]) -> Any:
    headers = {"X-CSRF-Token": csrf, "HX-Request": "true"}
    return browser.client.post(f"/debtors/hints/{name}", data=data, headers=headers)


async def test_FA_08_FA_09_what_vies_says_is_explained_and_ready_to_be_filled_in(office):
    browser = await office.signed_in()
    token = await browser.csrf("/settings")
    found = {
        "status": "valid", "vat_number": "NL999000010B17", "country": "NL", "name": 'Vis "Bloemen"', "message": "Good.",
        "address": {"lines": ["Kade 1"], "postal_code": "2225 AA", "city": "Katwijk", "country": "NL"},
    }  # fmt: skip
    office.services.on("POST", "debtors", "/v1/vat-lookup", found)
    answer = await hint(browser, token, "vat-number", {"vat_number": " nl 9990 ", "country": "NL"})
    assert body_of(office.services.last("POST", "/v1/vat-lookup")) == {
        "vat_number": "nl 9990",
        "country": "NL",
    }
    assert "<html" not in answer.text
    assert '"addresses.0.city": "Katwijk"' in html.unescape(answer.text)
    assert "Valid VAT number." in answer.text

    office.services.on(
        "POST",
        "debtors",
        "/v1/vat-lookup",
        {"status": "unknown", "message": "VIES is busy.", "code": "MS_UNAVAILABLE", "country": "BE"},
    )
    unknown = text_of(await hint(browser, token, "vat-number", {"vat_number": "NL1"}))
    assert "Unknown: nobody could say." in unknown
    assert "The tax office of BE does not answer VIES" in unknown
    assert "fill in the card by hand" in unknown
    assert "data-fill" not in unknown
    office.services.away("POST", "debtors", "/v1/vat-lookup")
    assert "does not answer" in text_of(await hint(browser, token, "vat-number", {"vat_number": "NL1"}))
    assert "Fill in a VAT number first" in text_of(
        await hint(browser, token, "vat-number", {"vat_number": ""})
    )


async def test_the_hint_about_doubles_has_links_and_never_disturbs(office):
    browser = await office.signed_in()
    token = await browser.csrf("/settings")
    double = {
        "debtor_id": "d/2",
        "name": "<b>Jansen</b>",
        "city": "Katwijk",
        "reasons": ["vat_number", "name_and_postal_code", "new_reason"],
    }
    office.services.on("POST", "debtors", "/v1/debtors/duplicates", page(double))
    typed = {
        "name": "Jansen",
        "emails.general": "a@b.example",
        "addresses.0.postal_code": "2225",
        "_csrf": token,
    }
    answer = await browser.client.post("/debtors/hints/duplicates?of=d1", data=typed)
    shown = text_of(answer)
    assert 'href="/debtors/d%2F2"' in shown
    assert "same VAT number" in shown
    assert "<b>Jansen" not in answer.text
    sent = body_of(office.services.last("POST", "/v1/debtors/duplicates"))
    assert (sent["emails"], sent["postal_codes"], sent["except_id"]) == (["a@b.example"], ["2225"], "d1")
    office.services.away("POST", "debtors", "/v1/debtors/duplicates")
    quiet = await browser.client.post("/debtors/hints/duplicates", data=typed)
    assert (quiet.status_code, quiet.text.strip()) == (200, "")


# --- contact persons ------------------------------------------------------------------------------------------


async def test_FA_40_the_green_button_opens_a_blank_contact_card_which_is_added(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("POST", "debtors", "/v1/debtors/d1/contacts", {"contact_id": "c1", "name": "Els"}, 201)
    browser = await office.signed_in()
    listed = text_of(await browser.get("/debtors/d1/contacts"))
    assert '<a class="button add" href="/debtors/d1/contacts/new">Add contact person</a>' in listed
    assert "No contact persons yet" in listed
    values = form_of(await browser.get("/debtors/d1/contacts/new"))
    answer = await browser.client.post("/debtors/d1/contacts/new", data=values | {"name": "Els"})
    assert answer.headers["location"] == "/debtors/d1/contacts"
    sent = office.services.last("POST", "/v1/debtors/d1/contacts")
    assert (sent.headers["if-match"], body_of(sent)["address"]) == ('"4"', None)
    own = {"name": "Els", "address.lines": "Postbus 4\r\n", "address.city": "Lisse", "address.country": "NL"}
    await browser.client.post("/debtors/d1/contacts/new", data=values | own)
    address = body_of(office.services.last("POST", "/v1/debtors/d1/contacts"))["address"]
    assert (address["lines"], address["city"]) == (["Postbus 4"], "Lisse")


async def test_a_contact_is_edited_removed_and_stale_or_wrong_ones_come_back_with_the_typing(office):
    els = {"contact_id": "c:1", "name": "Els", "email": "els@x.example"}
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(contact_persons=[els]), ETag='"4"')
    browser = await office.signed_in()
    assert "Attn. Els" in text_of(await browser.get("/debtors/d1/contacts"))
    values = form_of(await browser.get("/debtors/d1/contacts/c%3A1"))
    path = "/v1/debtors/d1/contacts/c:1"
    office.services.on("PUT", "debtors", path, problem(412, "It was changed meanwhile"), 412)
    stale = await browser.client.post("/debtors/d1/contacts/c%3A1", data=values | {"phone": "mijn"})
    assert (stale.status_code, 'value="mijn"' in stale.text) == (409, True)
    assert '<a href="/debtors/d1/contacts/c%3A1">Reload</a>' in text_of(stale)
    wrong = {"field": "address.lines.0", "message": "holds a line break", "cure": "mend it"}
    office.services.on("PUT", "debtors", path, problem(422, "No", wrong), 422)
    refused = text_of(await browser.client.post("/debtors/d1/contacts/c%3A1", data=values))
    assert 'id="f-address-lines-error">holds a line break mend it' in refused
    office.services.on("DELETE", "debtors", path, None, 204)
    gone = await browser.post("/debtors/d1/contacts/c%3A1/remove", page="/settings")
    assert gone.headers["location"] == "/debtors/d1/contacts"
    assert office.services.last("DELETE", path).headers["if-match"] == '"4"'
    assert (await browser.get("/debtors/d1/contacts/nobody")).status_code == 404


# --- attachments ----------------------------------------------------------------------------------------------


async def test_attachments_are_listed_uploaded_flagged_downloaded_and_removed(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("GET", "debtors", "/v1/debtors/d1/attachments", page(FILE))
    office.services.on("POST", "debtors", "/v1/debtors/d1/attachments", FILE, 201)
    browser = await office.signed_in()
    shown = text_of(await browser.get("/debtors/d1/attachments"))
    for words in ("Contract <1>.pdf", "48 kB", "Goes along with: Invoices.", "Not scanned", "Added by Piet"):
        assert words in shown, words
    values = form_of(await browser.get("/debtors/d1/attachments"))
    answer = await browser.client.post(
        "/debtors/d1/attachments",
        data={"_csrf": values["_csrf"], "_once": "k1", "documents": ["invoice", "quote"]},
        files={"file": ("a&b.pdf", b"%PDF-1.7" + b"x" * 3_000_000, "text/html")},
    )
    assert answer.headers["location"] == "/debtors/d1/attachments", "files of more than 2 MB are taken here"
    sent = office.services.last("POST", "/v1/debtors/d1/attachments")
    assert sent.url.params.get_list("documents") == ["invoice", "quote"]
    assert (sent.url.params["name"], sent.headers["idempotency-key"]) == ("a&b.pdf", "k1")
    assert len(sent.content) == 3_000_008

    office.services.on("PATCH", "debtors", "/v1/attachments/a1", FILE | {"documents": []})
    await browser.client.post(
        "/debtors/d1/attachments/a1",
        data={"_csrf": values["_csrf"], "_revision": "3", "name": "Nieuw.pdf", "documents": ["reminder"]},
    )
    patch = office.services.last("PATCH", "/v1/attachments/a1")
    assert (patch.headers["if-match"], body_of(patch)) == (
        '"3"',
        {"name": "Nieuw.pdf", "documents": ["reminder"]},
    )

    office.services.answers[("GET", "debtors.test/v1/attachments/a1")] = httpx.Response(
        200, content=b"%PDF", headers={"content-type": "application/pdf", "content-disposition": "attachment"}
    )
    file = await browser.get("/debtors/d1/attachments/a1/file")
    assert (file.content, file.headers["x-content-type-options"]) == (b"%PDF", "nosniff")
    assert file.headers["content-disposition"].startswith("attachment")
    office.services.on("DELETE", "debtors", "/v1/attachments/a1", None, 204)
    await browser.client.post(
        "/debtors/d1/attachments/a1/remove", data={"_csrf": values["_csrf"], "_revision": "3", "name": "x"}
    )
    assert office.services.last("DELETE", "/v1/attachments/a1").headers["if-match"] == '"3"'


async def test_a_refused_file_is_told_with_the_reason_and_none_at_all_as_well(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    office.services.on("GET", "debtors", "/v1/debtors/d1/attachments", page())
    found = {"field": "file", "message": "the virus scanner found Eicar", "cure": "Do not open it."}
    refusal = problem(
        422, "The file can't be attached", found, detail="'x.pdf': the virus scanner found Eicar."
    )
    office.services.on("POST", "debtors", "/v1/debtors/d1/attachments", refusal, 422)
    browser = await office.signed_in()
    token = await browser.csrf("/settings")
    files = {"file": ("x.pdf", b"%PDF", "application/pdf")}
    answer = await browser.client.post("/debtors/d1/attachments", data={"_csrf": token}, files=files)
    assert answer.status_code == 422
    assert "the virus scanner found Eicar" in text_of(answer)
    empty = await browser.client.post("/debtors/d1/attachments", data={"_csrf": token})
    assert "No file was chosen" in text_of(empty)
    large = await browser.client.post("/settings/customers", data={"_csrf": token, "x": "y" * 3_000_000})
    assert large.status_code == 413, "only pages that take files take so much"


# --- timeline and merging -------------------------------------------------------------------------------------


async def test_the_timeline_says_who_changed_what_from_what_into_what(office):
    office.services.on("GET", "debtors", "/v1/debtors/d1", card(), ETag='"4"')
    address = {
        "kind": "visit",
        "lines": ["Kade 1"],
        "postal_code": "2225 AA",
        "city": "Katwijk",
        "country": "NL",
    }
    change = {
        "at": "2026-11-02T09:42:00Z",
        "person_name": "Piet",
        "action": "changed",
        "old": {
            "addresses": [address],
            "payment_term_days": None,
            "own_fields": {"route": "Noord"},
            "odd": [1],
            "ekt": {"method": "email"},
        },
        "new": {
            "addresses": [address | {"city": "Lisse"}],
            "payment_term_days": 30,
            "own_fields": {"route": "<Zuid>"},
            "odd": "x",
            "ekt": {"method": "folder", "transfer": "sftp"},
        },
    }
    made = {
        "at": "2026-11-01T09:42:00Z",
        "person_name": "Anna",
        "action": "created",
        "new": {"name": "Jansen"},
    }
    surroundings(office)
    office.services.on("GET", "debtors", "/v1/debtors/d1/history", page(change, made))
    answer = await (await office.signed_in()).get("/debtors/d1/timeline")
    shown = text_of(answer)
    assert "Card changed" in shown
    assert "Kade 1, 2225 AA Katwijk, NL</del>" in shown
    assert "Kade 1, 2225 AA Lisse, NL</ins>" in shown
    assert re.search(r"<dt>Payment term in days</dt><dd><span class=\"none\">empty</span>.*?30</ins>", shown)
    assert "<dt>Route</dt>" in shown
    assert re.search(r"E-mail</del>.*?Folder</ins>", shown)
    assert re.search(r"<dt>To the customer's own server</dt>.*?SFTP</ins>", shown)
    assert "<Zuid>" not in answer.text
    assert shown.index("Card changed") < shown.index("Card made")


async def test_FA_54_both_contacts_are_picked_with_a_magnifier_and_what_happens_is_shown(office):
    for debtor_id, name in (("d1", "Jansen Bloemen"), ("d2", "Jansen Bloemen B.V.")):
        office.services.on(
            "GET",
            "debtors",
            f"/v1/debtors/{debtor_id}",
            card(debtor_id=debtor_id, name=name, debtor_number="77"),
            ETag='"4"',
        )
    office.services.on("GET", "debtors", "/v1/debtors", page(card(), card(debtor_id="d2")))
    side = {"revision": 4, "name": "Jansen Bloemen"}
    preview = {
        "removed": side | {"debtor_id": "d1"}, "target": side | {"debtor_id": "d2", "revision": 7},
        "lost": {"phones": ["+31 1"], "debtor_number": "77", "attachments": ["a.pdf"]}, "kept": {"name": "Jansen B.V."},
        "filled": {}, "moves": ["Sales"], "notices": ["Number 77 is never given again."], "warning": "!",
    }  # fmt: skip
    office.services.on("GET", "debtors", "/v1/debtors/d1/merge-preview", preview)
    office.services.on("POST", "debtors", "/v1/debtors/d1/merge", {})
    browser = await office.signed_in()
    blank = text_of(await browser.get("/debtors/merge"))
    for slot in ("remove", "target"):
        assert f'<button type="button" data-opens="pick-{slot}"' in blank
    picks = (await browser.get("/debtors/merge/pick?slot=target&remove=d1&q=jan")).text
    assert re.findall(r'href="([^"]+)"', html.unescape(picks)) == ["/debtors/merge?remove=d1&target=d2"]

    both = await browser.get("/debtors/merge?remove=d1&target=d2")
    shown = text_of(both)
    for words in (
        "can NOT be undone",
        "Debtor number 77 of the card that goes is never given again",
        "Is lost",
        "a.pdf",
        "Sales of all order days",
        "Jansen B.V.",
    ):
        assert words in shown, words
    values = {"_csrf": form_of(both)["_csrf"], "_revision": "4", "target_revision": "7", "_once": "m1"}
    values |= {"remove": "d1", "target": "d2"}
    unticked = await browser.client.post("/debtors/merge", data=values)
    assert (unticked.status_code, "Not merged yet" in unticked.text) == (422, True)
    assert office.services.count("POST", "/v1/debtors/d1/merge") == 0
    merged = await browser.client.post("/debtors/merge", data=values | {"confirm": "on"})
    assert merged.headers["location"] == "/debtors/d2"
    sent = office.services.last("POST", "/v1/debtors/d1/merge")
    assert body_of(sent) == {"into": "d2", "into_revision": 7, "fill_empty": False, "confirm": True}
    assert (sent.headers["if-match"], sent.headers["idempotency-key"]) == ('"4"', "m1")

    refusal = problem(409, "The cards can't be merged", detail="Card d1 was merged into d2 already.")
    office.services.on("GET", "debtors", "/v1/debtors/d1/merge-preview", refusal, 409)
    assert "was merged into d2 already" in text_of(await browser.get("/debtors/merge?remove=d1&target=d2"))
