"""AGJ, barcode and VN of order lines: given once, kept for life, an AGJ never twice on a day."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from klokwerk_contracts.sale_completed import SaleLine
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.line_numbers import LineNumbers, wished
from ekt_service.edifact.clockt import LAST_AGJ, barcode

_KNOWN = sa.text(
    "select administration, owner_id, order_day, line_id, agj, barcode, order_line from line_number where "
    "(administration, owner_id, order_day) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:owners as text[]), cast(:days as date[])))"
)
# Rows are locked in the same order everywhere, so two processes never wait for each other in a circle.
_COUNT_UP = sa.text(
    "insert into agj_counter (administration, order_day, last) select * from unnest("
    "cast(:administrations as text[]), cast(:days as date[]), cast(:many as int[])) "
    "on conflict (administration, order_day) do update set last = agj_counter.last + excluded.last "
    "returning administration, order_day, last"
)
_INSERT = sa.text(
    "insert into line_number (administration, owner_id, order_day, line_id, agj, barcode, order_line) "
    "select administration, owner, day, line_id, agj, barcode, cast(nextval('order_line_number') as text) "
    "from unnest(cast(:administrations as text[]), cast(:owners as text[]), cast(:days as date[]), "
    "cast(:lines as text[]), cast(:agjs as int[]), cast(:barcodes as text[])) "
    "as t (administration, owner, day, line_id, agj, barcode) "
    "on conflict do nothing returning administration, owner_id, order_day, line_id, agj, barcode, order_line"
)


@dataclass(frozen=True, slots=True)
class Day:
    """The day and debtor that numbers are given for.

    Args:
        owner_id: who has the lines now, after merges; new numbers are kept under it.
        sale_debtor_id: whose sale the lines are in. Where both debtors of a merge had a line of that name, each
            line keeps its own number, and those of the removed debtor stayed under its id.
    """

    administration: str
    owner_id: str
    day: date
    sale_debtor_id: str = ""

    @property
    def holders(self) -> tuple[str, ...]:
        """Under whose ids numbers of these lines may be kept, the sale's own last."""
        own = self.sale_debtor_id or self.owner_id
        return (self.owner_id,) if own == self.owner_id else (self.owner_id, own)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The lines of one EKT, which need numbers.

    Args:
        auction: code that a new barcode begins with.
    """

    day: Day
    auction: str
    lines: Sequence[SaleLine]


@dataclass(frozen=True, slots=True)
class _New:
    day: Day
    line_id: str
    agj: int
    barcode: str


_Known = dict[Day, dict[str, LineNumbers]]


async def numbers_for(
    connection: AsyncConnection, wanted: Sequence[Wanted]
) -> Mapping[Day, Mapping[str, LineNumbers]]:
    """The numbers of lines by day and line id; lines that have none yet get theirs now.

    A line that comes with an AGJ or barcode of its own keeps it where it is free that day and fits. Lines of
    one EKT get numbers all together or, once a day has given all that five digits can tell apart, none of them.
    """
    known: _Known = {each.day: {} for each in wanted}
    await _read(connection, known)
    await _insert(connection, known, sorted(_wishes(_without_number(wanted, known)), key=_place))
    while left := _without_number(wanted, known):
        numbered = list(_numbered(left, await _count_up(connection, left)))
        if not numbered:
            break
        await _insert(connection, known, numbered)
    return known


async def _read(connection: AsyncConnection, known: _Known) -> None:
    held = [(day, holder) for day in known for holder in day.holders]
    rows = await connection.execute(
        _KNOWN,
        {
            "administrations": [day.administration for day, _ in held],
            "owners": [holder for _, holder in held],
            "days": [day.day for day, _ in held],
        },
    )
    _take_in(known, rows)


def _wishes(left: Sequence[Wanted]) -> Iterator[_New]:
    for each in left:
        for line in each.lines:
            wish = wished(line, each.day.day, each.auction)
            if wish is not None:
                yield _New(each.day, line.line_id, wish[0], wish[1])


def _place(new: _New) -> tuple[str, date, int]:
    return new.day.administration, new.day.day, new.agj


def _without_number(wanted: Sequence[Wanted], known: _Known) -> list[Wanted]:
    """What is left of each EKT, every line of a day once."""
    seen: set[tuple[Day, str]] = set()
    left = []
    for each in wanted:
        lines = []
        for line in each.lines:
            name = (each.day, line.line_id)
            if line.line_id not in known[each.day] and name not in seen:
                seen.add(name)
                lines.append(line)
        if lines:
            left.append(Wanted(each.day, each.auction, lines))
    return left


async def _count_up(connection: AsyncConnection, left: Sequence[Wanted]) -> dict[tuple[str, date], int]:
    """Take as many numbers of each day as there are lines left, and give the last one taken before."""
    many: Counter[tuple[str, date]] = Counter()
    for each in left:
        many[(each.day.administration, each.day.day)] += len(each.lines)
    days = sorted(many)
    rows = await connection.execute(
        _COUNT_UP,
        {
            "administrations": [administration for administration, _ in days],
            "days": [day for _, day in days],
            "many": [many[day] for day in days],
        },
    )
    return {day: row.last - many[day] for row in rows for day in [(row.administration, row.order_day)]}


def _numbered(left: Sequence[Wanted], last: dict[tuple[str, date], int]) -> Iterator[_New]:
    """New numbers for the lines left; an EKT that a day has not enough of them for gets none."""
    for each in left:
        counted = (each.day.administration, each.day.day)
        first = last[counted] + 1
        last[counted] += len(each.lines)
        if last[counted] > LAST_AGJ:
            continue
        for agj, line in enumerate(each.lines, first):
            clock = str(line.clock_number or "")
            code = barcode(each.auction, clock, each.day.day, agj, line.units)
            yield _New(each.day, line.line_id, agj, code)


async def _insert(connection: AsyncConnection, known: _Known, rows: Sequence[_New]) -> None:
    if not rows:
        return
    inserted = await connection.execute(
        _INSERT,
        {
            "administrations": [row.day.administration for row in rows],
            "owners": [row.day.owner_id for row in rows],
            "days": [row.day.day for row in rows],
            "lines": [row.line_id for row in rows],
            "agjs": [row.agj for row in rows],
            "barcodes": [row.barcode for row in rows],
        },
    )
    _take_in(known, inserted)


def _take_in(known: _Known, rows: Iterable[sa.Row[Any]]) -> None:
    by_holder: dict[tuple[str, str, date], dict[str, LineNumbers]] = {}
    for row in rows:
        holder = (row.administration, row.owner_id, row.order_day)
        by_holder.setdefault(holder, {})[row.line_id] = LineNumbers(str(row.agj), row.barcode, row.order_line)
    for day in known:
        for holder_id in day.holders:
            known[day] |= by_holder.get((day.administration, holder_id, day.day), {})
