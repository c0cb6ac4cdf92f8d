"""Files of the services in the reader's language: headings, states and sentences, told while the file passes by.

A service writes its files in English for whoever calls it. What a person downloads here has the headings and words
of the pages; names, numbers and what people typed stay as they are (decision 0047).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from fastapi import Response
from klokwerk.http.exports import Column, csv_response, xlsx_response

from back_office.clients.transport import Download
from back_office.texts.catalogue import Translator
from back_office.web.visit import Visit

SPOKEN_LANGUAGE = "en"
"""The language that a service is asked for its file in: its numbers have a point, its cells a comma between them."""
REMEMBERED = 1000
"""Different cells of a column that are told once only; files say the same a thousand times."""

Tell = Callable[[str], str]
Record = list[str]


@dataclass(frozen=True, slots=True)
class Telling:
    """How one kind of file is told.

    Attributes:
        area: table of the catalogue with its headings, by the service's own in small letters and underscores.
        tell: by such a name, how its cells are told; those of other columns stay.
        numbers: columns of numbers, written as the reader's spreadsheet expects them.
    """

    area: str
    tell: Mapping[str, Tell] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()


def word_of(t: Translator, prefix: str) -> Tell:
    """Tells codes by the words of the catalogue that begin with `prefix`; one without words stays."""
    return lambda code: t.either(prefix + code, code)


async def translated(
    source: AbstractAsyncContextManager[Download],
    telling: Telling,
    visit: Visit,
    *,
    file_name: str,
    delimiter: str = ",",
) -> Response:
    """A CSV file of a service as CSV or, by the ending of its name, as XLSX in the reader's language.

    It is streamed; refused by its service before the first row, it raises as any call does.

    Args:
        source: an open call of a client.
        delimiter: of the service's file.
    """
    async with AsyncExitStack() as opening:
        download = await opening.enter_async_context(source)
        rows = records(download.content, delimiter)
        headings: Record | None = await anext(rows, None)
        stack = opening.pop_all()

    async def content() -> AsyncIterator[Record]:
        async with stack:
            async for row in rows:
                yield row

    columns = [_column(place, heading, telling, visit) for place, heading in enumerate(headings or ())]
    if file_name.endswith(".xlsx"):
        return await xlsx_response(content(), columns, file_name=plain_name(file_name))
    return csv_response(content(), columns, file_name=plain_name(file_name), language=visit.language)


def plain_name(name: str) -> str:
    """A file name that every system takes."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def _column(place: int, heading: str, telling: Telling, visit: Visit) -> Column[Record]:
    name = heading.lower().replace(" ", "_")
    tell = telling.tell.get(name)
    value: Callable[[str], Any] = lru_cache(REMEMBERED)(tell) if tell else str
    if name in telling.numbers:
        value = _number
    return Column(
        visit.t.either(f"{telling.area}.{name}", heading),
        lambda row: value(row[place]) if place < len(row) else "",
    )


def _number(cell: str) -> Any:
    try:
        return Decimal(cell)
    except InvalidOperation:
        return cell


async def records(content: AsyncIterator[bytes], delimiter: str) -> AsyncIterator[Record]:
    """The records of a CSV file of ours, as its bytes come in; a cell may hold line breaks.

    Args:
        content: UTF-8 with or without its mark, lines ending in CR LF.
        delimiter: between the cells.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    waiting = ""
    async for chunk in content:
        waiting += decoder.decode(chunk)
        end = _end_of_records(waiting)
        for record in csv.reader(io.StringIO(waiting[:end], newline=""), delimiter=delimiter):
            yield record
        waiting = waiting[end:]
    waiting += decoder.decode(b"", final=True)
    for record in csv.reader(io.StringIO(waiting, newline=""), delimiter=delimiter):
        yield record


def _end_of_records(text: str) -> int:
    """Behind the last line break that stands outside quotes: a quoted cell doubles its own, so they come in pairs."""
    outside = text.count('"') % 2 == 0
    end = len(text)
    while end >= 0:
        quote = text.rfind('"', 0, end)
        if outside and (found := text.rfind("\r\n", quote + 1, end)) >= 0:
            return found + 2
        outside, end = not outside, quote
    return 0
