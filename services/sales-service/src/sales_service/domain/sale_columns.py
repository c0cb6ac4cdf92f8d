"""Sale lines as a table: one layout for what goes out as a file and what comes in as one.

Every column has a name of its own and a heading in each language; a file may carry any of them. What goes out can
come in again and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from klokwerk_contracts.sale_completed import Bought

from sales_service.domain.characteristics import BY_CODE, BY_NAME
from sales_service.domain.lines import Line, VatClass
from sales_service.domain.search import fold


class BadCell(ValueError):
    """A cell can't be read; the text says what is wrong, `cure` what to write instead."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of a day as it goes out, with who bought it."""

    debtor_id: str
    debtor_number: str
    debtor_name: str
    line: Line


Read = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class SaleColumn:
    """One column.

    Attributes:
        name: the same in every language.
        nl, en: its heading.
        write: what stands in it.
        into: path of the field that it fills, as in the API; empty for a column that is only read by people.
        read: from the text of a cell to the value of that field.
        also: other headings by which it is known.
    """

    name: str
    nl: str
    en: str
    write: Callable[[SoldLine], Any]
    into: str = ""
    read: Read = str
    also: tuple[str, ...] = ()

    def heading(self, language: str) -> str:
        """Its heading in a language."""
        return self.nl if language == "nl" else self.en


def _whole(text: str) -> int:
    try:
        number = Decimal(_point(text))
    except InvalidOperation:
        raise BadCell(f"{text!r} is no number", "write a whole number such as 10") from None
    if number != number.to_integral_value():
        raise BadCell(f"{text!r} is no whole number", "write a whole number such as 10")
    return int(number)


def _amount(text: str) -> str:
    bare = text.replace("€", "").replace("EUR", "").strip()
    try:
        number = Decimal(_point(bare))
    except InvalidOperation:
        raise BadCell(f"{text!r} is no amount", "write it like 0.56 or 0,56") from None
    if not number.is_finite():
        raise BadCell(f"{text!r} is no amount", "write it like 0.56 or 0,56")
    return format(number, "f")


def _point(text: str) -> str:
    """A number with a decimal point: of two separators the last one is the decimal one, a single one always is."""
    bare = re.sub(r"[\s']", "", text)
    comma, point = bare.rfind(","), bare.rfind(".")
    if comma > point >= 0:
        return bare.replace(".", "").replace(",", ".")
    if point > comma >= 0:
        return bare.replace(",", "")
    return bare.replace(",", ".")


def _one_of(words: Mapping[str, str]) -> Read:
    def read(text: str) -> str:
        found = words.get(fold(text))
        if found is None:
            raise BadCell(f"{text!r} is none of the choices", f"write one of {', '.join(words)}")
        return found

    return read


_BOUGHT = {"clock": Bought.CLOCK, "klok": Bought.CLOCK, "direct": Bought.DIRECT}
_BOUGHT |= {"stock": Bought.STOCK, "voorraad": Bought.STOCK}
_VAT = {"standard": VatClass.STANDARD, "hoog": VatClass.STANDARD, "reduced": VatClass.REDUCED}
_VAT |= {"laag": VatClass.REDUCED, "zero": VatClass.ZERO, "nul": VatClass.ZERO}
_OTHER = re.compile(r"^([SLK][0-9]{2})\s*[=: ]\s*(\S{1,10})$")


def _others(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in re.split(r"[;,]", text):
        if not part.strip():
            continue
        match = _OTHER.match(part.strip().upper())
        if match is None:
            raise BadCell(
                f"{part.strip()!r} is no characteristic", "write type and value, such as S62=NL; K01=2"
            )
        found[match.group(1)] = match.group(2)
    return found


def _characteristic(code: str) -> tuple[Callable[[SoldLine], str], str, Read]:
    def write(sold: SoldLine) -> str:
        return next((entry.value for entry in sold.line.characteristics if entry.type == code), "")

    def read(text: str) -> str:
        written = BY_CODE[code].written(text)
        if len(written) > 10:
            raise BadCell(f"{text!r} is too long", f"write a value such as {BY_CODE[code].example}")
        return written

    return write, f"characteristics.{code}", read


def _of(name: str) -> Callable[[SoldLine], Any]:
    return lambda sold: getattr(sold.line, name)


def _named(name: str, nl: str, en: str) -> SaleColumn:
    write, into, read = _characteristic(BY_NAME[name].code)
    return SaleColumn(name, nl, en, write, into, read)


_OWN_COLUMN = (
    "stem_length",
    "stems_per_bunch",
    "ripeness",
    "quality",
    "pot_size",
    "plant_height",
    "plants_per_pot",
)
_OWN_CODES = {BY_NAME[name].code for name in _OWN_COLUMN}


def _write_others(sold: SoldLine) -> str:
    return "; ".join(
        f"{one.type}={one.value}" for one in sold.line.characteristics if one.type not in _OWN_CODES
    )


def _write_moment(sold: SoldLine) -> str:
    return sold.line.transaction_at.isoformat() if sold.line.transaction_at else ""


def _text(most: int) -> Read:
    def read(text: str) -> str:
        if len(text) > most:
            raise BadCell(f"it has {len(text)} characters", f"write {most} at most")
        return text

    return read


_CODE = _text(35)
COLUMNS = (
    SaleColumn("debtor_id", "Debiteur-id", "Debtor id", lambda sold: sold.debtor_id, "debtor_id"),
    SaleColumn(
        "debtor_number", "Debiteurnummer", "Debtor number", lambda sold: sold.debtor_number, "debtor_number",
        also=("klantnummer", "customer number", "debiteurnr", "klantnr"),
    ),
    SaleColumn("debtor_name", "Debiteur", "Debtor", lambda sold: sold.debtor_name, also=("klant", "customer")),
    SaleColumn("line_id", "Regel-id", "Line id", _of("line_id"), "line_id"),
    SaleColumn("article_number", "Artikelnummer", "Article number", _of("article_number"), "article_number", _CODE),
    SaleColumn("name", "Artikel", "Article", _of("name"), "article.name", _text(200), ("product", "artikelnaam")),
    SaleColumn("vbn_code", "VBN-code", "VBN code", _of("vbn_code"), "article.vbn_code", also=("vbn",)),
    _named("stem_length", "Steellengte", "Stem length"),
    _named("stems_per_bunch", "Stelen per bos", "Stems per bunch"),
    _named("ripeness", "Rijpheid", "Ripeness"),
    _named("quality", "Kwaliteitsgroep", "Quality group"),
    _named("pot_size", "Potmaat", "Pot size"),
    _named("plant_height", "Planthoogte", "Plant height"),
    _named("plants_per_pot", "Planten per pot", "Plants per pot"),
    SaleColumn(
        "other_characteristics", "Overige kenmerken", "Other characteristics", _write_others, "characteristics",
        _others,
    ),
    SaleColumn(
        "country_of_origin", "Land van herkomst", "Country of origin", _of("country_of_origin"),
        "article.country_of_origin", str.upper, ("land", "country"),
    ),
    SaleColumn("image_url", "Afbeelding", "Image", _of("image_url"), "article.image_url", _text(500)),
    SaleColumn("packing_code", "Fustcode", "Packing code", _of("packing_code"), "packing.code", also=("fust",)),
    SaleColumn("packing_price", "Fustprijs", "Packing price", _of("packing_price"), "packing.price", _amount),
    SaleColumn(
        "pieces_per_unit", "Stuks per eenheid", "Pieces per unit", _of("pieces_per_unit"), "pieces_per_unit",
        _whole, ("inhoud", "stuks"),
    ),
    SaleColumn("units", "Eenheden", "Units", _of("units"), "units", _whole, ("aantal", "colli", "quantity")),
    SaleColumn("allocated", "Toegewezen", "Allocated", _of("allocated"), "allocated", _whole),
    SaleColumn(
        "price", "Prijs per stuk", "Price per piece", _of("price"), "price", _amount, ("prijs", "stuksprijs")
    ),
    SaleColumn("currency", "Valuta", "Currency", _of("currency"), "currency", str.upper),
    SaleColumn(
        "customer_price", "Verkoopprijs klant", "Customer price", _of("customer_price"), "customer_price", _amount
    ),
    SaleColumn("grower_number", "Kwekernummer", "Grower number", _of("grower_number"), "grower.number", _CODE),
    SaleColumn("grower_name", "Kweker", "Grower", _of("grower_name"), "grower.name", _text(200)),
    SaleColumn("bought", "Inkoop", "Bought", _of("bought"), "bought", _one_of(_BOUGHT)),
    SaleColumn("clock_number", "Kloknummer", "Clock number", _of("clock_number"), "clock_number", _whole),
    SaleColumn("supply_letter", "Aanvoerbrief", "Supply letter", _of("supply_letter"), "supply_letter", _CODE),
    SaleColumn(
        "supply_letter_line", "Aanvoerbriefregel", "Supply letter line", _of("supply_letter_line"),
        "supply_letter_line", _CODE,
    ),
    SaleColumn("sequence", "Volgnummer", "Sequence", _of("sequence"), "sequence", _CODE),
    SaleColumn(
        "logistic_number", "Transactienummer (AGJ)", "Transaction number (AGJ)", _of("logistic_number"),
        "logistic_number", also=("agj",),
    ),
    SaleColumn("barcode", "Barcode", "Barcode", _of("barcode"), "barcode", _CODE),
    SaleColumn("plate", "Plaat", "Plate", _of("plate"), "plate", _CODE),
    SaleColumn(
        "order_reference", "Orderreferentie", "Order reference", _of("order_reference"), "order_reference", _CODE
    ),
    SaleColumn("load_carriers", "Ladingdragers", "Load carriers", _of("load_carriers"), "load_carriers", _whole),
    SaleColumn("transaction_at", "Tijdstip", "Time", _write_moment, "transaction_at"),
    SaleColumn("vat_class", "Btw-soort", "VAT class", _of("vat_class"), "vat_class", _one_of(_VAT)),
    SaleColumn("amount", "Bedrag", "Amount", lambda sold: sold.line.amount),
)  # fmt: skip
BY_COLUMN = {column.name: column for column in COLUMNS}
COLUMN_OF = {column.into: column.name for column in COLUMNS if column.into} | {"price.amount": "price"}
"""Which column a field of the API is filled from."""


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", fold(heading)).strip()


_KNOWN = {
    _plain(text): column for column in COLUMNS for text in (column.name, column.nl, column.en, *column.also)
}


def column_of(heading: str) -> SaleColumn | None:
    """The column that a heading means, in any language; none for one that is not known."""
    return _KNOWN.get(_plain(heading))
