"""``sale.completed``: everything a debtor bought on one order day, once its distribution is complete."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from klokwerk_contracts.types import Country, Event, Identifier, Instant, Money, Part, Text

Code = Annotated[str, StringConstraints(max_length=35)]


class Bought(StrEnum):
    """Where the lot was bought."""

    CLOCK = "clock"
    DIRECT = "direct"
    STOCK = "stock"


class Characteristic(Part):
    """A VBN characteristic: `type` as in IMD (S20 stem length, L11 stems per bunch), `value` its code."""

    type: Annotated[str, StringConstraints(pattern=r"^[SLK][0-9]{2}$")]
    value: Annotated[str, StringConstraints(min_length=1, max_length=10)]


class Article(Part):
    """What was sold: the VBN product code, and the seller's own number and name."""

    vbn_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}$")]
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    number: Code = ""
    characteristics: tuple[Characteristic, ...] = ()
    country_of_origin: Country | None = None
    image_url: Annotated[str, StringConstraints(max_length=500)] = ""


class Grower(Part):
    """Who grew it, with the number used in ``NAD+MF``."""

    number: Code = ""
    name: Text = ""


class Packing(Part):
    """Packaging: VBN packaging code (999 = own or one-way) and the deposit or price of one unit."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")]
    price: Money | None = None


class SaleLine(Part):
    """One allocated line.

    Attributes:
        line_id: stays with the line through every correction; the EKT's update key.
        pieces_per_unit: pieces (stems, pots) in one packing unit.
        units: number of packing units.
        price: price of one piece.
        customer_price: the customer's own selling price of a piece, if known.
        bought: clock, direct or stock.
        clock_number: number of the clock, when bought there.
        logistic_number: AGJ, five digits; given by the EKT service where the writer has none.
        barcode: BT; as `logistic_number`.
        plate: the buyer's place number.
        order_reference: the buyer's own reference.
        transaction_at: when the line was sold.
    """

    line_id: Identifier
    article: Article
    packing: Packing
    pieces_per_unit: Annotated[int, Field(ge=1, le=1_000_000)]
    units: Annotated[int, Field(ge=1, le=1_000_000)]
    price: Money
    customer_price: Money | None = None
    grower: Grower = Grower()
    bought: Bought = Bought.STOCK
    clock_number: Annotated[int, Field(ge=1, le=98)] | None = None
    supply_letter: Code = ""
    supply_letter_line: Code = ""
    sequence: Code = ""
    logistic_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,5}$")] = ""
    barcode: Code = ""
    plate: Code = ""
    order_reference: Code = ""
    load_carriers: Annotated[int, Field(ge=0, le=9999)] | None = None
    transaction_at: Instant | None = None


class Correction(Part):
    """Why a completed distribution changed."""

    by: Text = ""
    reason: Text = ""


class SaleCompleted(Event):
    """The completed distribution of one debtor and order day; each correction is a higher revision (D-21).

    Attributes:
        debtor_id: who bought; also the Kafka key.
        order_day: the day of the sale, in the company's zone (EF-10).
        revision: 1 at the first completion, higher with each correction.
        lines: every line as it stands now; a line that is absent was removed.
        goods_total: sum of pieces x units x price, for checking; none when not given.
    """

    TOPIC: ClassVar[str] = "sale.completed"

    debtor_id: Identifier
    order_day: date
    revision: Annotated[int, Field(ge=1)]
    completed_at: Instant
    lines: Annotated[tuple[SaleLine, ...], Field(max_length=5000)]
    goods_total: Money | None = None
    correction: Correction | None = None

    @property
    def key(self) -> str:
        """Order is kept for each debtor."""
        return self.debtor_id


def goods_total(lines: tuple[SaleLine, ...]) -> Decimal:
    """Sum of pieces x units x price over `lines`, unrounded."""
    return sum((line.pieces_per_unit * line.units * line.price.amount for line in lines), start=Decimal(0))
