"""Number ranges, and which numbers are taken. Everything that gives a number holds `lock_range` first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from klokwerk.database import advisory_key
from klokwerk_contracts.debtor_changed import Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.numbering import (
    NumberRange,
    RangeUse,
    free_numbers,
    number_value,
    start_of_search,
    use_of,
)

_LOCK = sa.text("select pg_advisory_xact_lock(:key)")
_READ = (
    "select administration, kind, first_number, last_number, fill_gaps, coalesce(shared, true) as shared "
    "from number_range left join number_space using (administration) "
)
_RANGE = sa.text(_READ + "where administration = :administration and kind = :kind")
_RANGES = sa.text(_READ + "order by administration, kind desc")
_SPACE = sa.text("select shared from number_space where administration = :administration")
_SET_SPACE = sa.text(
    "insert into number_space (administration, shared, changed_at, changed_by) "
    "values (:administration, :shared, :at, :by) on conflict (administration) do update "
    "set shared = excluded.shared, changed_at = excluded.changed_at, changed_by = excluded.changed_by"
)
_SET_RANGE = sa.text(
    "insert into number_range (administration, kind, first_number, last_number, fill_gaps, changed_at, changed_by) "
    "values (:administration, :kind, :first, :last, :fill_gaps, :at, :by) "
    "on conflict (administration, kind) do update set first_number = excluded.first_number, "
    "last_number = excluded.last_number, fill_gaps = excluded.fill_gaps, changed_at = excluded.changed_at, "
    "changed_by = excluded.changed_by"
)
_HIGHEST = sa.text(
    "select max(value) from card_number where administration = :administration and kind = :kind "
    "and issued and value between :first and :last"
)
_TAKEN = sa.text(
    "select distinct value from card_number where administration = :administration "
    "and kind = any(cast(:kinds as text[])) "
    "and value between :start and :last order by value limit :limit"
)
_TAKEN_COUNT = sa.text(
    "select count(distinct value) from card_number where administration = :administration "
    "and kind = any(cast(:kinds as text[])) "
    "and value between :start and :last"
)
_GIVE = sa.text(
    "insert into card_number (administration, kind, number, value, debtor_id, issued, trigger, given_at) "
    "select administration, kind, number, value, debtor_id, issued, trigger, :given_at "
    "from jsonb_to_recordset(cast(:rows as jsonb)) as r(administration text, kind text, number text, value bigint, "
    "debtor_id text, issued boolean, trigger text)"
)
_HOLDERS = sa.text(
    "select n.administration, n.kind, n.number, n.debtor_id from card_number n join unnest("
    "cast(:administrations as text[]), cast(:kinds as text[]), cast(:numbers as text[])) "
    "as w(administration, kind, number) using (administration, kind, number)"
)
_WAITING = sa.text("select count(*) from parked where body ->> 'debtor_id' = :debtor_id")
_WAITING_TRIGGERS = sa.text(
    "select p.id, p.body ->> 'debtor_id' as debtor_id, coalesce(c.content ->> 'name', '') as name, "
    "coalesce(p.body ->> 'kind', '') as number_kind, coalesce(p.body ->> 'trigger', '') as trigger, p.waits_for, "
    "p.reason, p.parked_at from parked p left join card c on c.debtor_id = p.body ->> 'debtor_id' "
    "where p.id > :after and (cast(:debtor_id as text) is null or p.body ->> 'debtor_id' = :debtor_id) "
    "order by p.id limit :limit"
)
TAKEN_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Given:
    """A number and the card that has it.

    Attributes:
        issued: given by a trigger; false for one that was typed in or migrated (EP-12).
        trigger: what gave it, for the person who looks.
    """

    administration: str
    kind: Kind
    number: str
    debtor_id: str
    issued: bool
    trigger: str


async def lock_range(connection: AsyncConnection, administration: str, kind: Kind) -> None:
    """Let nobody else give numbers of this range until the transaction ends, also where no range is set yet."""
    await connection.execute(_LOCK, {"key": advisory_key(f"number-range:{administration}:{kind.value}")})


async def range_of(connection: AsyncConnection, administration: str, kind: Kind) -> NumberRange | None:
    """The range that is set; none where there is none."""
    row = (
        (await connection.execute(_RANGE, {"administration": administration, "kind": kind.value}))
        .mappings()
        .first()
    )
    return None if row is None else _range(row)


async def shared_space(connection: AsyncConnection, administration: str) -> bool:
    """Whether the bookkeeping of this administration keeps debtors and creditors in one list; it does unless said."""
    row = (await connection.execute(_SPACE, {"administration": administration})).first()
    return True if row is None else bool(row.shared)


async def set_shared_space(
    connection: AsyncConnection, administration: str, shared: bool, at: datetime, by: str
) -> None:
    """Say it; the caller holds the locks of both ranges."""
    values = {"administration": administration, "shared": shared, "at": at, "by": by}
    await connection.execute(_SET_SPACE, values)


async def ranges(connection: AsyncConnection) -> list[NumberRange]:
    """All ranges that are set."""
    return [_range(row) for row in (await connection.execute(_RANGES)).mappings()]


async def set_range(connection: AsyncConnection, numbers: NumberRange, at: datetime, by: str) -> None:
    """Set or change a range; the caller holds its lock."""
    await connection.execute(
        _SET_RANGE,
        {
            "administration": numbers.administration,
            "kind": numbers.kind.value,
            "first": numbers.first,
            "last": numbers.last,
            "fill_gaps": numbers.fill_gaps,
            "at": at,
            "by": by,
        },
    )


async def highest_issued(connection: AsyncConnection, numbers: NumberRange) -> int | None:
    """The highest number inside the range that a trigger gave."""
    highest: int | None = (await connection.execute(_HIGHEST, _place(numbers))).scalar_one()
    return highest


async def free(connection: AsyncConnection, numbers: NumberRange) -> AsyncGenerator[int, None]:
    """Numbers that may be given, lowest first; the taken ones are read in pages, however many they are."""
    start = start_of_search(numbers, await highest_issued(connection, numbers))
    while start <= numbers.last:
        rows = await connection.execute(_TAKEN, {**_place(numbers), "start": start, "limit": TAKEN_AT_ONCE})
        taken = list(rows.scalars())
        end = taken[-1] if len(taken) == TAKEN_AT_ONCE else numbers.last
        for number in free_numbers(replace(numbers, first=start, last=end), None, taken):
            yield number
        start = end + 1


async def use(connection: AsyncConnection, numbers: NumberRange) -> RangeUse:
    """How full the range is."""
    highest = await highest_issued(connection, numbers)
    start = start_of_search(numbers, highest)
    count = (await connection.execute(_TAKEN_COUNT, {**_place(numbers), "start": start})).scalar_one()
    return use_of(numbers, highest, int(count))


async def give(connection: AsyncConnection, numbers: Sequence[Given], at: datetime) -> None:
    """Record numbers as taken; a double raises SQLAlchemy's IntegrityError."""
    if numbers:
        rows = [
            {
                "administration": number.administration,
                "kind": number.kind.value,
                "number": number.number,
                "value": number_value(number.number),
                "debtor_id": number.debtor_id,
                "issued": number.issued,
                "trigger": number.trigger,
            }
            for number in numbers
        ]
        await connection.execute(_GIVE, {"rows": orjson.dumps(rows).decode(), "given_at": at})


async def holders(
    connection: AsyncConnection, wanted: Sequence[tuple[str, Kind, str]]
) -> dict[tuple[str, Kind, str], str]:
    """The cards that have these numbers, by administration, kind and number; of many at once."""
    rows = await connection.execute(
        _HOLDERS,
        {
            "administrations": [administration for administration, _, _ in wanted],
            "kinds": [kind.value for _, kind, _ in wanted],
            "numbers": [number for _, _, number in wanted],
        },
    )
    return {(row.administration, Kind(row.kind), row.number): row.debtor_id for row in rows}


async def waiting_for_number(connection: AsyncConnection, debtor_id: str) -> int:
    """How many triggers wait for a number of this card."""
    return int((await connection.execute(_WAITING, {"debtor_id": debtor_id})).scalar_one())


async def waiting_triggers(
    connection: AsyncConnection, debtor_id: str | None, *, after: int, limit: int
) -> list[dict[str, Any]]:
    """Triggers that wait, of one card or of all, oldest first; `after` is the id of the last one seen."""
    values = {"debtor_id": debtor_id, "after": after, "limit": limit}
    return [dict(row) for row in (await connection.execute(_WAITING_TRIGGERS, values)).mappings()]


def _place(numbers: NumberRange) -> dict[str, Any]:
    return {
        "administration": numbers.administration,
        "kind": numbers.kind.value,
        "kinds": [kind.value for kind in Kind] if numbers.shared else [numbers.kind.value],
        "first": numbers.first,
        "last": numbers.last,
    }


def _range(row: sa.RowMapping) -> NumberRange:
    return NumberRange(
        row["administration"],
        Kind(row["kind"]),
        row["first_number"],
        row["last_number"],
        row["fill_gaps"],
        row["shared"],
    )
