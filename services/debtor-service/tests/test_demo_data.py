"""The demo's files: every number checks out, every reference leads somewhere, and the counts are as promised."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from debtor_service.domain.checks import check_card
from debtor_service.domain.layout import check_header, read_row
from klokwerk_contracts import EVENTS
from klokwerk_contracts.sale_completed import SaleCompleted, SaleLine, goods_total
from schwifty import IBAN
from stdnum import ean, luhn
from stdnum.be import vat as belgian
from stdnum.de import handelsregisternummer
from stdnum.eu import vat as european
from stdnum.se import orgnr

DEMO = Path(__file__).parents[3] / "demo"


def rows(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";", strict=True))


def document(name: str) -> dict[str, Any]:
    return json.loads((DEMO / name).read_text(encoding="utf-8"))


CUSTOMERS, SUPPLIERS, ARTICLES = rows("customers.csv"), rows("suppliers.csv"), rows("articles.csv")
GROWERS, SALES, INVOICES = rows("growers.csv"), rows("sales.csv"), rows("invoices.csv")
CARDS = CUSTOMERS + SUPPLIERS


def test_there_is_as_much_as_an_order_day_needs() -> None:
    assert len(CUSTOMERS) >= 14
    assert len(SUPPLIERS) >= 4
    assert {card["country"] for card in CUSTOMERS} == {"NL", "BE", "SE", "DE"}
    assert len(ARTICLES) == 25
    assert 75 <= len(SALES) <= 90
    assert len({sale["order_day"] for sale in SALES}) == 2
    assert {sale["article_number"] for sale in SALES} == {article["number"] for article in ARTICLES}
    assert {sale["bought"] for sale in SALES} == {"clock", "direct", "stock"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card["debtor_id"])
def test_every_card_is_taken_by_the_service_as_it_stands(card: dict[str, str]) -> None:
    assert check_header(list(card)) == []
    content, problems = check_card(read_row(card, None).content)
    assert problems == []
    assert content == check_card(content)[0]
    assert content.vat_number == card["vat_number"]
    assert content.chamber_number == card["chamber_number"]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card["debtor_id"])
def test_every_number_has_the_right_check_digits_and_is_plainly_invented(card: dict[str, str]) -> None:
    if card["vat_number"]:
        assert european.is_valid(card["vat_number"])
        assert card["vat_number"].startswith(("NL9990000", "BE0777777", "SE5599000", "DE99999"))
    number = card["chamber_number"]
    checks = {
        "NL": lambda: number.isdigit() and len(number) == 8 and number.startswith("9900"),
        "BE": lambda: belgian.is_valid(number),
        "SE": lambda: orgnr.is_valid(number),
        "DE": lambda: handelsregisternummer.is_valid(number),
    }
    assert not number or checks[card["country"]]()
    if card["iban"]:
        assert IBAN(card["iban"]).is_valid
    if card["einvoice_id"]:
        check = {"0106": str.isdigit, "0208": belgian.is_valid, "0007": luhn.is_valid}[
            card["einvoice_scheme"]
        ]
        assert check(card["einvoice_id"])
        assert card["einvoice_id"] == number
    for column in ("email", "email_invoice", "email_ekt"):
        assert not card[column] or card[column].endswith(".example"), "mail must never reach anybody"


def test_ids_are_unique_and_both_administrations_have_debtors_and_creditors() -> None:
    assert max(Counter(card["debtor_id"] for card in CARDS).values()) == 1
    kinds = {(card["administration"], kind) for card in CARDS for kind in card["kinds"].split(",")}
    assert kinds == {(a, k) for a in ("main", "export") for k in ("debtor", "creditor")}
    codes = {administration["code"] for administration in document("company.json")["administrations"]}
    assert {card["administration"] for card in CARDS} == codes


def test_hostile_and_foreign_names_are_among_them() -> None:
    names = [card["name"] for card in CUSTOMERS]
    assert '=HYPERLINK("http://x.example";"Klik")' in names
    assert sum(not name.isascii() for name in names) >= 4
    assert {card["party"] for card in CUSTOMERS} == {"organisation", "person"}
    assert {card["use_ekts"] for card in CUSTOMERS} == {"yes", "no"}


def test_articles_have_codes_and_characteristics_an_ekt_can_carry() -> None:
    growers = {grower["number"] for grower in GROWERS}
    assert max(Counter(article["number"] for article in ARTICLES).values()) == 1
    for article in ARTICLES:
        assert article["vbn_code"].isdigit()
        assert article["packing_code"].isdigit()
        assert 0 < len(article["name"]) <= 20
        assert article["name"].isascii()
        assert article["grower_number"] in growers
        assert int(article["pieces_per_unit"]) > 0
        assert Decimal(article["price"]) > 0
        plant = bool(article["S01"])
        assert bool(article["S02"]) == plant
        assert bool(article["S20"]) != plant
        assert len(article["S20"]) in (0, 3)
    suppliers = {card["debtor_id"] for card in SUPPLIERS}
    assert {grower["supplier_id"] for grower in GROWERS} - {""} == suppliers


def test_sale_lines_refer_to_what_there_is() -> None:
    debtors = {card["debtor_id"]: card for card in CUSTOMERS}
    articles = {article["number"]: article for article in ARTICLES}
    assert max(Counter(sale["line_id"] for sale in SALES).values()) == 1
    for sale in SALES:
        assert debtors[sale["debtor_id"]]["administration"] == "main"
        article = articles[sale["article_number"]]
        assert sale["pieces_per_unit"] == article["pieces_per_unit"]
        assert sale["grower_number"] == article["grower_number"]
        assert date.fromisoformat(sale["order_day"])
        assert int(sale["units"]) > 0
        assert Decimal(sale["price"]).as_tuple().exponent == -3
        assert bool(sale["clock_number"]) == (sale["bought"] == "clock")
        line = {
            "line_id": sale["line_id"],
            "article": {
                "vbn_code": article["vbn_code"],
                "name": article["name"],
                "number": article["number"],
            },
            "packing": {"code": article["packing_code"]},
            "pieces_per_unit": int(sale["pieces_per_unit"]),
            "units": int(sale["units"]),
            "price": {"amount": sale["price"]},
            "bought": sale["bought"],
            "clock_number": int(sale["clock_number"]) if sale["clock_number"] else None,
            "plate": sale["plate"],
            "order_reference": sale["order_reference"],
        }
        assert SaleLine.model_validate(line).units > 0
    with_ekts = {sale["debtor_id"] for sale in SALES if debtors[sale["debtor_id"]]["use_ekts"] == "yes"}
    assert len(with_ekts) >= 6
    assert {sale["debtor_id"] for sale in SALES} - with_ekts, "some get no EKT"
    assert "bloemenbox" not in {sale["debtor_id"] for sale in SALES}, "it is fed from outside"


def test_the_correction_changes_a_line_of_a_debtor_that_uses_ekts() -> None:
    (correction,) = rows("corrections.csv")
    (sale,) = [sale for sale in SALES if sale["line_id"] == correction["line_id"]]
    assert (sale["debtor_id"], sale["order_day"]) == (correction["debtor_id"], correction["order_day"])
    assert (sale["units"], sale["price"]) != (correction["units"], correction["price"])
    assert {c["debtor_id"]: c["use_ekts"] for c in CUSTOMERS}[sale["debtor_id"]] == "yes"


def test_the_invoices_show_every_outcome_once() -> None:
    sold = {(sale["debtor_id"], sale["order_day"]) for sale in SALES}
    assert {(invoice["debtor_id"], invoice["order_day"]) for invoice in INVOICES} <= sold
    cards = {card["debtor_id"]: card for card in CUSTOMERS}
    seen = {(invoice["expected_outcome"], invoice["expected_channel"]) for invoice in INVOICES}
    assert seen == {
        ("sent", "einvoice"),
        ("sent", "email"),
        ("sent", "print"),
        ("failed", ""),
        ("ignored", "print"),
    }
    for invoice in INVOICES:
        card = cards[invoice["debtor_id"]]
        can = []
        if card["einvoice_id"]:
            can.append("einvoice")
        if card["email_allowed"] == "yes" and (card["email_invoice"] or card["email"]):
            can.append("email")
        if card["print_allowed"] == "yes" and card["street"] and card["postal_code"] and card["city"]:
            can.append("print")
        selected = invoice["selected_channels"].split(",")
        first = next((channel for channel in ("einvoice", "email", "print") if channel in can), "")
        expected = "failed" if not first else "sent" if first in selected else "ignored"
        assert (expected, first) == (invoice["expected_outcome"], invoice["expected_channel"]), invoice


def test_the_seller_is_complete_and_its_ranges_do_not_overlap() -> None:
    company = document("company.json")
    assert european.is_valid(company["vat_number"])
    assert ean.is_valid(company["gln"])
    assert IBAN(company["iban"]).is_valid
    assert company["electronic"] == {"scheme": "0106", "identifier": company["chamber_number"]}
    assert int(company["auction_code"]) > 30
    for one in company["number_ranges"]:
        for other in company["number_ranges"]:
            apart = one["last"] < other["first"] or other["last"] < one["first"]
            assert one is other or apart
    assert len(company["number_ranges"]) == 4


def test_the_outside_program_has_valid_events_for_its_debtor() -> None:
    outside = document("outside.json")
    assert outside["debtor_id"] in {card["debtor_id"] for card in CUSTOMERS}
    for topic in ("sale.completed", "invoice.created"):
        for body in outside[topic]:
            event = EVENTS[topic].model_validate(body)
            assert event.key == outside["debtor_id"]
            assert set(body) <= set(EVENTS[topic].model_fields)
    (sale,) = outside["sale.completed"]
    assert goods_total(SaleCompleted.model_validate(sale).lines) == Decimal(sale["goods_total"]["amount"])
    (invoice,) = outside["invoice.created"]
    totals = {name: Decimal(value) for name, value in invoice["totals"].items()}
    assert sum(Decimal(line["net_amount"]) for line in invoice["lines"]) == totals["net"]
    assert totals["net"] + totals["vat"] == totals["gross"] == totals["payable"]
    assert invoice["seller"]["vat_number"] == document("company.json")["vat_number"]
