"""Sales per order day over HTTP: lists, completion, corrections, what is published."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from klokwerk.http import encode_cursor
from klokwerk.kafka import MAX_EVENT_BYTES
from sales_world import MONDAY, World, line


async def test_EF_08_EF_11_EF_12_the_list_of_a_day_holds_exactly_those_who_bought(world: World) -> None:
    day = date(2026, 2, 2)
    buyer, other = await world.debtor(name="Anemoon"), await world.debtor(name="Begonia")
    await world.sell(buyer.debtor_id, line(), line(units=2), day=day)
    answer = await world.get(f"/days/{day}/debtors")
    assert [row["debtor_id"] for row in answer.json()["items"]] == [buyer.debtor_id]
    (row,) = answer.json()["items"]
    assert (row["name"], row["lines"], row["total"], row["complete"]) == ("Anemoon", 2, "537.60", True)
    assert other.debtor_id not in answer.text


async def test_EF_10_an_order_of_monday_is_found_under_monday(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id, day=MONDAY)  # entered on Tuesday, the clock of this test
    assert world.clock.today() == MONDAY + timedelta(days=1)
    monday = (await world.get(f"/days/{MONDAY}/debtors", params={"q": debtor.name})).json()["items"]
    tuesday = (await world.get(f"/days/{world.clock.today()}/debtors")).json()["items"]
    assert [row["debtor_id"] for row in monday] == [debtor.debtor_id]
    assert debtor.debtor_id not in {row["debtor_id"] for row in tuesday}


async def test_EF_13_a_customer_is_found_by_part_of_the_name_without_accents(world: World) -> None:
    debtor = await world.debtor(name="Bloemisterij Crème & Zoë")
    await world.sell(debtor.debtor_id)
    await world.sell((await world.debtor(name="Iemand anders")).debtor_id)
    for words in ("creme", "CRÈME & zoe", debtor.debtor_id):
        found = (await world.get(f"/days/{MONDAY}/debtors", params={"q": words})).json()["items"]
        assert [row["debtor_id"] for row in found] == [debtor.debtor_id], words
    assert (await world.get(f"/days/{MONDAY}/debtors", params={"q": "100%_"})).json()["items"] == []


async def test_EF_17_a_day_of_long_ago_is_listed_and_resent_like_any_other(world: World) -> None:
    long_ago = date(1998, 5, 4)
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id, day=long_ago)
    days = [row["order_day"] for row in (await world.get("/days", params={"limit": 200})).json()["items"]]
    assert days == sorted(days, reverse=True)
    assert days[-1] == "1998-05-04"
    answer = await world.post(f"/days/{long_ago}/debtors/{debtor.debtor_id}/resend", {"reason": "lost"})
    assert answer.status_code == 202
    (event,) = await world.events("ekt.resend.requested", debtor.debtor_id, at_least=1)
    assert (event["order_day"], event["sale_revision"], event["reason"]) == ("1998-05-04", 1, "lost")


async def test_pages_of_a_day_follow_one_another_without_gap_or_repeat(world: World) -> None:
    day = date(2026, 2, 3)
    ids = {(await world.debtor(name=f"Klant {n % 2}")).debtor_id for n in range(5)}
    for debtor_id in ids:
        await world.sell(debtor_id, day=day)
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await world.get(f"/days/{day}/debtors", params=params)).json()
        seen += [row["debtor_id"] for row in page["items"]]
        if not (cursor := page["next"]):
            break
    assert len(seen) == 5
    assert set(seen) == ids


async def test_completion_publishes_revision_one_once(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id, line(line_id="L-1"), line(line_id="L-2", units=3), allocate=False)
    assert await world.events("sale.completed", debtor.debtor_id) == []
    shown = await world.day(debtor.debtor_id)
    assert (shown["complete"], shown["revision"]) == (False, 0)
    assert {gap["field"] for gap in shown["missing"]} == {"allocated"}

    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}/allocate"
    half = (await world.post(path, {"line_ids": ["L-1"]})).json()
    assert (half["complete"], half["published"]) == (False, False)
    whole = (await world.post(path, {"quantities": {"L-2": 3}})).json()
    assert (whole["complete"], whole["published"], whole["revision"]) == (True, True, 1)
    again = (await world.post(path, {})).json()
    assert (again["complete"], again["published"], again["revision"]) == (True, False, 1)

    (event,) = await world.events("sale.completed", debtor.debtor_id)
    assert event["revision"] == 1
    assert event["order_day"] == str(MONDAY)
    assert [entry["line_id"] for entry in event["lines"]] == ["L-1", "L-2"]
    assert event["goods_total"] == {"amount": "582.4", "currency": "EUR"}
    assert event["correction"] is None


async def test_many_allocations_at_once_complete_the_distribution_once(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id, *[line() for _ in range(5)], allocate=False)
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}/allocate"
    answers = await asyncio.gather(*[world.post(path, {}) for _ in range(10)])
    assert sorted(answer.json()["published"] for answer in answers) == [False] * 9 + [True]
    (event,) = await world.events("sale.completed", debtor.debtor_id)
    assert event["revision"] == 1


async def test_EF_42_a_correction_is_the_next_revision_with_who_and_why(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}/lines/{line_id}"
    changed = await world.put(path, {"pieces_per_unit": 60, "reason": "wrong bucket"})
    assert changed.json() == {**changed.json(), "revision": 1, "published": False, "complete": True}
    await world.told()
    assert (await world.day(debtor.debtor_id))["revision"] == 2
    # The same value with other zeros is no change.
    assert (await world.put(path, {"price": "0.56"})).json()["publish_at"] is None
    first, second = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert (first["lines"][0]["pieces_per_unit"], second["lines"][0]["pieces_per_unit"]) == (80, 60)
    assert second["correction"] == {"by": "Anna", "reason": "wrong bucket"}
    assert first["lines"][0]["line_id"] == second["lines"][0]["line_id"]
    history = (await world.get(f"/days/{MONDAY}/debtors/{debtor.debtor_id}/history")).json()["items"]
    published, corrected = history[0], history[1]
    assert (published["what"], published["revision"], published["who"]) == ("published", 2, "Anna")
    assert (corrected["who"], corrected["reason"]) == ("Anna", "wrong bucket")
    (change,) = corrected["changes"]
    assert (change["label"], change["kind"]) == ("R GR RED NAOMI", "changed")
    assert (change["field"], change["old"], change["new"]) == ("pieces_per_unit", "80", "60")


async def test_ten_corrections_in_one_request_give_one_event(world: World) -> None:
    debtor = await world.debtor()
    ids = await world.sell(debtor.debtor_id, *[line() for _ in range(10)])
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}"
    tag = (await world.get(path)).headers["ETag"]
    body = {"lines": [{"line_id": name, "price": f"0.{n + 10}"} for n, name in enumerate(ids)]}
    stale = await world.put(f"{path}/lines", body, headers={"If-Match": '"0"'})
    assert stale.status_code == 412
    assert (await world.put(f"{path}/lines", body)).status_code == 428
    done = await world.put(f"{path}/lines", body, headers={"If-Match": tag})
    assert (done.json()["published"], done.json()["publish_at"] is None) == (False, False)
    await world.told()
    _, second = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 2
    assert [entry["price"]["amount"] for entry in second["lines"]] == [f"0.{n + 10}" for n in range(10)]


async def test_a_corrected_distribution_that_is_incomplete_waits_until_it_is_complete_again(
    world: World,
) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id)
    (extra,) = await world.sell(debtor.debtor_id, line(units=1), allocate=False)
    shown = await world.day(debtor.debtor_id)
    assert (shown["complete"], shown["revision"]) == (False, 1)
    removed = await world.ask("DELETE", f"/days/{MONDAY}/debtors/{debtor.debtor_id}/lines/{extra}")
    assert removed.json() == {**removed.json(), "complete": True, "published": False, "revision": 1}
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 1


async def test_EF_12_a_debtor_whose_last_line_was_removed_leaves_the_list_and_others_are_told(
    world: World,
) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id)
    await world.ask("DELETE", f"/days/{MONDAY}/debtors/{debtor.debtor_id}/lines/{line_id}")
    rows = (await world.get(f"/days/{MONDAY}/debtors", params={"q": debtor.name})).json()["items"]
    assert debtor.debtor_id not in {row["debtor_id"] for row in rows}
    await world.told()
    _, void = await world.events("sale.completed", debtor.debtor_id, at_least=2)
    assert (void["revision"], void["lines"]) == (2, [])


async def test_an_article_fills_in_the_line_and_later_changes_leave_it(world: World) -> None:
    article = {
        "number": "T-900",
        "name": "TULIP STRONG GOLD",
        "vbn_code": "11850",
        "packing_code": "566",
        "pieces_per_unit": 50,
    }
    assert (await world.post("/articles", article)).status_code == 201
    assert (await world.post("/articles", article)).status_code == 409
    debtor = await world.debtor()
    sold = {"article_number": "T-900", "units": 4, "price": "0.20"}
    await world.sell(debtor.debtor_id, sold)
    new = {**article, "name": "TULIP OTHER"}
    del new["number"]
    assert (await world.put("/articles/T-900", new)).status_code == 428
    assert (await world.put("/articles/T-900", new, headers={"If-Match": '"1"'})).status_code == 200
    (shown,) = (await world.day(debtor.debtor_id))["lines"]
    assert (shown["name"], shown["vbn_code"], shown["pieces"]) == ("TULIP STRONG GOLD", "11850", 200)
    assert shown["packing"]["code"] == "566"


async def test_D_02_the_default_day_is_today_or_the_debtors_last_order_day(world: World) -> None:
    debtor = await world.debtor()
    assert (await world.get("/days/default")).json() == {"order_day": str(world.clock.today())}
    await world.sell(debtor.debtor_id, day=date(2025, 12, 1))
    answer = await world.get("/days/default", params={"debtor_id": debtor.debtor_id})
    assert answer.json() == {"order_day": "2025-12-01"}


async def test_lines_of_many_debtors_come_in_at_once_and_each_is_published_once(world: World) -> None:
    day = date(2026, 2, 4)
    debtors = [await world.debtor() for _ in range(3)]
    lines = [line(debtor_id=debtors[n % 3].debtor_id) for n in range(300)]
    answer = await world.post(f"/days/{day}/lines", {"lines": lines, "allocate": True})
    assert answer.status_code == 201
    assert [entry["lines"] for entry in answer.json()["days"]] == [100, 100, 100]
    for debtor in debtors:
        (event,) = await world.events("sale.completed", debtor.debtor_id, at_least=1)
        assert len(event["lines"]) == 100


async def test_bad_rows_are_all_named_and_nothing_is_stored(world: World) -> None:
    debtor = await world.debtor()
    lines = [
        line(),
        line(article=None, article_number="NOPE"),
        {"price": "1"},
        line(units=10**6, price="999"),
    ]
    answer = await world.post(f"/days/{MONDAY}/lines", {"debtor_id": debtor.debtor_id, "lines": lines})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    fields = [problem["field"] for problem in answer.json()["errors"]]
    assert fields == ["lines.1.article_number", "lines.2.units", "lines.3"]
    assert all(problem["cure"] for problem in answer.json()["errors"])
    assert (await world.day(debtor.debtor_id))["lines"] == []


async def test_a_line_id_is_used_once(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id, line(line_id="X-1"))
    again = {"debtor_id": debtor.debtor_id, "lines": [line(line_id="X-1")]}
    answer = await world.post(f"/days/{MONDAY}/lines", again)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "lines.0.line_id"


async def test_what_is_not_a_sale_line_is_refused_by_field(world: World) -> None:
    debtor = await world.debtor()
    for change, field in [
        ({"units": -1}, "lines.0.units"),
        ({"price": 0.56}, "lines.0.price.amount"),
        ({"price": {"amount": "-1"}}, "lines.0.price.amount"),
        ({"colour": "red"}, "lines.0.colour"),
        ({"article": {"vbn_code": "ABC"}}, "lines.0.article.vbn_code"),
        ({"plate": "x" * 36}, "lines.0.plate"),
    ]:
        body = {"debtor_id": debtor.debtor_id, "lines": [line(**change)]}
        answer = await world.post(f"/days/{MONDAY}/lines", body)
        assert answer.status_code == 422, change
        assert answer.json()["errors"][0]["field"].startswith(field.rsplit(".", 1)[0]), answer.text
    nul = await world.post(
        f"/days/{MONDAY}/lines", {"debtor_id": debtor.debtor_id, "lines": [line(plate="a\u0000b")]}
    )
    assert nul.status_code == 422
    too_many = await world.post(
        f"/days/{MONDAY}/lines", {"debtor_id": debtor.debtor_id, "lines": [{}] * 10_001}
    )
    assert too_many.status_code == 422


async def test_an_unknown_debtor_and_a_supplier_are_refused_with_the_cure(world: World) -> None:
    supplier = await world.debtor(kinds=("creditor",))
    for debtor_id, words in [("NOBODY", "not known"), (supplier.debtor_id, "supplier only")]:
        answer = await world.post(f"/days/{MONDAY}/lines", {"debtor_id": debtor_id, "lines": [line()]})
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["field"] == "debtor_id"
        assert words in problem["message"]
        assert problem["cure"]


async def test_more_than_was_sold_is_not_allocated(world: World) -> None:
    debtor = await world.debtor()
    (line_id,) = await world.sell(debtor.debtor_id, allocate=False)
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}/allocate"
    answer = await world.post(path, {"quantities": {line_id: 11}})
    assert answer.status_code == 422
    assert "more than the 10 that were sold" in answer.json()["errors"][0]["message"]
    assert (await world.post(path, {"line_ids": ["GONE"]})).status_code == 422


async def test_a_huge_request_is_refused_before_it_fills_the_memory(world: World) -> None:
    answer = await world.ask("POST", f"/days/{MONDAY}/lines", content=b"x" * (33 * 1024 * 1024))
    assert answer.status_code == 413


async def test_who_may_read_sees_everything_and_only_sales_changes_it(world: World) -> None:
    debtor = await world.debtor()
    await world.sell(debtor.debtor_id)
    path = f"/days/{MONDAY}/debtors/{debtor.debtor_id}"
    shown = await world.get(path, roles=("read-only",))
    assert shown.json()["can_resend"] == {"visible": True, "missing": []}
    for method, url, body in [
        ("POST", f"/days/{MONDAY}/lines", {"debtor_id": debtor.debtor_id, "lines": [line()]}),
        ("POST", f"{path}/resend", {}),
        ("POST", f"{path}/allocate", {}),
        ("PUT", f"{path}/lines/L", {}),
        ("DELETE", f"{path}/lines/L", None),
    ]:
        answer = await world.ask(method, url, json=body, roles=("read-only", "finance"))
        assert answer.status_code == 403, (method, url)
    assert (await world.client.get(f"/v1{path}")).status_code == 401


async def test_a_cursor_that_was_tampered_with_is_refused(world: World) -> None:
    for path, values in [
        ("/days", ["yesterday"]),
        (f"/days/{MONDAY}/debtors", ["a\u0000", "b"]),
        (f"/days/{MONDAY}/debtors", ["only one"]),
        ("/invoices", [2**63]),
        ("/waiting", ["x"]),
        ("/articles", [7]),
    ]:
        answer = await world.get(path, params={"cursor": encode_cursor(values)})
        assert answer.status_code == 400, (path, values)


@pytest.mark.timeout(120)
async def test_a_distribution_of_5000_lines_is_published_whole_and_one_line_more_is_refused(
    world: World,
) -> None:
    debtor = await world.debtor()
    lines = [line(line_id=f"L-{n}", units=1 + n % 50, order_reference=f"PO {n}") for n in range(5000)]
    await world.sell(debtor.debtor_id, *lines)
    (event,) = await world.events("sale.completed", debtor.debtor_id, at_least=1)
    assert (event["revision"], len(event["lines"])) == (1, 5000)
    assert event["goods_total"] == {"amount": "5712000", "currency": "EUR"}
    answer = await world.post(
        f"/days/{MONDAY}/lines", {"debtor_id": debtor.debtor_id, "lines": [line()], "allocate": True}
    )
    assert answer.status_code == 422
    assert answer.json()["title"] == "The distribution has too many lines"
    (problem,) = answer.json()["errors"]
    assert problem["field"] == "lines"
    assert "would have 5001 lines" in problem["message"]
    assert "5000 is the most" in problem["message"]
    assert problem["cure"] == "put equal lines together"
    assert len(await world.events("sale.completed", debtor.debtor_id)) == 1


@pytest.mark.timeout(120)
async def test_a_distribution_with_more_bytes_than_an_event_may_have_is_refused_and_nothing_kept(
    world: World,
) -> None:
    debtor = await world.debtor()
    long = line()["article"] | {"image_url": "https://img.example/" + "x" * 480}
    lines = [line(line_id=f"L-{n}", article=long) for n in range(5000)]
    body = {"debtor_id": debtor.debtor_id, "lines": lines, "allocate": True}
    answer = await world.post(f"/days/{MONDAY}/lines", body)
    assert answer.status_code == 422
    assert answer.json()["title"] == "The distribution is too large for one event"
    (problem,) = answer.json()["errors"]
    assert problem["field"] == "lines"
    assert f"more than {MAX_EVENT_BYTES}" in problem["message"]
    assert problem["cure"]
    assert await world.events("sale.completed", debtor.debtor_id) == []
    listed = (await world.get(f"/days/{MONDAY}/debtors", params={"q": debtor.debtor_id})).json()["items"]
    assert listed == []
