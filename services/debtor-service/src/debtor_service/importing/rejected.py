"""The rejected lines of an import: as they were handed in, with the reason; mended, they can be handed in again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from fastapi import Response
from klokwerk.database import Database
from klokwerk.http import Column, csv_response
from klokwerk.http.exports import defused

from debtor_service.domain.layout.cells import guarded
from debtor_service.store import import_rows
from debtor_service.store.import_rows import ImportRow, Outcome
from debtor_service.store.imports import Import

HEADING = {"nl": "Reden", "en": "Reason", "fr": "Motif", "sv": "Orsak"}
"""The added column; `headings.REASON` keeps it from being read."""

_AT_ONCE = 500


def rejected_rows(database: Database, each: Import, language: str) -> Response:
    """The rejected lines of an import as a CSV download."""
    columns = [Column(defused(heading), _cell(position)) for position, heading in enumerate(each.headings)]
    reason = Column(HEADING.get(language, HEADING["en"]), why)
    name = (
        f"{each.file_name.rsplit('.', 1)[0]}-rejected.csv".encode("ascii", "replace")
        .decode()
        .replace("?", "_")
    )
    plain = "".join(c for c in name if c.isalnum() or c in "._- ")
    return csv_response(
        _rejected(database, each), [*columns, reason], file_name=plain or "rejected.csv", language=language
    )


async def _rejected(database: Database, each: Import) -> AsyncIterator[ImportRow]:
    after = 0
    while True:
        async with database.connect() as connection:
            rows = await import_rows.rejected(connection, each.id, after, _AT_ONCE)
        for row in rows:
            yield row
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1].number


def why(row: ImportRow) -> str:
    """Why a line was rejected, in one sentence for each finding."""
    if row.outcome is Outcome.FAILED:
        return row.message
    return " ".join(f"{p['field']}: {p['message']}. {p['cure']}" for p in row.problems if not p.get("remark"))


def cells_for_a_file(row: ImportRow) -> Sequence[str]:
    """The cells of a line as a file of ours has them: harmless to a spreadsheet, and read back as they were."""
    return [defused(guarded(cell)) for cell in row.cells]


def _cell(position: int) -> Callable[[ImportRow], str]:
    return lambda row: guarded(row.cells[position])
