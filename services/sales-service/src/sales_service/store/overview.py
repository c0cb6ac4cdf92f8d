"""Figures for the home page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_COUNTS = sa.text(
    "select (select count(*) from distributions where order_day = :day and line_count > 0) as sold, "
    "(select count(*) from distributions where order_day = :day and line_count > 0 and missing_count > 0) as open, "
    "(select count(*) from invoices where state = 'final' and issue_date = :day) as invoices, "
    "(select count(*) from invoices where state = 'draft') as drafts, "
    "(select count(*) from parked) as waiting"
)
_RECENT = sa.text(
    "(select d.completed_at as at, 'sale' as what, coalesce(b.name, d.debtor_id) as name, "
    "  d.order_day::text as day, d.revision::text as extra, d.debtor_id as id "
    "  from distributions d left join debtors b using (debtor_id) "
    "  where d.order_day >= cast(:day as date) - 7 and d.completed_at is not null "
    "  order by d.completed_at desc limit :limit) "
    "union all "
    "(select finalised_at, kind, buyer_name, coalesce(order_day::text, ''), number, invoice_id "
    "  from invoices where state = 'final' order by place desc limit :limit) "
    "order by at desc limit :limit"
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How today stands.

    Attributes:
        sold: debtors that bought today.
        open: those of them whose distribution is not complete.
        waiting: events that wait for a debtor.
    """

    sold: int
    open: int
    invoices: int
    drafts: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened; `extra` is the revision of a sale or the number of an invoice."""

    at: datetime
    what: str
    name: str
    day: str
    extra: str
    id: str


async def counts(connection: AsyncConnection, day: date) -> Counts:
    """The figures of `day`."""
    return Counts(*(await connection.execute(_COUNTS, {"day": day})).one())


async def recent(connection: AsyncConnection, day: date, limit: int) -> list[Happened]:
    """What was completed or issued last, newest first."""
    rows = await connection.execute(_RECENT, {"day": day, "limit": limit})
    return [Happened(*row) for row in rows]
