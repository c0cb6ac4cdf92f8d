"""Customers as the office works with them: a new one with everything, an edit that meets another, a merge."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

VIS = "NL999000010B17"
"""A number that the simulator of VIES knows."""


async def card_of(system, name: str) -> dict:
    found = await system.office.call("GET", "debtor-service", f"/debtors?q={name}")
    (listed,) = found["items"]
    return await system.office.call("GET", "debtor-service", f"/debtors/{listed['debtor_id']}")


async def new_customer(page: Page) -> None:
    """From the left navigation to a blank card (FA-03, FA-04)."""
    await (
        page.get_by_role("navigation", name="Hoofdmenu")
        .get_by_role("link", name="Klanten (debiteuren)")
        .click()
    )
    await page.get_by_role("link", name="Nieuwe klant").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nieuwe klant")


async def test_FA_03_FA_04_FA_06_FA_08_FA_20_FA_40_a_new_customer_with_vies_more_options_a_contact_and_a_contract(
    sign_in, system
):
    page = await sign_in(language="nl-NL")
    await new_customer(page)
    await page.get_by_label("Btw-nummer", exact=True).fill("nl 9990.00.010.b17")
    await page.get_by_role("button", name="Gegevens ophalen").click()
    answer = page.locator("#vat-answer")
    await expect(answer).to_contain_text("Geldig btw-nummer.")
    await expect(answer).to_contain_text("velden zijn ingevuld")
    await expect(page.get_by_label("Naam (verplicht)")).to_have_value("VIS BLOEMEN KATWIJK B.V.")
    await expect(page.get_by_label("Btw-nummer", exact=True)).to_have_value(VIS)
    await expect(page.locator("#f-addresses-0-city")).to_have_value("Katwijk")
    await page.get_by_label("Naam (verplicht)").fill("Zeewind Bloemen")

    more = page.locator("summary", has_text="Meer opties")
    await expect(page.get_by_label("Betaaltermijn in dagen")).to_be_hidden()
    await more.focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Betaaltermijn in dagen").fill("30")
    await page.get_by_label("Korting in procenten").fill("2,5")
    await page.get_by_label("Soort korting").select_option(label="Financiële korting (bij betaling op tijd)")
    await page.get_by_label("E-mail voor facturen").fill("boekhouding@zeewind.example")
    await page.get_by_label("Interne nota").fill("Levert aan de kade.")
    await page.get_by_role("button", name="Toevoegen", exact=True).click()
    await expect(page.get_by_text("Zeewind Bloemen is toegevoegd")).to_be_visible()
    for words in (
        "30 dagen",
        "2,5 %",
        "boekhouding@zeewind.example",
        "Levert aan de kade.",
        "2225 AA KATWIJK",
    ):
        await expect(page.get_by_role("main")).to_contain_text(words)

    await page.get_by_role("link", name="Contactpersonen").click()
    await page.get_by_role("link", name="Contactpersoon toevoegen").click()
    await page.get_by_label("Naam", exact=True).fill("Els de Boer")
    await page.get_by_label("Afdeling").fill("Inkoop")
    await page.get_by_role("button", name="Toevoegen", exact=True).click()
    await expect(page.get_by_role("row", name=re.compile("T.a.v. Els de Boer"))).to_contain_text(
        "adres van de klant"
    )

    await page.get_by_role("link", name="Bijlagen").click()
    contract = {"name": "Contract.pdf", "mimeType": "text/html", "buffer": b"%PDF-1.7 contract"}
    await page.get_by_label("Bestand", exact=True).set_input_files(contract)
    await page.locator("form.drop").get_by_label("Facturen").check()
    await page.get_by_role("button", name="Bijlage toevoegen").click()
    file = page.locator("li.file")
    await expect(file).to_contain_text("Gaat mee met: Facturen.")
    await expect(file).to_contain_text("Niet gescand")
    async with page.expect_download() as downloading:
        await file.get_by_role("link", name="Contract.pdf").click()
    assert (await downloading.value).suggested_filename == "Contract.pdf"

    await page.get_by_role("link", name="Tijdlijn").click()
    timeline = page.locator(".timeline > li")
    await expect(timeline).to_have_count(3)
    await expect(timeline.first).to_contain_text("Bijlage toegevoegd")
    stored = await card_of(system, "zeewind")
    assert (stored["payment_term_days"], stored["discount_kind"]) == (30, "financial")
    assert stored["attachments"][0]["documents"] == ["invoice"]

    await new_customer(page)
    await expect(page.get_by_label("Betaaltermijn in dagen")).to_be_visible()  # as it was left
    await page.get_by_label("Naam (verplicht)").fill("Zeewint Bloemen BV")
    await page.locator("#f-addresses-0-postal_code").fill("2225 aa")
    double = page.locator("#duplicates")
    await expect(double.get_by_role("link", name=re.compile("Zeewind Bloemen"))).to_be_visible()
    await expect(double).to_contain_text("lijkt op deze naam, zelfde postcode")


async def test_FA_07_an_edit_that_meets_another_one_loses_nothing_and_is_guarded(page, system):
    office = system.office
    debtor_id = await office.add_debtor("Ontmoeting Flora")
    await page.goto(f"/debtors/{debtor_id}")
    await page.get_by_role("link", name="Edit", exact=True).click()
    await page.get_by_label("Internal note").fill("mijn notitie")
    revision = await office.revision("debtor-service", f"/debtors/{debtor_id}")
    other = {"use_ekts": False}
    await office.call("PATCH", "debtor-service", f"/debtors/{debtor_id}/ekt", other, **{"If-Match": revision})
    await page.get_by_role("button", name="Save", exact=True).click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(re.compile(r"Changed by admin at \d\d:\d\d: reload"))
    await expect(page.get_by_label("Internal note")).to_have_value("mijn notitie")
    asked = []

    async def agree(dialog):
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", agree)
    await alert.get_by_role("link", name="Reload").click()
    await expect(page.get_by_label("Internal note")).to_have_value("")
    assert asked == ["beforeunload"]
    await page.get_by_label("Internal note").fill("mijn notitie")
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("Ontmoeting Flora was saved")).to_be_visible()
    await page.get_by_role("link", name="Timeline").click()
    newest = page.locator(".timeline > li").first
    await expect(newest).to_contain_text("Internal note")
    await expect(newest.locator("ins")).to_have_text(re.compile("mijn notitie"))


async def test_FA_50_FA_53_FA_54_two_cards_are_merged_with_the_magnifier_at_the_end_of_the_menu(
    sign_in, system
):
    office = system.office
    removed = await office.add_debtor("Dubbelganger Rozen", phones=["+31 71 5550199"])
    target = await office.add_debtor("Dubbelganger Rozen B.V.")
    page = await sign_in(language="nl-NL")
    await page.goto("/debtors?q=dubbelganger")
    await page.locator("summary", has_text="Acties").click()
    menu = page.locator("details.menu li")
    await expect(menu.first).to_have_text("Importeren")
    await expect(menu.last).to_have_text("Klanten samenvoegen")
    await page.keyboard.press("Escape")
    await expect(menu.last).to_be_hidden()
    await page.keyboard.press("Enter")  # the focus went back to the button
    await menu.last.get_by_role("link").click()

    for slot, name in (("Zoek de kaart die verdwijnt", "Dubbelganger Rozen"), ("Zoek de doelkaart", "B.V.")):
        await page.get_by_role("button", name=slot).click()
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("searchbox")).to_be_focused()
        await page.keyboard.type("dubbelganger")
        found = dialog.get_by_role("link").filter(has_text=name)
        await expect(dialog.get_by_role("link")).to_have_count(2 if "verdwijnt" in slot else 1)
        await found.first.click()
    await expect(page.get_by_text("Samenvoegen kan NIET ongedaan worden gemaakt.")).to_be_visible()
    phone = page.get_by_role("row", name=re.compile("Telefoon"))
    await expect(phone).to_contain_text("Vervalt")
    await page.get_by_label("Vul lege gegevens van de doelkaart aan").check()
    await expect(phone).to_contain_text("Wordt aangevuld")
    await page.get_by_label("Vul lege gegevens van de doelkaart aan").uncheck()
    await expect(phone).to_contain_text("Vervalt")
    await page.get_by_label("Ik heb dit gelezen").check()
    await page.get_by_role("button", name="Samenvoegen", exact=True).click()
    await expect(page.get_by_text("Samengevoegd met Dubbelganger Rozen B.V.")).to_be_visible()
    tombstone = await office.call("GET", "debtor-service", f"/debtors/{removed}")
    assert (tombstone["state"], tombstone["merged_into"]) == ("merged", target)
    assert (await office.call("GET", "debtor-service", f"/debtors/{target}"))["phones"] == []
    await page.goto(f"/debtors/{removed}")
    await page.get_by_role("link", name="Naar de kaart die is gebleven").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Dubbelganger Rozen B.V.")


async def test_FA_86_activating_an_app_puts_its_option_on_the_card(page, system):
    debtor_id = await system.office.add_debtor("Staffelaar")
    await page.goto(f"/debtors/{debtor_id}/edit")
    await expect(page.get_by_label("Price tier")).to_have_count(0)
    await page.goto("/settings/customer-lists/price-tiers/new")
    await page.get_by_label("Name (required)").fill("Wholesale")
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.goto("/settings/apps")
    await page.get_by_role("button", name="Activate Tier prices").click()
    await expect(page.get_by_text("Tier prices is activated")).to_be_visible()
    await page.goto(f"/debtors/{debtor_id}/edit")
    await page.locator("summary", has_text="More options").click()
    await page.get_by_label("Price tier").select_option(label="Wholesale")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Staffelaar was saved")).to_be_visible()
    assert (await card_of(system, "staffelaar"))["price_tier"] == "wholesale"
    await page.goto("/settings/apps")
    await page.get_by_role("button", name="Switch off Tier prices").click()
    await page.goto(f"/debtors/{debtor_id}")
    await expect(page.get_by_text("Price tier")).to_have_count(0)
