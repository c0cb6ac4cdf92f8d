"""The counters of customer numbers, and which numbers cards have."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.customer_numbers import Numbering

_START_SERIES = sa.text(
    "insert into customer_number_series (series, next_value) values (:series, 1) on conflict do nothing"
)
_NEXT = sa.text("select next_value from customer_number_series where series = :series")
_LOCK_NEXT = sa.text("select next_value from customer_number_series where series = :series for update")
_SET_NEXT = sa.text("update customer_number_series set next_value = :next where series = :series")
_TAKEN = sa.text(
    "select customer_number from card where customer_number = any(cast(:numbers as text[])) "
    "and customer_number <> ''"
)
_HOLDERS = sa.text(
    "select customer_number, debtor_id from card where customer_number = any(cast(:numbers as text[])) "
    "and customer_number <> ''"
)
LOOKED_AT_ONCE = 1000


async def reserve(
    connection: AsyncConnection, numbering: Numbering, day: date, count: int, avoid: Collection[str] = ()
) -> list[str]:
    """The next `count` customer numbers that no card has; the counter is held until the transaction ends.

    Args:
        avoid: numbers that were typed in for cards of the same transaction.
    """
    series = numbering.series(day)
    await connection.execute(_START_SERIES, {"series": series})
    value = int((await connection.execute(_LOCK_NEXT, {"series": series})).scalar_one())
    found: list[str] = []
    size = count
    while len(found) < count:
        page = [numbering.written(day, value + step) for step in range(size)]
        taken = {*(await connection.execute(_TAKEN, {"numbers": page})).scalars(), *avoid}
        free = [(step, number) for step, number in enumerate(page) if number not in taken]
        used = free[: count - len(found)]
        found += [number for _, number in used]
        value += used[-1][0] + 1 if len(found) == count else size
        size = max(count, LOOKED_AT_ONCE)  # many are taken, e.g. after a migration
    await connection.execute(_SET_NEXT, {"series": series, "next": value})
    return found


async def next_value(connection: AsyncConnection, numbering: Numbering, day: date) -> int:
    """Where the counter of the series of `day` stands."""
    found = (await connection.execute(_NEXT, {"series": numbering.series(day)})).scalar_one_or_none()
    return int(found or 1)


async def set_next_value(connection: AsyncConnection, numbering: Numbering, day: date, value: int) -> None:
    """Let the counter go on from `value`; numbers that cards have are passed over."""
    series = numbering.series(day)
    await connection.execute(_START_SERIES, {"series": series})
    await connection.execute(_SET_NEXT, {"series": series, "next": value})


async def holders(connection: AsyncConnection, numbers: Collection[str]) -> dict[str, str]:
    """Which of the customer numbers cards have already, and which cards."""
    if not numbers:
        return {}
    rows = await connection.execute(_HOLDERS, {"numbers": list(numbers)})
    return {row.customer_number: row.debtor_id for row in rows}
