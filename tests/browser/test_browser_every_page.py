"""What holds for every page: keyboard, contrast, names, languages, live renewal, guarding what was typed."""

from __future__ import annotations

import re

import pytest
from accessibility import usable_by_everybody
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CONTRAST = """() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const part = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return parse(getComputedStyle(document.body).backgroundColor);
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest("button:disabled, option, script") || !element.getClientRects().length) continue;
    const pair = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const words = element.textContent.trim().slice(0, 40);
    if (ratio < 4.5) poor.push(`${element.tagName}.${element.className} ${ratio.toFixed(2)} ${words}`);
  }
  return poor;
}"""
CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea"
NAMELESS = """(controls) => [...document.querySelectorAll(controls)].filter((e) => {
  const named = e.labels?.length || e.getAttribute("aria-label") || e.textContent.trim() || e.title;
  return !named && e.getClientRects().length;
}).map((e) => e.outerHTML.slice(0, 120))"""
TOO_WIDE = """() => {
  const wide = [...document.querySelectorAll("main *")].filter((e) => {
    const box = e.getBoundingClientRect(), pushed = e.closest(".scroll");
    return box.width && box.right > innerWidth + 1 && !e.closest(".unseen")
      && !(pushed && getComputedStyle(pushed).overflowX === "auto");
  });
  const spilt = [...document.querySelectorAll(".scroll")].filter((e) =>
    e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "auto");
  return [...wide, ...spilt].map((e) => e.outerHTML.slice(0, 120));
}"""
WIDTHS = (1360, 1280, 390)
"""Laptops at the usual sizes, and a telephone."""
PAGES = (
    "/", "/debtors", "/debtors/new", "/debtors/merge", "/sales", "/sales/import", "/invoices",
    "/accounting/main/debtors", "/deliveries",
    "/articles", "/articles/new", "/articles/import",
    "/settings", "/settings/automatic-dispatch", "/settings/ekt", "/settings/company",
    "/settings/customers", "/settings/apps", "/settings/own-fields", "/settings/own-fields/new",
    "/settings/customer-lists/categories", "/settings/customer-lists/categories/company",
    "/settings/company-attachments", "/settings/number-ranges", "/settings/number-ranges/main/debtor",
    "/settings/administrations",
    "/settings/administrations/main", "/ekt-check", "/deliveries/invoices", "/imports", "/imports/new", "/exports",
    "/settings/newsletter",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_has_enough_contrast_landmarks_and_names_for_its_controls(sign_in, system, scheme):
    await system.office.add_debtor('=HYPERLINK("http://x.example";"Bloemenkoopwaarderaarsgenootschapsleden")')
    page = await sign_in(color_scheme=scheme)
    for path in PAGES:
        await page.goto(path)
        assert await page.evaluate(CONTRAST) == [], path
        assert await page.evaluate(NAMELESS, CONTROLS) == [], path
        if scheme == "light":
            await usable_by_everybody(page)
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 860})
                assert await page.evaluate(TOO_WIDE) == [], f"{path} at {width}"
        await expect(page.get_by_role("main")).to_have_count(1)
        await expect(page.get_by_role("navigation", name="Main navigation")).to_be_visible()
        await expect(page.get_by_role("heading", level=1)).to_have_count(1)


async def test_the_keyboard_alone_reaches_everything_and_the_focus_is_seen(page):
    await page.goto("/debtors")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="New customer")).to_be_focused()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()


async def test_the_search_keeps_the_focus_and_the_typing_while_the_list_is_renewed(page, system):
    await system.office.add_debtor("Zoekmaar Bloemen")
    await page.goto("/debtors")
    await page.keyboard.press("/")
    await page.keyboard.type("zóekmaar", delay=60)
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await expect(page.get_by_role("searchbox")).to_have_value("zóekmaar")
    await expect(page.locator("#announcements")).to_have_text("The list was renewed")
    await expect(page).to_have_url(re.compile("q=z"))
    export = page.locator(
        'a[data-follows="debtors"]'
    ).first  # it takes what is shown now, not what was at first
    await expect(export).to_have_attribute("href", re.compile(r"/exports/debtors\.csv\?q=z"))
    await expect(page.get_by_role("button", name="Export the filter (CSV)")).to_be_visible()


async def test_the_home_page_shows_a_sale_without_being_loaded_again(page, system):
    await page.goto("/")
    office = system.office
    debtor_id = await office.add_debtor("Zojuist Verkocht")
    await office.sell_when_known(debtor_id, await office.today())
    link = page.locator("#panel-sales").get_by_role("link", name=re.compile("Zojuist Verkocht"))
    await expect(link).to_be_visible(timeout=30_000)
    await link.click()
    await expect(page.get_by_role("heading", name="Zojuist Verkocht")).to_be_visible()


async def test_a_user_chooses_the_language_and_finds_it_again_next_time(sign_in, system):
    await system.add_user("tolk", "read-only")
    page = await sign_in("tolk")
    await page.get_by_role("button", name="Nederlands").click()
    await expect(page.get_by_role("heading", name="De stroom van vandaag")).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "nl"
    again = await sign_in("tolk", language="en-GB")
    await expect(again.get_by_role("link", name="(Verkocht) Per debiteur")).to_be_visible()


async def test_changes_that_are_not_saved_are_asked_about_before_the_page_is_left(page, system):
    debtor_id = await system.office.add_debtor("Bewaakt")
    await page.goto(f"/debtors/{debtor_id}/edit")
    await page.get_by_label("Internal note").fill("bewaakt 2")
    asked = []

    async def stay(dialog):
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await page.get_by_role("link", name="Home").click()
    await expect(page.get_by_label("Internal note")).to_have_value("bewaakt 2")
    assert asked == ["beforeunload"]
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("Bewaakt was saved")).to_be_visible()
    assert asked == ["beforeunload"]


async def test_an_error_stands_beside_its_field(page, system):
    debtor_id = await system.office.add_debtor("Fout Nummer")
    await page.goto(f"/debtors/{debtor_id}/edit")
    field = page.get_by_label("VAT number", exact=True)
    await field.fill("NL123")
    await page.get_by_role("button", name="Save", exact=True).last.click()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#f-vat_number-error")).to_be_visible()
    await expect(field).to_have_value("NL123")


async def test_the_save_button_beside_the_number_gives_the_next_one(page, system):
    debtor_id = await system.office.add_debtor("Nog Zonder Nummer")
    await page.goto(f"/debtors/{debtor_id}")
    await expect(page.get_by_text("none yet")).to_be_visible()
    await page.get_by_role("button", name="Save: give the next debtor number").click()
    await expect(page.get_by_text(re.compile(r"Number 1\d{4} was given"))).to_be_visible()


async def test_signing_out_ends_it_and_the_way_back_asks_to_sign_in(page):
    await page.goto("/debtors")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("User name")).to_be_visible()
    await page.go_back()
    await page.reload()
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_a_service_that_is_away_shows_on_its_own_panel_only(page, system):
    await page.goto("/")
    await system.platform.stop_service("accounting-sync")
    try:
        panel = page.locator("#panel-accounting")
        await expect(panel).to_contain_text("Does not answer", timeout=20_000)
        await expect(page.locator("#panel-debtors")).not_to_contain_text("Does not answer")
        await page.goto("/accounting")
        await expect(page.get_by_role("alert")).to_contain_text("Accounting does not answer")
    finally:
        await system.platform.restart("accounting-sync")
    await page.goto("/")
    await expect(page.locator("#panel-accounting")).not_to_contain_text("Does not answer", timeout=20_000)
