"""Articles as a table (FA-48): one layout for exports and imports, known by the headings of people's own lists."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sales_service.domain import cells
from sales_service.domain.articles import Article
from sales_service.domain.file_columns import FileColumn, Headings, characteristic_columns, plain

ArticleColumn = FileColumn[Article]


def _of(name: str) -> Callable[[Article], Any]:
    return lambda article: getattr(article, name)


_NUMBER = cells.form(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,34}",
    "article number",
    "write letters, digits, dots and dashes only, 35 at most, such as A-100",
)
_VBN = cells.form(r"[0-9]{1,7}", "VBN code", "write digits only, 7 at most, such as 10120")
_PACKING = cells.form(r"[0-9]{1,4}", "packing code", "write digits only, 4 at most, such as 997")

COLUMNS: tuple[ArticleColumn, ...] = (
    FileColumn(
        "number", "Artikelnummer", "Article number", _of("number"), "number", _NUMBER,
        ("nummer", "artikelnr", "artikel nr", "artnr", "artikelcode", "article no", "article code", "productnummer",
         "product number", "productcode", "product code", "item number", "item no", "sku", "code"),
    ),
    FileColumn(
        "name", "Naam", "Name", _of("name"), "name", cells.text(200),
        ("artikel", "article", "artikelnaam", "article name", "omschrijving", "description", "product", "productnaam",
         "product name", "benaming", "item"),
    ),
    FileColumn(
        "vbn_code", "VBN-code", "VBN code", _of("vbn_code"), "vbn_code", _VBN,
        ("vbn", "vbn nummer", "vbn number", "vbn productcode", "vbn product code"),
    ),
    *characteristic_columns(
        lambda article: article.characteristics, ("kenmerken", "characteristics", "vbn kenmerken", "features")
    ),
    FileColumn(
        "country_of_origin", "Land van herkomst", "Country of origin", _of("country_of_origin"),
        "country_of_origin", cells.country, ("land", "country", "herkomst", "origin", "landcode", "country code"),
    ),
    FileColumn(
        "packing_code", "Fustcode", "Packing code", _of("packing_code"), "packing_code", _PACKING,
        ("fust", "vbn fustcode", "packing", "verpakking", "verpakkingscode", "package code"),
    ),
    FileColumn(
        "packing_price", "Fustprijs", "Packing price", _of("packing_price"), "packing_price", cells.amount,
        ("statiegeld", "deposit", "verpakkingsprijs", "package price", "prijs fust"),
    ),
    FileColumn(
        "pieces_per_unit", "Stuks per eenheid", "Pieces per unit", _of("pieces_per_unit"), "pieces_per_unit",
        cells.whole,
        ("inhoud", "stuks", "aantal per eenheid", "aantal per fust", "stuks per fust", "content", "contents", "pieces",
         "units per package"),
    ),
    FileColumn(
        "vat_class", "Btw-soort", "VAT class", _of("vat_class"), "vat_class", cells.one_of(cells.VAT_WORDS),
        ("btw", "vat", "btw tarief", "vat rate", "btw klasse", "tax"),
    ),
    FileColumn(
        "image_url", "Afbeelding", "Image", _of("image_url"), "image_url", cells.text(500),
        ("foto", "photo", "picture", "image url", "afbeeldings url", "url", "link"),
    ),
)  # fmt: skip
_HEADINGS = Headings(COLUMNS)
_NAMES = {column.name: column for column in COLUMNS}
COLUMN_OF = {column.into: column.name for column in COLUMNS}
"""Which column a field of an article is filled from."""
_TYPE = re.compile(r"[SLK][0-9]{2}")
_ALIKE = 0.84
_KNOWN = {plain(text): column.name for column in COLUMNS for text in (column.nl, column.en, *column.also)}


class Sureness(StrEnum):
    """How a column was found."""

    KNOWN = "known"
    ALIKE = "alike"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Guess:
    """What a column of somebody's file is taken for; the name is empty where nothing fits."""

    name: str
    sureness: Sureness


def column_named(name: str) -> ArticleColumn | None:
    """The column of that name; a type of characteristic such as ``K01`` is a column too."""
    if found := _NAMES.get(name):
        return found
    return _of_type(name) if _TYPE.fullmatch(name) else None


def column_of(heading: str) -> ArticleColumn | None:
    """The column that a heading means; none for one that is not known."""
    return _HEADINGS.column_of(heading) or column_named(heading.strip().upper())


def guesses(headings: Sequence[str]) -> list[Guess]:
    """What the columns of a file are: by words that are known first, then by words nearly written so.

    No column is guessed twice; the first heading that means it wins.
    """
    found = [Guess("", Sureness.NONE) for _ in headings]
    taken: set[str] = set()
    for find, sureness in ((_known_name, Sureness.KNOWN), (_alike_name, Sureness.ALIKE)):
        for position, heading in enumerate(headings):
            name = "" if found[position].name else find(heading)
            if name and name not in taken:
                taken.add(name)
                found[position] = Guess(name, sureness)
    return found


def _known_name(heading: str) -> str:
    column = column_of(heading)
    return column.name if column else ""


def _alike_name(heading: str) -> str:
    close = difflib.get_close_matches(plain(heading), _KNOWN, 1, _ALIKE)
    return _KNOWN[close[0]] if close else ""


def _of_type(code: str) -> ArticleColumn:
    if (known := _HEADINGS.column_of(code)) is not None:
        return known

    def write(article: Article) -> str:
        return next((entry.value for entry in article.characteristics if entry.type == code), "")

    return FileColumn(code, code, code, write, f"characteristics.{code}", cells.value_of_type("2"))
