"""Distributions and their sale lines: one row a debtor and day that is locked first, then its lines.

The totals of a day live on its row, so that lists read no lines, however many are stored (`store.sold`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from klokwerk_contracts.sale_completed import Bought, Characteristic
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.distribution import Author, Pending, Published, Standing
from sales_service.domain.lines import FIELDS, Line, VatClass, values_of


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
        pending: corrections that are not published yet.
        changed_by, changed_at: the last change of its lines.
    """

    key: DayKey
    source: str
    version: int
    line_count: int
    revision: int
    digest: str
    completed_at: datetime | None
    pending: Pending | None = None
    changed_by: str = ""
    changed_at: datetime | None = None

    @property
    def published(self) -> Published | None:
        """What the world knows; none before the first completion."""
        return Published(self.revision, self.digest) if self.revision else None

    @property
    def free(self) -> bool:
        """Nothing was ever sold here, or all of it was taken out before anybody was told."""
        return not self.line_count and not self.revision


ROW = (
    "d.debtor_id, d.order_day, d.source, d.version, d.line_count, d.revision, d.digest, d.completed_at, "
    "d.publish_due, d.publish_since, d.publish_by, d.publish_reason, d.changed_by, d.changed_at"
)
"""Columns of `DayRow`, of a table that is called d; read them with `day_row`."""
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
    f"select {ROW} from distributions d {_KEYS_JOIN} "  # noqa: S608
    "order by d.debtor_id, d.order_day for update of d"
)
_READ = sa.text(
    f"select {ROW} from distributions d where debtor_id = :debtor_id and order_day = :order_day"  # noqa: S608
)
_READ_MANY = sa.text(f"select {ROW} from distributions d {_KEYS_JOIN}")  # noqa: S608
_INCOMPLETE = sa.text(
    "select k.debtor_id, k.order_day from unnest(cast(:ids as text[]), cast(:days as date[])) "
    "as k(debtor_id, order_day) left join distributions d using (debtor_id, order_day) "
    "where d.line_count is null or d.line_count = 0 or d.missing_count > 0"
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
    "revision = s.revision, digest = s.digest, completed_at = s.completed_at, publish_due = s.publish_due, "
    "publish_since = s.publish_since, publish_by = s.publish_by, publish_reason = s.publish_reason, "
    "changed_by = s.changed_by, changed_at = :now "
    "from jsonb_populate_recordset(null::distributions, cast(:rows as jsonb)) s "
    "where d.debtor_id = s.debtor_id and d.order_day = s.order_day"
)
_NOTIFY = sa.text("select pg_notify('corrections', '')")
_LAST_DAY = sa.text(
    "select max(order_day) from distributions where debtor_id = :debtor_id and line_count > 0"
)
_DAYS_OF = sa.text("select order_day from distributions where debtor_id = :debtor_id order by order_day")
_RENAME_LINES = sa.text(
    "update sale_lines l set debtor_id = :target, line_id = case when exists (select 1 from sale_lines t "
    "  where t.debtor_id = :target and t.order_day = l.order_day and t.line_id = l.line_id) "
    "  then left(l.line_id, 40) || '.' || left(md5(:removed), 8) else l.line_id end "
    "where debtor_id = :removed and order_day = :order_day"
)
_TAKE_DAY = sa.text(
    "update distributions t set source = r.source, version = t.version + 1, line_count = r.line_count, "
    "allocated_count = r.allocated_count, goods_total = r.goods_total, missing_count = r.missing_count, "
    "revision = r.revision, digest = r.digest, completed_at = r.completed_at, publish_due = r.publish_due, "
    "publish_since = r.publish_since, publish_by = r.publish_by, publish_reason = r.publish_reason, "
    "changed_by = r.changed_by, changed_at = :now from distributions r "
    "where t.debtor_id = :target and t.order_day = :order_day and r.debtor_id = :removed "
    "and r.order_day = :order_day"
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


def day_row(row: Any) -> DayRow:
    """A row with the columns of `ROW`."""
    pending = None
    if row.publish_due is not None:
        author = Author(row.publish_by, row.publish_reason)
        pending = Pending(row.publish_due, row.publish_since or row.publish_due, author)
    return DayRow(
        key=DayKey(row.debtor_id, row.order_day),
        source=row.source,
        version=row.version,
        line_count=row.line_count,
        revision=row.revision,
        digest=row.digest,
        completed_at=row.completed_at,
        pending=pending,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
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
    return {row.key: row for row in map(day_row, rows)}


async def lock_existing(connection: AsyncConnection, *keys: DayKey) -> dict[DayKey, DayRow]:
    """Lock those rows of `keys` that there are; none is made."""
    rows = await connection.execute(_LOCK, _keys(keys))
    return {row.key: row for row in map(day_row, rows)}


async def day(connection: AsyncConnection, key: DayKey) -> DayRow | None:
    """The row of one debtor and day; none where nothing was ever sold."""
    row = (await connection.execute(_READ, key._asdict())).one_or_none()
    return None if row is None else day_row(row)


async def read(connection: AsyncConnection, keys: Iterable[DayKey]) -> dict[DayKey, DayRow]:
    """Those rows of `keys` that there are, not locked."""
    rows = await connection.execute(_READ_MANY, _keys(keys))
    return {row.key: row for row in map(day_row, rows)}


async def incomplete(connection: AsyncConnection, keys: Iterable[DayKey]) -> set[DayKey]:
    """Those of `keys` whose distribution lacks something, or that have none."""
    rows = await connection.execute(_INCOMPLETE, _keys(keys))
    return {DayKey(row.debtor_id, row.order_day) for row in rows}


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
    pending: Pending | None = None
    changed_by: str = ""


async def save(connection: AsyncConnection, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write the totals and revisions of locked days; whoever publishes corrections is woken."""
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
            "publish_due": entry.pending.due if entry.pending else None,
            "publish_since": entry.pending.since if entry.pending else None,
            "publish_by": entry.pending.author.by if entry.pending else "",
            "publish_reason": entry.pending.author.reason if entry.pending else "",
            "changed_by": entry.changed_by,
        }
        for entry in outcomes
    ]
    if rows:
        await connection.execute(_SAVE, {"rows": _json(rows), "now": now})
    if any(entry.pending for entry in outcomes):
        await connection.execute(_NOTIFY)


async def last_day(connection: AsyncConnection, debtor_id: str) -> date | None:
    """The last day on which the debtor bought (D-02)."""
    found: date | None = (await connection.execute(_LAST_DAY, {"debtor_id": debtor_id})).scalar_one()
    return found


async def days_of(connection: AsyncConnection, debtor_id: str) -> list[date]:
    """Every day that has a row for the debtor."""
    return list((await connection.execute(_DAYS_OF, {"debtor_id": debtor_id})).scalars())


async def take_lines(connection: AsyncConnection, removed: str, target: str, order_day: date) -> None:
    """Bring the lines of one day of a merged card under its target; both rows are locked.

    A line id that both have gets a suffix: a line keeps its identity, so neither may vanish.
    """
    await connection.execute(_RENAME_LINES, {"removed": removed, "target": target, "order_day": order_day})


async def take_day(
    connection: AsyncConnection, removed: str, target: str, order_day: date, now: datetime
) -> None:
    """Give the target's row everything that the row of the merged card holds."""
    names = {"removed": removed, "target": target, "order_day": order_day, "now": now}
    await connection.execute(_TAKE_DAY, names)


async def drop_day(connection: AsyncConnection, removed: str, order_day: date) -> None:
    """Take out the row of a merged card; its lines are the target's by now."""
    await connection.execute(_DROP_DAY, {"removed": removed, "order_day": order_day})


async def mark_invoiced(
    connection: AsyncConnection, key: DayKey, line_ids: Sequence[str], invoice_id: str
) -> int:
    """Mark lines as billed by `invoice_id`; returns how many were there and not billed yet."""
    values = {**key._asdict(), "line_ids": list(line_ids), "invoice_id": invoice_id}
    return int((await connection.execute(_INVOICE_LINES, values)).rowcount)


async def free_invoiced(connection: AsyncConnection, invoice_id: str) -> None:
    """Make the lines that `invoice_id` billed free again, after it was credited."""
    await connection.execute(_FREE_LINES, {"invoice_id": invoice_id})
