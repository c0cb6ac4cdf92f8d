"""A sale line as it stands in our books: it may still lack what an EKT or an invoice needs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from klokwerk_contracts.sale_completed import (
    Article,
    Bought,
    Characteristic,
    Grower,
    Packing,
    SaleLine,
)
from klokwerk_contracts.types import Money

CURRENCY = "EUR"


class VatClass(StrEnum):
    """Which of a country's VAT rates goods fall under; the percentage is dated data (`domain.vat`)."""

    STANDARD = "standard"
    REDUCED = "reduced"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class Line:
    """One sold line of a debtor and order day.

    Attributes:
        line_id: stays with the line through every correction.
        units: packing units sold.
        allocated: packing units of those that are allocated to the debtor.
        pieces_per_unit: pieces in one packing unit; none while unknown.
        price: price of one piece, without VAT; none while unknown.
        currency: currency of every price on the line.
        packing_price: price or deposit of one packing unit; none where there is none.
        vbn_code, packing_code: empty while unknown.
        vat_class: VAT rate of the goods, used when the line is invoiced.
    """

    line_id: str
    units: int
    allocated: int = 0
    article_number: str = ""
    name: str = ""
    vbn_code: str = ""
    characteristics: tuple[Characteristic, ...] = ()
    country_of_origin: str | None = None
    image_url: str = ""
    packing_code: str = ""
    packing_price: Decimal | None = None
    pieces_per_unit: int | None = None
    price: Decimal | None = None
    currency: str = CURRENCY
    customer_price: Decimal | None = None
    grower_number: str = ""
    grower_name: str = ""
    bought: Bought = Bought.STOCK
    clock_number: int | None = None
    supply_letter: str = ""
    supply_letter_line: str = ""
    sequence: str = ""
    logistic_number: str = ""
    barcode: str = ""
    plate: str = ""
    order_reference: str = ""
    load_carriers: int | None = None
    transaction_at: datetime | None = None
    vat_class: VatClass = VatClass.REDUCED

    @property
    def label(self) -> str:
        """How a person recognises the line: its product, else its id."""
        return self.name or self.article_number or self.line_id

    @property
    def pieces(self) -> int:
        """Pieces sold; 0 while the pieces per unit are unknown."""
        return self.units * (self.pieces_per_unit or 0)

    @property
    def amount(self) -> Decimal:
        """Pieces x price, unrounded; 0 while the price is unknown."""
        return self.pieces * (self.price or Decimal(0))


def to_contract(line: Line) -> SaleLine:
    """The line as it stands in ``sale.completed``; only for a line that lacks nothing.

    Raises:
        ValueError: the line lacks a price or pieces (`domain.completeness` says so beforehand).
    """
    if line.price is None or line.pieces_per_unit is None:
        raise ValueError(f"line {line.line_id} lacks its price or pieces per unit")

    def money(amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount=amount, currency=line.currency)

    return SaleLine(
        line_id=line.line_id,
        article=Article(
            vbn_code=line.vbn_code,
            name=line.name,
            number=line.article_number,
            characteristics=line.characteristics,
            country_of_origin=line.country_of_origin,
            image_url=line.image_url,
        ),
        packing=Packing(code=line.packing_code, price=money(line.packing_price)),
        pieces_per_unit=line.pieces_per_unit,
        units=line.units,
        price=Money(amount=line.price, currency=line.currency),
        customer_price=money(line.customer_price),
        grower=Grower(number=line.grower_number, name=line.grower_name),
        bought=line.bought,
        clock_number=line.clock_number,
        supply_letter=line.supply_letter,
        supply_letter_line=line.supply_letter_line,
        sequence=line.sequence,
        logistic_number=line.logistic_number,
        barcode=line.barcode,
        plate=line.plate,
        order_reference=line.order_reference,
        load_carriers=line.load_carriers,
        transaction_at=line.transaction_at,
    )


def from_contract(line: SaleLine) -> Line:
    """A line of somebody else's ``sale.completed`` as a line of our books: sold and allocated in full."""
    return Line(
        line_id=line.line_id,
        units=line.units,
        allocated=line.units,
        article_number=line.article.number,
        name=line.article.name,
        vbn_code=line.article.vbn_code,
        characteristics=line.article.characteristics,
        country_of_origin=line.article.country_of_origin,
        image_url=line.article.image_url,
        packing_code=line.packing.code,
        packing_price=line.packing.price.amount if line.packing.price else None,
        pieces_per_unit=line.pieces_per_unit,
        price=line.price.amount,
        currency=line.price.currency,
        customer_price=line.customer_price.amount if line.customer_price else None,
        grower_number=line.grower.number,
        grower_name=line.grower.name,
        bought=line.bought,
        clock_number=line.clock_number,
        supply_letter=line.supply_letter,
        supply_letter_line=line.supply_letter_line,
        sequence=line.sequence,
        logistic_number=line.logistic_number,
        barcode=line.barcode,
        plate=line.plate,
        order_reference=line.order_reference,
        load_carriers=line.load_carriers,
        transaction_at=line.transaction_at,
    )


FIELDS = tuple(entry.name for entry in fields(Line))
"""Names of everything that is kept of a line."""


def values_of(line: Line) -> dict[str, Any]:
    """What is kept of a line, by name."""
    values = {name: getattr(line, name) for name in FIELDS}
    values["characteristics"] = [entry.model_dump() for entry in line.characteristics]
    return values


def difference(before: Line | None, after: Line | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a change made different: the fields as they were, and as they are; a line may come or go."""
    old = values_of(before) if before else {}
    new = values_of(after) if after else {}
    changed = [name for name in FIELDS if old.get(name) != new.get(name)]
    return (
        {name: old[name] for name in changed if name in old},
        {name: new[name] for name in changed if name in new},
    )
