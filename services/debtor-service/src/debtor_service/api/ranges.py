"""Number ranges per administration and kind (EP-11, EP-13), and what waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Path, Query, Request
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import FieldProblem, Page, Problem, decode_cursor
from klokwerk.http.pages import page_of
from klokwerk_contracts.debtor_changed import Kind
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.bodies import STRICT, RangeAnswer, RangeBody
from debtor_service.domain.numbering import NumberRange, overlapping
from debtor_service.store import numbers

router = APIRouter(tags=["numbers"])

Administration = Annotated[Identifier, Path()]


@router.get("/number-ranges")
async def all_ranges(request: Request, _: SignedIn) -> Page[RangeAnswer]:
    """Every range that is set, with how full it is."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        found = await numbers.ranges(connection)
        return Page(items=[RangeAnswer.of(r, await numbers.use(connection, r)) for r in found])


@router.get("/number-ranges/{administration}/{kind}")
async def one_range(administration: Administration, kind: Kind, request: Request, _: SignedIn) -> RangeAnswer:
    """One range."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        found = await numbers.range_of(connection, administration, kind)
        if found is None:
            raise Problem(
                404,
                "No range is set",
                f"Set a {kind.value} range for administration {administration} with PUT.",
            )
        return RangeAnswer.of(found, await numbers.use(connection, found))


@router.put("/number-ranges/{administration}/{kind}")
async def set_range(
    administration: Administration,
    kind: Kind,
    body: RangeBody,
    request: Request,
    person: Annotated[Person, allow("finance")],
) -> RangeAnswer:
    """Set or change a range. What waits for a number of it is handled at once (EP-14)."""
    if body.first > body.last:
        raise Problem(
            422,
            "The range is empty",
            f"It starts at {body.first} and ends at {body.last}.",
            errors=[FieldProblem(field="last", message="it is below first", cure="Write first <= last.")],
        )
    database, triggers, _settings = services(request)
    at = triggers.changes.clock.now()
    async with database.transaction() as connection:
        await _lock_both(connection, administration)
        shared = await numbers.shared_space(connection, administration)
        wanted = NumberRange(administration, kind, body.first, body.last, body.fill_gaps, shared)
        old = await numbers.range_of(connection, administration, kind)
        if (rival := overlapping(wanted, await numbers.ranges(connection))) is not None:
            raise _overlap(wanted, rival)
        await numbers.set_range(connection, wanted, at, person.name)
        await audit(
            connection, person, at, "changed" if old else "set", "number range", f"{administration}/{kind.value}",
            old=_plain(old), new=_plain(wanted),
        )  # fmt: skip
    async with database.transaction() as connection:
        outcome = await triggers.wake_range(connection, administration, kind)
        use = await numbers.use(connection, wanted)
    return RangeAnswer.of(wanted, use, given=len(outcome.given))


class NumberSpace(BaseModel):
    """Whether an accounting system keeps debtors and creditors in one list of numbers."""

    model_config: ClassVar[ConfigDict] = STRICT

    shared_number_space: bool


@router.get("/number-ranges/{administration}")
async def space(administration: Administration, request: Request, _: SignedIn) -> NumberSpace:
    """Whether the ranges of both kinds must not overlap; so it is unless somebody said otherwise."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        return NumberSpace(shared_number_space=await numbers.shared_space(connection, administration))


@router.put("/number-ranges/{administration}")
async def set_space(
    administration: Administration,
    body: NumberSpace,
    request: Request,
    person: Annotated[Person, allow("finance")],
) -> NumberSpace:
    """Say whether debtors and creditors share one list; refused while their ranges overlap."""
    database, triggers, _settings = services(request)
    shared, at = body.shared_number_space, triggers.changes.clock.now()
    async with database.transaction() as connection:
        await _lock_both(connection, administration)
        old = await numbers.shared_space(connection, administration)
        mine = [r for r in await numbers.ranges(connection) if r.administration == administration]
        for each in mine:
            if (rival := overlapping(replace(each, shared=shared), mine)) is not None:
                raise _overlap(each, rival)
        if shared != old:
            await numbers.set_shared_space(connection, administration, shared, at, person.name)
            await audit(
                connection, person, at, "changed", "number space", administration,
                old={"shared_number_space": old}, new={"shared_number_space": shared},
            )  # fmt: skip
    if old and not shared:  # numbers that the other kind has are free for this one now
        async with database.transaction() as connection:
            for kind in sorted(Kind):
                await triggers.wake_range(connection, administration, kind)
    return body


class WaitingTrigger(BaseModel):
    """A trigger that waits.

    Attributes:
        name: of the card; empty where it is not known here yet.
        waits_for: the card or the range.
        reason: why, and what makes an end to it.
    """

    id: int
    debtor_id: str
    name: str
    number_kind: str
    trigger: str
    waits_for: str
    reason: str
    parked_at: datetime


@router.get("/waiting")
async def waiting(
    request: Request,
    _: SignedIn,
    debtor_id: Identifier | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[WaitingTrigger]:
    """Triggers that wait for a card or for a free number, of all cards or one, oldest first, each with the reason."""
    database, _triggers, _settings = services(request)
    after = decode_cursor(cursor, 1)
    async with database.connect() as connection:
        rows = await numbers.waiting_triggers(
            connection, debtor_id, after=int(after[0]) if after else 0, limit=limit + 1
        )
    return page_of([WaitingTrigger(**row) for row in rows], limit, lambda item: (item.id,))


async def _lock_both(connection: AsyncConnection, administration: str) -> None:
    """Let nobody give or set numbers of the administration; in the order in which everybody locks ranges."""
    for kind in sorted(Kind):
        await numbers.lock_range(connection, administration, kind)


def _overlap(wanted: NumberRange, rival: NumberRange) -> Problem:
    """409 when debtors and creditors could get the same number in one list: one would overwrite the other."""
    message = f"the {wanted.label} overlaps the {rival.label}"
    return Problem(
        409,
        "The ranges overlap",
        f"{message[0].upper()}{message[1:]}, and the accounting system keeps both kinds in one list.",
        errors=[
            FieldProblem(
                field="first",
                message=message,
                cure="Choose numbers beside it, or say that this administration keeps them in two lists.",
            )
        ],
    )


def _plain(numbers_: NumberRange | None) -> dict[str, Any] | None:
    if numbers_ is None:
        return None
    return {"first": numbers_.first, "last": numbers_.last, "fill_gaps": numbers_.fill_gaps}
