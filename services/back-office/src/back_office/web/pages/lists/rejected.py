"""The rejected lines of an import as a file, each with its reasons; mended, it can be handed in again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, Response
from klokwerk.http.exports import Column, csv_response, defused

from back_office.clients.imports import Finding, Import, RejectedRow
from back_office.clients.shapes import Page
from back_office.texts.catalogue import Translator
from back_office.web.pages.lists.mapping import field_label, labels_of
from back_office.web.pages.translated import plain_name
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)


@router.get("/imports/{import_id}/rejected.csv")
async def rejected(import_id: str, visit: SignedIn) -> Response:
    """The lines as the person's own file had them, and a column that says why, which is not read again."""
    t = visit.t
    each = (await visit.clients.imports.one(import_id)).value
    first = await visit.clients.imports.rejected(import_id)
    columns = [Column(defused(column.heading), _cell(place)) for place, column in enumerate(each.columns)]
    reason = Column[RejectedRow](t("imports.reason"), lambda row: _why(row, each, t))
    name = t("imports.rejected_name", file=each.file_name.rsplit(".", 1)[0])
    return csv_response(
        _rows(import_id, first, visit),
        [*columns, reason],
        file_name=plain_name(f"{name}.csv"),
        language=visit.language,
    )


async def _rows(import_id: str, page: Page[RejectedRow], visit: Visit) -> AsyncIterator[RejectedRow]:
    while True:
        for row in page.items:
            yield row
        if page.next is None:
            return
        # A page's token lives for minutes and a browser may take its time: each page has one of its own.
        clients = visit.office.clients_for(visit.user, visit.correlation, visit.wording)
        page = await clients.imports.rejected(import_id, page.next)


def _cell(place: int) -> Callable[[RejectedRow], str]:
    return lambda row: row.cells[place] if place < len(row.cells) else ""


def _why(row: RejectedRow, each: Import, t: Translator) -> str:
    labels = labels_of(each)
    return " ".join(_told(found, labels, t) for found in row.reasons)


def _told(found: Finding, labels: dict[str, str], t: Translator) -> str:
    message = found.message if found.message.endswith((".", "!", "?")) else f"{found.message}."
    said = " ".join(part for part in (message, found.cure) if part)
    where = found.heading or (field_label(found.field, t, labels) if found.field else "")
    return f"{where}: {said}" if where else said
