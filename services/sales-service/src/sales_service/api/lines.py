"""Sale lines entered by hand or by the thousand, and all lines of a day put as they are to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Response
from klokwerk.access import Person, allow
from klokwerk.http import Expected, FieldProblem, Once, etag
from klokwerk_contracts import new_event_id
from klokwerk_contracts.types import Identifier, Text
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Context, Sales, buyer_id
from sales_service.api.day_changes import changed_days, check_version, refuse
from sales_service.api.errors import as_problems
from sales_service.api.sale_views import AddedLine, AddedLines, ChangedDay
from sales_service.domain.articles import Article
from sales_service.domain.distribution import MAX_LINES, Author
from sales_service.domain.lines import Line
from sales_service.entry.bodies import MOST_LINES, BadLine, LineBody, LineOrWhy
from sales_service.entry.body import Body
from sales_service.entry.entering import (
    Entered,
    Entry,
    Existing,
    Mode,
    Result,
    Status,
    applied,
    new_line,
)
from sales_service.entry.recording import DayChange, record
from sales_service.store import articles, sales
from sales_service.store.sales import DayKey

router = APIRouter(tags=["sales"])


class LinesBody(Body):
    """Lines of one day, for one debtor or, with a debtor on each line, for several.

    Attributes:
        mode: ``all`` stores everything or nothing; ``each`` stores what is good and answers line by line.
        existing: what happens to a line whose id is there already: ``refuse`` it or ``update`` it, so that the
            same request may be sent again.
        allocate: allocate every line in full at once.
    """

    debtor_id: Identifier | None = None
    lines: Annotated[list[LineOrWhy], Field(min_length=1, max_length=MOST_LINES)]
    mode: Mode = Mode.ALL
    existing: Existing = Existing.REFUSE
    allocate: bool = False
    reason: Text = ""


class AllLinesBody(Body):
    """Every line of one debtor and day as it is to be; lines that are not named are removed."""

    lines: Annotated[list[LineBody], Field(max_length=MAX_LINES)]
    reason: Text = ""


@router.post("/days/{day}/lines", status_code=201, response_model=AddedLines)
async def add_lines(
    day: date, body: LinesBody, sales_: Sales, once: Once, person: Person = allow("sales")
) -> Any:
    """Enter sale lines, up to 10,000 in one request: all or none, or each on its own (`mode`)."""
    entries = {
        position: Entry(
            name=f"lines.{position}",
            debtor_id=line.debtor_id or body.debtor_id or "",
            body=line,
            line_id=line.line_id or "",
            debtor_field="debtor_id" if body.debtor_id and not line.debtor_id else "",
        )
        for position, line in enumerate(body.lines)
        if isinstance(line, LineBody)
    }
    unread = {
        position: [
            problem.model_copy(update={"field": f"lines.{position}.{problem.field}".rstrip(".")})
            for problem in line.problems
        ]
        for position, line in enumerate(body.lines)
        if isinstance(line, BadLine)
    }
    if body.mode is Mode.ALL:
        refuse([problem for some in unread.values() for problem in some])
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        with as_problems():
            result = await sales_.entering.enter(
                connection,
                day,
                list(entries.values()),
                person,
                mode=body.mode,
                existing=body.existing,
                allocate=body.allocate,
                reason=body.reason,
            )
        answers = dict(zip(entries, result.lines, strict=True))
        for position, problems in unread.items():
            answers[position] = Entered("", "", Status.REFUSED, tuple(problems))
        added = _added(result, [answers[position] for position in sorted(answers)])
        return await once.keep(connection, added, 201)


def _added(result: Result, lines: list[Entered]) -> AddedLines:
    return AddedLines(
        line_ids=[line.line_id for line in lines],
        lines=[
            AddedLine(
                line_id=line.line_id,
                debtor_id=line.debtor_id,
                status=line.status,
                errors=list(line.problems),
            )
            for line in lines
        ],
        counts={status.value: sum(line.status is status for line in lines) for status in Status},
        days=changed_days(result.days),
    )


@router.put("/days/{day}/debtors/{debtor_id}/lines")
async def replace_lines(
    day: date,
    debtor_id: Identifier,
    body: AllLinesBody,
    sales_: Sales,
    expected: Expected,
    response: Response,
    person: Person = allow("sales"),
) -> ChangedDay:
    """Put all lines of a debtor's day as they are to be; ten corrections give one event."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            key = DayKey(await buyer_id(connection, debtor_id), day)
            rows = await sales_.distributions.lock(connection, [key])
            check_version(str(expected), rows[key])
            before = {line.line_id: line for line in (await sales.lines(connection, [key]))[key]}
            after = await _as_wanted(connection, sales_, body, before)
            await sales.keep_only(connection, {key: list(after)})
            await sales.write(connection, {key: list(after.values())})
            change = DayChange(before, after)
            now = sales_.clock.now()
            await record(connection, person, now, "distribution changed", [(key, change)], body.reason)
            outcome = await sales_.distributions.settle(connection, rows, Author(person.name, body.reason))
    response.headers["ETag"] = etag(rows[key].version + 1)
    return changed_days(outcome)[0]


async def _as_wanted(
    connection: AsyncConnection, sales_: Context, body: AllLinesBody, before: Mapping[str, Line]
) -> dict[str, Line]:
    numbers = [entry.article_number for entry in body.lines if entry.article_number]
    known: Mapping[str, Article] = await articles.get(connection, numbers)
    problems: list[FieldProblem] = []
    after: dict[str, Line] = {}
    now = sales_.clock.now()
    for position, line in enumerate(body.lines):
        line_id = line.line_id or new_event_id().hex
        entry = Entry(f"lines.{position}", "", line, line_id)
        if line_id in after:
            problems.append(
                FieldProblem(field=entry.field("line_id"), message="it occurs twice", cure="name it once")
            )
        old = before.get(line_id)
        made = applied(old, entry, known, problems) if old else new_line(entry, known, problems)
        if made is not None:
            after[line_id] = replace(made, transaction_at=made.transaction_at or now)
    refuse(problems)
    return after
