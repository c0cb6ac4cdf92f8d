"""The lines of an import: what stands in them, how they were judged, what was decided, what came of them."""

# ruff: noqa: S608 - statements are put together from this module's own column list only
from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson
import sqlalchemy as sa
from klokwerk.database import raw
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.store.imports import Decision


class Verdict(StrEnum):
    """What the dry run says of a line."""

    NEW = "new"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    WRONG = "wrong"


class Outcome(StrEnum):
    """What came of a line."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One line.

    Attributes:
        number: the line a spreadsheet shows it at.
        problems: findings as plain JSON, ``field``, ``message``, ``cure`` and ``remark`` (it does not matter much).
        matches: cards, or earlier lines, that it may be a double of; plain JSON, the likeliest first.
        changes: fields that the likeliest card would get other values in.
        decision, target: what a person decided on this line.
        revision_after: of the card, once the line was run.
        before: the card as it was before an update, as plain JSON.
        taken_back: what became of the card when the import was taken back.
    """

    number: int
    cells: tuple[str, ...]
    verdict: Verdict | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    matches: list[dict[str, Any]] = field(default_factory=list)
    changes: tuple[str, ...] = ()
    decision: Decision | None = None
    target: str | None = None
    outcome: Outcome | None = None
    message: str = ""
    card_id: str | None = None
    revision_after: int | None = None
    before: dict[str, Any] | None = None
    taken_back: str | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one line, to be kept."""

    number: int
    outcome: Outcome
    message: str = ""
    card_id: str | None = None
    revision_after: int | None = None
    before: Mapping[str, Any] | None = None


_COLUMNS = ", ".join(ImportRow.__slots__)
_WIPE = sa.text("delete from card_import_row where import_id = :id")
_CHUNK = sa.text(
    f"select {_COLUMNS} from card_import_row where import_id = :id and number > :after order by number limit :limit"
)
_TO_RUN = sa.text(
    f"select {_COLUMNS} from card_import_row where import_id = :id and outcome is null and verdict <> 'wrong' "
    "order by number limit :limit"
)
_TO_TAKE_BACK = sa.text(
    f"select {_COLUMNS} from card_import_row where import_id = :id and taken_back is null "
    "and outcome in ('created', 'updated') order by number desc limit :limit"
)
_PAGE = sa.text(
    f"select {_COLUMNS} from card_import_row where import_id = :id and number > :after "
    "and (cast(:verdict as text) is null or verdict = :verdict) "
    "and (cast(:outcome as text) is null or outcome = :outcome) "
    "and (cast(:taken_back as text) is null or taken_back = :taken_back) order by number limit :limit"
)
_REJECTED = sa.text(
    f"select {_COLUMNS} from card_import_row where import_id = :id and number > :after "
    "and (verdict = 'wrong' or outcome = 'failed') order by number limit :limit"
)


def _given(columns: str) -> str:
    """Lines that come as JSON, with their import beside each.

    Their import is no constant to the planner: where it was a new one, unknown to the statistics, one line was
    expected of it, and every line of the file compared with every line that was given.
    """
    return (
        "(select cast(:id as uuid) as import_id, given.* from jsonb_to_recordset(cast(:rows as jsonb)) "
        f"as given(number integer, {columns}) offset 0) as g"
    )


_THE_LINE = "r.import_id = g.import_id and r.number = g.number"
JUDGE = sa.text(
    "update card_import_row r set verdict = g.verdict, problems = g.problems, matches = g.matches, "
    "changes = g.changes, keys = g.keys, outcome = null, message = '', card_id = null from "
    + _given("verdict text, problems jsonb, matches jsonb, changes text[], keys text[]")
    + f" where {_THE_LINE}"
)
_FORGET_DECISIONS = sa.text(
    "update card_import_row set decision = null, target = null where import_id = :id and decision is not null"
)
_FIRSTS = (
    "with every as materialized (select import_id, number, verdict, key, min(number) over (partition by key) as first "
    "from card_import_row, unnest(keys) as key where import_id = :id) "
)
"""Every key of the file with the first line that has it, found in one pass."""
DOUBLES_WITHIN = sa.text(
    _FIRSTS + ", doubles as materialized (select import_id, number, min(first) as first, "
    "(array_agg(key order by first, key))[1] as key from every where number > first "
    "and verdict in ('new', 'duplicate') and key not like 'id:%' group by import_id, number) "
    "update card_import_row r set verdict = 'duplicate', matches = jsonb_build_array("
    "jsonb_build_object('row', g.first, 'by', split_part(g.key, ':', 1))) || r.matches "
    f"from doubles g where {_THE_LINE}"
)
TWICE = sa.text(
    _FIRSTS + "update card_import_row r set verdict = 'wrong', matches = '[]', problems = jsonb_build_array("
    "jsonb_build_object('field', 'debtor_id', 'message', 'it stands on line ' || g.first || ' already', "
    "'cure', 'Keep one of the lines.', 'remark', false)) "
    f"from every g where g.number > g.first and g.key like 'id:%' and {_THE_LINE}"
)
_DECIDE = sa.text(
    "update card_import_row r set decision = g.decision, target = g.target from "
    + _given("decision text, target text")
    + f" where {_THE_LINE} and r.verdict = 'duplicate' and r.outcome is null returning r.number"
)
KEEP = sa.text(
    "update card_import_row r set outcome = g.outcome, message = g.message, card_id = g.card_id, "
    "revision_after = g.revision_after, before = g.before from "
    + _given("outcome text, message text, card_id text, revision_after bigint, before jsonb")
    + f" where {_THE_LINE}"
)
_TAKE_BACK = sa.text(
    "update card_import_row r set taken_back = g.taken_back, message = g.message from "
    + _given("taken_back text, message text")
    + f" where {_THE_LINE}"
)
_COUNTS = sa.text(
    "select verdict, outcome, taken_back, count(*) as lines from card_import_row where import_id = :id "
    "group by verdict, outcome, taken_back"
)
_MADE_HERE = sa.text(
    "select card_id, number from card_import_row where import_id = :id and outcome in ('created', 'updated') "
    "and card_id = any(cast(:cards as text[]))"
)
_REMOVED = sa.text(
    "select card_id from card_import_row where card_id = any(cast(:cards as text[])) and taken_back = 'removed'"
)


async def replace_all(
    connection: AsyncConnection, import_id: uuid.UUID, lines: Sequence[tuple[int, Sequence[str]]]
) -> None:
    """Keep the lines of the file, instead of those that are there."""
    await connection.execute(_WIPE, {"id": import_id})
    driver = await raw(connection)
    await driver.copy_records_to_table(
        "card_import_row",
        records=[(import_id, number, list(cells)) for number, cells in lines],
        columns=["import_id", "number", "cells"],
    )


async def chunk(connection: AsyncConnection, import_id: uuid.UUID, after: int, limit: int) -> list[ImportRow]:
    """The next lines after a number."""
    return await _rows(connection, _CHUNK, {"id": import_id, "after": after, "limit": limit})


async def rejected(
    connection: AsyncConnection, import_id: uuid.UUID, after: int, limit: int
) -> list[ImportRow]:
    """The next lines that can't be taken, or could not be."""
    return await _rows(connection, _REJECTED, {"id": import_id, "after": after, "limit": limit})


async def to_run(connection: AsyncConnection, import_id: uuid.UUID, limit: int) -> list[ImportRow]:
    """The next lines that nothing came of yet."""
    return await _rows(connection, _TO_RUN, {"id": import_id, "limit": limit})


async def to_take_back(connection: AsyncConnection, import_id: uuid.UUID, limit: int) -> list[ImportRow]:
    """The next lines that made or changed a card, last ones first."""
    return await _rows(connection, _TO_TAKE_BACK, {"id": import_id, "limit": limit})


async def page(
    connection: AsyncConnection,
    import_id: uuid.UUID,
    *,
    after: int,
    limit: int,
    verdict: Verdict | None = None,
    outcome: Outcome | None = None,
    taken_back: str | None = None,
) -> list[ImportRow]:
    """Lines after a number, as far as they are asked for."""
    values = {"id": import_id, "after": after, "limit": limit, "verdict": verdict and verdict.value,
              "outcome": outcome and outcome.value, "taken_back": taken_back}  # fmt: skip
    return await _rows(connection, _PAGE, values)


async def judge(connection: AsyncConnection, import_id: uuid.UUID, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what the dry run says of lines."""
    await _with_rows(connection, JUDGE, import_id, rows)


async def forget_decisions(connection: AsyncConnection, import_id: uuid.UUID) -> None:
    """Before a new dry run: what was decided was decided on other findings."""
    await connection.execute(_FORGET_DECISIONS, {"id": import_id})


async def find_doubles_within(connection: AsyncConnection, import_id: uuid.UUID) -> None:
    """Mark lines that repeat an earlier line of the same file; one that names the same card again is wrong."""
    await connection.execute(TWICE, {"id": import_id})
    await connection.execute(DOUBLES_WITHIN, {"id": import_id})


async def decide(
    connection: AsyncConnection, import_id: uuid.UUID, rows: Sequence[dict[str, Any]]
) -> set[int]:
    """Keep decisions; gives the numbers of the lines that could be decided on."""
    found = await _with_rows(connection, _DECIDE, import_id, rows)
    return set(found.scalars())


async def keep_outcomes(connection: AsyncConnection, import_id: uuid.UUID, ran: Sequence[Ran]) -> None:
    """Keep what came of lines."""
    rows = [
        {"number": r.number, "outcome": r.outcome.value, "message": r.message[:1000], "card_id": r.card_id,
         "revision_after": r.revision_after, "before": r.before}
        for r in ran
    ]  # fmt: skip
    await _with_rows(connection, KEEP, import_id, rows)


async def keep_taken_back(
    connection: AsyncConnection, import_id: uuid.UUID, rows: Sequence[dict[str, Any]]
) -> None:
    """Keep what became of the cards of lines when the import was taken back."""
    await _with_rows(connection, _TAKE_BACK, import_id, rows)


async def counts(connection: AsyncConnection, import_id: uuid.UUID) -> dict[str, dict[str, int]]:
    """How many lines have which verdict, outcome, and end of a taking back."""
    found: dict[str, dict[str, int]] = {"verdict": {}, "outcome": {}, "taken_back": {}}
    for row in (await connection.execute(_COUNTS, {"id": import_id})).mappings():
        for name, tally in found.items():
            if row[name] is not None:
                tally[row[name]] = tally.get(row[name], 0) + int(row["lines"])
    return found


async def made_here(
    connection: AsyncConnection, import_id: uuid.UUID, cards: Sequence[str]
) -> dict[str, int]:
    """Which of these cards this import made or changed already, and by which line."""
    rows = await connection.execute(_MADE_HERE, {"id": import_id, "cards": list(cards)})
    return {row.card_id: row.number for row in rows}


async def removed_by_taking_back(connection: AsyncConnection, cards: Sequence[str]) -> set[str]:
    """Which of these cards went when an import was taken back, so that an import may bring them again."""
    return set((await connection.execute(_REMOVED, {"cards": list(cards)})).scalars())


async def _with_rows(
    connection: AsyncConnection,
    statement: sa.TextClause,
    import_id: uuid.UUID,
    rows: Sequence[dict[str, Any]],
) -> Any:
    return await connection.execute(
        statement, {"id": import_id, "rows": orjson.dumps(list(rows), default=str).decode()}
    )


async def _rows(
    connection: AsyncConnection, statement: sa.TextClause, values: dict[str, Any]
) -> list[ImportRow]:
    return [_row(row) for row in (await connection.execute(statement, values)).mappings()]


def _row(row: Any) -> ImportRow:
    values = {name: row[name] for name in ImportRow.__slots__}
    values |= {
        "cells": tuple(row["cells"]),
        "changes": tuple(row["changes"]),
        "verdict": Verdict(row["verdict"]) if row["verdict"] else None,
        "decision": Decision(row["decision"]) if row["decision"] else None,
        "outcome": Outcome(row["outcome"]) if row["outcome"] else None,
    }
    return ImportRow(**values)
