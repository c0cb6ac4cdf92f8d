"""What stands in the cells of a file, read: each reader takes the text and says what is wrong with it and the cure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sales_service.domain.lines import VatClass
from sales_service.domain.search import fold

Read = Callable[[str], Any]
"""From the text of a cell to the value of its field, as the API takes it."""
_FORMULA = "=+-@"
_MOST_VALUE = 10
VAT_WORDS = {
    "standard": VatClass.STANDARD,
    "hoog": VatClass.STANDARD,
    "reduced": VatClass.REDUCED,
    "laag": VatClass.REDUCED,
    "zero": VatClass.ZERO,
    "nul": VatClass.ZERO,
}


class BadCell(ValueError):
    """A cell can't be read; the text says what is wrong, `cure` what to write instead."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong with a cell of a row."""

    column: str
    message: str
    cure: str


def bare(cell: str) -> str:
    """The text of a cell; the quote that keeps a spreadsheet from running it is taken off."""
    stripped = cell.strip()
    quoted = len(stripped) > 1 and stripped[0] == "'" and stripped[1] in _FORMULA
    return stripped[1:] if quoted else stripped


def whole(cell: str) -> int:
    """A whole number."""
    number = _number(cell)
    if number is None:
        raise BadCell(f"{cell!r} is no number", "write a whole number such as 10")
    if number != number.to_integral_value():
        raise BadCell(f"{cell!r} is no whole number", "write a whole number such as 10")
    return int(number)


def amount(cell: str) -> str:
    """An amount of euros with either decimal separator."""
    number = _number(cell.replace("€", "").replace("EUR", ""))
    if number is None:
        raise BadCell(f"{cell!r} is no amount", "write it like 0.56 or 0,56")
    return format(number, "f")


_DIGITS = re.compile(r"[+-]?(\d{1,15}(\.\d{0,30})?|\.\d{1,30})", re.ASCII)
"""No exponents: ``1e999999999`` is a short text and an endless number."""


def _number(cell: str) -> Decimal | None:
    plain = _point(cell)
    return Decimal(plain) if _DIGITS.fullmatch(plain) else None


def _point(cell: str) -> str:
    """A number with a decimal point: of two separators the last one is the decimal one, a single one always is."""
    plain = re.sub(r"[\s']", "", cell)
    comma, point = plain.rfind(","), plain.rfind(".")
    if comma > point >= 0:
        return plain.replace(".", "").replace(",", ".")
    if point > comma >= 0:
        return plain.replace(",", "")
    return plain.replace(",", ".")


def one_of(words: Mapping[str, str]) -> Read:
    """One of some words, in any case."""

    def read(cell: str) -> str:
        found = words.get(fold(cell))
        if found is None:
            raise BadCell(f"{cell!r} is none of the choices", f"write one of {', '.join(words)}")
        return found

    return read


def text(most: int) -> Read:
    """A text of `most` characters at most."""

    def read(cell: str) -> str:
        if len(cell) > most:
            raise BadCell(f"it has {len(cell)} characters", f"write {most} at most")
        return cell

    return read


def form(pattern: str, what: str, cure: str) -> Read:
    """A text of one form.

    Args:
        what: what it is meant to be, e.g. ``VBN code``.
        cure: how it is written.
    """
    compiled = re.compile(pattern)

    def read(cell: str) -> str:
        if not compiled.fullmatch(cell):
            raise BadCell(f"{cell!r} is no {what}", cure)
        return cell

    return read


_COUNTRY = form(r"[A-Z]{2}", "country", "write two letters, such as NL")


def country(cell: str) -> str:
    """A country by its two letters, in any case."""
    return str(_COUNTRY(cell.upper()))


_TYPE_AND_VALUE = re.compile(r"^([SLK][0-9]{2})\s*[=: ]\s*(\S{1,10})$")


def characteristics(cell: str) -> dict[str, str]:
    """Characteristics by type, written like ``S01=012; K01=2``."""
    found: dict[str, str] = {}
    for part in re.split(r"[;,]", cell):
        if not part.strip():
            continue
        match = _TYPE_AND_VALUE.match(part.strip().upper())
        if match is None:
            raise BadCell(
                f"{part.strip()!r} is no characteristic", "write type and value, such as S62=NL; K01=2"
            )
        found[match.group(1)] = match.group(2)
    return found


def value_of_type(example: str, written: Callable[[str], str] = str) -> Read:
    """The value of one characteristic.

    Args:
        example: a value as the sector writes it.
        written: brings a value into that form.
    """

    def read(cell: str) -> str:
        value = written(cell)
        if len(value) > _MOST_VALUE:
            raise BadCell(f"{cell!r} is too long", f"write a value such as {example}")
        return value

    return read
