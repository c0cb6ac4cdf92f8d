"""A large list of customers, from the file to the cards, the way somebody who moves to Klokwerk does it."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
PATIENCE = 120_000
MAIL = {"Überbloem": "ueberbloem.example", "Großbloem": "grossbloem.example"}
HEADER = (
    "Klantnaam",
    "Adres",
    "Huisnr.",
    "Postcode",
    "Woonplaats",
    "E-mailadres",
    "BTW-nummer",
    "Vaste bloem",
)


def a_list(rows: list[tuple[str, ...]]) -> bytes:
    """As a spreadsheet of a Dutch office writes it: semicolons, and the letters of Windows."""
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows([HEADER, *rows])
    return out.getvalue().encode("cp1252")


def line(trade: str, number: int) -> tuple[str, ...]:
    return (
        f"{trade} {number:05d}",
        "Zeestraat",
        str(number),
        f"{1000 + number // 26} {chr(65 + number % 26)}Q",
        "Katwijk",
        f"inkoop{number}@{MAIL[trade]}",
        "",
        "Anjer",
    )


async def hand_in(page: Page, name: str, content: bytes) -> None:
    await page.goto("/imports")
    await page.get_by_role("link", name="New import").first.click()
    await page.get_by_label("File", exact=True).set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content}
    )
    await page.get_by_role("button", name="Next: map columns").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)


@pytest.mark.parametrize(
    ("rows", "trade"),
    [(2_000, "Überbloem"), pytest.param(10_000, "Großbloem", marks=pytest.mark.faults)],
    ids=["2000", "10000"],
)
async def test_FA_30_FA_45_FA_46_FA_47_thousands_of_lines_become_cards_with_progress_and_one_import_goes_back(
    page, system, rows, trade
):
    await system.office.add_debtor("De Dubbele", emails=[{"address": f"inkoop7@{MAIL[trade]}"}])
    lines = [line(trade, number) for number in range(rows - 2)]
    lines.append(("", "Kade", "1", "2221 AB", "Katwijk", "", "", ""))
    lines.append(("Foutloos B.V.", "Kade", "1", "2221 AB", "Katwijk", "geen adres", "NL123", ""))
    await hand_in(page, "klanten.csv", a_list(lines))

    await expect(page.get_by_text(f"{trade} 00000")).to_be_visible()
    await expect(page.get_by_label("Field of column Klantnaam")).to_have_value("name")
    await expect(page.get_by_label("Field of column Huisnr.")).to_have_value("house_number")
    await expect(page.get_by_label("Field of column Vaste bloem")).to_have_value("")
    await page.get_by_label("Field of constant value 1").select_option(label="Country")
    await page.get_by_label("Constant value 1", exact=True).fill("NL")
    await page.get_by_role("button", name="Next: check the lines").click()
    await expect(page.get_by_role("progressbar")).to_be_visible()

    tabs = page.get_by_role("navigation", name="Lines of the list")
    await expect(tabs.get_by_role("link", name="Wrong")).to_have_text("Wrong 2", timeout=PATIENCE)
    await expect(tabs.get_by_role("link", name="Maybe double")).to_have_text("Maybe double 1")
    await expect(tabs.get_by_role("link", name="New")).to_have_text(f"New {rows - 3:,}")
    await expect(page.get_by_role("cell", name="geen adres", exact=True)).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download 2 rejected lines").click()
    rejected = (await (await download.value).path()).read_text(encoding="utf-8-sig")
    assert rejected.count("Foutloos B.V.") == 1

    await tabs.get_by_role("link", name="Maybe double").click()
    await page.get_by_label(f"Decision on {trade} 00007").select_option(label="New card")
    await page.get_by_role("button", name="Save decisions").click()
    await page.get_by_role("button", name=f"Import {rows - 2:,} lines").click()
    await expect(page.get_by_role("progressbar")).to_be_visible()
    await expect(tabs.get_by_role("link", name="Made")).to_have_text(f"Made {rows - 2:,}", timeout=PATIENCE)
    last = rows - 3
    await page.goto(f"/debtors?q={trade} {last:05d}")
    await page.locator("tbody").get_by_role("link", name=f"{trade} {last:05d}").click()
    await expect(page.get_by_text(f"inkoop{last}@{MAIL[trade]}").first).to_be_visible()

    await hand_in(page, "nog een.csv", a_list([line(trade, number) for number in range(20_001, 20_004)]))
    await expect(page.get_by_text("A list with these columns was taken in before")).to_be_visible()
    await page.get_by_role("button", name="Next: check the lines").click()
    await page.get_by_role("button", name="Import 3 lines").click(timeout=PATIENCE)
    take_back = page.get_by_role("button", name="Take the import back")
    await expect(take_back).to_be_visible(timeout=PATIENCE)
    page.on("dialog", lambda dialog: dialog.accept())
    await take_back.click()
    await expect(tabs.get_by_role("link", name="Removed")).to_have_text("Removed 3", timeout=PATIENCE)
    await page.goto(f"/debtors?q={trade} 20001")
    await expect(page.locator("tbody").get_by_role("link", name=f"{trade} 20001")).to_have_count(0)
