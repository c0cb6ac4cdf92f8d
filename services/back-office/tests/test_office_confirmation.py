"""The customer's page behind the confirmation link, and the resend to another address."""

from __future__ import annotations

from office_shapes import DAY, body_of, debtor_day, ekt, problem, sale, text_of

TOKEN = "abc-DEF_123"
PATH = f"/confirmations/{TOKEN}"


def confirmation(**changes):
    return {
        "sender_name": "Flower <trade>",
        "order_day": DAY,
        "file_name": "EKT261102-1.edi",
        "confirmed_at": None,
        "by_customer": False,
        **changes,
    }


def on_sale(office, *ekts, **day):
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors/d1", sale())
    office.services.on("GET", "ekts", f"/v1/debtors/d1/days/{DAY}", debtor_day(*ekts, **day))


async def test_EF_47_the_page_behind_the_link_asks_and_confirms_only_by_its_button(office):
    office.services.on("GET", "ekts", PATH, confirmation())
    office.services.on(
        "POST", "ekts", PATH, confirmation(confirmed_at="2026-11-02T10:00:00Z", by_customer=True)
    )
    customer = office.browser("nl")
    page = await customer.get(f"/confirm/{TOKEN}")
    shown = text_of(page)
    assert page.status_code == 200
    assert "Is uw EKT aangekomen?" in shown
    assert "EKT261102-1.edi" in shown
    assert "Flower &lt;trade&gt;" in page.text
    assert page.headers["x-robots-tag"] == "noindex"
    assert office.services.count("POST", PATH) == 0
    assert "authorization" not in office.services.last("GET", PATH).headers
    # A mail program's own window may keep no cookies.
    answer = await office.browser("nl").client.post(f"/confirm/{TOKEN}")
    assert answer.status_code == 200
    assert "Bedankt, uw bevestiging is ontvangen" in text_of(answer)
    assert office.services.count("POST", PATH) == 1


async def test_a_link_that_was_used_says_so_and_offers_no_button(office):
    office.services.on("GET", "ekts", PATH, confirmation(confirmed_at="2026-11-02T10:00:00Z"))
    page = await office.browser().get(f"/confirm/{TOKEN}")
    assert "Confirmed on 2 Nov 2026, 11:00:00" in text_of(page)
    assert "<form" not in page.text.split("<main")[1]


async def test_links_that_are_not_ours_and_a_service_that_is_away_are_explained(office):
    office.services.on("GET", "ekts", PATH, problem(404, "This link can't be used"), 404)
    page = await office.browser().get(f"/confirm/{TOKEN}")
    assert (page.status_code, "This link can't be used" in text_of(page)) == (404, True)
    assert "help@klokwerk.test" in page.text
    assert (await office.browser().get("/confirm/a.b")).status_code == 404
    assert (await office.browser().get("/confirm/" + "a" * 300)).status_code == 404
    office.services.away("GET", "ekts", PATH)
    page = await office.browser().get(f"/confirm/{TOKEN}")
    assert (page.status_code, "Try again" in text_of(page)) == (502, True)


async def test_EF_56_another_address_is_offered_only_where_it_is_allowed(office):
    on_sale(office, ekt(1))
    browser = await office.signed_in()
    assert 'name="recipients"' not in (await browser.get(f"/sales/{DAY}/d1")).text
    on_sale(office, ekt(1), other_address_possible=True)
    office.services.on(
        "POST", "sales", f"/v1/days/{DAY}/debtors/d1/resend", {"request_id": "r1", "sale_revision": 1}, 202
    )
    assert 'name="recipients"' in (await browser.get(f"/sales/{DAY}/d1")).text
    await browser.post(
        f"/sales/{DAY}/d1/resend",
        {"reason": "lost", "note": "", "recipients": "a@b.example; c@d.example", "_once": "k"},
        page=f"/sales/{DAY}/d1",
    )
    sent = body_of(office.services.last("POST", f"/v1/days/{DAY}/debtors/d1/resend"))
    assert sent == {"reason": "lost", "recipients": ["a@b.example", "c@d.example"]}
    await browser.post(f"/sales/{DAY}/d1/resend", {"_once": "k2"}, page=f"/sales/{DAY}/d1")
    assert body_of(office.services.last("POST", f"/v1/days/{DAY}/debtors/d1/resend")) == {}
