"""The accounting pages: select with Shift, change status, open the relation, export."""

from __future__ import annotations

import re

import pytest
from klokwerk.testing import eventually
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
WHERE = "/accounting/main/debtors"


@pytest.fixture(scope="module")
async def relations(system) -> list[str]:
    """Six relations whose names follow each other in the list; the third has no number yet."""
    office = system.office
    names = [f"Aaa Relatie {number}" for number in range(1, 7)]
    ids = [await office.add_debtor(name) for name in names]
    for position, debtor_id in enumerate(ids):
        if position != 2:
            await office.call("POST", "debtor-service", f"/debtors/{debtor_id}/numbers", {"kind": "debtor"})

    async def all_listed():
        await office.call("POST", "accounting-sync", "/main/debtors/fetch")
        lines = await office.call("GET", "accounting-sync", "/main/debtors/lines?q=aaa relatie")
        return len(lines["items"]) == 6 and sum(bool(line["number"]) for line in lines["items"]) == 5

    await eventually(all_listed, within=30)
    return ids


async def test_EP_39_shift_and_click_select_a_range_whose_status_is_changed_at_once(sign_in, relations):
    page = await sign_in(language="nl-NL")
    await page.goto(WHERE)
    await page.get_by_role("button", name="Debiteuren ophalen").click()
    await expect(page.get_by_text("Opgehaald")).to_be_visible()
    await page.get_by_role("searchbox").fill("aaa relatie")
    await expect(page).to_have_url(re.compile("q=aaa"))
    boxes = page.locator("tbody input[name=ids]")
    await expect(boxes).to_have_count(6)
    await boxes.nth(1).click()
    await boxes.nth(4).click(modifiers=["Shift"])
    await expect(page.get_by_text("4 geselecteerd", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Exporteer debiteuren (4 geselecteerd)")).to_be_visible()
    await page.get_by_role("button", name="Wijzig status in Update").click()
    await expect(page.get_by_text("Status van 4 regels gewijzigd")).to_be_visible()
    await page.goto(f"{WHERE}?q=aaa+relatie")
    badges = page.locator("tbody td.short .badge")
    await expect(badges).to_have_text(["Insert", "Update", "Update", "Update", "Update", "Insert"])


async def test_EP_33_open_relation_opens_the_card_of_the_line(page, relations):
    await page.goto(f"{WHERE}?q=aaa+relatie+2")
    await page.get_by_role("link", name="Open relation").click()
    await expect(page).to_have_url(re.compile(f"/debtors/{relations[1]}$"))
    await expect(page.get_by_role("heading", name="Aaa Relatie 2")).to_be_visible()


async def test_EP_52_a_failed_line_has_a_message_while_new_ones_have_none(page, relations):
    await page.goto(f"{WHERE}?q=aaa+relatie")
    for box in await page.locator("tbody input[name=ids]").all():
        await box.check()
    await page.get_by_role("button", name="Export debtors (6 selected)").click()
    await expect(page.get_by_role("alert")).to_contain_text("The export did not succeed")
    await page.goto(f"{WHERE}?q=aaa+relatie&with_message=true")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Aaa Relatie 3")
    await expect(rows.first).to_contain_text("number")
    await expect(page.get_by_role("link", name="Remove filter Message")).to_be_visible()
    await page.goto(f"{WHERE}?q=aaa+relatie+1")
    await expect(page.locator("tbody tr").first).to_contain_text("new: never synchronised")


async def test_the_right_lines_are_exported_and_the_file_is_in_the_history(page, relations):
    await page.goto(f"{WHERE}?q=aaa+relatie")
    boxes = page.locator("tbody input[name=ids]")
    await boxes.nth(3).focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Space")
    await page.get_by_role("button", name="Export debtors (2 selected)").click()
    await expect(page.get_by_text("Exported: 2 lines")).to_be_visible()
    await page.get_by_role("link", name="Export history").click()
    row = page.locator("tbody tr").first
    async with page.expect_download() as download:
        await row.get_by_role("link").click()
    assert b"Aaa Relatie" in (await (await download.value).path()).read_bytes()


async def test_a_trial_export_is_downloaded_and_changes_nothing(page, relations):
    await page.goto(WHERE)
    before = await page.locator("tbody tr").count()
    await page.get_by_text("Trial export", exact=True).click()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Make a trial export").click()
    assert (await download.value).suggested_filename == "trial-main-debtors.zip"
    await page.reload()
    assert await page.locator("tbody tr").count() == before


async def test_EP_72_sales_staff_see_the_lines_but_can_not_synchronise(sign_in, system, relations):
    await system.add_user("seller", "sales")
    page = await sign_in("seller")
    await page.goto(WHERE)
    await expect(page.get_by_text("belong to the role finance")).to_be_visible()
    await expect(page.get_by_role("button", name="Fetch debtors")).to_have_count(0)
    await expect(page.get_by_role("button", name=re.compile("Export"))).to_have_count(0)
    await expect(page.locator("tbody input[name=ids]")).to_have_count(0)
