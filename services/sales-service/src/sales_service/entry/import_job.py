"""What jobs that read a file share: the file, and what is said about its rows."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from klokwerk import jobs
from klokwerk.http import FieldProblem
from klokwerk.http.exports import defused
from klokwerk.jobs import JobFailed, Run, Step
from klokwerk.tables import BadTable, Row, Table, read_table

INPUT, MESSAGES = "input", "messages"
"""Roles of the files of a job: what was handed in, and what is said about its rows."""
SHOWN_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class Message:
    """What is said about one row.

    Attributes:
        kind: ``error`` keeps the row out, ``note`` tells something about a row that is taken or left as it is.
        row: number of the line in the file, as a spreadsheet shows it.
        column: heading of the cell; empty for the whole row.
    """

    kind: str
    row: int
    column: str
    value: str
    message: str
    cure: str


def error_of(row: Row, headings: Sequence[str], names: Sequence[str], problem: FieldProblem) -> Message:
    """A problem of a row with the heading and the value of its cell.

    Args:
        headings: of the file.
        names: what its columns mean, in their order; empty for those that are not read.
        problem: its field is the name of a column.
    """
    heading, value = problem.field, ""
    for name, meant, cell in zip(headings, names, row.cells, strict=True):
        if meant and meant == problem.field:
            heading, value = name, cell
    return Message("error", row.number, heading, value, problem.message, problem.cure)


async def table_of(run: Run) -> Table:
    """The file of a job.

    Raises:
        JobFailed: it can't be read.
    """
    async with run.database.connect() as connection:
        parts = [part async for part in await jobs.file_of(connection, run.job.id, INPUT)]
    wanted = run.job.input
    try:
        return await asyncio.to_thread(
            read_table, b"".join(parts), encoding=wanted["encoding"], delimiter=wanted["delimiter"]
        )
    except BadTable as error:
        rows = "; ".join(f"{one.field}: {one.message}" for one in error.errors[:10])
        raise JobFailed(f"{error.text} {rows}".strip()) from None


async def tell(
    step: Step,
    run: Run,
    messages: Sequence[Message],
    counts: Mapping[str, int],
    *,
    first: bool,
    kept: Sequence[str] = (),
) -> None:
    """Add to what came out so far: counts, the first messages for the page, all of them as a file.

    Args:
        first: begin anew.
        kept: parts of the result that stay when it begins anew.
    """
    if first:
        stays = {name: step.result[name] for name in kept if name in step.result}
        step.result.clear()
        step.result |= stays
    step.result["trial"] = bool(run.job.input["dry_run"])
    for name, count in counts.items():
        step.result[name] = int(step.result.get(name, 0)) + count
    shown = list(step.result.get("messages", []))
    shown += [_as_json(one) for one in messages[: SHOWN_MESSAGES - len(shown)]]
    step.result["messages"] = shown
    step.result["messages_count"] = int(step.result.get("messages_count", 0)) + len(messages)
    if not messages:
        return
    parts = (
        [] if first else [part async for part in await jobs.file_of(step.connection, run.job.id, MESSAGES)]
    )
    content = b"".join(parts) + _as_csv(messages, heading=not parts)
    name = f"messages-{run.job.title.rsplit('.', 1)[0]}.csv"
    await jobs.keep_file(step.connection, run.job.id, MESSAGES, name, "text/csv", content)


def summary(result: Mapping[str, Any], names: Sequence[str], *, trial: bool) -> str:
    """The counts of `names` in one sentence."""
    told = ", ".join(f"{result.get(name, 0)} {name}" for name in names)
    return f"Tried, nothing stored: {told}." if trial else f"{told}."


def _as_json(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in Message.__slots__}


def _as_csv(messages: Sequence[Message], *, heading: bool) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    if heading:
        writer.writerow(["kind", "row", "column", "value", "message", "cure"])
    for one in messages:
        writer.writerow([defused(getattr(one, name)) for name in Message.__slots__])
    return (b"\xef\xbb\xbf" if heading else b"") + buffer.getvalue().encode()
