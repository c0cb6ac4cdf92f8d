"""(Sold) Per debtor: the day, the button Resend EKT, the log."""

from __future__ import annotations

import httpx
import pytest
from office_shapes import DAY, body_of, debtor_day, ekt, page, problem, sale, sold, sold_page, text_of


def on_sale(office, found, log):
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", found)
    office.services.on("GET", "ekts", f"/v1/debtors/d1/days/{DAY}", log)


async def test_the_day_is_todays_at_first_and_then_the_one_last_looked_at(office):
    today = office.app.state.office.clock.today().isoformat()
    for day in (today, DAY):
        office.services.on("GET", "sales", f"/v1/days/{day}/debtors", page())
    office.services.on("GET", "sales", "/v1/days", page())
    browser = await office.signed_in()
    assert f'value="{today}"' in (await browser.get("/sales")).text
    await browser.get(f"/sales?day={DAY}")
    assert f'value="{DAY}"' in (await browser.get("/sales")).text
    other = await office.signed_in()
    assert f'value="{today}"' in (await other.get("/sales")).text


async def test_the_list_marks_who_uses_ekts_and_how_the_last_one_went(office):
    rows = sold_page(sold(), sold(debtor_id="d2", name="De Linde", use_ekts=False, ekt=None, complete=False))
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors", rows)
    shown = text_of(await (await office.signed_in()).get(f"/sales?day={DAY}"))
    assert "EKTs on" in shown
    assert "250 OK" in shown
    assert "Not complete" in shown
    assert "€240.00" in shown
    assert f'href="/sales/{DAY}/d1"' in shown


async def test_a_day_that_is_none_is_told_and_todays_is_shown(office):
    today = office.app.state.office.clock.today().isoformat()
    office.services.on("GET", "sales", f"/v1/days/{today}/debtors", page())
    shown = text_of(await (await office.signed_in()).get("/sales?day=yesterday"))
    assert "That is no day" in shown


@pytest.mark.parametrize(
    ("use_ekts", "active", "button", "why"),
    [
        (True, True, True, ""),
        (False, True, False, "is off for this customer"),
        (True, False, False, "The EKT module is not active"),
    ],
)
async def test_the_button_is_there_or_its_absence_is_explained(office, use_ekts, active, button, why):
    on_sale(office, sale(use_ekts=use_ekts), debtor_day(visible=use_ekts and active))
    shown = text_of(await (await office.signed_in()).get(f"/sales/{DAY}/d1"))
    assert ('type="submit">Resend EKT</button>' in shown) is button
    assert ("Why is there no button" in shown) is not button
    assert why in shown
    if not use_ekts:
        assert 'href="/debtors/d1/configuration"' in shown
        assert "Setting up and using debtor" in shown
        assert "+31 71 000 00 00" in shown


async def test_everything_that_is_missing_is_listed_with_where_it_is_mended_and_the_button_stays(office):
    gap = {
        "rule": "EF-70",
        "label": "ROSE",
        "message": "0 of 3 are allocated",
        "cure": "allocate them",
        "link": "",
    }
    needed = [
        {"code": "EF-64", "text": "There is no e-mail address.", "link": "/debtors/d1"},
        {"code": "EF-70", "text": "The same gap in other words.", "link": ""},
    ]
    on_sale(office, sale(can_resend={"visible": True, "missing": [gap]}), debtor_day(missing=needed))
    shown = text_of(await (await office.signed_in()).get(f"/sales/{DAY}/d1"))
    assert "ROSE: 0 of 3 are allocated - allocate them" in shown
    assert 'There is no e-mail address. <a href="/debtors/d1">' in shown
    assert "The same gap in other words" not in shown
    assert "Resend EKT</button>" in shown


async def test_one_click_asks_for_a_resend_and_confirms_it(office):
    on_sale(office, sale(), debtor_day(ekt()))
    path = f"/v1/days/{DAY}/debtors/d1/resend"
    office.services.on("POST", "sales", path, {"request_id": "r1", "sale_revision": 1}, 202)
    browser = await office.signed_in()
    answer = await browser.post(f"/sales/{DAY}/d1/resend", {"_once": "click-1"}, page=f"/sales/{DAY}/d1")
    assert answer.headers["location"] == f"/sales/{DAY}/d1"
    request = office.services.last("POST", path)
    assert (body_of(request), request.headers["idempotency-key"]) == ({}, "click-1")
    assert "The EKT is being sent to Jansen Bloemen" in text_of(await browser.get(f"/sales/{DAY}/d1"))


async def test_a_refusal_names_every_missing_thing_a_reference_and_support(office):
    on_sale(office, sale(), debtor_day())
    errors = [
        {"field": "ekt", "message": "no e-mail address", "cure": "fill it in", "link": "/debtors/d1"},
        {"field": "lines", "message": "the distribution is not complete", "cure": "allocate it"},
    ]
    office.services.on("POST", "sales", f"/v1/days/{DAY}/debtors/d1/resend", problem(422, "No", *errors), 422)
    browser = await office.signed_in()
    await browser.post(f"/sales/{DAY}/d1/resend", page=f"/sales/{DAY}/d1")
    shown = text_of(await browser.get(f"/sales/{DAY}/d1"))
    assert "The EKT was not sent" in shown
    assert "no e-mail address - fill it in" in shown
    assert "the distribution is not complete - allocate it" in shown
    assert "Reference to quote" in shown
    assert "help@klokwerk.test" in shown


async def test_from_the_third_resend_on_the_page_warns_and_does_not_block(office):
    browser = await office.signed_in()
    on_sale(office, sale(), debtor_day(ekt(1), ekt(2)))
    assert "usually" not in text_of(await browser.get(f"/sales/{DAY}/d1")).lower()
    on_sale(office, sale(), debtor_day(ekt(1), ekt(2), ekt(3)))
    shown = text_of(await browser.get(f"/sales/{DAY}/d1"))
    assert "resent 2 times already" in shown
    assert "Resend EKT</button>" in shown


async def test_the_log_shows_each_sending_newest_first_with_its_file(office):
    on_sale(
        office,
        sale(),
        debtor_day(ekt(1), ekt(2, state="failed", message="550 no such box", note="asked by phone")),
    )
    shown = text_of(await (await office.signed_in()).get(f"/sales/{DAY}/d1"))
    assert shown.index("EKT-2.edi") < shown.index("EKT-1.edi")
    assert "550 no such box" in shown
    assert "asked by phone" in shown
    assert 'href="/ekts/00000002/file?number=1"' in shown


async def test_the_sale_is_shown_also_while_the_ekt_service_is_away(office):
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", sale())
    office.services.away("GET", "ekts", f"/v1/debtors/d1/days/{DAY}")
    answer = await (await office.signed_in()).get(f"/sales/{DAY}/d1")
    assert answer.status_code == 200
    assert "R GR AVALANCHE+" in text_of(answer)
    assert "EKTs does not answer" in text_of(answer)


async def test_whoever_may_open_the_page_sees_the_button_and_the_service_decides(office):
    on_sale(office, sale(), debtor_day())
    refusal = problem(403, "Your role does not allow this")
    office.services.on("POST", "sales", f"/v1/days/{DAY}/debtors/d1/resend", refusal, 403)
    browser = await office.with_roles("finance", name="finance1")
    assert "Resend EKT</button>" in text_of(await browser.get(f"/sales/{DAY}/d1"))
    await browser.post(f"/sales/{DAY}/d1/resend", page=f"/sales/{DAY}/d1")
    shown = text_of(await browser.get(f"/sales/{DAY}/d1"))
    assert "Your role does not allow this" in shown
    assert "Ask an administrator for the right role" in shown


async def test_a_file_is_saved_never_shown(office):
    office.services.answers[("GET", "ekts.test/v1/ekts/e1/file")] = httpx.Response(
        200,
        content=b"UNB+",
        headers={"content-type": "text/html", "content-disposition": 'inline; filename="x.edi"'},
    )
    answer = await (await office.signed_in()).get("/ekts/e1/file")
    assert answer.content == b"UNB+"
    assert answer.headers["content-disposition"] == 'attachment; filename="x.edi"'
    assert answer.headers["x-content-type-options"] == "nosniff"
