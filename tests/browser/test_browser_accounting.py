"""The accounting pages: select with Shift, change status, open the relation, export."""

from __future__ import annotations

import re

import pytest
from accessibility import usable_by_everybody
from accounting_sync.status_change import AT_ONCE
from klokwerk.testing import eventually
from lxml import etree
from many_relations import books_of_many
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
WHERE = "/accounting/main/debtors"
PATIENCE = 120_000


async def listed(system, name: str, count: int, *, without_number: int = -1) -> list[str]:
    """Relations whose names follow each other, known to the accounting link; one of them may have no number."""
    office = system.office
    ids = [await office.add_debtor(f"{name} {number}") for number in range(1, count + 1)]
    for position, debtor_id in enumerate(ids):
        if position != without_number:
            await office.call("POST", "debtor-service", f"/debtors/{debtor_id}/numbers", {"kind": "debtor"})
    numbered = count - (without_number >= 0)

    async def all_listed():
        await office.call("POST", "accounting-sync", "/main/debtors/fetch")
        lines = await office.call("GET", "accounting-sync", f"/main/debtors/lines?q={name}")
        return (
            len(lines["items"]) == count and sum(bool(line["number"]) for line in lines["items"]) == numbered
        )

    await eventually(all_listed, within=60)
    return ids


async def names_in_file(page, row) -> list[str | None]:
    """The relations in the file that a row of the export history links to."""
    async with page.expect_download() as download:
        await row.get_by_role("link", name=re.compile(r"\.xml$")).click()
    document = etree.fromstring((await (await download.value).path()).read_bytes())
    return [account.findtext("Name") for account in document.iterfind("Accounts/Account")]


async def test_EP_35_EP_36_EP_37_EP_39_EP_40_the_first_time_a_range_is_set_to_update_and_all_is_exported(
    sign_in, system
):
    await listed(system, "Aaa Relatie", 6)
    page = await sign_in(language="nl-NL")
    await page.goto(WHERE)
    await page.get_by_role("button", name="Debiteuren ophalen").click()
    await expect(page.get_by_text("Opgehaald")).to_be_visible()
    await page.get_by_role("searchbox").fill("aaa relatie")
    await expect(page).to_have_url(re.compile("q=aaa"))
    boxes = page.locator("tbody input[name=ids]")
    badges = page.locator("tbody td.short .badge")
    await expect(badges).to_have_text(["Insert"] * 6)
    await boxes.nth(1).click()
    await boxes.nth(4).click(modifiers=["Shift"])
    await expect(page.get_by_text("4 geselecteerd", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Exporteer debiteuren (4 geselecteerd)")).to_be_visible()
    await page.get_by_role("button", name="Wijzig status in Update").click()
    await expect(page.get_by_text("Status van 4 regels gewijzigd")).to_be_visible()
    await page.goto(f"{WHERE}?q=aaa+relatie")
    await expect(badges).to_have_text(["Insert", "Update", "Update", "Update", "Update", "Insert"])
    await boxes.nth(0).click()
    await boxes.nth(5).click(modifiers=["Shift"])
    await page.get_by_role("button", name="Exporteer debiteuren (6 geselecteerd)").click()
    await expect(page.get_by_text("Geëxporteerd: 6 regels")).to_be_visible()
    await page.get_by_role("link", name="Export geschiedenis").click()
    row = page.locator("tbody tr").first
    assert await names_in_file(page, row) == [f"Aaa Relatie {number}" for number in range(1, 7)]


@pytest.mark.parametrize("count", [250, pytest.param(10_000, marks=pytest.mark.faults)])
async def test_EP_29_EP_37_EP_38_EP_42_the_first_time_with_more_lines_than_a_page_shows(
    sign_in, system, count
):
    """All are Insert; those that accounting knows are set to Update at once, the new ones stay, all are exported."""
    books, known = f"groot{count}", count - count // 10
    await books_of_many(system, books, count)
    page = await sign_in()
    where = f"/accounting/{books}/debtors"
    await page.goto(where)
    await page.get_by_role("button", name="Fetch debtors").click()
    if count > AT_ONCE:
        await expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=PATIENCE)
        await page.get_by_role("link", name="Back to the list").click()
    await expect(page.get_by_role("button", name=f"Export debtors (all {count:,})")).to_be_visible()

    await page.wait_for_load_state()  # the key is the script's to take
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await page.keyboard.type("bloemist")
    await expect(page).to_have_url(re.compile("q=bloemist"))
    await expect(page.get_by_role("button", name=f"Export debtors ({known:,} of the filter)")).to_be_visible()
    everything = page.get_by_role("checkbox", name="Select every row shown")
    await everything.focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_text("All 200 on this page are selected.")).to_be_visible()
    await usable_by_everybody(page, ".bulk")
    await page.get_by_role("button", name=f"Select all {known:,} that match the filter").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(f"All {known:,} that match the filter are selected.")).to_be_visible()
    await expect(page.get_by_role("button", name="Clear selection")).to_be_focused()
    update = page.get_by_role("button", name=f"Change status to Update ({known:,})")
    await page.locator("tbody input[name=ids]").nth(3).click()
    await expect(page.get_by_text("199 selected", exact=True)).to_be_visible()
    await expect(update).to_have_count(0)
    await everything.check()
    await page.get_by_role("button", name=f"Select all {known:,} that match the filter").click()
    await update.click()

    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text(f"Change the status of {known:,} lines to Update?")
    await expect(page.get_by_text("bloemist", exact=True)).to_be_visible()
    await usable_by_everybody(page)
    await page.keyboard.press("Enter")
    if known > AT_ONCE:
        await expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_role("button", name="Stop")).to_have_count(0)
        await page.get_by_role("link", name="Back to the list").click()
    else:
        await expect(page.get_by_text(f"Status of {known:,} lines changed")).to_be_visible()
    await expect(page).to_have_url(re.compile("q=bloemist"))
    await page.goto(f"{where}?action=Insert")
    await expect(page.get_by_role("button", name=f"({count - known:,} of the filter)")).to_be_visible()
    await page.goto(where)
    await page.get_by_role("button", name=f"Export debtors (all {count:,})").click()
    await expect(heading).to_have_text(f"Export {count:,} debtors?")
    await page.get_by_role("button", name=f"Export {count:,} debtors").click()
    await expect(page.locator(".message-title")).to_contain_text(f"{count:,} lines")
    await page.get_by_role("link", name="Export history").click()
    row = page.locator("tbody tr").first
    await expect(row.get_by_text("Done", exact=True)).to_be_visible(timeout=PATIENCE)
    names = await names_in_file(page, row)
    assert len(names) == len(set(names)) == count


async def test_EP_28_EP_29_without_scripts_all_that_match_or_those_ticked_change_their_status(
    sign_in, system
):
    await listed(system, "Ccc Relatie", 2)
    page = await sign_in(java_script_enabled=False)
    await page.goto(f"{WHERE}?q=ccc+relatie")
    await page.get_by_role("checkbox", name="Select all 2 that match the filter").check()
    await page.get_by_role("button", name="Change status to Ignore").click()
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Change the status of 2 lines to Ignore?")
    await page.get_by_role("button", name="Change status of 2 lines").click()
    await expect(page.get_by_text("Status of 2 lines changed")).to_be_visible()
    await page.locator("tbody input[name=ids]").first.check()
    await page.get_by_role("button", name="Change status to Update").click()
    await expect(page.get_by_text("Status of 1 line changed")).to_be_visible()
    await expect(page.locator("tbody td.short .badge")).to_have_text(["Update", "Ignore"])


async def test_EP_33_EP_52_EP_62_a_failing_line_is_mended_by_way_of_open_relation_and_exported_again(
    page, system
):
    _, lame = await listed(system, "Bbb Relatie", 2, without_number=1)
    await page.goto(f"{WHERE}?q=bbb+relatie")
    boxes = page.locator("tbody input[name=ids]")
    await boxes.nth(0).focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Space")
    await page.get_by_role("button", name="Export debtors (2 selected)").click()
    await expect(page.get_by_role("alert")).to_contain_text("The export did not succeed")
    await page.goto(f"{WHERE}?q=bbb+relatie+1")
    await expect(page.locator("tbody tr").first).to_contain_text("new: never synchronised")
    await page.goto(f"{WHERE}?q=bbb+relatie&with_message=true")
    await expect(page.get_by_role("link", name="Remove filter Message")).to_be_visible()
    await page.get_by_label("Save this filter as").fill("To mend")
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.goto(WHERE)
    await page.get_by_role("link", name="To mend", exact=True).click()
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Bbb Relatie 2")
    await expect(rows.first).to_contain_text("no debtor number")
    await page.get_by_role("link", name="Open relation").click()
    await expect(page).to_have_url(re.compile(f"/debtors/{lame}$"))
    await page.get_by_role("button", name="debtor number").click()
    await expect(page.get_by_role("button", name="debtor number")).to_have_count(0)

    async def corrected() -> bool:
        await page.goto(WHERE)
        await page.get_by_role("button", name="Fetch debtors").click()
        await page.goto(f"{WHERE}?q=bbb+relatie+2")
        return (await rows.first.locator("td").nth(2).inner_text()).strip().isdigit()

    await eventually(corrected, within=60)
    await page.goto(f"{WHERE}?q=bbb+relatie")
    for box in await boxes.all():
        await box.check()
    await page.get_by_role("button", name="Export debtors (2 selected)").click()
    await expect(page.get_by_text("Exported: 2 lines")).to_be_visible()
    await page.get_by_role("link", name="Export history").click()
    assert await names_in_file(page, rows.first) == ["Bbb Relatie 1", "Bbb Relatie 2"]
    await rows.nth(1).get_by_role("link", name="View").click()
    await expect(rows.filter(has_text="Bbb Relatie 2")).to_contain_text("no debtor number")


async def test_EP_69_EP_70_a_trial_export_is_downloaded_and_changes_nothing(page):
    await page.goto(WHERE)
    before = await page.locator("tbody tr").count()
    await page.get_by_text("Trial export", exact=True).click()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Make a trial export").click()
    assert (await download.value).suggested_filename == "trial-main-debtors.zip"
    await page.reload()
    assert await page.locator("tbody tr").count() == before


async def test_EP_72_sales_staff_see_the_lines_but_can_not_synchronise(sign_in, system):
    await system.add_user("seller", "sales")
    page = await sign_in("seller")
    await page.goto(WHERE)
    await expect(page.get_by_text("belong to the role finance")).to_be_visible()
    await expect(page.get_by_role("button", name="Fetch debtors")).to_have_count(0)
    await expect(page.get_by_role("button", name=re.compile("Export"))).to_have_count(0)
    await expect(page.locator("tbody input[name=ids]")).to_have_count(0)
