"""A list of articles in a real browser: read in by three steps, found, changed, and out again."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def test_FA_48_a_list_of_articles_comes_in_by_three_steps_and_goes_out_again(page):
    rows = ["Ons nr;Omschrijving;VBN;Inhoud", "BR-1;Roos Naomi;10120;80", "BR-2;=HYPERLINK(1);ABC;50"]
    content = "\r\n".join([*rows, "BR-3;Chrysant;10135;50"]).encode("cp1252")
    await page.goto("/articles")
    await page.get_by_role("main").get_by_role("link", name="Import", exact=True).click()
    file = {"name": "lijst.csv", "mimeType": "text/csv", "buffer": content}
    await page.get_by_label("File (CSV or Excel)").set_input_files(file)
    await page.get_by_role("button", name="On to the columns").click()

    # The heading of the number is one that nobody knows: it is chosen by hand.
    column = page.get_by_label("What is the column Ons nr?")
    await expect(column).to_be_visible(timeout=30_000)
    await column.select_option(label="Article number")
    await page.get_by_role("button", name="Try the file").click()
    store = page.get_by_role("button", name="Store the 2 good articles only")
    await expect(store).to_be_visible(timeout=30_000)
    await expect(page.locator("#row-messages")).to_contain_text("'ABC' is no VBN code")
    page.on("dialog", lambda dialog: dialog.accept())
    await store.click()
    await page.get_by_role("link", name="To the articles").click(timeout=30_000)

    await page.get_by_role("searchbox").fill("naomi")
    await expect(page.locator("#articles tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Roos Naomi").click()
    await page.get_by_label(re.compile("^Name")).fill("Roos Red Naomi")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Roos Red Naomi was saved")).to_be_visible()
    await page.goto("/articles?q=naomi")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export to CSV").click()
    path = await (await download.value).path()
    assert "BR-1,Roos Red Naomi,10120" in path.read_text("utf-8-sig")
