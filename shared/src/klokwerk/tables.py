"""Tables that people hand in: CSV in any common delimiter and encoding, or the first sheet of a workbook."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import python_calamine

from klokwerk.http.problems import FieldProblem, Problem

MOST_ROWS = 20_000
MOST_UNPACKED_BYTES = 200_000_000
"""Of a workbook, which is packed: a small file may unpack to one that fills the memory."""
ENCODINGS = ("utf-8", "cp1252", "iso-8859-15", "cp850", "mac-roman", "utf-16")
"""What a person may choose where the guess is wrong."""
DELIMITERS = (";", ",", "\t", "|")
YES, NO = "yes", "no"
"""How a workbook's own yes and no stand in a cell."""

_ZIP = b"PK\x03\x04"
_SAMPLE_LINES = 20


class BadTable(Exception):
    """The file can't be read as a table; the text says why, `errors` in which rows.

    Attributes:
        errors: row by row, at most a hundred.
    """

    def __init__(self, text: str, errors: Sequence[FieldProblem] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.errors = tuple(errors[:100])

    def as_problem(self) -> Problem:
        """The same as an answer over HTTP (422)."""
        return Problem(422, "The file can't be read", self.text, errors=list(self.errors))


@dataclass(frozen=True, slots=True)
class Row:
    """One filled line of the file.

    Attributes:
        number: the line a spreadsheet shows it at; the heading is line 1.
        cells: text by column, in the order of the columns.
    """

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A file as it was read.

    Attributes:
        columns: the headings, trimmed; some may be empty or come twice.
        encoding, delimiter: how a CSV was read; empty for a workbook.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    encoding: str = ""
    delimiter: str = ""


def read_table(body: bytes, *, encoding: str = "", delimiter: str = "", most_rows: int = MOST_ROWS) -> Table:
    """Read a file; blank lines are left out.

    Args:
        body: the file.
        encoding, delimiter: of a CSV, where a person knows better than the guess.

    Raises:
        BadTable: it is no table, or too large.
    """
    if body.startswith(_ZIP):
        lines, encoding, delimiter = _workbook(body), "", ""
    else:
        lines, encoding, delimiter = _csv(body, encoding, delimiter)
    columns = tuple(name.strip() for name in lines[0]) if lines else ()
    if not any(columns):
        raise BadTable("The first line must name the columns, and it is empty.")
    filled = [
        Row(number, tuple(line)) for number, line in enumerate(lines[1:], 2) if any(c.strip() for c in line)
    ]
    if len(filled) > most_rows:
        raise BadTable(f"The file has {len(filled)} rows; at most {most_rows} are taken at once. Split it.")
    uneven = [
        FieldProblem(
            field=f"row {row.number}",
            message=f"it has {len(row.cells)} cells, the first line has {len(columns)}",
            cure="Check the delimiters and quotes of the row.",
        )
        for row in filled
        if len(row.cells) != len(columns)
    ]
    if uneven:
        raise BadTable("Some rows have more or fewer cells than the first line.", uneven)
    return Table(columns, tuple(filled), encoding, delimiter)


def _csv(body: bytes, encoding: str, delimiter: str) -> tuple[list[list[str]], str, str]:
    text, encoding = _decoded(body, encoding)
    if not text.strip() or "\x00" in text:
        raise BadTable("It is neither text nor a workbook: hand in a CSV or an XLSX file.")
    chosen = delimiter or _likely_delimiter(text)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=chosen, strict=True)), encoding, chosen
    except csv.Error as error:
        raise BadTable(f"It is no CSV: {error}.") from None


def _decoded(body: bytes, encoding: str) -> tuple[str, str]:
    if encoding:
        if encoding not in ENCODINGS:
            raise BadTable(f"{encoding!r} is no encoding that is known: choose from {', '.join(ENCODINGS)}.")
        try:
            return body.decode("utf-8-sig" if encoding == "utf-8" else encoding), encoding
        except UnicodeError as error:
            raise BadTable(f"The file is not written in {encoding}: {error}.") from None
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", errors="replace"), "utf-16"
    try:
        return body.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace"), "cp1252"


def _likely_delimiter(text: str) -> str:
    """The one that cuts the first lines into the most cells, the same number on each."""

    def fit(candidate: str) -> tuple[bool, int]:
        sample = io.StringIO(text)
        widths: list[int] = []
        try:
            for line in csv.reader(sample, delimiter=candidate):
                if line:
                    widths.append(len(line))
                if len(widths) == _SAMPLE_LINES:
                    break
        except csv.Error:
            return False, 0
        return len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0

    return max(DELIMITERS, key=fit)


def _workbook(body: bytes) -> list[list[str]]:
    """The first sheet; its empty columns at the right are left out."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED_BYTES:
                raise BadTable("The workbook is too large when unpacked; split it.")
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (zipfile.BadZipFile, python_calamine.CalamineError, IndexError, ValueError, OSError) as error:
        raise BadTable(f"It is no workbook that can be read: {error}.") from None
    lines = [[_text(cell) for cell in row] for row in rows]
    width = max((len(line) for line in lines[:1]), default=0)
    while width and not any(line[width - 1].strip() for line in lines if len(line) >= width):
        width -= 1
    return [line[:width] for line in lines]


def _text(cell: Any) -> str:
    """A cell as it would stand in a CSV file."""
    match cell:
        case bool():
            return YES if cell else NO
        case float() if cell.is_integer():
            return str(int(cell))
        case float():
            return format(Decimal(repr(cell)), "f")
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime() | date():
            return cell.isoformat()
    return "" if cell is None else str(cell)
