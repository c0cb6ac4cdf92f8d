"""Runs: one row for each night and administration, what was added to it and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.domain.choices import Choices
from dispatch_service.store import choices as stored_choices

NIGHT = 0
"""Sequence number of the night's own run; runs that a person starts count from 1."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an administration and company day.

    Attributes:
        choices: the settings as they stood when it started (D-09).
        added: how many invoices were added to it.
        result: once finished, how many were sent by channel, failed and ignored.
    """

    id: int
    administration: str
    day: date
    sequence: int
    started_by: str
    choices: Choices
    started_at: datetime
    finished_at: datetime | None
    added: int
    result: dict[str, Any] | None


_COLUMNS = "id, administration, day, sequence, started_by, choices, started_at, finished_at, added, result"


def _sql(text: str) -> sa.TextClause:
    """A statement in which ``<columns>`` stands for the columns of a row."""
    return sa.text(text.replace("<columns>", _COLUMNS))


_START = _sql(
    "insert into run (administration, day, sequence, started_by, choices, started_at, added) "
    "values (:administration, :day, :sequence, :by, cast(:choices as jsonb), :now, 0) "
    "on conflict (administration, day, sequence) do nothing returning <columns>"
)
_NEXT = _sql(
    "select coalesce(max(sequence), 0) + 1 from run where administration = :administration and day = :day"
)
_EXISTS = _sql("select 1 from run where administration = :administration and day = :day and sequence = 0")
_ADD = _sql(
    "update invoice set state = 'queued', run_id = :run, changed_at = :now "
    "where administration = :administration and state = 'waiting' and counts_from < :cut_off "
    "and (not :by_date or issue_date <= :day) "
    "and exists (select 1 from debtor where debtor.debtor_id = invoice.debtor_id)"
)
_ADDED = _sql("update run set added = :added where id = :run")
_GIVE_BACK = _sql(
    "update invoice set state = 'waiting', run_id = null, changed_at = :now "
    "where administration = :administration and state = 'queued' returning invoice_id"
)
_GET = _sql("select <columns> from run where id = :id")
_OPEN = _sql(
    "select <columns> from run where finished_at is null and not exists (select 1 from invoice "
    "where invoice.run_id = run.id and invoice.state in ('queued', 'planned', 'unknown')) "
    "and not exists (select 1 from delivery where kind = 'invoice' and context ->> 'run' = cast(run.id as text) "
    "and delivery.state in ('planned', 'sending', 'unknown')) "
    "for update skip locked"
)
_OUTCOMES = _sql(
    "select number, buyer_name, state, channel, message from invoice where run_id = :run order by seq"
)
_COMPANIONS = _sql(
    "select i.number, i.buyer_name, d.state, d.channel, d.message from delivery d "
    "join invoice i on i.invoice_id = d.subject where d.kind = 'invoice' "
    "and d.context ->> 'run' = cast(cast(:run as bigint) as text) and d.context ->> 'purpose' <> 'invoice' "
    "order by d.created_at"
)
_FINISH = _sql("update run set finished_at = :now, result = cast(:result as jsonb) where id = :run")
_LIST = _sql(
    "select <columns> from run where (cast(:before as bigint) is null or id < :before) "
    "and (:administration = '' or administration = :administration) order by id desc limit :limit"
)


async def start(
    connection: AsyncConnection,
    administration: str,
    day: date,
    *,
    sequence: int,
    by: str,
    choices: Choices,
    cut_off: datetime,
    now: datetime,
) -> Run | None:
    """Make a run and add what is due to it.

    Args:
        day: the company day it belongs to.
        cut_off: invoices that count from before this instant are due (D-10).

    Returns:
        The run, or none when it exists already: another replica made it.
    """
    values = {
        "administration": administration,
        "day": day,
        "sequence": sequence,
        "by": by,
        "choices": stored_choices.to_json(choices),
        "now": now,
    }
    row = (await connection.execute(_START, values)).mappings().one_or_none()
    if row is None:
        return None
    due = {
        "run": row["id"],
        "administration": administration,
        "cut_off": cut_off,
        "by_date": choices.by_invoice_date,
        "day": day,
        "now": now,
    }
    added = (await connection.execute(_ADD, due)).rowcount
    await connection.execute(_ADDED, {"run": row["id"], "added": added})
    return await get(connection, row["id"])


async def next_sequence(connection: AsyncConnection, administration: str, day: date) -> int:
    """The number of the next run that a person starts on `day`."""
    found = await connection.execute(_NEXT, {"administration": administration, "day": day})
    return int(found.scalar_one())


async def night_exists(connection: AsyncConnection, administration: str, day: date) -> bool:
    """Whether the night's run of `day` was made."""
    return (
        await connection.execute(_EXISTS, {"administration": administration, "day": day})
    ).first() is not None


async def give_back(connection: AsyncConnection, administration: str, now: datetime) -> list[str]:
    """Take what is not yet decided out of its run again; returns the invoices' ids (NV-68)."""
    rows = await connection.execute(_GIVE_BACK, {"administration": administration, "now": now})
    return [row[0] for row in rows]


async def get(connection: AsyncConnection, run_id: int) -> Run | None:
    """One run."""
    row = (await connection.execute(_GET, {"id": run_id})).mappings().one_or_none()
    return _of(row) if row else None


async def ready_to_finish(connection: AsyncConnection) -> list[Run]:
    """Open runs of which every invoice has its outcome; locked until the transaction ends."""
    return [_of(row) for row in (await connection.execute(_OPEN)).mappings()]


async def outcomes(connection: AsyncConnection, run_id: int) -> list[Any]:
    """Number, customer, state, channel and message of every invoice of a run."""
    return list((await connection.execute(_OUTCOMES, {"run": run_id})).mappings())


async def companions(connection: AsyncConnection, run_id: int) -> list[Any]:
    """The same of what went along with the invoices of a run."""
    return list((await connection.execute(_COMPANIONS, {"run": run_id})).mappings())


async def finish(connection: AsyncConnection, run_id: int, result: dict[str, Any], now: datetime) -> None:
    """Close a run with what it came to."""
    values = {"run": run_id, "result": orjson.dumps(result).decode(), "now": now}
    await connection.execute(_FINISH, values)


async def page(connection: AsyncConnection, administration: str, before: int | None, limit: int) -> list[Run]:
    """Up to `limit` runs, newest first."""
    values = {"administration": administration, "before": before, "limit": limit}
    return [_of(row) for row in (await connection.execute(_LIST, values)).mappings()]


def _of(row: Any) -> Run:
    values = {name: row[name] for name in _COLUMNS.split(", ")}
    values["choices"] = stored_choices.from_json(values["choices"])
    return Run(**values)
