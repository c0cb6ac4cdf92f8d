"""(Sold) Per debtor: the list of an order day with its filters and totals, and the list of days.

Both read one row a debtor and day, whatever number of lines is stored. What became of the last EKT is looked up
beside it, one index entry a debtor.
"""

# ruff: noqa: S608 - statements are put together from the fixed parts of this module only
from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from klokwerk.jobs.items import KEEP
from klokwerk.pinned import Pin, pin, pin_of
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.ekts import EktFilter, filter_states
from sales_service.domain.search import pattern
from sales_service.store.outcomes import SHOWN_STATE

# Cards are looked up one by one ("offset 0" keeps it so): a day has thousands of debtors, however many cards there are.
_CARD = (
    "left join lateral (select c.number, c.name, c.search, c.use_ekts from debtors c "
    "  where c.debtor_id = d.debtor_id offset 0) b on true "
)
_EKT = (
    f"left join lateral (select l.trigger, {SHOWN_STATE} as state, l.message, l.changed_at, l.confirmed_at "
    "  from ekt_deliveries l where l.debtor_id = d.debtor_id and l.order_day = d.order_day "
    "  order by l.changed_at desc, l.ekt_id desc limit 1) e on true "
)
_OF_DAY = "where d.order_day = :day and d.line_count > 0 "
_BY_DAY = (
    "and (cast(:complete as boolean) is null or (d.missing_count = 0) = :complete) "
    "and (cast(:ids as text[]) is null or d.debtor_id = any(cast(:ids as text[]))) "
)
_BY_CARD = (
    "and (cast(:words as text) is null or b.search like :words or d.debtor_id = :exact) "
    "and (cast(:use_ekts as boolean) is null or coalesce(b.use_ekts, false) = :use_ekts) "
)
_BY_EKT = (
    "and (cast(:states as text[]) is null or coalesce(e.state, 'never') = any(cast(:states as text[]))) "
)
_FOUND = f"from distributions d {_CARD} {_EKT} {_OF_DAY} {_BY_DAY} {_BY_CARD} {_BY_EKT}"
_NAME = "coalesce(b.search, d.debtor_id)"
_COLUMNS = (
    "d.debtor_id, coalesce(b.number, '') as debtor_number, coalesce(b.name, d.debtor_id) as name, "
    "coalesce(b.use_ekts, false) as use_ekts, d.source, d.line_count, d.allocated_count, d.goods_total, "
    "d.missing_count, d.revision, d.completed_at, d.publish_due is not null as pending, e.trigger, e.state, "
    f"e.message, e.changed_at as ekt_at, e.confirmed_at, {_NAME} as sort_name "
)


class SoldSort(StrEnum):
    """Orders of the list; a minus turns them round."""

    NAME = "name"
    NAME_DOWN = "-name"
    TOTAL = "total"
    TOTAL_DOWN = "-total"

    @property
    def by_total(self) -> bool:
        """By what was sold, not by name."""
        return self in (SoldSort.TOTAL, SoldSort.TOTAL_DOWN)

    @property
    def descending(self) -> bool:
        """Largest or last first."""
        return self.value.startswith("-")


def _list(sort: SoldSort) -> sa.TextClause:
    key, kind = ("d.goods_total", "numeric") if sort.by_total else (_NAME, "text")
    sign, way = ("<", " desc") if sort.descending else (">", "")
    return sa.text(
        f"select {_COLUMNS} {_FOUND} "
        f"and (cast(:after as {kind}) is null or ({key}, d.debtor_id) {sign} (cast(:after as {kind}), :after_id)) "
        f"order by {key}{way}, d.debtor_id{way} limit :limit"
    )


_LISTS = {sort: _list(sort) for sort in SoldSort}


def _totals(*, card: bool, ekt: bool) -> tuple[sa.TextClause, frozenset[str]]:
    """Sums that look up no more than their filter asks for, with the names of the values that they take."""
    statement = sa.text(
        "select count(*) as debtors, coalesce(sum(d.line_count), 0) as lines, "
        "coalesce(sum(d.goods_total), 0) as goods_total, "
        "count(*) filter (where d.missing_count > 0) as incomplete from distributions d "
        f"{_CARD if card else ''} {_EKT if ekt else ''} {_OF_DAY} {_BY_DAY} "
        f"{_BY_CARD if card else ''} {_BY_EKT if ekt else ''}"
    )
    return statement, frozenset(statement.compile().params)


_TOTALS = {(card, ekt): _totals(card=card, ekt=ekt) for card in (False, True) for ekt in (False, True)}
_DAYS = sa.text(
    "select order_day, count(*) as debtors, sum(line_count) as lines, sum(goods_total) as goods_total "
    "from distributions where line_count > 0 and order_day = any(cast(:days as date[])) "
    "group by order_day order by order_day desc"
)
# One step along the index for each day, not one for each debtor of it: most days have thousands.
_NEWEST_DAYS = sa.text(
    "with recursive day (order_day) as ("
    "(select order_day from distributions where line_count > 0 "
    "  and (cast(:before as date) is null or order_day < :before) order by order_day desc limit 1) "
    "union all select (select order_day from distributions where line_count > 0 "
    "  and order_day < day.order_day order by order_day desc limit 1) from day where day.order_day is not null) "
    "select order_day from day where order_day is not null limit :limit"
)


_CHOSEN = sa.text(
    f"with found as materialized (select d.debtor_id, {_NAME} as sort_name {_FOUND}) "
    f"select {pin('debtor_id')}, array_agg(debtor_id order by sort_name, debtor_id) as ids from found"
)
_KEEP = sa.text(
    f"with found as materialized (select d.debtor_id {_FOUND}), kept as ({KEEP}debtor_id from found) "
    f"select {pin('debtor_id')} from found"
)


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One order day in the list of days."""

    order_day: date
    debtors: int
    lines: int
    goods_total: Decimal


async def days(connection: AsyncConnection, *, before: date | None, limit: int) -> list[DayTotals]:
    """Days with sales, newest first; there is no oldest one that is left out (EF-17)."""
    found = list((await connection.execute(_NEWEST_DAYS, {"before": before, "limit": limit})).scalars())
    rows = await connection.execute(_DAYS, {"days": found})
    return [DayTotals(row.order_day, row.debtors, row.lines, row.goods_total) for row in rows]


@dataclass(frozen=True, slots=True)
class Sold:
    """One debtor in the list "Sold per debtor" of a day.

    Attributes:
        pending: it was corrected, and the others are told in a moment.
        sort_name: the name as it is sorted.
    """

    debtor_id: str
    debtor_number: str
    name: str
    use_ekts: bool
    source: str
    line_count: int
    allocated_count: int
    goods_total: Decimal
    missing_count: int
    revision: int
    completed_at: datetime | None
    pending: bool
    ekt_trigger: str | None
    ekt_state: str | None
    ekt_message: str | None
    ekt_at: datetime | None
    confirmed_at: datetime | None
    sort_name: str


@dataclass(frozen=True, slots=True)
class SoldFilter:
    """What the list of a day is narrowed to.

    Attributes:
        words: part of name, number or VAT number (EF-13).
        complete: only complete, or only incomplete distributions.
        use_ekts: only debtors with, or without "Use EKTs".
        ekt: how the last EKT stands, any of these.
        ids: only these debtors.
    """

    words: str = ""
    complete: bool | None = None
    use_ekts: bool | None = None
    ekt: Sequence[EktFilter] = ()
    ids: Sequence[str] | None = None

    def values(self, day: date) -> dict[str, Any]:
        """As the statements take it."""
        return {
            "day": day,
            "words": pattern(self.words) if self.words.strip() else None,
            "exact": self.words.strip(),
            "complete": self.complete,
            "use_ekts": self.use_ekts,
            "states": filter_states(self.ekt) or None,
            "ids": None if self.ids is None else list(self.ids),
        }


@dataclass(frozen=True, slots=True)
class After:
    """The last row seen: its name or total, and its debtor."""

    value: str | Decimal
    debtor_id: str


async def per_debtor(
    connection: AsyncConnection,
    day: date,
    wanted: SoldFilter,
    *,
    sort: SoldSort = SoldSort.NAME,
    after: After | None = None,
    limit: int | None = 50,
) -> list[Sold]:
    """Debtors that bought on `day`; one without sales is absent (EF-11, EF-12). No `limit` gives all."""
    position = {"after": after.value if after else None, "after_id": after.debtor_id if after else None}
    rows = await connection.execute(_LISTS[sort], {**wanted.values(day), **position, "limit": limit})
    return [Sold(*row) for row in rows]


async def chosen(connection: AsyncConnection, day: date, wanted: SoldFilter) -> tuple[list[str], Pin]:
    """The debtors of the filter by name, and which those are for whoever confirms them."""
    row = (await connection.execute(_CHOSEN, wanted.values(day))).one()
    return list(row.ids or ()), pin_of(row)


async def keep_chosen(connection: AsyncConnection, day: date, wanted: SoldFilter, job_id: uuid.UUID) -> Pin:
    """Fix the debtors of the filter as what a job has to do; returns which those are."""
    return pin_of((await connection.execute(_KEEP, {**wanted.values(day), "job": job_id})).one())


@dataclass(frozen=True, slots=True)
class SoldTotals:
    """Sums over everything that a filter lets through, not only the page that is shown."""

    debtors: int
    lines: int
    goods_total: Decimal
    incomplete: int


async def totals(connection: AsyncConnection, day: date, wanted: SoldFilter) -> SoldTotals:
    """What `wanted` adds up to on `day`."""
    by_card = bool(wanted.words.strip()) or wanted.use_ekts is not None
    statement, names = _TOTALS[by_card, bool(wanted.ekt)]
    values = {name: value for name, value in wanted.values(day).items() if name in names}
    return SoldTotals(*(await connection.execute(statement, values)).one())
