"""An article: what can be sold, with the values that a new sale line takes over."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from klokwerk_contracts.sale_completed import Characteristic

from sales_service.domain.lines import VatClass


@dataclass(frozen=True, slots=True)
class Article:
    """One article; empty values are unknown and have to be given on the sale line."""

    number: str
    name: str
    vbn_code: str = ""
    packing_code: str = ""
    packing_price: Decimal | None = None
    pieces_per_unit: int | None = None
    vat_class: VatClass = VatClass.REDUCED
    characteristics: tuple[Characteristic, ...] = ()
    country_of_origin: str | None = None
    image_url: str = ""
    revision: int = 1
