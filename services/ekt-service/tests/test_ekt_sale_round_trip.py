"""Anything that a sale can hold goes out in an EKT and is read back as it was, by us and by another reader."""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from ekt_service.domain import files
from ekt_service.domain.line_numbers import LineNumbers
from ekt_service.domain.module import EktModule
from ekt_service.edifact.characters import CharacterSet, conform
from ekt_service.edifact.clockt import Transaction, barcode
from ekt_service.edifact.reader import read
from ekt_service.edifact.validator import validate
from golden_shapes import MADE, ZONE, Shape
from hypothesis import given, settings
from hypothesis import strategies as st
from klokwerk_contracts import SaleCompleted
from klokwerk_contracts.sale_completed import (
    Article,
    Bought,
    Characteristic,
    Grower,
    Packing,
    SaleLine,
    goods_total,
)
from klokwerk_contracts.types import Money
from pydifact_lines import lines_of

SETS = {"ascii": CharacterSet.UNOA, "latin-1": CharacterSet.UNOC, "utf-8": CharacterSet.UNOY}
DAY = MADE.date()
_anything = st.characters(exclude_categories=("Cs",))
_services = st.sampled_from("?+:'\"\r\n\t &éßœŁ€漢 A1")
_character = st.one_of(_anything, _services)


def _text(most: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(_character, min_size=least, max_size=most)


_code = _text(35)
_amounts = st.decimals(min_value=0, max_value=10**9, places=6, allow_nan=False, allow_infinity=False)
_money = st.builds(Money, amount=_amounts)
_digits = st.integers(0, 9_999_999).map(str)
_marks = st.builds(
    Characteristic, type=st.from_regex(r"[SLK][0-9]{2}", fullmatch=True), value=_text(10, 1)
).filter(lambda mark: mark.type not in ("S62", "S99"))
_lines = st.builds(
    SaleLine,
    line_id=st.just("L1"),
    article=st.builds(
        Article,
        vbn_code=_digits,
        name=_text(60, 1),
        number=_code,
        characteristics=st.lists(_marks, max_size=4).map(tuple),
        country_of_origin=st.none() | st.from_regex(r"[A-Z]{2}", fullmatch=True),
        image_url=_text(60),
    ),
    packing=st.builds(Packing, code=st.integers(0, 9999).map(str), price=st.none() | _money),
    pieces_per_unit=st.integers(1, 1_000_000),
    units=st.integers(1, 1_000_000),
    price=_money,
    customer_price=st.none() | _money,
    grower=st.builds(Grower, number=_code, name=_text(40)),
    bought=st.sampled_from(Bought),
    clock_number=st.none() | st.integers(1, 98),
    supply_letter=_code,
    supply_letter_line=_code,
    sequence=_code,
    plate=_code,
    order_reference=_code,
    load_carriers=st.none() | st.integers(0, 9999),
    transaction_at=st.none()
    | st.datetimes(
        min_value=datetime(2026, 1, 30, 0, 0),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(2026, 1, 30, 22, 59),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
)


def _expected(line: SaleLine, charset: CharacterSet) -> dict[str, Any]:
    """What must come back, said anew from the contract and not with the mapping under test."""

    def text(value: str, most: int = 35) -> str:
        return conform(value, charset)[:most].rstrip()

    article = line.article
    marks = [(mark.type, text(mark.value)) for mark in article.characteristics]
    if article.country_of_origin:
        marks.append(("S62", article.country_of_origin))
    wall = line.transaction_at.astimezone(ZONE) if line.transaction_at else None
    values: dict[str, Any] = {
        "product": article.vbn_code,
        "agj": "77",
        "order_line": "5",
        "barcode": barcode("41", str(line.clock_number or ""), DAY, 77, line.units),
        "name": text(article.name),
        "article": text(article.number),
        "pieces": line.pieces_per_unit,
        "units": line.units,
        "price": line.price.amount,
        "customer_price": line.customer_price.amount if line.customer_price else "",
        "nad_mf": text(line.grower.number),
        "clock": str(line.clock_number or 99),
        "letter": text(line.supply_letter),
        "letter_line": text(line.supply_letter_line),
        "sequence": text(line.sequence),
        "place": text(line.plate),
        "order": text(line.order_reference),
        "time": f"{wall:%H%M%S}" if wall else "",
        "packaging": line.packing.code,
        "packaging_price": line.packing.price.amount if line.packing.price else "",
        "carriers": "" if line.load_carriers == 0 else str(line.load_carriers or 1),
    }
    return {name: value for name, value in values.items() if value != ""} | {
        "marks": [mark for mark in marks if mark[1]]
    }


def _ours(line: Transaction) -> dict[str, Any]:
    values: dict[str, Any] = {
        "product": line.vbn_code,
        "agj": line.agj,
        "order_line": line.order_line,
        "barcode": line.barcode,
        "name": line.name,
        "article": line.article,
        "pieces": line.pieces,
        "units": line.units,
        "price": line.price,
        "customer_price": "" if line.customer_price is None else line.customer_price,
        "nad_mf": line.grower,
        "clock": line.clock,
        "letter": line.letter,
        "letter_line": line.letter_line,
        "sequence": line.sequence,
        "place": line.place,
        "order": line.order,
        "time": f"{line.at:%H%M%S}" if line.at is not None else "",
        "packaging": line.packaging,
        "packaging_price": "" if line.packaging_price is None else line.packaging_price,
        "carriers": line.carriers,
    }
    marks = [(mark.type, mark.value) for mark in line.characteristics if mark.value]
    return {name: value for name, value in values.items() if value != ""} | {"marks": marks}


@settings(max_examples=120, deadline=None)
@given(line=_lines, character_set=st.sampled_from(sorted(SETS)))
def test_a_sale_line_survives_writing_our_reader_and_pydifact(line: SaleLine, character_set: str) -> None:
    charset = SETS[character_set]
    shape = Shape((line,), {"character_set": character_set}, {"name_length": 35})
    module = EktModule(
        sender_code="8714231141907", auction_code="41", name_length=35, active=True, mail_from="a@b.example"
    )
    sale = SaleCompleted(debtor_id="D1", order_day=DAY, revision=1, completed_at=MADE, lines=(line,))
    code = barcode("41", str(line.clock_number or ""), DAY, 77, line.units)
    numbers = {"L1": LineNumbers("77", code, "5")}
    form = files.format_of(shape.debtor, module)
    (file,) = files.build(sale, form, module, numbers, [9], MADE, ZONE)

    (ours,) = read(file.content).lines
    expected = _expected(line, charset)
    assert _ours(ours) == expected
    (theirs,) = lines_of(file.content, charset.encoding)
    assert {name: value for name, value in theirs.items() if name in expected} == expected
    assert (theirs["nad_by"], theirs["nad_fla"], theirs["day"]) == ("10001", "41", "20260130")
    if ours.image:
        assert ours.image == theirs["image"]
    report = validate(file.content, goods_total(sale.lines))
    assert report.errors == ()


@pytest.mark.parametrize("character_set", sorted(SETS))
@pytest.mark.parametrize(
    "name",
    ["Růžička", "Ørnbjerg Æ", "Straße 12 °C", "薔薇", "Ελληνικά", "naïve ½", "‘s-Gravenzande – “rood”"],
)
def test_names_of_the_world_are_kept_or_brought_nearest(name: str, character_set: str) -> None:
    charset = SETS[character_set]
    line = SaleLine(
        line_id="L1",
        article=Article(vbn_code="1", name=name),
        packing=Packing(code="999"),
        pieces_per_unit=1,
        units=1,
        price=Money(amount=Decimal(1)),
        transaction_at=datetime.combine(DAY, time(12), UTC),
    )
    shape = Shape((line,), {"character_set": character_set}, {"name_length": 35})
    (file,) = shape.build()
    (ours,), (theirs,) = read(file.content).lines, lines_of(file.content, charset.encoding)
    assert ours.name == theirs.get("name", "") == conform(name, charset)
    if charset is CharacterSet.UNOY:
        assert ours.name == name
    if charset is CharacterSet.UNOA:
        assert ours.name == ours.name.upper()
        assert ours.name.isascii()
