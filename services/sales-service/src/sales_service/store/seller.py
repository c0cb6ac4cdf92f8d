"""Our own company and the counters of invoice numbers."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.invoices import Seller

_READ = sa.text("select revision, data from seller where administration = :administration")
_READ_LOCKED = sa.text("select revision, data from seller where administration = :administration for update")
_WRITE = sa.text(
    "insert into seller (administration, revision, data, changed_at) "
    "values (:administration, :revision, cast(:data as jsonb), :now) "
    "on conflict (administration) do update set revision = excluded.revision, data = excluded.data, "
    "changed_at = excluded.changed_at where seller.revision = excluded.revision - 1"
)
_NEXT = sa.text(
    "insert into number_series (administration, series, year, last_number) "
    "values (:administration, :series, :year, 1) "
    "on conflict (administration, series, year) do update set last_number = number_series.last_number + 1 "
    "returning last_number"
)


async def read(
    connection: AsyncConnection, administration: str, *, locked: bool = False
) -> tuple[int, Seller | None]:
    """Revision and data of our company; revision 0 and none before it was ever filled in."""
    statement = _READ_LOCKED if locked else _READ
    row = (await connection.execute(statement, {"administration": administration})).one_or_none()
    return (0, None) if row is None else (row.revision, Seller.model_validate(row.data))


async def write(
    connection: AsyncConnection, administration: str, revision: int, seller: Seller, now: datetime
) -> bool:
    """Store `seller` as `revision`; False when somebody else stored that one first."""
    values = {
        "administration": administration,
        "revision": revision,
        "data": seller.model_dump_json(),
        "now": now,
    }
    return bool((await connection.execute(_WRITE, values)).rowcount)


async def next_number(connection: AsyncConnection, administration: str, series: str, year: int) -> int:
    """The next number of a series and year, from 1 without gaps.

    The counter's row stays locked until the transaction ends, so numbers are given one after the other;
    a transaction that rolls back gives its number back.
    """
    values = {"administration": administration, "series": series, "year": year}
    return int((await connection.execute(_NEXT, values)).scalar_one())
