"""A day at the sales desk in a real browser: lines put right until the EKT leaves, a file read in, many resent."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from klokwerk.testing import eventually
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def test_EF_01_EF_42_a_distribution_is_put_right_line_by_line_until_its_ekt_leaves(page, system):
    office = system.office
    day = await office.today() - timedelta(days=31)
    linde = await office.add_debtor("De Linde Bloemen")
    other = await office.add_debtor("Wilg en Wijzer")
    await office.sell_when_known(linde, day, allocate=False, units=6)
    await office.sell_when_known(other, day)
    await page.goto(f"/sales/{day}/{linde}")
    await expect(page.locator("#missing")).to_contain_text("0 of 6 units are allocated")

    # A line without a price is added; what it lacks is listed, and the link leads to its field.
    await page.get_by_role("link", name="Add a line").click()
    await page.get_by_label("Name", exact=True).fill("T EN STRONG GOLD")
    await page.get_by_label("VBN code", exact=True).fill("4502")
    await page.get_by_label("Stem length").fill("40")
    await page.get_by_label(re.compile("^Units")).fill("4")
    await page.get_by_label("Pieces per unit").fill("50")
    await page.get_by_label("Packing code (VBN)").fill("566")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("T EN STRONG GOLD was added")).to_be_visible()
    gap = page.locator("#missing li", has_text="the price is missing")
    await gap.get_by_role("link").click()
    await expect(page.get_by_label("Price of a piece")).to_be_in_viewport()
    await page.get_by_label("Price of a piece").fill("0.21")
    await page.get_by_label("Why", exact=True).first.fill("price was forgotten")
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("T EN STRONG GOLD was saved")).to_be_visible()

    # Two of the roses go to the other customer, who is found by name.
    rose = page.locator("#lines tbody tr", has_text="AVALANCHE")
    await rose.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Move 1").click()
    await page.get_by_role("searchbox").fill("wilg")
    await page.keyboard.press("Enter")
    await page.get_by_role("radio", name=re.compile("Wilg en Wijzer")).check()
    await page.get_by_label(re.compile("AVALANCHE")).fill("2")
    await page.get_by_role("button", name="Move", exact=True).click()
    await expect(page.get_by_text("1 line moved to Wilg en Wijzer")).to_be_visible()
    await expect(page.locator("#lines tbody tr", has_text="AVALANCHE")).to_contain_text("4 × 50")

    # Once everything is allocated it is complete, and the EKT leaves by itself.
    assert await system.mails_to(linde) == []
    await page.get_by_role("button", name="Allocate everything").click()
    await expect(page.locator("#standing")).to_contain_text("Complete")
    await expect(page.locator("#ekts .badge").first).to_have_text("Sent", timeout=45_000)
    (mail,) = await system.mails_to(linde)
    (file,) = [part for part in mail["attachments"] if part["content_type"].lower() == "application/edifact"]
    content = (
        await office.client.get(f"{system.mail}/api/messages/{mail['id']}/attachments/{file['number']}")
    ).text
    assert "QTY+66:4'" in content
    assert "IMD++S20+040'" in content
    assert content.count("LIN+") == 2

    # A correction afterwards is told in a moment, and the page says so without being loaded again.
    await page.locator("#lines").get_by_role("link", name="T EN STRONG GOLD").click()
    await page.get_by_label(re.compile("^Units")).fill("3")
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.locator("#standing")).to_contain_text("revision 2", timeout=30_000)
    await page.reload()
    history = page.locator(".timeline")
    await expect(history).to_contain_text("T EN STRONG GOLD: Units from 4 to 3")
    await expect(history).to_contain_text("price was forgotten")
    await expect(history).to_contain_text("Told to the others as revision 2")


async def test_EF_24_a_file_of_sales_is_read_in_and_ticked_customers_get_their_ekt_again(page, system):
    office = system.office
    day = await office.today() - timedelta(days=32)
    names = ("Alpha Bloem", "Beta Bloem", "Gamma Bloem")
    alpha, beta, gamma = [await office.add_debtor(name, use_ekts=name != "Gamma Bloem") for name in names]
    for debtor_id in (alpha, beta, gamma):

        async def known(debtor_id: str = debtor_id) -> bool:
            path = f"/v1/days/{day}/debtors/{debtor_id}"
            return (await office.client.get(f"{office.urls['sales-service']}{path}")).is_success

        await eventually(known, within=30)
    rows = [f"{debtor_id};R GR AVALANCHE+;16207;70;997;50;{units};0,48" for debtor_id, units in
            ((alpha, 3), (beta, 2), (gamma, 1), ("nobody-at-all", 1))]  # fmt: skip
    heading = "Debiteur-id;Artikel;VBN-code;Steellengte;Fustcode;Stuks per eenheid;Eenheden;Prijs per stuk"
    table = "\r\n".join([heading, *rows]).encode("cp1252")

    await page.goto(f"/sales?day={day}")
    await page.get_by_role("main").get_by_role("link", name="Import").click()
    await page.get_by_label("File (CSV or Excel)").set_input_files(
        {"name": "dag.csv", "mimeType": "text/csv", "buffer": table}
    )
    await page.get_by_role("button", name="Try the file").click()
    store = page.get_by_role("button", name="Store the 3 good rows only")
    await expect(store).to_be_visible(timeout=30_000)
    await expect(page.locator("#row-messages")).to_contain_text("debtor nobody-at-all is not known")
    page.on("dialog", lambda dialog: dialog.accept())
    await store.click()
    await page.get_by_role("link", name=re.compile("To the sales of")).click(timeout=30_000)
    await expect(page.locator("#sold tbody tr")).to_have_count(3)

    async def both_sent() -> bool:
        return bool(await system.mails_to(alpha)) and bool(await system.mails_to(beta))

    await eventually(both_sent, within=60)
    # Two of them are ticked and sent again; who can't get one is told beforehand and why.
    await page.reload()
    for name in ("Alpha Bloem", "Gamma Bloem"):
        await page.get_by_role("checkbox", name=f"Select {name}").check()
    await page.get_by_role("button", name="Resend EKT: 2").click()
    await expect(page.locator("#ready tbody tr")).to_have_count(1)
    await expect(page.locator("#ready")).to_contain_text(f"{alpha}@customer.example")
    await expect(page.locator("#barred")).to_contain_text('"Use EKTs" is not ticked')
    await page.get_by_label("Note", exact=True).fill("asked by phone")
    await page.get_by_role("button", name="Send 1 EKT").click()
    await expect(page.locator("#batch .sums")).to_contain_text("Sent", timeout=45_000)
    await expect(page.locator("#batch tbody .badge")).to_have_text("Sent")
    assert len(await system.mails_to(alpha)) == 2
    assert len(await system.mails_to(beta)) == 1
    await page.goto(f"/sales?day={day}")
    await expect(page.get_by_text(re.compile("1 sent, 0 left out"))).to_be_visible()
