"""Many articles at once: each row judged against what is there, then stored with its trail.

It takes a fixed number of statements however many rows there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from klokwerk.access import Person, audit_all
from klokwerk.http import FieldProblem
from klokwerk.http.problems import findings
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.article_columns import COLUMN_OF
from sales_service.domain.article_sheet import FIELDS, ArticleRow, merged
from sales_service.domain.articles import Article
from sales_service.entry.article_bodies import ArticleValues
from sales_service.store import articles

ENTITY = "article"


class Existing(StrEnum):
    """What happens to an article whose number is there already."""

    UPDATE = "update"
    SKIP = "skip"


class Status(StrEnum):
    """What became of one row."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of one row.

    Attributes:
        problems: why it is refused; their fields are names of columns.
        before, after: the article as it is and as it will be; none where there is none.
    """

    status: Status
    problems: tuple[FieldProblem, ...] = ()
    before: Article | None = None
    after: Article | None = None

    def changes(self) -> dict[str, tuple[Any, Any]]:
        """The fields that become different, before and after."""
        if self.before is None or self.after is None:
            return {}
        before, after = _written(self.before), _written(self.after)
        return {name: (before[name], after[name]) for name in FIELDS if before[name] != after[name]}


def judge(row: ArticleRow, known: Article | None, existing: Existing) -> Judged:
    """What becomes of a row beside the article of its number."""
    problems = [FieldProblem(field=one.column, message=one.message, cure=one.cure) for one in row.problems]
    if problems:
        return Judged(Status.REFUSED, tuple(problems), known)
    if known is not None and existing is Existing.SKIP:
        return Judged(Status.SKIPPED, before=known)
    values = merged(known, row.values)
    if known is not None and all(values[name] == getattr(known, name) for name in FIELDS):
        return Judged(Status.UNCHANGED, before=known, after=known)
    try:
        body = ArticleValues.model_validate(values)
    except ValidationError as error:
        found = [_by_column(one) for one in findings(error.errors()[:20])]
        return Judged(Status.REFUSED, tuple(found), known)
    if known is None:
        return Judged(Status.ADDED, after=body.article(row.number, 1))
    if body.article(row.number, known.revision) == known:
        return Judged(Status.UNCHANGED, before=known, after=known)
    return Judged(Status.CHANGED, before=known, after=body.article(row.number, known.revision + 1))


async def enter(
    connection: AsyncConnection,
    rows: Sequence[ArticleRow],
    existing: Existing,
    person: Person,
    now: datetime,
    *,
    reason: str,
    trial: bool,
) -> list[Judged]:
    """Judge rows of different numbers, and store the good ones unless it is only tried.

    Returns:
        what became of each row, in their order.
    """
    numbers = [row.number for row in rows if row.number]
    known = await (articles.get if trial else articles.lock)(connection, numbers)
    result = [judge(row, known.get(row.number), existing) for row in rows]
    if trial:
        return result
    fresh = [one.after for one in result if one.status is Status.ADDED and one.after]
    free = set(await articles.insert(connection, fresh, now)) if fresh else set()
    taken = [article.number for article in fresh if article.number not in free]
    if taken:
        # Somebody else added them a moment ago: they are there now, and are judged as such.
        there = await articles.lock(connection, taken)
        result = [
            judge(row, there[row.number], existing)
            if one.status is Status.ADDED and row.number in there
            else one
            for row, one in zip(rows, result, strict=True)
        ]
    changed = [one.after for one in result if one.status is Status.CHANGED and one.after]
    if changed:
        await articles.update(connection, changed, now)
    await _record(connection, result, person, now, reason)
    return result


async def _record(
    connection: AsyncConnection, result: Sequence[Judged], person: Person, now: datetime, reason: str
) -> None:
    added = [
        (one.after.number, None, _written(one.after) | {"reason": reason})
        for one in result
        if one.status is Status.ADDED and one.after
    ]
    changed = []
    for one in result:
        if one.status is Status.CHANGED and one.after:
            told = one.changes()
            old = {name: pair[0] for name, pair in told.items()}
            new = {name: pair[1] for name, pair in told.items()}
            changed.append((one.after.number, old, new | {"reason": reason}))
    await audit_all(connection, person, now, "added", ENTITY, added)
    await audit_all(connection, person, now, "changed", ENTITY, changed)


def _written(article: Article) -> dict[str, Any]:
    """The fields of an article as they stand in its trail."""
    values: dict[str, Any] = {name: getattr(article, name) for name in FIELDS}
    values["characteristics"] = [one.model_dump(mode="json") for one in article.characteristics]
    return values


def shown(value: Any) -> str:
    """A value of the trail for people."""
    if isinstance(value, list):
        return "; ".join(f"{one['type']}={one['value']}" for one in value)
    return "" if value is None else str(value)


def _by_column(problem: FieldProblem) -> FieldProblem:
    """A finding of the validation named after its column: ``characteristics.3.value`` is in the list of them."""
    name = problem.field
    column = COLUMN_OF.get(name) or COLUMN_OF.get(name.partition(".")[0], name)
    return problem.model_copy(update={"field": column})


def counts(result: Sequence[Judged]) -> Mapping[str, int]:
    """How many rows ended how."""
    return {status.value: sum(one.status is status for one in result) for status in Status}
