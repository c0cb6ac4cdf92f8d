"""The pages of one customer: list, card, form with more options, hints while typing."""

from __future__ import annotations

import html
import re
from typing import Any

import pycountry
from back_office.texts.catalogue import Translator
from back_office.web.pages.debtor import codes
from back_office.web.pages.debtor.changes import Difference, differences
from office_shapes import body_of, card, form_of, page, problem, surroundings, text_of

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
