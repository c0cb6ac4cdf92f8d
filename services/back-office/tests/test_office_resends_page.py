"""EKTs of many customers sent again: the preview, the confirmation, the batch and its summary."""

from __future__ import annotations

import json

import httpx
from klokwerk import pinned
from office_shapes import DAY, body_of, form_of, problem, sold, sold_page, text_of

PREVIEW = f"/v1/days/{DAY}/resend-preview"
CHECK = f"/v1/days/{DAY}/resend-check"
LIST = f"/sales?day={DAY}"


def item(number: int, **changes) -> dict:
    return {
        "debtor_id": f"d{number}",
        "debtor_number": f"1000{number}",
        "name": f"Customer {number}",
        "lines": 2,
        "total": "120.00",
        "revision": 1,
        "can": True,
        "missing": [],
        "ekt": {"trigger": "first", "state": "failed", "message": "450 busy", "at": "2026-11-02T09:00:00Z"},
        "resends": 0,
        "warn": False,
        **changes,
    }


def check(number: int, *missing: dict, **changes) -> dict:
    return {
        "debtor_id": f"d{number}",
        "can_resend": not missing,
        "missing": list(missing),
        "warnings": [],
        "method": "email",
        "recipient": f"c{number}@customer.example",
        **changes,
    }


async def begun(office):
    office.services.on("GET", "sales", f"/v1/days/{DAY}/debtors", sold_page(sold()))
    return await office.signed_in()


async def test_the_preview_brings_together_what_both_services_say_before_anything_is_sent(office):
    gap = {
        "rule": "EF-70",
        "line_id": "l1",
        "label": "ROSE",
        "field": "allocated",
        "message": "0 of 3",
        "cure": "allocate",
    }
    items = [item(1, resends=2, warn=True), item(2, can=False, missing=[gap]), item(3)]
    office.services.on("POST", "sales", PREVIEW, {"items": items, "can": 2, "can_not": 1, "warned": 1})
    no_mail = {"code": "EF-64", "text": "There is no e-mail address.", "link": "/debtors/d3"}
    checks = [check(1), check(2, {"code": "EF-70", "text": "The same.", "link": ""}), check(3, no_mail)]
    office.services.on("POST", "ekts", CHECK, {"items": checks})
    browser = await begun(office)
    answer = await browser.post(f"/sales/{DAY}/resends/preview", page=LIST)
    assert body_of(office.services.last("POST", PREVIEW)) == {}
    assert body_of(office.services.last("POST", CHECK)) == {"debtor_ids": ["d1", "d2", "d3"]}
    text = text_of(answer)
    assert "Who gets an EKT (1)" in text
    assert "c1@customer.example" in text
    assert "Resent 2 times already" in text
    assert "For 1 customer the EKT was resent several times already" in text
    assert "ROSE: 0 of 3 - allocate" in text
    assert "The same." not in text
    assert "There is no e-mail address." in text
    assert 'href="/debtors/d3"' in text
    assert "Send 1 EKT</button>" in text
    assert text.count('name="ids"') == 1


async def test_ticked_customers_are_asked_for_and_the_click_is_counted_once(office):
    office.services.on("POST", "sales", PREVIEW, {"items": [item(1)]})
    office.services.on("POST", "ekts", CHECK, {"items": [check(1)]})
    browser = await begun(office)
    await browser.post(f"/sales/{DAY}/resends/preview", {"ids": ["d1"]}, page=LIST)
    assert body_of(office.services.last("POST", PREVIEW)) == {"debtor_ids": ["d1"]}
    path = f"/v1/days/{DAY}/resends"
    office.services.on("POST", "sales", path, {"batch_id": "b1", "asked": 1, "skipped": 0}, 202)
    form = {"ids": ["d1"], "reason": "technical", "note": "server was down", "_once": "click-9"}
    answer = await browser.post(f"/sales/{DAY}/resends", form, page=LIST)
    assert answer.headers["location"] == "/sales/resends/b1"
    request = office.services.last("POST", path)
    assert request.headers["idempotency-key"] == "click-9"
    assert body_of(request) == {"debtor_ids": ["d1"], "reason": "technical", "note": "server was down"}
    nobody = await browser.post(f"/sales/{DAY}/resends", {}, page=LIST)
    assert nobody.headers["location"] == LIST
    assert "Nobody was chosen" in text_of(await browser.get(LIST))


async def test_more_of_a_filter_than_are_shown_are_named_by_their_number_and_asked_anew_if_others_match(
    office,
):
    pin = {"count": 1500, "digest": "a" * 32}
    found = {"items": [item(1)], "can": 1490, "can_not": 10, "warned": 0, **pin}
    office.services.on("POST", "sales", PREVIEW, found)
    office.services.on("POST", "ekts", CHECK, {"items": [check(1)]})
    browser = await begun(office)
    wanted = {"ids": ["d1"], "scope": "matching", "matching": "ekt=failed&q=roos&sort=-total"}
    asked = await browser.post(f"/sales/{DAY}/resends/preview", wanted, page=LIST)
    matching = {"ekt": ["failed"], "q": "roos"}
    assert body_of(office.services.last("POST", PREVIEW)) == {"matching": matching}
    shown = text_of(asked)
    assert "Of 1,500 customers the first 1 are shown; 1,490 of all can get an EKT" in shown
    assert "Send 1,490 EKTs</button>" in shown
    assert 'name="ids"' not in shown
    path = f"/v1/days/{DAY}/resends"
    changed = problem(409, "The list has changed meanwhile") | {"type": pinned.CHANGED}
    office.services.on("POST", "sales", path, changed, 409)
    office.services.on("POST", "sales", PREVIEW, found | {"digest": "b" * 32})
    again = await browser.post(f"/sales/{DAY}/resends", form_of(asked), page=LIST)
    assert "there are 1,500 as before, but not the same ones" in text_of(again)
    office.services.on("POST", "sales", path, {"batch_id": "b2", "job": "/v1/jobs/j1"}, 202)
    answer = await browser.post(f"/sales/{DAY}/resends", form_of(again), page=LIST)
    assert answer.headers["location"] == "/sales/resends/b2"
    sent = body_of(office.services.last("POST", path))
    assert (sent["matching"], sent["pin"]) == (matching, pin | {"digest": "b" * 32})


async def test_the_preview_works_also_while_the_ekt_service_is_away(office):
    office.services.on("POST", "sales", PREVIEW, {"items": [item(1)]})
    office.services.away("POST", "ekts", CHECK)
    browser = await begun(office)
    text = text_of(await browser.post(f"/sales/{DAY}/resends/preview", page=LIST))
    assert "EKTs does not answer" in text
    assert "Send 1 EKT</button>" in text


async def test_thousands_are_checked_in_parts(office):
    items = [item(n, debtor_id=f"d{n}") for n in range(1100)]
    office.services.on("POST", "sales", PREVIEW, {"items": items})

    def answer(request: httpx.Request) -> httpx.Response:
        ids = json.loads(request.content)["debtor_ids"]
        return httpx.Response(200, json={"items": [check(0, debtor_id=one) for one in ids]})

    office.services.answers[("POST", f"ekts.test{CHECK}")] = answer
    browser = await begun(office)
    text = text_of(await browser.post(f"/sales/{DAY}/resends/preview", page=LIST))
    assert office.services.count("POST", CHECK) == 3
    assert "Send 1,100 EKTs</button>" in text


async def test_the_batch_renews_itself_until_all_are_over_and_sums_up(office):
    entry = {"debtor_id": "d1", "debtor_number": "10001", "name": "Customer 1", "message": ""}
    entry |= {"recipient": "c1@customer.example", "at": "2026-11-02T09:00:00Z"}
    left = {
        "debtor_id": "d3",
        "name": "Customer 3",
        "missing": [{"rule": "EF-70", "message": "0 of 3", "cure": "allocate"}],
    }
    batch = {
        "batch_id": "b1", "order_day": DAY, "asked_by": "Anna", "asked_at": "2026-11-02T09:00:00Z",
        "reason": "technical", "note": "", "over": False, "counts": {"asked": 1, "sent": 1},
        "items": [entry | {"state": "asked"}, entry | {"debtor_id": "d2", "state": "sent"}], "skipped": [left],
    }  # fmt: skip
    office.services.on("GET", "sales", "/v1/resend-batches/b1", batch)
    browser = await office.signed_in()
    answer = await browser.get("/sales/resends/b1")
    text = text_of(answer)
    assert "<dt>Asked for</dt><dd>1</dd>" in text
    assert "<dt>Left out</dt><dd>1</dd>" in text
    assert "Technical trouble at the first sending" in text
    assert "0 of 3 - allocate" in text
    assert 'hx-get="/sales/resends/b1?part=table"' in text
    over = batch | {"over": True, "counts": {"sent": 1, "bounced": 1}}
    office.services.on("GET", "sales", "/v1/resend-batches/b1", over)
    part = await browser.get("/sales/resends/b1?part=table")
    assert "hx-get" not in part.text
    assert "<dt>Came back</dt><dd>1</dd>" in text_of(part)
