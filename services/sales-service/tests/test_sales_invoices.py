"""Invoices over HTTP: gapless numbers, frozen contents, credit notes, VAT, payment status."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from klokwerk import pinned
from klokwerk.database import Database
from klokwerk_contracts.debtor_changed import CardAddress, EmailAddress
from klokwerk_contracts.invoice_created import InvoiceCreated
from sales_world import MONDAY, SELLER, World, card, line
from sqlalchemy.exc import IntegrityError

LINE = {"name": "Rosa Red Naomi", "quantity": "800", "price": "0.56", "article_number": "A-100"}


async def test_twenty_at_once_get_twenty_numbers_without_a_gap(world: World) -> None:
    debtor = await world.debtor()
    drafts = []
    for n in range(20):
        body = {"debtor_id": debtor.debtor_id, "lines": [{**LINE, "quantity": str(n + 1)}]}
        drafts.append((await world.post("/invoices", {**body, "issue_date": "2031-05-01"})).json())
    # Every third one can't be issued: its sale line does not exist. It must leave no gap.
    for draft in drafts[::3]:
        bad = {
            "debtor_id": debtor.debtor_id,
            "issue_date": "2031-05-01",
            "order_day": str(MONDAY),
            "lines": [{**LINE, "sale_line_id": "GONE"}],
        }
        tag = f'"{draft["revision"]}"'
        changed = await world.put(f"/invoices/{draft['invoice_id']}", bad, headers={"If-Match": tag})
        assert changed.status_code == 200, changed.text
    answers = await asyncio.gather(
        *[world.post(f"/invoices/{draft['invoice_id']}/finalise") for draft in drafts]
    )
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) == 13
    assert {answer.status_code for answer in answers} == {200, 409}
    assert sorted(entry["number"] for entry in good) == [f"F2031-{n:05d}" for n in range(1, 14)]
    events = await world.events("invoice.created", debtor.debtor_id, at_least=13)
    assert sorted(event["invoice_number"] for event in events) == sorted(entry["number"] for entry in good)


async def test_EP_08_a_draft_has_no_number_and_tells_nobody(world: World) -> None:
    debtor = await world.debtor()
    draft = (await world.post("/invoices", {"debtor_id": debtor.debtor_id, "lines": [LINE]})).json()
    assert (draft["state"], draft["number"]) == ("draft", None)
    assert draft["document"]["totals"]["gross"] == "488.32"
    assert await world.events("invoice.created", debtor.debtor_id) == []


async def test_an_issued_invoice_is_published_as_issued_and_once(world: World) -> None:
    debtor = await world.debtor()
    issued = await world.finalised(debtor.debtor_id, lines=[LINE])
    again = await world.post(f"/invoices/{issued['invoice_id']}/finalise")
    assert again.json() == issued
    (event,) = await world.events("invoice.created", debtor.debtor_id)
    assert event == issued["document"]
    assert event["totals"] == {
        "net": "448.00",
        "vat": "40.32",
        "gross": "488.32",
        "prepaid": "0",
        "payable": "488.32",
    }
    assert event["payment"]["reference"] == event["invoice_number"]
    assert event["seller"]["vat_number"] == SELLER["vat_number"]
    InvoiceCreated.model_validate(event)


async def test_LS_09_LS_10_LS_11_an_issued_invoice_is_not_edited_nor_deleted(world: World) -> None:
    debtor, other = await world.debtor(), await world.debtor()
    issued = await world.finalised(debtor.debtor_id, lines=[LINE])
    path = f"/invoices/{issued['invoice_id']}"
    for change in ({"lines": [{**LINE, "price": "9"}]}, {"debtor_id": other.debtor_id}):
        body = {"debtor_id": debtor.debtor_id, "lines": [LINE], **change}
        answer = await world.put(path, body, headers={"If-Match": f'"{issued["revision"]}"'})
        assert answer.status_code == 409
        assert "credit note" in answer.json()["errors"][0]["cure"]
    assert (await world.ask("DELETE", path)).status_code == 409
    assert (await world.get(path)).json() == issued


@pytest.mark.parametrize(
    "statement",
    [
        "update invoices set document = jsonb_set(document, '{buyer,name}', '\"X\"') where invoice_id = :id",
        "update invoices set gross = 1 where invoice_id = :id",
        "update invoices set number = 'F1' where invoice_id = :id",
        "update invoices set state = 'draft', number = null, document = null where invoice_id = :id",
        "delete from invoices where invoice_id = :id",
        "update invoice_lines set net_amount = 1 where invoice_id = :id",
        "delete from invoice_lines where invoice_id = :id",
    ],
)
async def test_LS_11_the_database_itself_keeps_an_issued_invoice_frozen(
    world: World, database_url: str, statement: str
) -> None:
    debtor = await world.debtor()
    issued = await world.finalised(debtor.debtor_id)
    database = Database(database_url, pool=1)
    try:
        with pytest.raises(IntegrityError, match=r"final|never change"):
            async with database.transaction() as connection:
                await connection.execute(sa.text(statement), {"id": issued["invoice_id"]})
    finally:
        await database.close()
    assert (await world.get(f"/invoices/{issued['invoice_id']}")).json() == issued


async def test_LS_12_later_changes_of_the_master_data_leave_an_issued_invoice(world: World) -> None:
    debtor = await world.debtor(name="Oude naam")
    article = {"name": "LELIE WIT", "vbn_code": "10555", "packing_code": "997", "pieces_per_unit": 40}
    await world.post("/articles", {**article, "number": "LEL-1"})
    await world.sell(debtor.debtor_id, {"article_number": "LEL-1", "units": 2, "price": "0.80"})
    issued = await world.finalised(debtor.debtor_id, lines=[], order_day=str(MONDAY))
    assert [entry["name"] for entry in issued["document"]["lines"]] == ["LELIE WIT"]
    new = {**article, "name": "LELIE ROZE", "vat_class": "standard"}
    assert (await world.put("/articles/LEL-1", new, headers={"If-Match": '"1"'})).status_code == 200
    await world.know(card(debtor.debtor_id, revision=2, name="Nieuwe naam", payment_term_days=60))
    seller = await world.get("/seller")
    changed = {**SELLER, "name": "Bloem Groothandel Nieuw B.V."}
    try:
        answer = await world.put("/seller", changed, headers={"If-Match": seller.headers["ETag"]})
        assert answer.status_code == 200
        shown = (await world.get(f"/invoices/{issued['invoice_id']}")).json()
        assert shown == issued
        assert shown["document"]["buyer"]["name"] == "Oude naam"
        new = await world.finalised(debtor.debtor_id, lines=[LINE])
        assert new["document"]["buyer"]["name"] == "Nieuwe naam"
        assert new["document"]["seller"]["name"] == "Bloem Groothandel Nieuw B.V."
    finally:
        tag = (await world.get("/seller")).headers["ETag"]
        await world.put("/seller", SELLER, headers={"If-Match": tag})


async def test_LS_14_the_wrong_invoice_stays_beside_its_credit_note_and_the_new_one(
    world: World,
) -> None:
    debtor = await world.debtor(discount_percent="10")
    wrong = await world.finalised(debtor.debtor_id, lines=[LINE])
    assert wrong["document"]["totals"]["net"] == "403.20"
    await world.know(card(debtor.debtor_id, revision=2, name="Ander", discount_percent="0"))
    draft = await world.post(f"/invoices/{wrong['invoice_id']}/credit")
    assert (draft.json()["state"], draft.json()["payment_choices"]) == ("draft", [])
    note = (await world.post(f"/invoices/{draft.json()['invoice_id']}/finalise")).json()
    assert note["number"].startswith("C2026-")
    assert note["document"]["kind"] == "credit_note"
    assert note["document"]["corrects"] == wrong["number"]
    # Credited as it was issued, not as the customer stands now.
    assert note["document"]["totals"]["gross"] == wrong["document"]["totals"]["gross"]
    assert note["document"]["buyer"] == wrong["document"]["buyer"]
    assert note["payment_choices"] == ["not_paid", "paid"]
    right = await world.finalised(debtor.debtor_id, lines=[{**LINE, "price": "0.50"}])
    listed = (await world.get("/invoices", params={"debtor_id": debtor.debtor_id})).json()["items"]
    assert [row["number"] for row in listed] == [right["number"], note["number"], wrong["number"]]
    assert (await world.post(f"/invoices/{wrong['invoice_id']}/credit")).status_code == 409


async def test_no_more_is_credited_than_was_invoiced(world: World) -> None:
    debtor = await world.debtor()
    issued = await world.finalised(debtor.debtor_id, lines=[LINE])
    draft = (await world.post(f"/invoices/{issued['invoice_id']}/credit")).json()
    body = {"debtor_id": debtor.debtor_id, "lines": [{**LINE, "line_id": "1", "quantity": "801"}]}
    tag = {"If-Match": f'"{draft["revision"]}"'}
    changed = await world.put(f"/invoices/{draft['invoice_id']}", body, headers=tag)
    assert changed.status_code == 200
    answer = await world.post(f"/invoices/{draft['invoice_id']}/finalise")
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "lines"


async def test_an_order_day_is_billed_with_its_packing_and_each_line_once(world: World) -> None:
    debtor = await world.debtor()
    vase = line(line_id="V", vat_class="standard", price="2.00", pieces_per_unit=1, units=3)
    await world.sell(
        debtor.debtor_id, line(line_id="R", packing={"code": "566", "price": "0.75"}), vase, allocate=False
    )
    wanted = {"debtor_id": debtor.debtor_id, "order_day": str(MONDAY)}
    incomplete = await world.post("/invoices", wanted)
    assert incomplete.status_code == 409
    assert {error["field"] for error in incomplete.json()["errors"]} == {
        "lines.R.allocated",
        "lines.V.allocated",
    }
    await world.post(f"/days/{MONDAY}/debtors/{debtor.debtor_id}/allocate", {})
    draft, twin = [(await world.post("/invoices", wanted)).json() for _ in range(2)]
    document = draft["document"]
    assert [(entry["name"], entry["net_amount"]) for entry in document["lines"]] == [
        ("R GR RED NAOMI", "448.00"),
        ("R GR RED NAOMI", "6.00"),
        ("Emballage 566", "7.50"),
    ]
    assert {(entry["percent"], entry["taxable"], entry["tax"]) for entry in document["vat"]} == {
        ("9", "455.50", "41.00"),
        ("21", "6.00", "1.26"),
    }
    final = await world.post(f"/invoices/{draft['invoice_id']}/finalise")
    assert final.status_code == 200
    second = await world.post(f"/invoices/{twin['invoice_id']}/finalise")
    assert second.status_code == 409
    assert "meanwhile" in second.json()["detail"]
    assert (await world.post("/invoices", wanted)).status_code == 422
    # Credited in full, the day can be billed again.
    note = (await world.post(f"/invoices/{draft['invoice_id']}/credit")).json()
    assert (await world.post(f"/invoices/{note['invoice_id']}/finalise")).status_code == 200
    assert (await world.post("/invoices", wanted)).status_code == 201


@pytest.mark.parametrize(
    ("country", "vat_number", "regime", "category", "gross"),
    [
        ("NL", "NL001234567B01", "standard", "S", "488.32"),
        ("DE", "DE136695976", "standard", "K", "448.00"),
        ("NL", "NL001234567B01", "reverse_charge", "AE", "448.00"),
        ("CH", "", "standard", "G", "448.00"),
    ],
)
async def test_the_vat_follows_country_number_and_regime(
    world: World, country: str, vat_number: str, regime: str, category: str, gross: str
) -> None:
    address = CardAddress(lines=("Weg 1",), postal_code="1", city="Stad", country=country)
    debtor = await world.debtor(
        country=country, vat_number=vat_number, vat_regime=regime, addresses=(address,)
    )
    issued = await world.finalised(debtor.debtor_id, lines=[LINE])
    document = issued["document"]
    (group,) = document["vat"]
    assert (group["category"], document["totals"]["gross"]) == (category, gross)
    assert bool(group["reason"]) is (category != "S")
    if category == "K":
        assert document["delivered_on"]
        assert document["deliver_to"]["country"] == country
    assert issued["reverse_charge"] is (category == "AE")


async def test_FA_15_FA_16_a_regime_on_the_invoice_overrides_the_customers_for_that_invoice_only(
    world: World,
) -> None:
    debtor = await world.debtor(vat_number="NL001234567B01")
    special = await world.finalised(debtor.debtor_id, lines=[LINE], vat_regime="reverse_charge")
    usual = await world.finalised(debtor.debtor_id, lines=[LINE])
    assert special["document"]["vat"][0]["category"] == "AE"
    assert usual["document"]["vat"][0]["category"] == "S"
    wrong = {"debtor_id": debtor.debtor_id, "lines": [LINE], "vat_regime": "gold"}
    answer = await world.post("/invoices", wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "vat_regime"
    assert "reverse_charge" in answer.json()["errors"][0]["cure"]


async def test_FA_22_the_customers_term_overrides_the_companys(world: World) -> None:
    usual, patient = await world.debtor(), await world.debtor(payment_term_days=30)
    today = world.clock.today()
    for debtor, days in ((usual, 14), (patient, 30)):
        issued = await world.finalised(debtor.debtor_id)
        assert issued["due_date"] == str(today + timedelta(days=days))


async def test_FA_41_FA_42_FA_43_the_buyer_is_printed_with_the_contact_and_the_right_address(
    world: World,
) -> None:
    addresses = (
        CardAddress(kind="visit", lines=("Winkel 1",), city="Delft", country="NL"),
        CardAddress(kind="invoice", lines=("Postbus 9",), city="Delft", country="NL"),
    )
    emails = (
        EmailAddress(address="info@winkel.example"),
        EmailAddress(address="boekhouding@winkel.example", document="invoice"),
    )
    debtor = await world.debtor(addresses=addresses, emails=emails)
    named = await world.finalised(debtor.debtor_id, attention={"name": "Mevr. Jansen"})
    buyer = named["document"]["buyer"]
    assert (buyer["attention"], buyer["address"]["lines"]) == ("Mevr. Jansen", ["Postbus 9"])
    assert buyer["email"] == "boekhouding@winkel.example"
    own = {"name": "De heer Bos", "address": {"lines": ["Kade 4"], "city": "Gouda", "country": "NL"}}
    moved = await world.finalised(debtor.debtor_id, attention=own)
    assert moved["document"]["buyer"]["address"]["lines"] == ["Kade 4"]


async def test_FA_35_FA_36_turnover_is_invoices_minus_credit_notes_without_drafts(world: World) -> None:
    debtor = await world.debtor()
    first = await world.finalised(debtor.debtor_id, lines=[LINE])
    await world.finalised(debtor.debtor_id, lines=[{**LINE, "quantity": "100"}])
    await world.post("/invoices", {"debtor_id": debtor.debtor_id, "lines": [LINE]})
    path = f"/debtors/{debtor.debtor_id}/turnover"
    found = (await world.get(path)).json()
    assert (found["net"], found["documents"]) == ("504.00", 2)
    note = (await world.post(f"/invoices/{first['invoice_id']}/credit")).json()
    assert (await world.get(path)).json()["net"] == "504.00"
    await world.post(f"/invoices/{note['invoice_id']}/finalise")
    found = (await world.get(path)).json()
    assert found["net"] == "56.00"
    assert [(row["article_number"], row["quantity"], row["net"]) for row in found["articles"]] == [
        ("A-100", "100", "56.00")
    ]


async def test_LS_31_LS_33_LS_34_LS_38_an_invoice_goes_from_not_paid_to_paid_with_its_date(
    world: World,
) -> None:
    debtor = await world.debtor()
    issued = await world.finalised(debtor.debtor_id)
    path = f"/invoices/{issued['invoice_id']}"

    async def patch(body: dict, tag: str):
        return await world.ask("PATCH", path, json=body, headers={"If-Match": tag})

    assert issued["payment_choices"] == ["paid"]
    tag = f'"{issued["revision"]}"'
    paid = await patch({"payment_status": "paid", "delivery_time": "donderdag"}, tag)
    assert paid.status_code == 200
    assert (paid.json()["payment_status"], paid.json()["paid_on"]) == ("paid", str(world.clock.today()))
    assert paid.json()["delivery_time"] == "donderdag"
    assert paid.json()["document"] == issued["document"]
    assert paid.json()["payment_choices"] == []
    assert (await patch({"payment_status": "paid"}, tag)).status_code == 412
    back = await patch({"payment_status": "not_paid"}, paid.headers["ETag"])
    assert back.status_code == 409
    day = {"paid_from": str(world.clock.today()), "debtor_id": debtor.debtor_id}
    assert len((await world.get("/invoices", params=day)).json()["items"]) == 1
    reversed_ = await world.post(f"{path}/reverse-payment", {"reason": "bank returned it"})
    assert reversed_.json()["payment_status"] == "not_paid"
    history = (await world.get(f"{path}/history")).json()["items"]
    assert history[0]["new"]["reason"] == "bank returned it"


async def test_LS_16_the_issued_invoices_of_a_filter_are_those_that_were_confirmed_or_none(
    world: World,
) -> None:
    debtor = await world.debtor()
    first, second = [await world.finalised(debtor.debtor_id) for _ in range(2)]
    await world.post("/invoices", {"debtor_id": debtor.debtor_id, "lines": [LINE]})
    matching = {"debtor_id": debtor.debtor_id, "payment_status": "not_paid"}
    told = (await world.get("/invoices/count", params={"debtor_id": debtor.debtor_id})).json()
    assert (told["count"], told["issued"]["count"]) == (3, 2), "a draft can't be sent"
    told = (await world.get("/invoices/count", params=matching)).json()
    asked = {"matching": matching, "pin": told["issued"]}
    answer = await world.post("/invoices/issued", asked)
    assert answer.json()["invoice_ids"] == [first["invoice_id"], second["invoice_id"]]

    # One is paid and another one issued: as many, but others.
    path = f"/invoices/{first['invoice_id']}"
    tag = (await world.get(path)).headers["ETag"]
    await world.ask("PATCH", path, json={"payment_status": "paid"}, headers={"If-Match": tag})
    third = await world.finalised(debtor.debtor_id)
    answer = await world.post("/invoices/issued", asked)
    assert (answer.status_code, answer.json()["type"]) == (409, pinned.CHANGED)
    asked["pin"] = (await world.get("/invoices/count", params=matching)).json()["issued"]
    answer = await world.post("/invoices/issued", asked)
    assert answer.json()["invoice_ids"] == [second["invoice_id"], third["invoice_id"]]
    assert (await world.post("/invoices/issued", {**asked, "matching": {"paid": True}})).status_code == 422


async def test_LS_35_LS_36_a_processed_credit_note_may_be_set_both_ways(world: World) -> None:
    debtor = await world.debtor()
    issued = await world.finalised(debtor.debtor_id)
    note = (await world.post(f"/invoices/{issued['invoice_id']}/credit")).json()
    path = f"/invoices/{note['invoice_id']}"
    early = await world.ask("PATCH", path, json={"payment_status": "paid"}, headers={"If-Match": '"1"'})
    assert early.status_code == 409
    await world.post(f"{path}/finalise")
    for status in ("paid", "not_paid"):
        tag = (await world.get(path)).headers["ETag"]
        answer = await world.ask("PATCH", path, json={"payment_status": status}, headers={"If-Match": tag})
        assert answer.json()["payment_status"] == status


async def test_LS_02_LS_03_LS_07_LS_08_the_list_is_newest_first_and_searched_by_customer(
    world: World,
) -> None:
    debtor = await world.debtor(name="Fleuriste Éléonore", vat_number="NL001234567B01")
    issued = [await world.finalised(debtor.debtor_id, lines=[LINE]) for _ in range(3)]
    shifted = await world.finalised(debtor.debtor_id, lines=[LINE], vat_regime="reverse_charge")
    found = (await world.get("/invoices", params={"q": "eleonore", "limit": 2})).json()
    rest = (
        await world.get("/invoices", params={"q": "eleonore", "limit": 2, "cursor": found["next"]})
    ).json()
    assert [row["number"] for row in found["items"] + rest["items"]] == [
        shifted["number"],
        *[entry["number"] for entry in reversed(issued)],
    ]
    both = await world.get("/invoices", params={"q": "eleonore", "reverse_charge": True})
    assert [row["number"] for row in both.json()["items"]] == [shifted["number"]]
    book = await world.get("/invoices.xlsx", params={"q": "eleonore"})
    assert book.content[:2] == b"PK"


async def test_what_can_not_be_issued_is_refused_with_every_field(world: World) -> None:
    debtor = await world.debtor(vat_regime="reverse_charge")
    twice = {**LINE, "line_id": "A"}
    for body, fields in [
        ({"debtor_id": debtor.debtor_id, "lines": [LINE]}, ["buyer.vat_number"]),
        ({"debtor_id": debtor.debtor_id, "lines": []}, ["lines"]),
        ({"debtor_id": debtor.debtor_id, "lines": [twice, twice]}, ["lines[1].line_id"]),
        ({"debtor_id": "NOBODY", "lines": [LINE]}, ["debtor_id"]),
        (
            {
                "debtor_id": debtor.debtor_id,
                "vat_regime": "domestic",
                "lines": [{**LINE, "quantity": "-1"}],
            },
            ["lines"],
        ),
        (
            {
                "debtor_id": debtor.debtor_id,
                "lines": [{**LINE, "quantity": "999999999999999", "base_quantity": "0.000001"}],
            },
            ["lines[0].quantity"],
        ),
    ]:
        answer = await world.post("/invoices", body)
        assert answer.status_code == 422, body
        assert [error["field"] for error in answer.json()["errors"]] == fields
        assert all(error["cure"] for error in answer.json()["errors"])


async def test_our_own_company_is_checked_and_edited_by_revision(world: World) -> None:
    wrong = {**SELLER, "vat_number": "NL123456783B12", "chamber_number": "123", "iban": "NL00"}
    tag = (await world.get("/seller")).headers["ETag"]
    answer = await world.put("/seller", wrong, headers={"If-Match": tag})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["vat_number", "chamber_number", "iban"]
    assert (await world.put("/seller", SELLER)).status_code == 428
    assert (await world.put("/seller", SELLER, headers={"If-Match": '"0"'})).status_code == 412
    forbidden = await world.put("/seller", SELLER, headers={"If-Match": tag}, roles=("sales",))
    assert forbidden.status_code == 403
