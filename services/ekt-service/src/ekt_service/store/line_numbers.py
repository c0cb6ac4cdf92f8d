"""AGJ, barcode and VN of order lines: given once, kept for life, an AGJ never twice on a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from klokwerk_contracts.sale_completed import SaleLine
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.line_numbers import LineNumbers, OutOfNumbersError, wished
from ekt_service.edifact.clockt import LAST_AGJ, barcode

_KNOWN = sa.text(
    "select line_id, agj, barcode, order_line from line_number where administration = :administration "
    "and owner_id = :owner and order_day = :day"
)
_COUNT_UP = sa.text(
    "insert into agj_counter (administration, order_day, last) values (:administration, :day, :many) "
    "on conflict (administration, order_day) do update set last = agj_counter.last + :many returning last"
)
_INSERT = sa.text(
    "insert into line_number (administration, owner_id, order_day, line_id, agj, barcode, order_line) "
    "select :administration, :owner, :day, line_id, agj, barcode, cast(nextval('order_line_number') as text) "
    "from unnest(cast(:lines as text[]), cast(:agjs as int[]), cast(:barcodes as text[])) as t (line_id, agj, barcode) "
    "on conflict do nothing returning line_id, agj, barcode, order_line"
)


@dataclass(frozen=True, slots=True)
class Day:
    """The day and debtor that numbers are given for."""

    administration: str
    owner_id: str
    day: date
    auction: str


async def numbers_for(
    connection: AsyncConnection, day: Day, lines: Sequence[SaleLine]
) -> Mapping[str, LineNumbers]:
    """The numbers of every line by line id; lines that have none yet get theirs now.

    A line that comes with an AGJ or barcode of its own keeps it where it is free that day and fits.

    Raises:
        OutOfNumbersError: the day has more lines than an AGJ of five digits can tell apart.
    """
    names = {"administration": day.administration, "owner": day.owner_id, "day": day.day}
    known = {row.line_id: _of(row) for row in await connection.execute(_KNOWN, names)}
    fresh = {line.line_id: line for line in lines if line.line_id not in known}
    given = [
        (line.line_id, wish[0], wish[1])
        for line in fresh.values()
        if (wish := wished(line, day.day, day.auction)) is not None
    ]
    known.update(await _insert(connection, names, given))
    while left := [line for line_id, line in fresh.items() if line_id not in known]:
        last = (await connection.execute(_COUNT_UP, {**names, "many": len(left)})).scalar_one()
        if last > LAST_AGJ:
            raise OutOfNumbersError(day.day)
        rows = [
            (line.line_id, agj, barcode(day.auction, str(line.clock_number or ""), day.day, agj, line.units))
            for agj, line in enumerate(left, last - len(left) + 1)
        ]
        known.update(await _insert(connection, names, rows))
    return known


async def _insert(
    connection: AsyncConnection, names: Mapping[str, object], rows: Sequence[tuple[str, int, str]]
) -> dict[str, LineNumbers]:
    if not rows:
        return {}
    inserted = await connection.execute(
        _INSERT,
        {
            **names,
            "lines": [row[0] for row in rows],
            "agjs": [row[1] for row in rows],
            "barcodes": [row[2] for row in rows],
        },
    )
    return {row.line_id: _of(row) for row in inserted}


def _of(row: sa.Row[Any]) -> LineNumbers:
    return LineNumbers(str(row.agj), row.barcode, row.order_line)
