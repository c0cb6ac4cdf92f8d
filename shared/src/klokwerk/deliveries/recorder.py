"""Outcomes written down together: one transaction for all that came in while the one before it was committed."""

# ruff: noqa: S608 - statements are put together from a constant column list only
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk import telemetry
from klokwerk.database import Database, is_transient
from klokwerk.deliveries.delivery import Delivery, Outcome, State
from klokwerk.deliveries.rows import COLUMNS_NO_PAYLOAD, delivery_of

log = telemetry.get_logger(__name__)

OnChanges = Callable[[AsyncConnection, Sequence[Delivery]], Awaitable[None]]
"""Called in the transaction of changes except the claim; a service publishes its outcome events there."""

MOST = 200
"""Most outcomes in one transaction."""

_COLUMNS = ", ".join(f"d.{name.strip()}" for name in COLUMNS_NO_PAYLOAD.split(", ") if " as " not in name)
_MOVE = sa.text(
    "with x as (select * from unnest(cast(:ids as uuid[]), cast(:attempts as integer[]), cast(:states as text[]), "
    "cast(:messages as text[]), cast(:references as text[]), cast(:dues as timestamptz[]), "
    "cast(:askeds as integer[]), cast(:purposes as text[]), cast(:outcomes as text[]), cast(:answers as text[])) "
    "as x (id, attempts, state, message, reference, due_at, asked, purpose, outcome, answer)), "
    "moved as (update delivery d set state = x.state, message = x.message, "
    "reference = coalesce(nullif(x.reference, ''), d.reference), due_at = x.due_at, asked = x.asked, "
    "revision = d.revision + 1, lease_until = null, leased_by = null, changed_at = :now from x "
    "where d.id = x.id and d.attempts = x.attempts and d.state in ('sending', 'unknown') "
    f"returning {_COLUMNS}, cast(null as bytea) as payload), "
    "ended as (update delivery_attempt a set ended_at = :now, outcome = x.outcome, message = x.answer from x "
    "where a.id = (select max(t.id) from delivery_attempt t where t.delivery_id = x.id and t.purpose = x.purpose)) "
    "select * from moved"
)
"""Moves the deliveries that are still where their attempt left them, and ends the attempts in any case."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a call came to, and where it moves its delivery."""

    delivery: Delivery
    outcome: Outcome
    purpose: str
    state: State
    due_at: datetime
    asked: int
    message: str
    at: datetime


@dataclass(slots=True)
class Recorder:
    """Writes outcomes down, however long the database is away: they are all that is known of them.

    One transaction holds all that came in while the one before it was committed. Where one outcome can't be
    written, the others of its group are written without it.

    Args:
        gather: seconds to wait for others before writing, where more than one is under way anyway.
    """

    database: Database
    on_changes: OnChanges
    gather: float = 0.0
    _waiting: list[tuple[Answered, asyncio.Future[None]]] = field(default_factory=list)
    _writer: asyncio.Task[None] | None = None

    async def record(self, answered: Answered) -> None:
        """Write one down; returns once it is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((answered, done))
        if self._writer is None or self._writer.done():
            # A task of its own: whoever waits for an outcome may be cancelled, and the others' must be written.
            self._writer = asyncio.create_task(self._write_all(), name="outcomes")
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            if self.gather:
                await asyncio.sleep(self.gather)
            group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            await self._write_group(group)

    async def _write_group(self, group: Sequence[tuple[Answered, asyncio.Future[None]]]) -> None:
        pause = 0.2
        while True:
            try:
                await self._write([answered for answered, _ in group])
            except Exception as error:
                if is_transient(error):
                    log.warning("outcomes_wait_for_database", deliveries=len(group), error=repr(error))
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 5.0)
                elif len(group) > 1:
                    for one in group:
                        await self._write_group([one])
                    return
                else:
                    if not group[0][1].done():
                        group[0][1].set_exception(error)
                    return
            else:
                break
        for _, done in group:
            if not done.done():
                done.set_result(None)

    async def _write(self, group: Sequence[Answered]) -> None:
        values = {
            "ids": [each.delivery.id for each in group],
            "attempts": [each.delivery.attempts for each in group],
            "states": [each.state.value for each in group],
            "messages": [each.message[:4000] for each in group],
            "references": [each.outcome.reference for each in group],
            "dues": [each.due_at for each in group],
            "askeds": [each.asked for each in group],
            "purposes": [each.purpose for each in group],
            "outcomes": [each.outcome.verdict.value for each in group],
            "answers": [each.outcome.message[:4000] for each in group],
            "now": max(each.at for each in group),
        }
        payloads = {each.delivery.id: each.delivery.payload for each in group}
        async with self.database.transaction() as connection:
            rows = (await connection.execute(_MOVE, values)).mappings().all()
            moved = [replace(delivery_of(row), payload=payloads[row["id"]]) for row in rows]
            if moved:
                await self.on_changes(connection, moved)
