"""Lists as CSV and XLSX files, streamed, with cells that a spreadsheet would run as a formula made inert."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeVar

from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask

R = TypeVar("R")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SEMICOLON_LANGUAGES = {"nl", "fr", "sv", "fi", "de"}


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column: its heading and what it takes from a row."""

    heading: str
    value: Callable[[R], Any]


def defused(value: Any) -> Any:
    """`value` as a cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def _text(value: Any, language: str) -> Any:
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.replace(".", ",") if language in _SEMICOLON_LANGUAGES else text
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else defused(value)


async def csv_lines(
    rows: AsyncIterator[R], columns: Sequence[Column[R]], language: str = "nl"
) -> AsyncIterator[bytes]:
    """A CSV file piece by piece: UTF-8 with BOM, ``;`` where the language's spreadsheets expect it."""
    buffer = io.StringIO()
    delimiter = ";" if language in _SEMICOLON_LANGUAGES else ","
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([column.heading for column in columns])
    yield b"\xef\xbb\xbf"
    async for row in rows:
        writer.writerow([_text(column.value(row), language) for column in columns])
        if buffer.tell() > 64 * 1024:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def csv_response(
    rows: AsyncIterator[R], columns: Sequence[Column[R]], *, file_name: str, language: str = "nl"
) -> StreamingResponse:
    """A CSV download, see `csv_lines`."""
    return StreamingResponse(
        csv_lines(rows, columns, language),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


async def write_xlsx(path: Path, rows: AsyncIterator[R], columns: Sequence[Column[R]]) -> None:
    """Write a workbook row by row to `path`."""
    import xlsxwriter  # noqa: PLC0415 - a process that writes no workbook starts without it

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    for position, column in enumerate(columns):
        sheet.write_string(0, position, column.heading, bold)
    number = 0
    async for row in rows:
        number += 1
        for position, column in enumerate(columns):
            value = column.value(row)
            if isinstance(value, int | Decimal) and not isinstance(value, bool):
                sheet.write_number(number, position, float(value))
            else:
                sheet.write_string(number, position, str(_text(value, "en")))
    book.close()


async def xlsx_response(
    rows: AsyncIterator[R], columns: Sequence[Column[R]], *, file_name: str
) -> FileResponse:
    """An XLSX download; written row by row to a temporary file that goes when it was sent."""
    with tempfile.NamedTemporaryFile(suffix=".xlsx", delete=False) as file:
        path = Path(file.name)
    await write_xlsx(path, rows, columns)
    return FileResponse(
        path,
        filename=file_name,
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        background=BackgroundTask(path.unlink, missing_ok=True),
    )
