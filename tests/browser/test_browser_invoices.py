"""The invoice pages: how each dispatch went and why, after two nights of the running system."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from klokwerk.clock import read_shift, write_shift
from klokwerk.testing import eventually
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
NO_ADDRESS = [{"kind": "visit", "lines": [], "postal_code": "", "city": "Nergens", "country": "NL"}]


@dataclass(frozen=True)
class Nights:
    """Invoices by what became of them."""

    sent: str
    failed: str
    ignored: str
    waiting: str


@pytest.fixture(scope="module")
async def nights(system) -> Nights:
    """One night with every channel, one without the print service; the platform's clock is moved for them."""
    office = system.office
    clock = system.platform.state / "clock.json"
    shift = read_shift(clock)

    async def invoice(name: str, **card) -> str:
        day = await office.today()
        debtor_id = await office.add_debtor(name, use_ekts=False, **card)
        await office.sell_when_known(debtor_id, day)
        return await office.invoice(debtor_id, day)

    async def state_is(invoice_id: str, *states: str) -> None:
        async def reached() -> bool:
            answer = await office.client.get(f"{office.urls['dispatch-service']}/v1/invoices/{invoice_id}")
            return answer.is_success and answer.json()["state"] in states

        await eventually(reached, within=90)

    await office.choose(["einvoice", "email", "print"])
    sent = await invoice("Verzonden B.V.")
    failed = await invoice("Onbereikbaar B.V.", emails=[], addresses=NO_ADDRESS)
    for one in (sent, failed):
        await state_is(one, "waiting")
    write_shift(clock, shift + timedelta(days=1))
    await state_is(sent, "sent")
    await state_is(failed, "failed")
    await office.choose(["einvoice", "email"])
    ignored = await invoice("Alleen Post B.V.", emails=[])
    await state_is(ignored, "waiting")
    write_shift(clock, shift + timedelta(days=2))
    await state_is(ignored, "ignored")
    waiting = await invoice("Wacht Nog B.V.")
    await state_is(waiting, "waiting")
    return Nights(sent, failed, ignored, waiting)


def row(page, name: str):
    return page.get_by_role("row", name=re.compile(name))


async def test_NV_53_NV_55_the_list_shows_what_automatic_dispatch_did_with_each_invoice(page, nights):
    await page.goto("/invoices")
    await expect(row(page, "Verzonden B.V.")).to_contain_text("Sent automatically")
    await expect(row(page, "Onbereikbaar")).to_contain_text("Automatic dispatch failed")
    await expect(row(page, "Alleen Post")).to_contain_text("Automatic dispatch ignored")
    await expect(row(page, "Wacht Nog")).to_contain_text("Waits for automatic dispatch")


@pytest.mark.parametrize(
    ("name", "words"), [("Alleen Post", "print service"), ("Onbereikbaar", "No channel can reach")]
)
async def test_NV_56_NV_57_hovering_or_focus_shows_the_reason_and_escape_takes_it_away(
    page, nights, name, words
):
    await page.goto("/invoices")
    badge = row(page, name).locator(".tipped", has=page.locator(".badge"))
    reason = badge.get_by_role("tooltip", include_hidden=True)
    await expect(reason).to_be_hidden()
    await badge.hover()
    await expect(reason).to_be_visible()
    await expect(reason).to_contain_text(words)
    box = await reason.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1360
    await page.mouse.move(0, 0)
    await badge.focus()
    await expect(reason).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(reason).to_be_hidden()


async def test_NV_54_LS_22_the_number_opens_the_invoice_with_every_action_on_it(page, nights):
    await page.goto("/invoices?q=Onbereikbaar")
    await row(page, "Onbereikbaar").get_by_role("link").first.click()
    await expect(page).to_have_url(re.compile(nights.failed))
    await expect(page.locator("header.page")).to_contain_text("Automatic dispatch failed")
    await expect(page.locator("#history")).to_contain_text("No channel can reach this customer")
    await page.goto(f"/invoices/{nights.sent}")
    await expect(page.locator("#history")).to_contain_text("E-mail")


async def test_NV_64_an_invoice_is_taken_out_of_automatic_dispatch_and_put_back(page, nights):
    await page.goto(f"/invoices/{nights.waiting}")
    await expect(page.get_by_role("heading", name="Automatic invoicing")).to_be_visible()
    await page.get_by_role("button", name="Remove from automatic dispatch").click()
    await expect(page.get_by_text("The invoice was removed from automatic dispatch")).to_be_visible()
    await page.get_by_role("button", name="Put back into automatic dispatch").click()
    await expect(page.get_by_text("takes part in automatic dispatch again")).to_be_visible()


async def test_a_reader_can_neither_take_an_invoice_out_nor_send_it(sign_in, system, nights):
    await system.add_user("reader", "read-only")
    page = await sign_in("reader")
    await page.goto(f"/invoices/{nights.waiting}")
    await expect(page.get_by_role("heading", name="Automatic invoicing")).to_be_visible()
    await expect(page.get_by_role("button", name="Remove from automatic dispatch")).to_have_count(0)
    await expect(page.get_by_role("button", name="Send")).to_have_count(0)


async def test_an_invoice_that_failed_is_sent_by_hand_after_the_card_was_mended(page, system, nights):
    await page.goto(f"/invoices/{nights.ignored}")
    await page.get_by_label("Channel").select_option("print")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("handed over for sending")).to_be_visible()
    await expect(page.locator("#history .badge", has_text="Sent").first).to_be_visible(timeout=40_000)


async def test_LS_01_LS_02_LS_03_invoices_are_under_sales_last_added_first(page, nights):
    await page.get_by_role("navigation", name="Main").get_by_role("link", name="Invoices").click()
    names = await page.locator("tbody td:nth-child(3)").all_inner_texts()
    wanted = ["Wacht Nog B.V.", "Alleen Post B.V.", "Onbereikbaar B.V.", "Verzonden B.V."]
    assert [name for name in names if name in wanted] == wanted


async def test_LS_04_LS_07_LS_08_search_and_filters_are_combined_and_live_in_the_url(page, nights):
    await page.goto("/invoices")
    await page.get_by_role("searchbox").fill("b.v.")
    await page.get_by_label("Dispatch", exact=True).select_option("failed")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(row(page, "Onbereikbaar")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"q=b\.v\..*dispatch=failed"))
    await page.reload()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Remove filter Dispatch").click()
    await expect(row(page, "Verzonden")).to_be_visible()
    await page.goto("/invoices?payment_status=paid")
    await expect(page.get_by_text("Nothing matches this search")).to_be_visible()


async def test_LS_15_LS_16_LS_17_LS_19_all_or_the_selected_invoices_are_exported_as_csv(page, nights):
    await page.goto("/invoices?q=b.v.")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export", exact=True).click()
    everything = (await (await download.value).path()).read_text(encoding="utf-8-sig")
    assert "Verzonden B.V." in everything
    assert "Onbereikbaar B.V." in everything
    await row(page, "Onbereikbaar").get_by_role("checkbox").check()
    async with page.expect_download() as download:
        await page.get_by_role("button", name=".CSV export of the selection").click()
    found = await download.value
    assert found.suggested_filename.endswith(".csv")
    selected = (await found.path()).read_text(encoding="utf-8-sig")
    assert "Onbereikbaar B.V." in selected
    assert "Verzonden B.V." not in selected


async def test_deliveries_show_what_went_wrong(page, nights):
    await page.goto("/deliveries/invoices?state=failed")
    await expect(row(page, "Onbereikbaar")).to_contain_text("Automatic dispatch failed")
    await expect(row(page, "Verzonden")).to_have_count(0)
