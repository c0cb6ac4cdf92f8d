"""Lines of a sale by hand: edited, added, removed, allocated, moved; who was first, what is missing, what happened."""

from __future__ import annotations

import pytest
from office_shapes import (
    DAY,
    body_of,
    card,
    debtor_day,
    form_of,
    page,
    problem,
    sale,
    text_of,
)

SALE = f"/v1/days/{DAY}/debtors/d1"
HERE = f"/sales/{DAY}/d1"
CHANGED = {"debtor_id": "d1", "complete": True, "missing": 0, "revision": 1, "published": False}


def on_sale(office, found=None, **headers: str):
    office.services.on("GET", "sales", SALE, found or sale(), **{"etag": '"7"', **headers})
    office.services.on("GET", "ekts", f"/v1/debtors/d1/days/{DAY}", debtor_day())


async def test_a_line_opens_as_a_form_with_everything_it_has(office):
    on_sale(office)
    answer = await (await office.speaking("nl")).get(f"{HERE}/lines/l1")
    values = form_of(answer)
    assert (values["article.name"], values["article.vbn_code"]) == ("R GR AVALANCHE+", "16207")
    assert (values["characteristics.S20"], values["units"], values["price"]) == ("070", "3", "0,48")
    assert (values["packing.code"], values["bought"], values["_revision"]) == ("997", "clock", "7")
    assert "data-guard" in answer.text


async def test_only_what_was_changed_is_saved_on_the_revision_that_was_read(office):
    on_sale(office)
    office.services.on("PUT", "sales", f"{SALE}/lines/l1", CHANGED)
    browser = await office.speaking("nl")
    form = form_of(await browser.get(f"{HERE}/lines/l1"))
    typed = form | {
        "price": "0,50",
        "characteristics.S20": "60",
        "grower.name": "De Zonnehoek",
        "reason": "misteld",
    }
    answer = await browser.post(f"{HERE}/lines/l1", typed, page=f"{HERE}/lines/l1")
    assert answer.headers["location"] == HERE
    request = office.services.last("PUT", f"{SALE}/lines/l1")
    assert request.headers["if-match"] == '"7"'
    assert body_of(request) == {
        "price": {"amount": "0.50", "currency": "EUR"},
        "characteristics": {"S20": "60"},
        "grower": {"name": "De Zonnehoek", "number": ""},
        "reason": "misteld",
    }
    shown = text_of(await browser.get(HERE))
    assert "R GR AVALANCHE+ is opgeslagen" in shown
    assert "De correctie wordt zo doorgegeven" in shown


async def test_saving_without_a_change_asks_the_service_for_nothing(office):
    on_sale(office)
    browser = await office.signed_in()
    form = form_of(await browser.get(f"{HERE}/lines/l1"))
    await browser.post(f"{HERE}/lines/l1", form, page=f"{HERE}/lines/l1")
    assert office.services.count("PUT", f"{SALE}/lines/l1") == 0
    assert "Nothing was changed" in text_of(await browser.get(HERE))


async def test_who_saves_second_is_told_who_was_first_and_keeps_what_was_typed(office):
    on_sale(office)
    office.services.on("PUT", "sales", f"{SALE}/lines/l1", problem(412, "It was changed meanwhile"), 412)
    browser = await office.signed_in()
    form = form_of(await browser.get(f"{HERE}/lines/l1"))
    answer = await browser.post(f"{HERE}/lines/l1", form | {"units": "9"}, page=f"{HERE}/lines/l1")
    assert answer.status_code == 409
    assert "Changed by Piet at 10:42: reload" in text_of(answer)
    assert form_of(answer)["units"] == "9"
    assert f'href="{HERE}/lines/l1"' in answer.text


@pytest.mark.parametrize(
    "field", ["price.amount", "price.function-before[_amount(), Amount].amount", "price"]
)
async def test_what_the_service_refuses_stands_beside_its_field(office, field):
    on_sale(office)
    error = {"field": field, "message": "it is no amount", "cure": "write it like 0.56"}
    office.services.on("PUT", "sales", f"{SALE}/lines/l1", problem(422, "No", error), 422)
    browser = await office.signed_in()
    form = form_of(await browser.get(f"{HERE}/lines/l1"))
    answer = await browser.post(f"{HERE}/lines/l1", form | {"price": "a lot"}, page=f"{HERE}/lines/l1")
    assert answer.status_code == 422
    assert 'id="f-price-error">it is no amount write it like 0.56' in text_of(answer)
    assert form_of(answer)["price"] == "a lot"


async def test_a_new_line_is_entered_once_for_this_customer(office):
    on_sale(office)
    path = f"/v1/days/{DAY}/lines"
    office.services.on(
        "POST", "sales", path, {"line_ids": ["x"], "days": [CHANGED | {"complete": False, "missing": 2}]}, 201
    )
    browser = await office.signed_in()
    form = form_of(await browser.get(f"{HERE}/lines/new"))
    typed = form | {"article_number": "R1650", "units": "4", "price": "1,234.5", "reason": "forgotten"}
    answer = await browser.post(f"{HERE}/lines/new", typed, page=f"{HERE}/lines/new")
    assert answer.headers["location"] == HERE
    request = office.services.last("POST", path)
    assert request.headers["idempotency-key"] == form["_once"]
    line = {
        "article_number": "R1650",
        "units": 4,
        "price": "1234.5",
        "bought": "stock",
        "vat_class": "reduced",
    }
    assert body_of(request) == {"debtor_id": "d1", "lines": [line], "reason": "forgotten"}
    assert "2 things are still missing" in text_of(await browser.get(HERE))


async def test_a_line_is_removed_with_its_reason_or_not_when_it_changed_meanwhile(office):
    on_sale(office)
    office.services.on("DELETE", "sales", f"{SALE}/lines/l1", CHANGED)
    browser = await office.signed_in()
    body = {"reason": "returned", "_revision": "7"}
    await browser.post(f"{HERE}/lines/l1/remove", body, page=f"{HERE}/lines/l1")
    request = office.services.last("DELETE", f"{SALE}/lines/l1")
    assert (request.url.params["reason"], request.headers["if-match"]) == ("returned", '"7"')
    office.services.on("DELETE", "sales", f"{SALE}/lines/l1", problem(412, "changed"), 412)
    await browser.post(f"{HERE}/lines/l1/remove", body, page=f"{HERE}/lines/l1")
    assert "Changed by Piet at 10:42" in text_of(await browser.get(HERE))


async def test_ticked_lines_or_all_are_allocated(office):
    on_sale(office)
    office.services.on("POST", "sales", f"{SALE}/allocate", CHANGED | {"published": True})
    browser = await office.signed_in()
    await browser.post(f"{HERE}/allocate", {"ids": ["l1"]}, page=HERE)
    assert body_of(office.services.last("POST", f"{SALE}/allocate")) == {"line_ids": ["l1"]}
    await browser.post(f"{HERE}/allocate", page=HERE)
    assert body_of(office.services.last("POST", f"{SALE}/allocate")) == {}
    assert "The distribution is complete and the others are told" in text_of(await browser.get(HERE))


async def test_what_is_missing_is_listed_line_by_line_with_the_way_to_its_field(office):
    gap = {
        "rule": "EF-71", "line_id": "l1", "label": "ROSE", "field": "packing", "message": "the packing is missing",
        "cure": "fill it in", "link": "",
    }  # fmt: skip
    missing = {
        "visible": False,
        "missing": [{"rule": "EF-63", "message": "Use EKTs is off", "cure": ""}, gap],
    }
    on_sale(office, sale(use_ekts=False, complete=False, can_resend=missing))
    text = text_of(await (await office.signed_in()).get(HERE))
    assert "The distribution is not complete yet" in text
    assert f'ROSE: the packing is missing - fill it in <a href="{HERE}/lines/l1#f-packing-code">' in text
    reader = await office.with_roles("read-only", name="reader-sale")
    text = text_of(await reader.get(HERE))
    assert "ROSE: the packing is missing" in text
    assert f"{HERE}/lines" not in text
    assert 'name="ids"' not in text


async def test_a_sale_of_another_system_is_shown_and_resent_and_not_changed(office):
    on_sale(office, sale(own=False, source="//webshop.example/orders"))
    browser = await office.signed_in()
    text = text_of(await browser.get(HERE))
    assert "Kept in orders" in text
    assert "Resend EKT</button>" in text
    assert f"{HERE}/lines" not in text
    assert (await browser.get(f"{HERE}/lines/l1")).headers["location"] == HERE


async def test_a_correction_that_waits_is_shown_and_looked_for_again(office):
    on_sale(office, sale(publish_at="2026-11-02T09:42:02Z"))
    browser = await office.signed_in()
    answer = await browser.get(HERE)
    assert "Correction is told in a moment" in answer.text
    assert f'hx-get="{HERE}?part=standing"' in answer.text
    on_sale(office, sale(revision=2))
    part = await browser.get(f"{HERE}?part=standing")
    assert "revision 2" in text_of(part)
    assert "hx-get" not in part.text


async def test_the_history_reads_from_old_to_new_with_who_when_and_why(office):
    on_sale(office)
    change = {"line_id": "l1", "label": "ROSE", "kind": "changed", "field": "units", "old": "10", "new": "4"}
    gone = {
        "line_id": "l2",
        "label": "<b>LILY",
        "kind": "removed",
        "field": "",
        "old": "3 x 50 @ 0.2",
        "new": "",
    }
    many = [change | {"field": "price", "old": "", "new": str(n)} for n in range(15)]
    items = [
        {"at": "2026-11-02T09:43:00Z", "who": "Piet", "what": "published", "revision": 2, "reason": ""},
        {"at": "2026-11-02T09:42:00Z", "who": "Piet", "what": "lines moved", "reason": "swapped", "other_debtor": "d2",
         "changes": [change, gone, change | {"field": "bought", "old": "clock", "new": "stock"}]},
        {"at": "2026-11-02T09:41:00Z", "who": "", "what": "something new", "changes": many},
    ]  # fmt: skip
    office.services.on("GET", "sales", f"{SALE}/history", page(*items))
    text = text_of(await (await office.signed_in()).get(HERE))
    assert "Told to the others as revision 2" in text
    assert "ROSE: Units from 10 to 4" in text
    assert "ROSE: Bought from Clock to Stock" in text
    assert "swapped" in text
    assert f'href="/sales/{DAY}/d2"' in text
    assert "ROSE: Price of a piece from nothing to 3" in text
    assert "and 3 more" in text
    assert "something new" in text
    assert "<b>LILY" in text  # as text: entities are resolved here
    assert "<b>LILY" not in (await (await office.signed_in()).get(HERE)).text


async def test_ticked_lines_are_moved_to_a_customer_that_was_searched(office):
    on_sale(office)
    office.services.on("GET", "debtors", "/v1/debtors", page(card(debtor_id="d2", name="De Linde"), card()))
    moved = {"days": [CHANGED, CHANGED], "line_ids": {"l1": "l1"}}
    office.services.on("POST", "sales", f"{SALE}/move", moved)
    browser = await office.signed_in()
    begun = await browser.post(f"{HERE}/move", {"ids": ["l1"]}, page=HERE)
    assert begun.headers["location"] == f"{HERE}/move?line=l1"
    first = text_of(await browser.get(begun.headers["location"]))
    assert "Find the customer who gets these lines above" in first
    found = await browser.get(f"{HERE}/move?line=l1&q=linde")
    assert office.services.last("GET", "/v1/debtors").url.params["q"] == "linde"
    assert "De Linde" in found.text
    assert 'value="d1"' not in found.text  # never to itself
    body = {
        "_revision": "7",
        "line": ["l1"],
        "units.l1": "2",
        "to": "d2",
        "name.d2": "De Linde",
        "reason": "swapped",
    }
    answer = await browser.post(f"{HERE}/move/confirm?q=linde", body, page=HERE)
    assert answer.headers["location"] == HERE
    request = office.services.last("POST", f"{SALE}/move")
    assert request.headers["if-match"] == '"7"'
    assert body_of(request) == {"to": "d2", "lines": [{"line_id": "l1", "units": 2}], "reason": "swapped"}
    assert "1 line moved to De Linde" in text_of(await browser.get(HERE))


async def test_a_move_that_is_refused_says_why_and_keeps_the_choice(office):
    on_sale(office)
    office.services.on("GET", "debtors", "/v1/debtors", page(card(debtor_id="d2", name="De Linde")))
    browser = await office.signed_in()
    body = {"_revision": "7", "line": ["l1"], "units.l1": "9", "to": "d2"}
    error = {
        "field": "lines.0.units",
        "message": "9 units are more than the 3 that were sold",
        "cure": "move 3 at most",
    }
    office.services.on("POST", "sales", f"{SALE}/move", problem(422, "No", error), 422)
    answer = await browser.post(f"{HERE}/move/confirm?q=linde", body, page=HERE)
    assert answer.status_code == 422
    assert "9 units are more than the 3 that were sold. move 3 at most." in text_of(answer)
    office.services.on("POST", "sales", f"{SALE}/move", problem(412, "changed"), 412)
    answer = await browser.post(f"{HERE}/move/confirm", body, page=HERE)
    assert "Changed by Piet at 10:42" in text_of(answer)
    nobody = await browser.post(f"{HERE}/move/confirm", body | {"to": ""}, page=HERE)
    assert "Choose the customer who gets the lines" in text_of(nobody)
    assert (await browser.post(f"{HERE}/move", page=HERE)).headers["location"] == HERE
