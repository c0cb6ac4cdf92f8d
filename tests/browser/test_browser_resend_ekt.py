"""Resending EKTs, walked through as the manual tells it, in a real browser on the running system."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from accessibility import tab_to, usable_by_everybody
from klokwerk.testing import eventually
from klokwerk_platform.demo.steps.sales import read_ekt
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


async def test_EF_07_EF_09_EF_13_EF_14_EF_19_EF_44_EF_52_one_click_resends_the_ekt_of_an_old_day(
    page, system, sold
):
    """Example 4: the customer wants a copy of a day long ago for the administration."""
    before = len(await system.mails_to(sold.jansen))
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="(Sold) Per debtor").click()
    await page.get_by_label("Order day", exact=True).fill(sold.day.isoformat())
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("row", name=re.compile("Rozenhof"))).to_be_visible()
    await usable_by_everybody(page)
    await page.get_by_role("searchbox").fill("jansen")
    await expect(page.get_by_role("row", name=re.compile("Rozenhof"))).to_have_count(0)
    await page.get_by_role("link", name="Jansen Bloemen").click()
    await expect(page.get_by_role("heading", name="Jansen Bloemen")).to_be_visible()
    await page.get_by_text("Resend with a reason or note").click()
    await page.get_by_label("Reason").select_option("extra_copy")
    await page.get_by_label("Note").fill("for the bookkeeper")
    await page.get_by_role("button", name="Resend with this reason").click()
    await expect(page.get_by_text("The EKT is being sent to Jansen Bloemen")).to_be_visible()
    log = page.locator("#ekts tbody tr")
    await expect(log).to_have_count(2, timeout=30_000)
    await expect(log.first).to_contain_text("Extra copy for the administration - for the bookkeeper")
    await expect(log.first.locator(".badge")).to_have_text("Sent", timeout=30_000)
    await usable_by_everybody(page)
    first, again = await system.ekts_in_the_inbox(sold.jansen, before + 1)
    # The customer has a duplicate for the file: the same lines under a reference of its own.
    assert read_ekt(again) == read_ekt(first)
    assert again != first
    async with page.expect_download() as download:
        await log.first.get_by_role("link", name=".edi").click()
    assert (await (await download.value).path()).read_bytes() == again


async def test_EF_40_EF_47_EF_51_without_a_mouse_from_signing_in_to_the_file_in_the_inbox(sign_in, system):
    """Example 1: customer Jansen has not received yesterday's EKT."""
    office = system.office
    yesterday = await office.today() - timedelta(days=1)
    jansen = await office.add_debtor("Jansen Toetsenbord")
    await office.sell_when_known(jansen, yesterday)
    (first,) = await system.ekts_in_the_inbox(jansen, 1)
    page = await sign_in()
    await tab_to(page, page.get_by_role("link", name="(Sold) Per debtor", exact=True).first)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Order day", exact=True)).to_be_visible()
    await tab_to(page, page.get_by_role("link", name="The day before"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Order day", exact=True)).to_have_value(yesterday.isoformat())
    await page.keyboard.press("/")
    await page.keyboard.type("toetsenbord")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await tab_to(page, page.get_by_role("link", name="Jansen Toetsenbord"))
    await page.keyboard.press("Enter")
    await tab_to(page, page.get_by_role("button", name="Resend EKT", exact=True))
    await page.keyboard.press("Enter")
    log = page.locator("#ekts tbody tr")
    await expect(log).to_have_count(2, timeout=30_000)
    await expect(log.first.locator(".badge")).to_have_text("Sent", timeout=30_000)
    _, again = await system.ekts_in_the_inbox(jansen, 2)
    assert read_ekt(again) == read_ekt(first)
    # The customer calls back: it arrived. Who said so is put down with the EKT.
    await page.reload()
    await tab_to(page, log.first.get_by_role("link", name="Resend", exact=True))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="What became of it")).to_be_visible()
    await expect(page.locator("#standing")).to_contain_text("250")
    await usable_by_everybody(page)
    await tab_to(page, page.get_by_label("Who said so, and what"))
    await page.keyboard.type("Jansen, by phone")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Put down: the customer has received it")).to_be_visible()
    await expect(page.locator("#standing")).to_contain_text("Jansen, by phone")
    await tab_to(page, page.get_by_role("link", name=re.compile("Explain this file")))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("nothing wrong was found")).to_be_visible()
    await expect(page.locator("table.told")).to_contain_text("Logistic transaction number")
    await usable_by_everybody(page)


async def test_EF_41_EF_42_EF_45_a_corrected_distribution_is_in_the_file_that_is_sent_again(page, system):
    """Example 2: an error in the distribution was corrected after the first EKT."""
    office = system.office
    day = await office.today() - timedelta(days=30)
    debtor = await office.add_debtor("Verdeling Fout")
    (line,) = await office.sell_when_known(debtor, day, units=3)
    (first,) = await system.ekts_in_the_inbox(debtor, 1)
    await page.goto(f"/sales/{day}/{debtor}")
    # Without a correction the customer would keep getting the old numbers.
    await page.get_by_role("button", name="Resend EKT", exact=True).click()
    _, same = await system.ekts_in_the_inbox(debtor, 2)
    assert read_ekt(same) == read_ekt(first)
    await office.correct(debtor, day, line, units=2, pieces_per_unit=60)
    await page.reload()
    await page.get_by_role("button", name="Resend EKT", exact=True).click()
    *_, corrected = await system.ekts_in_the_inbox(debtor, 3)
    (was,), (now,) = read_ekt(first)[1], read_ekt(corrected)[1]
    assert (was.units, was.pieces, now.units, now.pieces) == (3, 50, 2, 60)
    assert (now.order_line, now.logistic_number) == (was.order_line, was.logistic_number)
    log = page.locator("#ekts tbody tr")
    await expect(log).to_have_count(3, timeout=30_000)
    await expect(log.first).to_contain_text("line 1 (R GR AVALANCHE+): 3 x 50 became 2 x 60", timeout=30_000)
    await log.first.get_by_role("link", name="Resend", exact=True).click()
    await expect(page.get_by_role("heading", name="What changed")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("€72.00 became €57.60")
    await usable_by_everybody(page)


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
    await usable_by_everybody(page)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved: EKTs are on")).to_be_visible()

    async def button_is_there():
        await page.goto(where)
        return await page.get_by_role("button", name="Resend EKT", exact=True).count()

    await eventually(button_is_there, within=15)
    await usable_by_everybody(page)
    await page.get_by_role("button", name="Resend EKT", exact=True).click()
    await expect(page.locator("#ekts .badge", has_text="Sent").first).to_be_visible(timeout=30_000)
    (file,) = await system.ekts_in_the_inbox(sold.without_ekts, 1)
    buyer, (line,) = read_ekt(file)
    assert (line.vbn_code, line.units, line.pieces) == ("4502", 3, 50)
    assert buyer
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


async def test_the_log_finds_an_ekt_and_a_dropped_file_is_explained(page, system, sold, tmp_path):
    await page.goto("/deliveries")
    await page.get_by_role("searchbox").fill("rozenhof")
    await expect(page.locator("#deliveries")).not_to_contain_text("Jansen Bloemen")
    await page.goto(f"/deliveries?q=jansen+bloemen&from_day={sold.day}&until_day={sold.day}")
    rows = page.locator("#deliveries tbody tr")
    await expect(rows.first).to_contain_text("Jansen Bloemen")
    await expect(page.locator(".chip")).to_have_count(2)
    await usable_by_everybody(page)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="CSV").click()
    assert "Jansen Bloemen" in (await (await download.value).path()).read_text("utf-8-sig")
    (content, *_) = await system.ekts_in_the_inbox(sold.jansen, 1)
    broken = tmp_path / "theirs.edi"
    broken.write_bytes(content.replace(b"QTY+66:3", b"QTY+66:0"))
    await page.get_by_role("link", name="Explain an EKT file").click()
    await page.get_by_label("EKT file").set_input_files(broken)
    await page.get_by_role("button", name="Explain").click()
    explained = page.locator("#explained")
    await expect(explained).to_contain_text("theirs.edi: a receiver will refuse this")
    await expect(explained.get_by_role("row", name=re.compile("QTY\\+66"))).to_contain_text("Write in QTY+66")
    await usable_by_everybody(page)
    await page.get_by_label("Show", exact=True).select_option("findings")
    await page.get_by_role("button", name="Explain").click()
    await expect(explained.locator("tbody tr")).to_have_count(1)
    # Dropped with the mouse: the same without a click.
    data = await page.evaluate_handle(
        """text => {
          const data = new DataTransfer();
          data.items.add(new File([text], "dropped.edi"));
          return data;
        }""",
        content.decode("ascii"),
    )
    await page.dispatch_event("#check-form", "drop", {"dataTransfer": data})
    await expect(explained).to_contain_text("dropped.edi: nothing wrong was found")
