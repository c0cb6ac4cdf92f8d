"""Corrections that wait to be published: found when they are due, settled without touching the version.

Publishing changes nothing that a person could have read, so whoever has a form open keeps their ETag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.store.sales import ROW, DayKey, DayRow, day_row

_DUE = sa.text(
    f"select {ROW} from distributions d where publish_due is not null "  # noqa: S608
    "and (publish_due <= :now or publish_due > :latest) order by publish_due, debtor_id, order_day "
    "limit :limit for update skip locked"
)
_NEXT = sa.text("select min(publish_due) from distributions where publish_due is not null")
_SETTLE = sa.text(
    "update distributions d set revision = s.revision, digest = s.digest, completed_at = s.completed_at, "
    "publish_due = null, publish_since = null, publish_by = '', publish_reason = '' "
    "from jsonb_populate_recordset(null::distributions, cast(:rows as jsonb)) s "
    "where d.debtor_id = s.debtor_id and d.order_day = s.order_day"
)
_POSTPONE = sa.text(
    "update distributions set publish_due = :due where debtor_id = :debtor_id and order_day = :order_day "
    "and publish_due is not null"
)


async def due(connection: AsyncConnection, now: datetime, latest: datetime, limit: int) -> list[DayRow]:
    """Lock days whose corrections are due; those that another process has in hand are passed over.

    Args:
        latest: no window reaches that far, so what waits beyond it was put there by a clock that was set back.
    """
    rows = await connection.execute(_DUE, {"now": now, "latest": latest, "limit": limit})
    return [day_row(row) for row in rows]


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next corrections are due; none when none wait."""
    found: datetime | None = (await connection.execute(_NEXT)).scalar_one()
    return found


@dataclass(frozen=True, slots=True)
class Settled:
    """A day whose corrections are told, or turned out to change nothing."""

    key: DayKey
    revision: int
    digest: str
    completed_at: datetime | None


async def settle(connection: AsyncConnection, settled: Sequence[Settled]) -> None:
    """Note what was published of locked days; nothing of them waits any more."""
    rows = [
        {
            "debtor_id": one.key.debtor_id,
            "order_day": one.key.order_day,
            "revision": one.revision,
            "digest": one.digest,
            "completed_at": one.completed_at,
        }
        for one in settled
    ]
    if rows:
        await connection.execute(_SETTLE, {"rows": orjson.dumps(rows, default=str).decode()})


async def postpone(connection: AsyncConnection, key: DayKey, until: datetime) -> None:
    """Let the corrections of a day wait longer, because they could not be published."""
    await connection.execute(_POSTPONE, {**key._asdict(), "due": until})
