"""Reads an uploaded table, CSV or XLSX, into rows by column name."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import python_calamine
from klokwerk.http import FieldProblem, Problem

from debtor_service.domain.layout import check_header
from debtor_service.domain.words import NO, YES

MOST_ROWS = 20_000
MOST_UNPACKED_BYTES = 200_000_000
"""Of a workbook, which is packed: a small file may unpack to one that fills the memory."""

_ZIP = b"PK\x03\x04"


async def read_table(body: bytes, own: Sequence[str]) -> list[dict[str, str]]:
    """The rows of the file by column name, without blank ones.

    Args:
        own: columns of own fields.

    Raises:
        Problem: 422 when it is no such file.
    """
    lines = await asyncio.to_thread(_workbook if body.startswith(_ZIP) else _csv, body)
    names = [name.strip() for name in lines[0]] if lines else []
    if problems := check_header(names, own):
        errors = [FieldProblem(field=p.field, message=p.message, cure=p.cure) for p in problems]
        raise Problem(422, "The first line of the file is not right", "See errors.", errors=errors)
    filled = [line for line in lines[1:] if any(cell.strip() for cell in line)]
    if len(filled) > MOST_ROWS:
        raise Problem(422, "The file has too many rows", f"At most {MOST_ROWS} at once; split it.")
    uneven = [
        FieldProblem(
            field=f"row {number}", message=f"it has {len(line)} cells, the first line has {len(names)}",
            cure="Check the delimiters and quotes of the row.",
        )
        for number, line in enumerate(lines[1:], 2)
        if len(line) != len(names) and any(cell.strip() for cell in line)
    ]  # fmt: skip
    if uneven:
        raise Problem(
            422, "The file can't be read", "Some rows have more or fewer cells.", errors=uneven[:100]
        )
    return [dict(zip(names, line, strict=True)) for line in filled]


def _csv(body: bytes) -> list[list[str]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1252", errors="replace")
    if not text.strip() or "\x00" in text:
        raise _unreadable("Send a CSV file as UTF-8 text, or an XLSX file, in the body of the request.")
    header = text.partition("\n")[0]
    delimiter = max(";,\t", key=header.count)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise _unreadable(f"It is no CSV: {error}.") from None


def _workbook(body: bytes) -> list[list[str]]:
    """The first sheet; its empty columns at the right are left out."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED_BYTES:
                raise _unreadable("The workbook is too large when unpacked; split it.")
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (zipfile.BadZipFile, python_calamine.CalamineError, IndexError, ValueError, OSError) as error:
        raise _unreadable(f"It is no workbook that can be read: {error}.") from None
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


def _unreadable(why: str) -> Problem:
    return Problem(422, "The file can't be read", why)
