"""Changes of distributions: lines entered, corrected, removed, allocated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from klokwerk.access import Person, allow, audit, audit_all
from klokwerk.http import Expected, FieldProblem, Once, Problem, check_revision, etag
from klokwerk.http.problems import not_found
from klokwerk_contracts import new_event_id
from klokwerk_contracts.types import Identifier, Text
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Body, Context, Sales, Words, buyer_id, buyer_problem
from sales_service.api.errors import as_problems
from sales_service.api.sale_bodies import MOST_LINES, LineBody, merged
from sales_service.api.sale_views import (
    AddedLines,
    ChangedDay,
)
from sales_service.domain.distribution import MAX_LINES
from sales_service.domain.lines import Line, difference
from sales_service.selling import Author
from sales_service.store import articles, debtors, sales
from sales_service.store.sales import DayKey, DayRow, Outcome

router = APIRouter(tags=["sales"])
ENTITY = "sale"


class LinesBody(Body):
    """Lines of one day, for one debtor or, with a debtor on each line, for several.

    Attributes:
        allocate: allocate every line in full at once.
    """

    debtor_id: Identifier | None = None
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=MOST_LINES)]
    allocate: bool = False
    reason: Text = ""


class AllLinesBody(Body):
    """Every line of one debtor and day as it is to be; lines that are not named are removed."""

    lines: Annotated[list[LineBody], Field(max_length=MAX_LINES)]
    reason: Text = ""


class CorrectionBody(LineBody):
    """Corrected values of one line, and why."""

    reason: Text = ""


class AllocationBody(Body):
    """What to allocate: whole lines, or units by line; everything when neither is given."""

    line_ids: Annotated[list[Identifier], Field(max_length=MAX_LINES)] | None = None
    quantities: dict[Identifier, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(default_factory=dict)
    reason: Text = ""


@router.post("/days/{day}/lines", status_code=201, response_model=AddedLines)
async def add_lines(
    day: date, body: LinesBody, sales_: Sales, once: Once, person: Person = allow("sales")
) -> Any:
    """Enter sale lines, all or none; up to 10,000 in one request."""
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        with as_problems():
            added = await _add(connection, sales_, day, body, person)
        return await once.keep(connection, added, 201)


async def _add(
    connection: AsyncConnection, sales_: Context, day: date, body: LinesBody, person: Person
) -> AddedLines:
    targets = await _targets(connection, body)
    known = await _articles(connection, body.lines)
    problems: list[FieldProblem] = []
    per_day: dict[DayKey, list[Line]] = {}
    line_ids: list[str] = []
    now = sales_.clock.now()
    for position, entry in enumerate(body.lines):
        line_id = entry.line_id or new_event_id().hex
        line_ids.append(line_id)
        key = DayKey(targets[entry.debtor_id or body.debtor_id or ""], day)
        line = _new_line(line_id, entry, known, f"lines.{position}", problems)
        if line is None:
            continue
        if body.allocate and entry.allocated is None:
            line = replace(line, allocated=line.units)
        per_day.setdefault(key, []).append(replace(line, transaction_at=line.transaction_at or now))
    _refuse(problems)
    rows = await sales_.distributions.lock(connection, per_day)
    existing = await sales.lines(connection, per_day)
    taken = {(key, line.line_id) for key, lines in existing.items() for line in lines}
    for position, (entry, line_id) in enumerate(zip(body.lines, line_ids, strict=True)):
        identity = (DayKey(targets[entry.debtor_id or body.debtor_id or ""], day), line_id)
        if identity in taken:
            problems.append(
                FieldProblem(
                    field=f"lines.{position}.line_id",
                    message=f"line {line_id} exists already",
                    cure="correct it with PUT, or leave the id out",
                )
            )
        taken.add(identity)
    _refuse(problems, status=409)
    await sales.write(connection, per_day)
    outcome = await sales_.distributions.settle(connection, rows, Author(person.name, body.reason))
    await audit_all(
        connection,
        person,
        now,
        "lines added",
        ENTITY,
        [
            (_entity(key), None, {"line_ids": [line.line_id for line in some], "reason": body.reason})
            for key, some in per_day.items()
        ],
    )
    return AddedLines(line_ids=line_ids, days=_changed(outcome))


async def _targets(connection: AsyncConnection, body: LinesBody) -> dict[str, str]:
    """The card that each debtor id of the request stands for; every unknown one is named by its first row."""
    first_row: dict[str, int] = {}
    for position, entry in enumerate(body.lines):
        first_row.setdefault(entry.debtor_id or body.debtor_id or "", position)
    found = await debtors.buyers(connection, first_row)
    problems = []
    for debtor_id, position in first_row.items():
        field = "debtor_id" if debtor_id == body.debtor_id else f"lines.{position}.debtor_id"
        if not debtor_id:
            problems.append(
                FieldProblem(
                    field=field, message="no debtor is named", cure="fill in debtor_id for all or by line"
                )
            )
        elif problem := buyer_problem(debtor_id, found.get(debtor_id), field):
            problems.append(problem)
    _refuse(problems)
    return {debtor_id: buyer.target for debtor_id, buyer in found.items()}


async def _articles(connection: AsyncConnection, lines: Iterable[LineBody]) -> Mapping[str, articles.Article]:
    return await articles.get(connection, [line.article_number for line in lines if line.article_number])


def _new_line(
    line_id: str,
    body: LineBody,
    known: Mapping[str, articles.Article],
    field: str,
    problems: list[FieldProblem],
) -> Line | None:
    if body.article_number and body.article_number not in known:
        if body.article is None:
            problems.append(
                FieldProblem(
                    field=f"{field}.article_number",
                    message=f"there is no article {body.article_number}",
                    cure="add it to the articles, or give the article on the line",
                )
            )
            return None
        body = body.model_copy(
            update={"article": body.article.model_copy(update={"number": body.article_number})}
        )
    if body.units is None:
        problems.append(
            FieldProblem(field=f"{field}.units", message="the units sold are missing", cure="fill in units")
        )
        return None
    return _apply(Line(line_id=line_id, units=0), body, known, field, problems)


def _apply(
    line: Line,
    body: LineBody,
    known: Mapping[str, articles.Article],
    field: str,
    problems: list[FieldProblem],
) -> Line | None:
    try:
        return merged(line, body, known)
    except ValueError as error:
        problems.append(FieldProblem(field=field, message=str(error), cure="correct the line"))
        return None


def _refuse(problems: Sequence[FieldProblem], *, status: int = 422) -> None:
    if problems:
        raise Problem(
            status,
            "Nothing was stored: some lines can't be taken",
            f"{len(problems)} problem(s), see errors; a request is taken as a whole or not at all.",
            errors=problems[:100],
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
            key = await _key(connection, debtor_id, day)
            rows = await sales_.distributions.lock(connection, [key])
            check_revision(expected, rows[key].version)
            before = {line.line_id: line for line in (await sales.lines(connection, [key]))[key]}
            known = await _articles(connection, body.lines)
            problems: list[FieldProblem] = []
            after: dict[str, Line] = {}
            for position, entry in enumerate(body.lines):
                field = f"lines.{position}"
                line_id = entry.line_id or new_event_id().hex
                if line_id in after:
                    problems.append(
                        FieldProblem(field=f"{field}.line_id", message="it occurs twice", cure="name it once")
                    )
                old = before.get(line_id)
                line = (
                    _apply(old, entry, known, field, problems)
                    if old is not None
                    else _new_line(line_id, entry, known, field, problems)
                )
                if line is not None:
                    now = sales_.clock.now()
                    after[line_id] = replace(line, transaction_at=line.transaction_at or now)
            _refuse(problems)
            await sales.keep_only(connection, {key: list(after)})
            await sales.write(connection, {key: list(after.values())})
            outcome = await sales_.distributions.settle(connection, rows, Author(person.name, body.reason))
            await _audit_change(connection, sales_, person, key, before, after, body.reason)
    response.headers["ETag"] = etag(rows[key].version + 1)
    return _changed(outcome)[0]


@router.put("/days/{day}/debtors/{debtor_id}/lines/{line_id}")
async def correct_line(
    day: date,
    debtor_id: Identifier,
    line_id: Identifier,
    body: CorrectionBody,
    sales_: Sales,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
    person: Person = allow("sales"),
) -> ChangedDay:
    """Correct one line; fields that are left out stay. If-Match with the day's ETag is checked when sent."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            key = await _key(connection, debtor_id, day)
            rows = await sales_.distributions.lock(connection, [key])
            _check_version(if_match, rows[key])
            before = {line.line_id: line for line in (await sales.lines(connection, [key]))[key]}
            if line_id not in before:
                raise not_found("sale line", line_id)
            problems: list[FieldProblem] = []
            known = await _articles(connection, [body])
            if body.article_number and body.article_number not in known and body.article is None:
                problems.append(
                    FieldProblem(
                        field="article_number",
                        message=f"there is no article {body.article_number}",
                        cure="add it to the articles, or give the article on the line",
                    )
                )
            line = _apply(before[line_id], body, known, "", problems)
            _refuse(problems)
            if line is None:
                raise not_found("sale line", line_id)
            await sales.write(connection, {key: [line]})
            outcome = await sales_.distributions.settle(connection, rows, Author(person.name, body.reason))
            await _audit_change(
                connection, sales_, person, key, before, {**before, line_id: line}, body.reason
            )
    response.headers["ETag"] = etag(rows[key].version + 1)
    return _changed(outcome)[0]


@router.delete("/days/{day}/debtors/{debtor_id}/lines/{line_id}")
async def remove_line(
    day: date,
    debtor_id: Identifier,
    line_id: Identifier,
    sales_: Sales,
    reason: Words = "",
    if_match: Annotated[str | None, Header()] = None,
    person: Person = allow("sales"),
) -> ChangedDay:
    """Remove one line from the sale."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            key = await _key(connection, debtor_id, day)
            rows = await sales_.distributions.lock(connection, [key])
            _check_version(if_match, rows[key])
            before = {line.line_id: line for line in (await sales.lines(connection, [key]))[key]}
            if not await sales.remove(connection, key, [line_id]):
                raise not_found("sale line", line_id)
            after = {name: line for name, line in before.items() if name != line_id}
            outcome = await sales_.distributions.settle(connection, rows, Author(person.name, reason))
            await _audit_change(connection, sales_, person, key, before, after, reason)
    return _changed(outcome)[0]


@router.post("/days/{day}/debtors/{debtor_id}/allocate")
async def allocate(
    day: date,
    debtor_id: Identifier,
    body: AllocationBody,
    sales_: Sales,
    person: Person = allow("sales"),
) -> ChangedDay:
    """Allocate what was sold: everything, whole lines, or a number of units by line."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            key = await _key(connection, debtor_id, day)
            rows = await sales_.distributions.lock(connection, [key])
            before = {line.line_id: line for line in (await sales.lines(connection, [key]))[key]}
            _check_allocation(body, before)
            everything = body.line_ids is None and not body.quantities
            chosen = set(before) if everything else set(body.line_ids or ())
            after = {
                name: replace(
                    line,
                    allocated=body.quantities.get(name, line.units if name in chosen else line.allocated),
                )
                for name, line in before.items()
            }
            changed = [line for name, line in after.items() if line != before[name]]
            await sales.write(connection, {key: changed})
            outcome = await sales_.distributions.settle(connection, rows, Author(person.name, body.reason))
            await _audit_change(connection, sales_, person, key, before, after, body.reason)
    return _changed(outcome)[0]


def _check_allocation(body: AllocationBody, lines: Mapping[str, Line]) -> None:
    problems = [
        FieldProblem(field=field, message=f"there is no line {name}", cure="reload the distribution")
        for field, names in (("line_ids", body.line_ids or ()), ("quantities", body.quantities))
        for name in names
        if name not in lines
    ]
    problems += [
        FieldProblem(
            field=f"quantities.{name}",
            message=f"{units} units are more than the {lines[name].units} that were sold",
            cure=f"allocate {lines[name].units} at most",
        )
        for name, units in body.quantities.items()
        if name in lines and units > lines[name].units
    ]
    _refuse(problems)


# --- parts --------------------------------------------------------------------------------------------------


async def _key(connection: AsyncConnection, debtor_id: str, day: date) -> DayKey:
    return DayKey(await buyer_id(connection, debtor_id), day)


def _check_version(if_match: str | None, row: DayRow) -> None:
    if if_match is not None and if_match.removeprefix("W/").strip('"') != str(row.version):
        raise Problem(
            412,
            "It was changed meanwhile",
            f"The distribution is at {row.version} now. Reload and try again.",
            headers={"ETag": etag(row.version)},
        )


def _entity(key: DayKey) -> str:
    return f"{key.debtor_id}/{key.order_day}"


def _changed(outcome: Mapping[DayKey, Outcome]) -> list[ChangedDay]:
    return [
        ChangedDay(
            debtor_id=key.debtor_id,
            order_day=key.order_day,
            lines=entry.standing.line_count,
            missing=entry.standing.missing_count,
            complete=entry.standing.complete,
            revision=entry.revision,
            published=entry.standing.publish is not None,
        )
        for key, entry in outcome.items()
    ]


async def _audit_change(
    connection: AsyncConnection,
    sales_: Context,
    person: Person,
    key: DayKey,
    before: Mapping[str, Line],
    after: Mapping[str, Line],
    reason: str,
) -> None:
    """Record what became different, line by line; nothing when nothing did."""
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            old[name], new[name] = difference(before.get(name), after.get(name))
    if old or new:
        await audit(
            connection,
            person,
            sales_.clock.now(),
            "distribution changed",
            ENTITY,
            _entity(key),
            old=old,
            new={**new, "reason": reason},
        )
