"""Sale lines as a table: one layout for what goes out as a file and what comes in as one.

Every column has a name of its own and a heading in each language; a file may carry any of them. What goes out can
come in again and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from klokwerk_contracts.sale_completed import Bought

from sales_service.domain import cells
from sales_service.domain.file_columns import FileColumn, Headings, characteristic_columns
from sales_service.domain.lines import Line


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of a day as it goes out, with who bought it."""

    debtor_id: str
    debtor_number: str
    debtor_name: str
    line: Line


SaleColumn = FileColumn[SoldLine]
_BOUGHT = {"clock": Bought.CLOCK, "klok": Bought.CLOCK, "direct": Bought.DIRECT}
_BOUGHT |= {"stock": Bought.STOCK, "voorraad": Bought.STOCK}


def _of(name: str) -> Callable[[SoldLine], Any]:
    return lambda sold: getattr(sold.line, name)


def _write_moment(sold: SoldLine) -> str:
    return sold.line.transaction_at.isoformat() if sold.line.transaction_at else ""


_CODE = cells.text(35)
COLUMNS: tuple[SaleColumn, ...] = (
    FileColumn("debtor_id", "Debiteur-id", "Debtor id", lambda sold: sold.debtor_id, "debtor_id"),
    FileColumn(
        "debtor_number", "Debiteurnummer", "Debtor number", lambda sold: sold.debtor_number, "debtor_number",
        also=("klantnummer", "customer number", "debiteurnr", "klantnr"),
    ),
    FileColumn("debtor_name", "Debiteur", "Debtor", lambda sold: sold.debtor_name, also=("klant", "customer")),
    FileColumn("line_id", "Regel-id", "Line id", _of("line_id"), "line_id"),
    FileColumn("article_number", "Artikelnummer", "Article number", _of("article_number"), "article_number", _CODE),
    FileColumn("name", "Artikel", "Article", _of("name"), "article.name", cells.text(200), ("product", "artikelnaam")),
    FileColumn("vbn_code", "VBN-code", "VBN code", _of("vbn_code"), "article.vbn_code", also=("vbn",)),
    *characteristic_columns(lambda sold: sold.line.characteristics),
    FileColumn(
        "country_of_origin", "Land van herkomst", "Country of origin", _of("country_of_origin"),
        "article.country_of_origin", str.upper, ("land", "country"),
    ),
    FileColumn("image_url", "Afbeelding", "Image", _of("image_url"), "article.image_url", cells.text(500)),
    FileColumn("packing_code", "Fustcode", "Packing code", _of("packing_code"), "packing.code", also=("fust",)),
    FileColumn("packing_price", "Fustprijs", "Packing price", _of("packing_price"), "packing.price", cells.amount),
    FileColumn(
        "pieces_per_unit", "Stuks per eenheid", "Pieces per unit", _of("pieces_per_unit"), "pieces_per_unit",
        cells.whole, ("inhoud", "stuks"),
    ),
    FileColumn("units", "Eenheden", "Units", _of("units"), "units", cells.whole, ("aantal", "colli", "quantity")),
    FileColumn("allocated", "Toegewezen", "Allocated", _of("allocated"), "allocated", cells.whole),
    FileColumn(
        "price", "Prijs per stuk", "Price per piece", _of("price"), "price", cells.amount, ("prijs", "stuksprijs")
    ),
    FileColumn("currency", "Valuta", "Currency", _of("currency"), "currency", str.upper),
    FileColumn(
        "customer_price", "Verkoopprijs klant", "Customer price", _of("customer_price"), "customer_price", cells.amount
    ),
    FileColumn("grower_number", "Kwekernummer", "Grower number", _of("grower_number"), "grower.number", _CODE),
    FileColumn("grower_name", "Kweker", "Grower", _of("grower_name"), "grower.name", cells.text(200)),
    FileColumn("bought", "Inkoop", "Bought", _of("bought"), "bought", cells.one_of(_BOUGHT)),
    FileColumn("clock_number", "Kloknummer", "Clock number", _of("clock_number"), "clock_number", cells.whole),
    FileColumn("supply_letter", "Aanvoerbrief", "Supply letter", _of("supply_letter"), "supply_letter", _CODE),
    FileColumn(
        "supply_letter_line", "Aanvoerbriefregel", "Supply letter line", _of("supply_letter_line"),
        "supply_letter_line", _CODE,
    ),
    FileColumn("sequence", "Volgnummer", "Sequence", _of("sequence"), "sequence", _CODE),
    FileColumn(
        "logistic_number", "Transactienummer (AGJ)", "Transaction number (AGJ)", _of("logistic_number"),
        "logistic_number", also=("agj",),
    ),
    FileColumn("barcode", "Barcode", "Barcode", _of("barcode"), "barcode", _CODE),
    FileColumn("plate", "Plaat", "Plate", _of("plate"), "plate", _CODE),
    FileColumn(
        "order_reference", "Orderreferentie", "Order reference", _of("order_reference"), "order_reference", _CODE
    ),
    FileColumn("load_carriers", "Ladingdragers", "Load carriers", _of("load_carriers"), "load_carriers", cells.whole),
    FileColumn("transaction_at", "Tijdstip", "Time", _write_moment, "transaction_at"),
    FileColumn("vat_class", "Btw-soort", "VAT class", _of("vat_class"), "vat_class", cells.one_of(cells.VAT_WORDS)),
    FileColumn("amount", "Bedrag", "Amount", lambda sold: sold.line.amount),
)  # fmt: skip
COLUMN_OF = {column.into: column.name for column in COLUMNS if column.into} | {"price.amount": "price"}
"""Which column a field of the API is filled from."""
column_of = Headings(COLUMNS).column_of
"""The column that a heading means, in any language; none for one that is not known."""
