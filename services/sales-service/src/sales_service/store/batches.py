"""Resends of many debtors by one click: what was asked for, who was left out and why, how each one stands."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.store.outcomes import SHOWN_STATE

MOST_SKIPPED = 200
"""Debtors left out that are named; all are counted."""
_ADD = sa.text(
    "insert into resend_batches (batch_id, order_day, asked_by, asked_at, reason, note, skipped, job_id) "
    "values (:batch_id, :order_day, :asked_by, :asked_at, :reason, :note, cast(:skipped as jsonb), :job_id)"
)
_SKIP = sa.text(
    "update resend_batches set skipped = skipped || cast(:skipped as jsonb) where batch_id = :batch_id"
)
_GET = sa.text(
    "select batch_id, order_day, asked_by, asked_at, reason, note, job_id, "
    "jsonb_array_length(skipped) as skipped_count, coalesce((select jsonb_agg(one order by place) from "
    "jsonb_array_elements(skipped) with ordinality as s (one, place) where place <= :most), '[]') as skipped "
    "from resend_batches where batch_id = :batch_id"
)
_ASKED = sa.text(
    "select debtor_id from resend_requests where batch_id = :batch_id "
    "and debtor_id = any(cast(:ids as text[]))"
)
_COUNTS = sa.text(
    f"select coalesce({SHOWN_STATE}, 'asked') as state, count(*) as number "  # noqa: S608
    "from resend_requests r left join ekt_deliveries l on l.request_id = r.request_id "
    "where r.batch_id = :batch_id group by 1"
)
_OF_DAY = sa.text(
    "select b.batch_id, b.asked_by, b.asked_at, b.reason, jsonb_array_length(b.skipped) as skipped, "
    "(select count(*) from resend_requests r where r.batch_id = b.batch_id) as asked from resend_batches b "
    "where b.order_day = :day order by b.asked_at desc, b.batch_id limit :limit"
)
_ENTRIES = sa.text(
    "select r.debtor_id, coalesce(d.name, r.debtor_id) as name, coalesce(d.number, '') as number, r.request_id, "  # noqa: S608
    f"r.sale_revision, coalesce({SHOWN_STATE}, 'asked') as state, coalesce(l.message, '') as message, "
    "coalesce(l.recipient, '') as recipient, coalesce(l.changed_at, r.requested_at) as at, "
    "coalesce(d.search, r.debtor_id) as sort_name "
    "from resend_requests r left join debtors d using (debtor_id) "
    "left join ekt_deliveries l on l.request_id = r.request_id "
    "where r.batch_id = :batch_id and (cast(:after_name as text) is null or "
    "(coalesce(d.search, r.debtor_id), r.debtor_id) > (:after_name, :after_id)) "
    "order by coalesce(d.search, r.debtor_id), r.debtor_id limit :limit"
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A debtor to whom nothing was sent, and why."""

    debtor_id: str
    reasons: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One click on many debtors.

    Attributes:
        skipped: those that nothing was sent to, of very many the first; `skipped_count` counts them all.
        job_id: the job that asks for them one part after the other; none where all were asked for at once.
    """

    batch_id: str
    order_day: date
    asked_by: str
    asked_at: datetime
    reason: str
    note: str
    skipped: tuple[LeftOut, ...] = ()
    skipped_count: int = 0
    job_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One debtor of a batch; its `state` is ``asked`` until the EKT service has said something."""

    debtor_id: str
    name: str
    number: str
    request_id: str
    sale_revision: int
    state: str
    message: str
    recipient: str
    at: datetime
    sort_name: str


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One batch in the list of a day."""

    batch_id: str
    asked_by: str
    asked_at: datetime
    reason: str
    skipped: int
    asked: int


async def add(connection: AsyncConnection, batch: Batch) -> None:
    """Keep a new batch."""
    values: dict[str, Any] = {name: getattr(batch, name) for name in Batch.__slots__}
    await connection.execute(_ADD, values | {"skipped": _json(batch.skipped)})


async def skip(connection: AsyncConnection, batch_id: str, skipped: Sequence[LeftOut]) -> None:
    """Keep further debtors that were left out."""
    if skipped:
        await connection.execute(_SKIP, {"batch_id": batch_id, "skipped": _json(skipped)})


async def asked(connection: AsyncConnection, batch_id: str, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that were asked for in this batch already."""
    rows = await connection.execute(_ASKED, {"batch_id": batch_id, "ids": list(ids)})
    return set(rows.scalars())


def _json(skipped: Sequence[LeftOut]) -> str:
    return orjson.dumps([asdict(one) for one in skipped]).decode()


async def get(connection: AsyncConnection, batch_id: str) -> Batch | None:
    """One batch."""
    values = {"batch_id": batch_id, "most": MOST_SKIPPED}
    row = (await connection.execute(_GET, values)).mappings().one_or_none()
    if row is None:
        return None
    skipped = tuple(LeftOut(**{**one, "reasons": tuple(one["reasons"])}) for one in row["skipped"])
    return Batch(**{**row, "skipped": skipped})


async def counts(connection: AsyncConnection, batch_id: str) -> dict[str, int]:
    """How many debtors of a batch stand in each state."""
    return {row.state: row.number for row in await connection.execute(_COUNTS, {"batch_id": batch_id})}


async def entries(
    connection: AsyncConnection, batch_id: str, after: tuple[str, str] | None, limit: int
) -> list[BatchEntry]:
    """How up to `limit` debtors of a batch stand, by name; `after` is name and id of the last one seen."""
    values = {
        "batch_id": batch_id,
        "after_name": after[0] if after else None,
        "after_id": after[1] if after else None,
        "limit": limit,
    }
    return [BatchEntry(*row) for row in await connection.execute(_ENTRIES, values)]


async def of_day(connection: AsyncConnection, day: date, limit: int) -> list[BatchLine]:
    """Batches of an order day, newest first."""
    rows = await connection.execute(_OF_DAY, {"day": day, "limit": limit})
    return [BatchLine(*row) for row in rows]
