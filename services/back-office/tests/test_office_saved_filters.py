"""Saved filters: on every large list, each user's own, and of use also when the list has changed since."""

from __future__ import annotations

import pytest
from office_shapes import DAY, page, sold_page, text_of

BIG_LISTS = [
    ("/debtors", "debtors", "/v1/debtors", "q=jansen&state=blocked"),
    ("/sales", "sales", f"/v1/days/{DAY}/debtors", "q=jansen&complete=false"),
    ("/deliveries", "ekts", "/v1/ekts", "debtor_id=d1&state=failed&days=week&from_day=2026-10-01"),
    ("/deliveries/invoices", "dispatch", "/v1/invoices", "state=failed"),
    ("/invoices", "sales", "/v1/invoices", "dispatch=failed&payment_status=not_paid"),
    ("/articles", "sales", "/v1/articles", "q=rosa"),
    ("/accounting/main/debtors", "accounting", "/v1/main/debtors/lines", "q=x&never_synced=true"),
]


@pytest.mark.parametrize(("path", "service", "asked", "query"), BIG_LISTS, ids=[one[0] for one in BIG_LISTS])
async def test_every_large_list_keeps_filters_and_drops_what_it_does_not_know_any_more(
    office, path, service, asked, query
):
    office.services.on("GET", service, asked, sold_page() if path == "/sales" else page())
    office.services.on("GET", "accounting", "/v1/administrations", page({"code": "main"}))
    browser = await office.speaking("en", "finance", "sales", "ops")
    if path == "/sales":
        await browser.get(f"/sales?day={DAY}")  # the day is remembered, and no part of the filter
    shown = text_of(await browser.get(f"{path}?{query}"))
    assert f'name="query" value="{query}"' in shown
    assert "Nothing matches this search" in shown
    saved = await browser.post("/saved-filters", {"path": path, "query": query, "name": "Mine"}, page=path)
    assert saved.headers["location"] == f"{path}?{query}"
    shown = text_of(await browser.get(path))
    assert f'<a href="{path}?{query}">Mine</a>' in shown
    assert "partly outdated" not in shown
    assert f'<a href="{path}?{query}" aria-current="true">Mine</a>' in text_of(
        await browser.get(f"{path}?{query}")
    )
    old = {"path": path, "query": f"{query}&colour=red", "name": "Of old"}
    await browser.post("/saved-filters", old, page=path)
    assert f'<a href="{path}?{query}">Of old</a> <span class="outdated">(partly outdated)</span>' in text_of(
        await browser.get(path)
    )


async def test_a_choice_that_is_gone_is_left_out_of_a_saved_filter(office):
    office.services.on("GET", "debtors", "/v1/debtors", page())
    browser = await office.speaking("en", "sales")
    old = {"path": "/debtors", "query": "state=sleeping", "name": "Sleepers"}
    await browser.post("/saved-filters", old, page="/debtors")
    assert '<a href="/debtors">Sleepers</a> <span class="outdated">' in text_of(await browser.get("/debtors"))
