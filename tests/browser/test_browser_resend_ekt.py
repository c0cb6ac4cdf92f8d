"""Resending EKTs, walked through as the manual tells it, in a real browser on the running system."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from klokwerk.testing import eventually
from order_day import TULIP, OrderDay
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
async def sold(system) -> OrderDay:
    """Three customers of one order day long ago: one uses EKTs, one does not, one is not complete."""
    office = system.office
    day = await office.today() - timedelta(days=400)
    jansen = await office.add_debtor("Jansen Bloemen")
    without = await office.add_debtor("Rozenhof zonder EKT", use_ekts=False)
    incomplete = await office.add_debtor("Gouden Tulp")
    await office.sell_when_known(jansen, day)
    await office.sell_when_known(without, day)
    await office.sell_when_known(incomplete, day, allocate=False)
    await office.sell_when_known(without, day - timedelta(days=1), article=TULIP)

    async def first_one_came():
        return await system.mails_to(jansen)

    await eventually(first_one_came, within=60)
    return OrderDay(day, jansen, without, incomplete, "Jansen Bloemen")


async def test_EF_07_EF_09_EF_13_EF_14_EF_19_EF_52_one_click_resends_the_ekt_of_an_old_day(
    page, system, sold
):
    before = len(await system.mails_to(sold.jansen))
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="(Sold) Per debtor").click()
    await page.get_by_label("Order day", exact=True).fill(sold.day.isoformat())
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("row", name=re.compile("Rozenhof"))).to_be_visible()
    await page.get_by_role("searchbox").fill("jansen")
    await expect(page.get_by_role("row", name=re.compile("Rozenhof"))).to_have_count(0)
    await page.get_by_role("link", name="Jansen Bloemen").click()
    await expect(page.get_by_role("heading", name="Jansen Bloemen")).to_be_visible()
    await page.get_by_role("button", name="Resend EKT", exact=True).click()
    await expect(page.get_by_text("The EKT is being sent to Jansen Bloemen")).to_be_visible()
    log = page.locator("#ekts tbody tr")
    await expect(log).to_have_count(2, timeout=30_000)
    await expect(log.first).to_contain_text("Resend")
    await expect(log.first.locator(".badge")).to_have_text("Sent", timeout=30_000)
    assert len(await system.mails_to(sold.jansen)) == before + 1
    async with page.expect_download() as download:
        await log.first.get_by_role("link").click()
    content = (await (await download.value).path()).read_bytes()
    assert content.startswith(b"UN")


async def test_EF_15_EF_16_the_wrong_day_shows_other_sales_and_the_right_one_is_remembered(sign_in, sold):
    page = await sign_in()
    await page.goto(f"/sales?day={sold.before}")
    await expect(page.get_by_role("row", name=re.compile("Jansen"))).to_have_count(0)
    await page.get_by_role("link", name="The day after").click()
    await page.get_by_role("link", name="Jansen Bloemen").click()
    await page.goto("/debtors")
    await page.get_by_role("link", name="(Sold) Per debtor").click()
    await expect(page.get_by_label("Order day", exact=True)).to_have_value(sold.day.isoformat())
    await expect(page.get_by_role("link", name="Jansen Bloemen")).to_be_visible()


async def test_EF_20_EF_21_EF_72_EF_73_without_use_ekts_the_page_explains_why_there_is_no_button(page, sold):
    await page.goto(f"/sales/{sold.day}/{sold.without_ekts}")
    await expect(page.get_by_role("button", name="Resend EKT", exact=True)).to_have_count(0)
    reason = page.locator("#no-button")
    await expect(reason).to_contain_text("Why is there no button")
    await expect(reason).to_contain_text("Setting up and using debtor")
    await expect(reason).to_contain_text("Configuration")
    await expect(reason.get_by_role("link", name="+31 71 000 00 00")).to_be_visible()
    await expect(reason.get_by_role("link", name="help@trade.example")).to_be_visible()
    await expect(reason.get_by_role("link", name="Open the configuration")).to_have_attribute(
        "href", f"/debtors/{sold.without_ekts}/configuration"
    )


async def test_EF_31_EF_35_EF_38_EF_43_ticking_use_ekts_and_saving_brings_the_button_at_once(
    page, system, sold
):
    where = f"/sales/{sold.before}/{sold.without_ekts}"
    await page.goto("/debtors")
    await page.keyboard.press("/")
    await page.keyboard.type("rozenhof")
    row = page.get_by_role("row", name=re.compile("Rozenhof zonder EKT"))
    await expect(row).to_contain_text("off")
    await row.get_by_role("link", name="Rozenhof zonder EKT").click()
    await page.get_by_role("link", name="Configuration", exact=True).click()
    await page.get_by_label("Use EKTs", exact=True).check()
    await expect(page.get_by_text("Not saved yet")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved: EKTs are on")).to_be_visible()

    async def button_is_there():
        await page.goto(where)
        return await page.get_by_role("button", name="Resend EKT", exact=True).count()

    await eventually(button_is_there, within=15)
    await page.get_by_role("button", name="Resend EKT", exact=True).click()
    await expect(page.locator("#ekts .badge", has_text="Sent").first).to_be_visible(timeout=30_000)
    assert await system.mails_to(sold.without_ekts)
    await page.goto(f"/sales?day={sold.before}")
    await expect(page.get_by_role("row", name=re.compile("Rozenhof"))).to_contain_text("EKTs on")


async def test_EF_54_the_third_resend_is_warned_against_and_still_possible(page, sold):
    await page.goto(f"/sales/{sold.day}/{sold.jansen}")
    for _ in range(2):
        await page.get_by_role("button", name="Resend EKT", exact=True).click()
        await expect(page.get_by_text("The EKT is being sent")).to_be_visible()

    async def warned():
        await page.goto(f"/sales/{sold.day}/{sold.jansen}")
        return await page.get_by_text("Usually one or two resends are enough").count()

    await eventually(warned, within=30)
    await expect(page.get_by_role("button", name="Resend EKT", exact=True)).to_be_enabled()


async def test_EF_61_a_refused_resend_lists_what_is_missing_with_a_reference_and_support(page, sold):
    await page.goto(f"/sales/{sold.day}/{sold.incomplete}")
    await expect(page.locator("#missing")).to_contain_text("0 of 3 units are allocated")
    await page.get_by_role("button", name="Resend EKT", exact=True).click()
    message = page.get_by_role("alert")
    await expect(message).to_contain_text("The EKT was not sent")
    await expect(message).to_contain_text("0 of 3 units are allocated")
    await expect(message).to_contain_text("Reference to quote")
    await expect(message).to_contain_text("+31 71 000 00 00")


async def test_EF_74_whoever_opens_the_sale_sees_the_button_but_only_editors_change_use_ekts(
    sign_in, system, sold
):
    await system.add_user("looker", "read-only")
    page = await sign_in("looker")
    await page.goto(f"/sales/{sold.day}/{sold.jansen}")
    await expect(page.get_by_role("button", name="Resend EKT", exact=True)).to_be_visible()
    await page.goto(f"/debtors/{sold.jansen}/configuration")
    await expect(page.get_by_label("Use EKTs", exact=True)).to_be_disabled()
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)
