"""Corrections of a distribution: one line, its removal, allocation, units moved to another debtor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Header, Response
from klokwerk.access import Person, allow
from klokwerk.http import FieldProblem, Problem, etag
from klokwerk.http.problems import not_found
from klokwerk_contracts import new_event_id
from klokwerk_contracts.types import Identifier, Text
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Context, Sales, Words, buyer_id
from sales_service.api.day_changes import changed_days, check_version, refuse
from sales_service.api.errors import as_problems
from sales_service.api.sale_views import ChangedDay
from sales_service.domain.distribution import MAX_LINES, Author
from sales_service.domain.lines import Line
from sales_service.domain.moving import free_id, move
from sales_service.entry.bodies import LineBody
from sales_service.entry.body import Body
from sales_service.entry.entering import Entry, applied, updated
from sales_service.entry.recording import DayChange, record
from sales_service.store import articles, debtors, sales
from sales_service.store.sales import DayKey, DayRow

router = APIRouter(tags=["sales"])
IfMatch = Annotated[str | None, Header(description="ETag of the day that was read; checked when sent.")]
Units = Annotated[int, Field(ge=0, le=1_000_000)]


class CorrectionBody(LineBody):
    """Corrected values of one line, and why."""

    reason: Text = ""


class AllocationBody(Body):
    """What to allocate: whole lines, or units by line; everything when neither is given."""

    line_ids: Annotated[list[Identifier], Field(max_length=MAX_LINES)] | None = None
    quantities: dict[Identifier, Units] = Field(default_factory=dict)
    reason: Text = ""


class MovedUnits(Body):
    """Units of one line to be moved; the whole line when no number is given."""

    line_id: Identifier
    units: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class MoveBody(Body):
    """What goes to whom, on the same order day."""

    to: Identifier
    lines: Annotated[list[MovedUnits], Field(min_length=1, max_length=MAX_LINES)]
    reason: Text = ""


class MovedView(BaseModel):
    """How both debtors' days stand after a move, and the id that each line has with the other debtor."""

    days: list[ChangedDay]
    line_ids: dict[str, str]


@router.put("/days/{day}/debtors/{debtor_id}/lines/{line_id}")
async def correct_line(
    day: date,
    debtor_id: Identifier,
    line_id: Identifier,
    body: CorrectionBody,
    sales_: Sales,
    response: Response,
    if_match: IfMatch = None,
    person: Person = allow("sales"),
) -> ChangedDay:
    """Correct one line; fields that are left out stay."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            key, row, before = await _locked(connection, sales_, debtor_id, day, if_match)
            if line_id not in before:
                raise not_found("sale line", line_id)
            numbers = [body.article_number] if body.article_number else []
            known = await articles.get(connection, numbers)
            entry = Entry("", debtor_id, body, line_id)
            problems: list[FieldProblem] = []
            # Named by hand, an article is taken over anew, also when the line has it already.
            take = applied if body.article_number in known else updated
            line = take(before[line_id], entry, known, problems)
            refuse(problems)
            after = {**before, line_id: line or before[line_id]}
            changed = await _changed(connection, sales_, person, (key, row), before, after, body.reason)
    response.headers["ETag"] = etag(changed.version)
    return changed


@router.delete("/days/{day}/debtors/{debtor_id}/lines/{line_id}")
async def remove_line(
    day: date,
    debtor_id: Identifier,
    line_id: Identifier,
    sales_: Sales,
    reason: Words = "",
    if_match: IfMatch = None,
    person: Person = allow("sales"),
) -> ChangedDay:
    """Remove one line from the sale; one that is on an invoice stays until that is credited."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            key, row, before = await _locked(connection, sales_, debtor_id, day, if_match)
            if line_id not in before:
                raise not_found("sale line", line_id)
            await _refuse_billed(connection, key, [line_id], "removed")
            await sales.remove(connection, key, [line_id])
            after = {name: line for name, line in before.items() if name != line_id}
            return await _changed(connection, sales_, person, (key, row), before, after, reason)


@router.post("/days/{day}/debtors/{debtor_id}/allocate")
async def allocate(
    day: date,
    debtor_id: Identifier,
    body: AllocationBody,
    sales_: Sales,
    if_match: IfMatch = None,
    person: Person = allow("sales"),
) -> ChangedDay:
    """Allocate what was sold: everything, whole lines, or a number of units by line."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            key, row, before = await _locked(connection, sales_, debtor_id, day, if_match)
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
            return await _changed(connection, sales_, person, (key, row), before, after, body.reason)


@router.post("/days/{day}/debtors/{debtor_id}/move")
async def move_lines(
    day: date,
    debtor_id: Identifier,
    body: MoveBody,
    sales_: Sales,
    if_match: IfMatch = None,
    person: Person = allow("sales"),
) -> MovedView:
    """Move lines, or some units of them, to another debtor of the same day; both days change together."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            await debtors.hold(connection, [debtor_id, body.to])
            to = DayKey(await buyer_id(connection, body.to, field="to"), day)
            source = DayKey((await debtors.resolve(connection, [debtor_id])).get(debtor_id, debtor_id), day)
            if to == source:
                refuse([FieldProblem(field="to", message="it is the same debtor", cure="choose another one")])
            rows = await sales_.distributions.lock(connection, [source, to])
            check_version(if_match, rows[source])
            stored = await sales.lines(connection, [source, to])
            before, there = ({line.line_id: line for line in stored[key]} for key in (source, to))
            asked = _asked(body, before)
            await _refuse_billed(connection, source, list(asked), "moved")
            left, arrived, names = _moved(asked, before, there, source.debtor_id)
            await sales.remove(connection, source, [name for name in asked if name not in left])
            await sales.write(connection, {source: list(left.values()), to: list(arrived.values())})
            after = {
                name: left.get(name, line)
                for name, line in before.items()
                if name not in asked or name in left
            }
            changes = [
                (source, DayChange(before, after, {"moved_to": to.debtor_id})),
                (to, DayChange(there, {**there, **arrived}, {"moved_from": source.debtor_id})),
            ]
            await record(connection, person, sales_.clock.now(), "lines moved", changes, body.reason)
            author = Author(person.name, body.reason)
            outcomes = await sales_.distributions.settle(connection, rows, author)
    return MovedView(days=changed_days(outcomes), line_ids=names)


def _asked(body: MoveBody, lines: Mapping[str, Line]) -> dict[str, int]:
    """Units by line, all of them valid."""
    asked: dict[str, int] = {}
    problems = []
    for position, one in enumerate(body.lines):
        line = lines.get(one.line_id)
        field = f"lines.{position}"
        if line is None:
            problems.append(
                FieldProblem(
                    field=f"{field}.line_id",
                    message=f"there is no line {one.line_id}",
                    cure="reload the page",
                )
            )
        elif one.line_id in asked:
            problems.append(
                FieldProblem(field=f"{field}.line_id", message="it occurs twice", cure="name it once")
            )
        elif one.units is not None and one.units > line.units:
            problems.append(
                FieldProblem(
                    field=f"{field}.units",
                    message=f"{one.units} units are more than the {line.units} that were sold",
                    cure=f"move {line.units} at most",
                )
            )
        elif line.units < 1:
            problems.append(
                FieldProblem(field=f"{field}.units", message="no units are sold", cure="remove the line")
            )
        else:
            asked[one.line_id] = one.units or line.units
    refuse(problems)
    return asked


def _moved(
    asked: Mapping[str, int], before: Mapping[str, Line], there: Mapping[str, Line], source: str
) -> tuple[dict[str, Line], dict[str, Line], dict[str, str]]:
    """What stays of each line, what arrives, and the id that it has there."""
    left: dict[str, Line] = {}
    arrived: dict[str, Line] = {}
    names: dict[str, str] = {}
    for name, units in asked.items():
        moved = move(before[name], units, new_event_id().hex)
        if moved.left is not None:
            left[name] = moved.left
        new_id = free_id(moved.gone.line_id, source, {*there, *arrived})
        arrived[new_id] = replace(moved.gone, line_id=new_id)
        names[name] = new_id
    return left, arrived, names


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
    refuse(problems)


async def _locked(
    connection: AsyncConnection, sales_: Context, debtor_id: str, day: date, if_match: str | None
) -> tuple[DayKey, DayRow, dict[str, Line]]:
    """The day under its card of now, locked, with its lines."""
    target = (await debtors.hold(connection, [debtor_id])).get(debtor_id, debtor_id)
    key = DayKey(target, day)
    row = (await sales_.distributions.lock(connection, [key]))[key]
    check_version(if_match, row)
    return key, row, {line.line_id: line for line in (await sales.lines(connection, [key]))[key]}


async def _changed(
    connection: AsyncConnection,
    sales_: Context,
    person: Person,
    locked: tuple[DayKey, DayRow],
    before: Mapping[str, Line],
    after: Mapping[str, Line],
    reason: str,
) -> ChangedDay:
    """Store what became different, judge the day, record it."""
    key, row = locked
    different = [line for name, line in after.items() if line != before.get(name)]
    await sales.write(connection, {key: different})
    now = sales_.clock.now()
    change = DayChange(before, after)
    await record(connection, person, now, "distribution changed", [(key, change)], reason)
    outcome = await sales_.distributions.settle(connection, {key: row}, Author(person.name, reason))
    return changed_days(outcome)[0]


async def _refuse_billed(connection: AsyncConnection, key: DayKey, names: list[str], what: str) -> None:
    billed = await sales.invoiced(connection, key)
    problems = [
        FieldProblem(
            field=f"lines.{name}",
            message=f"line {name} is on invoice {billed[name]} and can't be {what}",
            cure="credit that invoice first",
            link=f"/invoices/{billed[name]}",
        )
        for name in names
        if name in billed
    ]
    if problems:
        raise Problem(
            409, "The line is invoiced", f"{len(problems)} line(s) are on an invoice.", errors=problems[:100]
        )
