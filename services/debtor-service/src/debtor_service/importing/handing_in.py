"""A list is handed in: read as a table, its columns guessed, or known from the last list with the same ones."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from klokwerk import tables
from klokwerk.access import Person
from klokwerk.http import Problem
from klokwerk_contracts import new_event_id
from klokwerk_contracts.debtor_changed import Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.layout import EmptyCells
from debtor_service.domain.own_fields import OwnFieldDefinition
from debtor_service.importing.guessing import compared, guess
from debtor_service.importing.mapping import header_key
from debtor_service.store import import_rows, imports, own_fields
from debtor_service.store.imports import Decision, Import, ImportState, KeptMapping

SAMPLES, SAMPLE_LENGTH = 3, 60
GUESSED_FROM = 50
"""Lines whose cells a guess looks at."""
MOST_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A list and what is said about it when it is handed in."""

    kind: Kind
    administration: str
    file_name: str
    content: bytes


async def read_file(content: bytes, encoding: str, delimiter: str) -> tables.Table:
    """The file as a table.

    Raises:
        Problem: 422 with why it is none.
    """
    try:
        table = await asyncio.to_thread(tables.read_table, content, encoding=encoding, delimiter=delimiter)
    except tables.BadTable as bad:
        raise bad.as_problem() from None
    if len(table.columns) > MOST_COLUMNS:
        raise Problem(
            422,
            "The file can't be read",
            f"It has {len(table.columns)} columns; at most {MOST_COLUMNS} are taken.",
        )
    if not table.rows:
        raise Problem(422, "The file can't be read", "It has no rows under the names of the columns.")
    return table


async def hand_in(
    connection: AsyncConnection, handed: HandedIn, table: tables.Table, person: Person, now: datetime
) -> Import:
    """Keep a list with its lines, ready for the second step."""
    empty = Import(
        id=new_event_id(), kind=handed.kind, administration=handed.administration, file_name=handed.file_name,
        size=len(handed.content), encoding="", delimiter="", headings=(), header_key="", guesses=[], fields=(),
        constants={}, empty_cells=EmptyCells.KEEP.value, duplicates=Decision.SKIP, state=ImportState.MAPPING,
        row_count=0, job_id=None, revision=1, created_at=now, created_by=person.subject,
        created_by_name=person.name, changed_at=now, ran_at=None,
    )  # fmt: skip
    made = await _read(connection, empty, table)
    await imports.insert(connection, made, handed.content)
    await _keep_lines(connection, made.id, table)
    return made


async def read_anew(connection: AsyncConnection, each: Import, table: tables.Table, now: datetime) -> Import:
    """The lines of a locked import as they are with another encoding or delimiter."""
    changed = await imports.read_anew(connection, await _read(connection, each, table), now)
    await _keep_lines(connection, each.id, table)
    return changed


async def _keep_lines(connection: AsyncConnection, import_id: uuid.UUID, table: tables.Table) -> None:
    await import_rows.replace_all(connection, import_id, [(row.number, row.cells) for row in table.rows])


async def _read(connection: AsyncConnection, each: Import, table: tables.Table) -> Import:
    key = header_key(table.columns)
    own = await own_fields.definitions(connection)
    kept = await imports.kept_mapping(connection, key, each.kind)
    guesses = await asyncio.to_thread(_guesses, table, own, kept)
    return replace(
        each,
        encoding=table.encoding,
        delimiter=table.delimiter,
        headings=table.columns,
        header_key=key,
        guesses=guesses,
        fields=tuple(each_guess["field"] for each_guess in guesses),
        constants=dict(kept.constants) if kept else {},
        empty_cells=kept.empty_cells if kept else EmptyCells.KEEP.value,
        row_count=len(table.rows),
    )


def _guesses(
    table: tables.Table, own: Sequence[OwnFieldDefinition], kept: KeptMapping | None
) -> list[dict[str, Any]]:
    columns = [
        [row.cells[position] for row in table.rows[:GUESSED_FROM]] for position in range(len(table.columns))
    ]
    known = {definition.column for definition in own}
    found = []
    taken: set[str] = set()
    for heading, cells, guessed in zip(
        table.columns, columns, guess(table.columns, columns, own), strict=True
    ):
        field, sureness = guessed.field, guessed.sureness.value
        if kept is not None:
            field, sureness = kept.fields.get(compared(heading), ""), "kept"
            if field in taken or (field.startswith("own.") and field not in known):
                field = ""
        taken |= {field} - {""}
        filled = [cell.strip() for cell in cells if cell.strip()]
        samples = [cell[:SAMPLE_LENGTH] for cell in dict.fromkeys(filled)][:SAMPLES]
        found.append({"field": field, "sureness": sureness, "samples": samples})
    return found
