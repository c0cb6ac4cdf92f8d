"""Resends of many debtors by one click: what was asked for, who was left out and why, how each one stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.store.outcomes import SHOWN_STATE

_ADD = sa.text(
    "insert into resend_batches (batch_id, order_day, asked_by, asked_at, reason, note, skipped) "
    "values (:batch_id, :order_day, :asked_by, :asked_at, :reason, :note, cast(:skipped as jsonb))"
)
_GET = sa.text(
    "select batch_id, order_day, asked_by, asked_at, reason, note, skipped from resend_batches "
    "where batch_id = :batch_id"
)
_OF_DAY = sa.text(
    "select b.batch_id, b.asked_by, b.asked_at, b.reason, jsonb_array_length(b.skipped) as skipped, "
    "(select count(*) from resend_requests r where r.batch_id = b.batch_id) as asked from resend_batches b "
    "where b.order_day = :day order by b.asked_at desc, b.batch_id limit :limit"
)
_ENTRIES = sa.text(
    "select r.debtor_id, coalesce(d.name, r.debtor_id) as name, coalesce(d.number, '') as number, r.request_id, "  # noqa: S608
    f"r.sale_revision, coalesce({SHOWN_STATE}, 'asked') as state, coalesce(l.message, '') as message, "
    "coalesce(l.recipient, '') as recipient, coalesce(l.changed_at, r.requested_at) as at "
    "from resend_requests r left join debtors d using (debtor_id) "
    "left join ekt_deliveries l on l.request_id = r.request_id "
    "where r.batch_id = :batch_id order by coalesce(d.search, r.debtor_id), r.debtor_id"
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A debtor to whom nothing was sent, and why."""

    debtor_id: str
    reasons: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One click on many debtors."""

    batch_id: str
    order_day: date
    asked_by: str
    asked_at: datetime
    reason: str
    note: str
    skipped: tuple[LeftOut, ...]


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
    skipped = orjson.dumps([asdict(one) for one in batch.skipped]).decode()
    await connection.execute(_ADD, values | {"skipped": skipped})


async def get(connection: AsyncConnection, batch_id: str) -> Batch | None:
    """One batch."""
    row = (await connection.execute(_GET, {"batch_id": batch_id})).mappings().one_or_none()
    if row is None:
        return None
    skipped = tuple(LeftOut(**{**one, "reasons": tuple(one["reasons"])}) for one in row["skipped"])
    return Batch(**{**row, "skipped": skipped})


async def entries(connection: AsyncConnection, batch_id: str) -> Sequence[BatchEntry]:
    """How each debtor of a batch stands, by name."""
    return [BatchEntry(*row) for row in await connection.execute(_ENTRIES, {"batch_id": batch_id})]


async def of_day(connection: AsyncConnection, day: date, limit: int) -> list[BatchLine]:
    """Batches of an order day, newest first."""
    rows = await connection.execute(_OF_DAY, {"day": day, "limit": limit})
    return [BatchLine(*row) for row in rows]
