"""The settings pages, driven in a browser against the running services."""

from __future__ import annotations

import re

import pytest
from order_day import EKT_MODULE
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
AUTOMATIC = "/settings/automatic-dispatch"


async def dispatch_settings(system):
    return await system.office.call("GET", "dispatch-service", "/settings")


async def test_NV_01_NV_02_NV_03_NV_04_NV_05_choices_work_only_after_activate(page, system):
    await system.office.choose(["einvoice", "email", "print"])
    await system.office.call("POST", "dispatch-service", "/settings/deactivate")
    await page.goto("/invoices")
    await page.get_by_role("link", name="Settings of automatic dispatch").click()
    path = page.get_by_role("navigation", name="Where you are")
    await expect(path).to_have_text(
        re.compile(r"Sales ›\s*Settings ›\s*Billing settings ›\s*Automatic dispatch")
    )
    await expect(page.get_by_text("Automatic dispatch is off", exact=True)).to_be_visible()

    await page.get_by_label("Contract billing").uncheck()
    await page.get_by_label("Print service").uncheck()
    await page.get_by_label("E-mail address for notices").fill("night@trade.example")
    await page.get_by_role("button", name="Save without activating").click()
    await expect(page.get_by_text("They have no effect until you press Activate.")).to_be_visible()
    saved = await dispatch_settings(system)
    assert saved["active"] is None
    assert saved["draft"]["notice_email"] == "night@trade.example"

    await page.get_by_role("button", name="Activate", exact=True).click()
    await expect(page.get_by_text("Automatic dispatch is active with these choices")).to_be_visible()
    await expect(page.get_by_text("Automatic dispatch is on", exact=True)).to_be_visible()
    await expect(page.locator("strong", has_text="Next run:")).to_contain_text("00:05:00")
    active = (await dispatch_settings(system))["active"]
    assert active["notice_email"] == "night@trade.example"
    assert sorted(active["sources"]) == ["interface", "manual", "rebilled"]
    assert active["channels"] == ["einvoice", "email"]
    assert active["activated_by"] == "admin"

    await page.get_by_label("Also tell about ignored invoices").uncheck()
    await page.get_by_role("button", name="Save without activating").click()
    await expect(page.get_by_text("Changes not activated")).to_be_visible()
    assert (await dispatch_settings(system))["active"]["report_ignored"] is True

    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Switch off").click()
    await expect(page.get_by_text("Automatic dispatch is off", exact=True).first).to_be_visible()
    assert (await dispatch_settings(system))["active"] is None


async def test_NV_25_the_page_recommends_every_channel_and_says_what_leaving_one_out_does(page, system):
    await system.office.choose(["einvoice", "email", "print"])
    await page.goto(AUTOMATIC)
    await expect(page.get_by_text("We recommend to keep every channel on.")).to_be_visible()
    await expect(page.locator("#remarks")).to_have_count(0)
    await page.get_by_label("E-invoice", exact=True).uncheck()
    await page.get_by_role("button", name="Save without activating").click()
    remark = page.locator("#remarks").get_by_role("listitem")
    await expect(remark).to_contain_text("every invoice will be ignored, also for customers that could get")
    assert len((await dispatch_settings(system))["warnings"]) == await remark.count()
    await system.office.choose(["einvoice", "email"])


async def test_NV_07_activating_nothing_is_refused_and_nobody_to_tell_is_warned_about(page, system):
    await system.office.choose(["einvoice", "email", "print"])
    await page.goto(AUTOMATIC)
    for name in ("Made by a user", "Contract billing", "Re-billed from a purchase invoice"):
        await page.get_by_label(name).uncheck()
    await page.get_by_label("Through the software interface").uncheck()
    await page.get_by_label("E-invoice", exact=True).uncheck()
    await page.get_by_label("E-mail address for notices").fill("")
    await page.get_by_role("button", name="Activate", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Not activated")
    await expect(page.locator("#s-sources-error")).to_contain_text("nothing is selected")
    remarks = page.locator("#remarks")
    await expect(remarks.get_by_role("listitem")).to_have_count(3)
    await expect(remarks).to_contain_text("every invoice will be ignored")
    await expect(remarks).to_contain_text("nobody is told when an invoice fails")
    stored = await dispatch_settings(system)
    assert len(stored["warnings"]) == 3
    assert len(stored["active"]["sources"]) == 4

    await page.get_by_label("Made by a user").check()
    await page.get_by_role("button", name="Activate", exact=True).click()
    message = page.locator("#messages")
    await expect(message).to_contain_text("Automatic dispatch is active with these choices")
    await expect(message).to_contain_text("nobody is told when an invoice fails")
    assert (await dispatch_settings(system))["active"]["sources"] == ["manual"]
    await system.office.choose(["einvoice", "email"])


async def test_a_broken_template_is_refused_beside_its_text_and_taken_when_mended(page, system):
    await page.goto("/settings/ekt")
    text = page.locator("#f-templates-en-text")
    before = await text.input_value()
    await text.fill("Dear {{ debtor_nam }}")
    await page.keyboard.press("Control+s")
    await expect(page.locator("#f-templates-en-text-error")).to_contain_text("debtor_nam")
    await expect(text).to_have_value("Dear {{ debtor_nam }}")
    stored = await system.office.call("GET", "ekt-service", "/settings")
    assert stored["templates"]["en"]["text"] == before

    await text.fill("Dear {{ debtor_name }}")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved: the EKT module is active")).to_be_visible()
    stored = await system.office.call("GET", "ekt-service", "/settings")
    assert stored["templates"]["en"]["text"] == "Dear {{ debtor_name }}"
    assert {name: stored[name] for name in EKT_MODULE} == EKT_MODULE


async def test_leaving_with_an_unsaved_setting_is_asked_about(page):
    await page.goto("/settings/company")
    await page.get_by_label("IBAN").fill("NL00")
    asked = []

    async def stay(dialog):
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await page.get_by_role("link", name="Home").click()
    await expect(page.get_by_label("IBAN")).to_have_value("NL00")
    assert asked == ["beforeunload"]
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("#f-iban-error")).to_contain_text("NL00 is not a valid IBAN")


async def test_a_range_an_administration_and_its_connection_are_kept_and_tried(page, system):
    await page.goto("/settings/number-ranges")
    await page.locator("#ranges-main-creditor-1").click()
    await page.get_by_label("Last number").fill("79990")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved: Creditors 70001 - 79990")).to_be_visible()
    stored = await system.office.call("GET", "debtor-service", "/number-ranges/main/creditor")
    assert stored["last"] == 79_990

    await page.goto("/accounting/main/debtors")
    await page.get_by_role("link", name="Settings of this administration").click()
    await page.get_by_label("Days 1").fill("30")
    await page.locator("#f-mappings-payment_terms-0-theirs").fill("0030")
    await page.get_by_label("Debtors: First number").fill("90000")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("#f-ranges-debtors-first-error")).to_be_visible()
    await page.get_by_label("Debtors: First number").fill("10001")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Flower trade was saved")).to_be_visible()
    stored = await system.office.call("GET", "accounting-sync", "/administrations/main")
    assert stored["mappings"]["payment_terms"] == {"30": "0030"}
    await page.get_by_role("button", name="Test the connection").click()
    await expect(page.get_by_text("The connection works")).to_be_visible()


async def test_a_reader_sees_the_settings_but_can_change_none(sign_in, system):
    await system.add_user("kijker", "read-only")
    page = await sign_in("kijker")
    await page.get_by_role("link", name="Settings", exact=True).click()
    await expect(page.get_by_text("look only")).to_have_count(12)
    for name in ("Automatic dispatch", "EKT", "Own company"):
        await page.goto("/settings")
        await page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
        await expect(page.locator("#read-only")).to_contain_text("that needs the role")
        await expect(page.locator("form.sheet button")).to_have_count(0)
