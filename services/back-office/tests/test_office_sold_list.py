"""(Sold) Per debtor: filters and orders in the address, sums of the whole filter, what is marked, exports."""

from __future__ import annotations

import httpx
from office_shapes import DAY, page, sold, sold_page, text_of

LIST = f"/v1/days/{DAY}/debtors"


async def shown(office, *, query: str = "") -> httpx.Response:
    return await (await office.signed_in()).get(f"/sales?day={DAY}{query}")


async def test_filters_and_order_stand_in_the_address_and_go_along_to_the_service(office):
    office.services.on("GET", "sales", LIST, sold_page(sold()))
    answer = await shown(office, query="&complete=false&ekt=bounced&use_ekts=true&sort=-total&q=jan")
    asked = office.services.last("GET", LIST).url.params
    assert {name: asked[name] for name in ("complete", "ekt", "use_ekts", "sort", "q")} == {
        "complete": "false", "ekt": "bounced", "use_ekts": "true", "sort": "-total", "q": "jan",
    }  # fmt: skip
    text = text_of(answer)
    assert "Last EKT: <strong>Came back</strong>" in text
    assert f'href="/sales?day={DAY}&q=jan&complete=false&ekt=bounced&use_ekts=true&sort=total"' in text
    assert 'aria-sort="descending"' in text
    assert f'href="/sales/{DAY}/lines.csv?q=jan&complete=false&ekt=bounced' in text


async def test_the_sums_are_of_the_whole_filter_not_of_the_page(office):
    office.services.on(
        "GET",
        "sales",
        LIST,
        sold_page(sold(), after="c2", debtors=2000, lines=40000, total="123456.78", incomplete=7),
    )
    text = text_of(await shown(office))
    for words in ("2,000", "40,000", "€123,456.78", "<dt>Not complete</dt><dd>7</dd>"):
        assert words in text, words
    office.services.on("GET", "sales", LIST, page(sold(debtor_id="d9")))
    more = await shown(office, query="&cursor=c2&part=rows")
    assert "Total" not in more.text


async def test_a_sale_of_another_system_a_bounce_and_a_confirmation_are_marked(office):
    bounced = {"trigger": "first", "state": "bounced", "message": "550 gone", "at": "2026-11-02T09:00:00Z"}
    confirmed = bounced | {"state": "sent", "message": "250", "confirmed_at": "2026-11-02T10:00:00Z"}
    rows = sold_page(
        sold(ekt=bounced, source="//webshop.example/orders"),
        sold(debtor_id="d2", name="De Linde", ekt=confirmed, pending=True, source="/sales-service"),
    )
    office.services.on("GET", "sales", LIST, rows)
    text = text_of(await shown(office))
    assert "Kept in orders" in text
    assert text.count("Kept in") == 1
    assert "Came back" in text
    assert "550 gone" in text
    assert "Receipt confirmed" in text
    assert "Correction is told in a moment" in text


async def test_batches_of_the_day_are_listed_below_it(office):
    office.services.on("GET", "sales", LIST, sold_page(sold()))
    batch = {
        "batch_id": "b1",
        "asked_by": "Anna",
        "asked_at": "2026-11-02T09:00:00Z",
        "asked": 12,
        "skipped": 3,
    }
    office.services.on("GET", "sales", f"/v1/days/{DAY}/resend-batches", {"items": [batch]})
    text = text_of(await shown(office))
    assert 'href="/sales/resends/b1"' in text
    assert "12 sent, 3 left out" in text


async def test_the_lines_of_the_filter_are_saved_as_a_file_in_the_users_language(office):
    office.services.answers[("GET", f"sales.test/v1/days/{DAY}/lines.xlsx")] = httpx.Response(
        200, content=b"PK", headers={"content-disposition": f'attachment; filename="sales-{DAY}.xlsx"'}
    )
    browser = await office.speaking("nl")
    answer = await browser.get(f"/sales/{DAY}/lines.xlsx?ekt=failed&sort=-total")
    assert answer.content == b"PK"
    asked = office.services.last("GET", f"/v1/days/{DAY}/lines.xlsx").url.params
    assert (asked["language"], asked["ekt"], "sort" in asked) == ("nl", "failed", False)


async def test_only_who_may_sell_is_offered_an_import(office):
    office.services.on("GET", "sales", LIST, sold_page(sold()))
    assert f'href="/sales/import?day={DAY}"' in (await shown(office)).text
    browser = await office.with_roles("read-only", name="reader-list")
    assert "/sales/import" not in (await browser.get(f"/sales?day={DAY}")).text


async def test_the_list_speaks_dutch(office):
    office.services.on("GET", "sales", LIST, sold_page(sold(complete=False)))
    text = text_of(await (await office.speaking("nl")).get(f"/sales?day={DAY}"))
    assert "Niet compleet" in text
    assert "Mislukte EKT's opnieuw versturen" in text
