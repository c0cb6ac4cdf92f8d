"""The file of rejected lines: as they were handed in, with the reason; mended, it can be handed in again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fastapi import Response
from klokwerk.database import Database
from klokwerk.http import Column, csv_response

from debtor_service.domain.layout.cells import guarded
from debtor_service.store import import_rows
from debtor_service.store.import_rows import ImportRow, Outcome, Verdict
from debtor_service.store.imports import Import

HEADING = {"nl": "Reden", "en": "Reason", "fr": "Motif", "sv": "Orsak"}
"""The added column; `headings.REASON` keeps it from being read."""

_AT_ONCE = 500


def rejected_rows(database: Database, each: Import, language: str) -> Response:
    """The rejected lines of an import as a CSV download."""
    columns = [Column(heading, _cell(position)) for position, heading in enumerate(each.headings)]
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
    for verdict, outcome in ((Verdict.WRONG, None), (None, Outcome.FAILED)):
        after = 0
        while True:
            async with database.connect() as connection:
                rows = await import_rows.page(
                    connection, each.id, after=after, limit=_AT_ONCE, verdict=verdict, outcome=outcome
                )
            for row in rows:
                if outcome is None or row.verdict is not Verdict.WRONG:
                    yield row
            if len(rows) < _AT_ONCE:
                break
            after = rows[-1].number


def why(row: ImportRow) -> str:
    """Why a line was rejected, in one sentence for each finding."""
    if row.outcome is Outcome.FAILED:
        return row.message
    return " ".join(f"{p['field']}: {p['message']}. {p['cure']}" for p in row.problems if not p.get("remark"))


def _cell(position: int) -> Callable[[ImportRow], str]:
    return lambda row: guarded(row.cells[position])
