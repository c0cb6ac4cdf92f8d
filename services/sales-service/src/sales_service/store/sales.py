"""Distributions and their sale lines: one row a debtor and day that is locked first, then its lines.

The totals of a day live on its row, so that the list of a day reads no lines, however many are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from klokwerk_contracts.sale_completed import Bought, Characteristic
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.distribution import Published, Standing
from sales_service.domain.lines import FIELDS, Line, VatClass, values_of
from sales_service.domain.search import pattern


class DayKey(NamedTuple):
    """One debtor on one order day."""

    debtor_id: str
    order_day: date


@dataclass(frozen=True, slots=True)
class DayRow:
    """What is kept of one debtor and day beside its lines.

    Attributes:
        source: ``ce_source`` of who keeps this sale; our own unless another system published it.
        version: rises with every change here; the ETag.
        revision: last one published; 0 before the first completion.
    """

    key: DayKey
    source: str
    version: int
    line_count: int
    revision: int
    digest: str
    completed_at: datetime | None

    @property
    def published(self) -> Published | None:
        """What the world knows; none before the first completion."""
        return Published(self.revision, self.digest) if self.revision else None


_COLUMNS = FIELDS
_KEYS_JOIN = (
    "join unnest(cast(:ids as text[]), cast(:days as date[])) as k(debtor_id, order_day) "
    "using (debtor_id, order_day)"
)
_ENSURE = sa.text(
    "insert into distributions (debtor_id, order_day, source, changed_at) "
    "select k.debtor_id, k.order_day, :source, :now "
    "from unnest(cast(:ids as text[]), cast(:days as date[])) as k(debtor_id, order_day) "
    "order by 1, 2 on conflict do nothing"
)
_LOCK = sa.text(
    "select d.debtor_id, d.order_day, source, version, line_count, revision, digest, completed_at "  # noqa: S608
    f"from distributions d {_KEYS_JOIN} order by d.debtor_id, d.order_day for update of d"
)
_READ = sa.text(
    "select debtor_id, order_day, source, version, line_count, revision, digest, completed_at "
    "from distributions where debtor_id = :debtor_id and order_day = :order_day"
)
_LINES = sa.text(
    f"select l.debtor_id, l.order_day, invoice_id, {', '.join(_COLUMNS)} from sale_lines l {_KEYS_JOIN} "  # noqa: S608
    "order by l.debtor_id, l.order_day, l.position"
)
_WRITE = sa.text(
    f"insert into sale_lines (debtor_id, order_day, {', '.join(_COLUMNS)}) "  # noqa: S608
    f"select debtor_id, order_day, {', '.join(_COLUMNS)} "
    "from jsonb_populate_recordset(null::sale_lines, cast(:rows as jsonb)) "
    "on conflict (debtor_id, order_day, line_id) do update set "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "line_id")
)
_DELETE = sa.text(
    "delete from sale_lines where debtor_id = :debtor_id and order_day = :order_day "
    "and line_id = any(cast(:line_ids as text[]))"
)
_KEEP_ONLY = sa.text(
    "delete from sale_lines l using jsonb_to_recordset(cast(:keeps as jsonb)) "
    "as k(debtor_id text, order_day date, line_ids jsonb) "
    "where l.debtor_id = k.debtor_id and l.order_day = k.order_day and not k.line_ids ? l.line_id"
)
_SAVE = sa.text(
    "update distributions d set version = d.version + 1, source = s.source, line_count = s.line_count, "
    "allocated_count = s.allocated_count, goods_total = s.goods_total, missing_count = s.missing_count, "
    "revision = s.revision, digest = s.digest, completed_at = s.completed_at, changed_at = :now "
    "from jsonb_populate_recordset(null::distributions, cast(:rows as jsonb)) s "
    "where d.debtor_id = s.debtor_id and d.order_day = s.order_day"
)
_DAYS = sa.text(
    "select order_day, count(*) as debtors, sum(line_count) as lines, sum(goods_total) as goods_total "
    "from distributions where line_count > 0 and (cast(:before as date) is null or order_day < :before) "
    "group by order_day order by order_day desc limit :limit"
)
_LIST = sa.text(
    "select d.debtor_id, coalesce(b.number, '') as debtor_number, coalesce(b.name, d.debtor_id) as name, "
    "coalesce(b.use_ekts, false) as use_ekts, d.source, d.line_count, d.allocated_count, d.goods_total, "
    "d.missing_count, d.revision, d.completed_at, e.trigger, e.state, e.message, e.changed_at as ekt_at "
    "from distributions d left join debtors b using (debtor_id) "
    "left join lateral (select trigger, state, message, changed_at from ekt_deliveries "
    "  where debtor_id = d.debtor_id and order_day = d.order_day "
    "  order by changed_at desc, ekt_id desc limit 1) e on true "
    "where d.order_day = :day and d.line_count > 0 "
    "and (cast(:words as text) is null or b.search like :words or d.debtor_id = :exact) "
    "and (cast(:after_name as text) is null or (coalesce(b.name, d.debtor_id), d.debtor_id) "
    "  > (:after_name, :after_id)) "
    "order by coalesce(b.name, d.debtor_id), d.debtor_id limit :limit"
)
_LAST_DAY = sa.text(
    "select max(order_day) from distributions where debtor_id = :debtor_id and line_count > 0"
)
_DAYS_OF = sa.text("select order_day from distributions where debtor_id = :debtor_id order by order_day")
_RENAME_DAY = sa.text(
    "update distributions set debtor_id = :target where debtor_id = :removed and order_day = :order_day"
)
_RENAME_LINES = sa.text(
    "update sale_lines l set debtor_id = :target, line_id = case when exists (select 1 from sale_lines t "
    "  where t.debtor_id = :target and t.order_day = l.order_day and t.line_id = l.line_id) "
    "  then left(l.line_id, 40) || '.' || left(md5(:removed), 8) else l.line_id end "
    "where debtor_id = :removed and order_day = :order_day"
)
_DROP_DAY = sa.text("delete from distributions where debtor_id = :removed and order_day = :order_day")
_INVOICE_LINES = sa.text(
    "update sale_lines set invoice_id = :invoice_id where debtor_id = :debtor_id and order_day = :order_day "
    "and line_id = any(cast(:line_ids as text[])) and invoice_id is null"
)
_FREE_LINES = sa.text("update sale_lines set invoice_id = null where invoice_id = :invoice_id")


def _keys(keys: Iterable[DayKey]) -> dict[str, Any]:
    ordered = sorted(set(keys))
    return {"ids": [key.debtor_id for key in ordered], "days": [key.order_day for key in ordered]}


def _day_row(row: Any) -> DayRow:
    return DayRow(
        DayKey(row.debtor_id, row.order_day),
        row.source,
        row.version,
        row.line_count,
        row.revision,
        row.digest,
        row.completed_at,
    )


def _line(row: Any) -> Line:
    values = {name: row[name] for name in _COLUMNS}
    values["characteristics"] = tuple(Characteristic(**entry) for entry in row["characteristics"])
    values["bought"] = Bought(row["bought"])
    values["vat_class"] = VatClass(row["vat_class"])
    return Line(**values)


def _line_values(key: DayKey, line: Line) -> dict[str, Any]:
    return {"debtor_id": key.debtor_id, "order_day": key.order_day, **values_of(line)}


def _json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


async def lock(
    connection: AsyncConnection, keys: Iterable[DayKey], *, source: str, now: datetime
) -> dict[DayKey, DayRow]:
    """Lock the rows of `keys`, always in the same order; those not yet there are made for `source`."""
    wanted = list(keys)
    if not wanted:
        return {}
    await connection.execute(_ENSURE, {**_keys(wanted), "source": source, "now": now})
    rows = await connection.execute(_LOCK, _keys(wanted))
    return {row.key: row for row in map(_day_row, rows)}


async def lock_existing(connection: AsyncConnection, key: DayKey) -> DayRow | None:
    """The locked row of one debtor and day; none where nothing was ever sold, and none is made."""
    row = (await connection.execute(_LOCK, _keys([key]))).one_or_none()
    return None if row is None else _day_row(row)


async def day(connection: AsyncConnection, key: DayKey) -> DayRow | None:
    """The row of one debtor and day; none where nothing was ever sold."""
    row = (await connection.execute(_READ, key._asdict())).one_or_none()
    return None if row is None else _day_row(row)


async def lines(connection: AsyncConnection, keys: Iterable[DayKey]) -> dict[DayKey, list[Line]]:
    """All lines of `keys`, in the order in which they were entered."""
    wanted = list(keys)
    found: dict[DayKey, list[Line]] = {key: [] for key in wanted}
    for row in (await connection.execute(_LINES, _keys(wanted))).mappings():
        found[DayKey(row["debtor_id"], row["order_day"])].append(_line(row))
    return found


async def invoiced(connection: AsyncConnection, key: DayKey) -> dict[str, str]:
    """Line id -> invoice id, for the lines of `key` that are billed already."""
    rows = (await connection.execute(_LINES, _keys([key]))).mappings()
    return {row["line_id"]: row["invoice_id"] for row in rows if row["invoice_id"]}


async def write(connection: AsyncConnection, lines: Mapping[DayKey, Sequence[Line]]) -> None:
    """Put in or overwrite lines by their id."""
    rows = [_line_values(key, line) for key, some in lines.items() for line in some]
    if rows:
        await connection.execute(_WRITE, {"rows": _json(rows)})


async def remove(connection: AsyncConnection, key: DayKey, line_ids: Sequence[str]) -> int:
    """Take lines out; returns how many there were."""
    result = await connection.execute(_DELETE, {**key._asdict(), "line_ids": list(line_ids)})
    return int(result.rowcount)


async def keep_only(connection: AsyncConnection, keeps: Mapping[DayKey, Sequence[str]]) -> None:
    """Of each key, take out every line that is not named."""
    rows = [
        {"debtor_id": key.debtor_id, "order_day": key.order_day, "line_ids": list(ids)}
        for key, ids in keeps.items()
    ]
    await connection.execute(_KEEP_ONLY, {"keeps": _json(rows)})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the row of a day is to stand after a change; the row is locked."""

    row: DayRow
    standing: Standing
    source: str
    revision: int
    digest: str
    completed_at: datetime | None


async def save(connection: AsyncConnection, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write the totals and revisions of locked days."""
    rows = [
        {
            "debtor_id": entry.row.key.debtor_id,
            "order_day": entry.row.key.order_day,
            "source": entry.source,
            "line_count": entry.standing.line_count,
            "allocated_count": entry.standing.allocated_count,
            "goods_total": entry.standing.goods_total,
            "missing_count": entry.standing.missing_count,
            "revision": entry.revision,
            "digest": entry.digest,
            "completed_at": entry.completed_at,
        }
        for entry in outcomes
    ]
    if rows:
        await connection.execute(_SAVE, {"rows": _json(rows), "now": now})


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One order day in the list of days."""

    order_day: date
    debtors: int
    lines: int
    goods_total: Decimal


async def days(connection: AsyncConnection, *, before: date | None, limit: int) -> list[DayTotals]:
    """Days with sales, newest first; there is no oldest one that is left out (EF-17)."""
    rows = await connection.execute(_DAYS, {"before": before, "limit": limit})
    return [DayTotals(row.order_day, row.debtors, row.lines, row.goods_total) for row in rows]


@dataclass(frozen=True, slots=True)
class Sold:
    """One debtor in the list "Sold per debtor" of a day."""

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
    ekt_trigger: str | None
    ekt_state: str | None
    ekt_message: str | None
    ekt_at: datetime | None


async def sold_per_debtor(
    connection: AsyncConnection,
    order_day: date,
    *,
    words: str = "",
    after: tuple[str, str] | None = None,
    limit: int = 50,
) -> list[Sold]:
    """Debtors that bought on `order_day`, by name; a debtor without sales is absent (EF-11, EF-12).

    Args:
        words: part of name, number or VAT number (EF-13).
        after: name and id of the last row seen.
    """
    rows = await connection.execute(
        _LIST,
        {
            "day": order_day,
            "words": pattern(words) if words.strip() else None,
            "exact": words.strip(),
            "after_name": after[0] if after else None,
            "after_id": after[1] if after else None,
            "limit": limit,
        },
    )
    return [Sold(*row) for row in rows]


async def last_day(connection: AsyncConnection, debtor_id: str) -> date | None:
    """The last day on which the debtor bought (D-02)."""
    found: date | None = (await connection.execute(_LAST_DAY, {"debtor_id": debtor_id})).scalar_one()
    return found


async def days_of(connection: AsyncConnection, debtor_id: str) -> list[date]:
    """Every day that has a row for the debtor."""
    return list((await connection.execute(_DAYS_OF, {"debtor_id": debtor_id})).scalars())


async def move_day(
    connection: AsyncConnection, removed: str, target: str, order_day: date, *, merge: bool
) -> None:
    """Bring one day of a merged card under its target; with `merge` the target's own row stays.

    A line id that both have gets a suffix: a line keeps its identity, so neither may vanish.
    """
    names = {"removed": removed, "target": target, "order_day": order_day}
    await connection.execute(_RENAME_LINES, names)
    if merge:
        await connection.execute(_DROP_DAY, {"removed": removed, "order_day": order_day})
    else:
        await connection.execute(_RENAME_DAY, names)


async def mark_invoiced(
    connection: AsyncConnection, key: DayKey, line_ids: Sequence[str], invoice_id: str
) -> int:
    """Mark lines as billed by `invoice_id`; returns how many were there and not billed yet."""
    values = {**key._asdict(), "line_ids": list(line_ids), "invoice_id": invoice_id}
    return int((await connection.execute(_INVOICE_LINES, values)).rowcount)


async def free_invoiced(connection: AsyncConnection, invoice_id: str) -> None:
    """Make the lines that `invoice_id` billed free again, after it was credited."""
    await connection.execute(_FREE_LINES, {"invoice_id": invoice_id})
