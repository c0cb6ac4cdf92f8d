"""Writes answers down: what came of a call, the delivery's next state, and the service's own change with it.

Answers that come in while another is being written wait for each other and are written together, so a worker
with full hands needs one transaction for several sendings. That is up to the service: only one that can take
several changes at once (`OnChanges`) gets them, because a handler for one may lock what another one waits for.
"""

# ruff: noqa: S608 - statements are put together from a constant column list only
from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk import telemetry
from klokwerk.database import Database, is_transient
from klokwerk.deliveries.delivery import Delivery, State, Verdict
from klokwerk.deliveries.rows import COLUMNS_NO_PAYLOAD, delivery_of

log = telemetry.get_logger(__name__)

OnChange = Callable[[AsyncConnection, Delivery], Awaitable[None]]
"""Called in the transaction of each change except the claim; a service publishes its outcome event there."""
OnChanges = Callable[[AsyncConnection, Sequence[Delivery]], Awaitable[None]]
"""The same for several changes at once, which must lock in an order of its own that never makes a circle."""

MOST = 200
"""Most answers in one transaction."""

_COLUMNS_OF_MOVED = ", ".join(
    column if column.startswith("cast(") else f"d.{column}"
    for column in (part.strip() for part in COLUMNS_NO_PAYLOAD.split(", "))
)
_MOVE = sa.text(
    "with answer as (select * from unnest(cast(:ids as uuid[]), cast(:attempts as int[]), cast(:states as text[]), "
    "cast(:messages as text[]), cast(:references as text[]), cast(:dues as timestamptz[]), cast(:askeds as int[]), "
    "cast(:purposes as text[]), cast(:outcomes as text[]), cast(:answers as text[])) as t (id, attempts, state, "
    "message, reference, due_at, asked, purpose, outcome, answer)), "
    "moved as (update delivery d set state = a.state, message = a.message, "
    "reference = coalesce(nullif(a.reference, ''), d.reference), due_at = a.due_at, asked = a.asked, "
    "revision = d.revision + 1, lease_until = null, leased_by = null, changed_at = :now from answer a "
    "where d.id = a.id and d.attempts = a.attempts and d.state in ('sending', 'unknown') "
    f"returning {_COLUMNS_OF_MOVED}), "
    "ended as (update delivery_attempt t set ended_at = :now, outcome = a.outcome, message = a.answer from answer a "
    "where t.id = (select max(id) from delivery_attempt where delivery_id = a.id and purpose = a.purpose)) "
    "select * from moved order by id"
)
"""Moves each delivery if it is still where the attempt left it, and ends the attempts in any case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call, and what the delivery becomes by it.

    Attributes:
        purpose: ``send`` or ``ask``.
        message: of the delivery; `said` is the other side's own answer, kept with the attempt.
    """

    delivery: Delivery
    purpose: str
    verdict: Verdict
    state: State
    due_at: datetime
    asked: int
    message: str
    said: str
    reference: str


_Waiting = tuple[Answer, datetime, asyncio.Future[None]]


@dataclass(slots=True)
class Recorder:
    """Writes answers, however long the database is away: they are all that is known of a call.

    Args:
        on_changes: takes several changes at once; without it each answer has a transaction of its own.
        gather: seconds to wait for more answers before writing, where calls are quick and many are under way.
    """

    database: Database
    on_change: OnChange | None = None
    on_changes: OnChanges | None = None
    gather: float = 0.0
    _waiting: list[_Waiting] = field(default_factory=list)
    _writer: asyncio.Task[None] | None = None

    async def record(self, answer: Answer, now: datetime) -> None:
        """Return once the answer is committed."""
        if self.on_changes is None:
            await self._patiently([answer], now)
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((answer, now, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def tell(self, connection: AsyncConnection, moved: Sequence[Delivery]) -> None:
        """Let the service take part in the transaction that changes these deliveries."""
        if self.on_changes is not None:
            await self.on_changes(connection, moved)
        elif self.on_change is not None:
            for delivery in moved:
                await self.on_change(connection, delivery)

    async def _write_all(self) -> None:
        while self._waiting:
            if self.gather:
                await asyncio.sleep(self.gather)
            taken = self._take()
            try:
                await self._patiently([answer for answer, _, _ in taken], taken[-1][1])
            except Exception as error:
                if len(taken) == 1:
                    _end(taken[0][2], error)
                    continue
                log.warning("answers_written_one_by_one", answers=len(taken), error=repr(error))
                await self._one_by_one(taken)
            else:
                for _, _, done in taken:
                    _end(done)

    def _take(self) -> list[_Waiting]:
        """What waits, one answer of each delivery: a late answer and a question's may come together."""
        taken: dict[uuid.UUID, _Waiting] = {}
        left: list[_Waiting] = []
        for each in self._waiting:
            if each[0].delivery.id in taken or len(taken) == MOST:
                left.append(each)
            else:
                taken[each[0].delivery.id] = each
        self._waiting = left
        return list(taken.values())

    async def _one_by_one(self, taken: Sequence[_Waiting]) -> None:
        """Let the one that can't be written hold up no other."""
        for answer, now, done in taken:
            try:
                await self._patiently([answer], now)
            except Exception as error:
                _end(done, error)
            else:
                _end(done)

    async def _patiently(self, answers: Sequence[Answer], now: datetime) -> None:
        pause = 0.2
        while True:
            try:
                await self._write(answers, now)
            except Exception as error:
                if not is_transient(error):
                    raise
                waiting = [str(answer.delivery.id) for answer in answers]
                log.warning("outcome_waits_for_database", deliveries=waiting, error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                return

    async def _write(self, answers: Sequence[Answer], now: datetime) -> None:
        payloads: dict[uuid.UUID, bytes | None] = {
            answer.delivery.id: answer.delivery.payload for answer in answers
        }
        async with self.database.transaction() as connection:
            rows = (await connection.execute(_MOVE, _values(answers, now))).mappings()
            moved = [
                replace(found, payload=payloads[found.id]) for row in rows for found in [delivery_of(row)]
            ]
            if moved:
                await self.tell(connection, moved)
        for answer in answers:
            delivery, state = answer.delivery, answer.state.value
            telemetry.DELIVERIES.labels(delivery.kind, state).inc()
            log.info(
                "delivery", delivery=str(delivery.id), kind=delivery.kind, subject=delivery.subject,
                purpose=answer.purpose, channel=delivery.channel, state=state, message=answer.message,
            )  # fmt: skip


def _end(done: asyncio.Future[None], error: Exception | None = None) -> None:
    """Tell whoever waits, unless the process is ending and nobody does any more."""
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _values(answers: Sequence[Answer], now: datetime) -> dict[str, object]:
    return {
        "ids": [answer.delivery.id for answer in answers],
        "attempts": [answer.delivery.attempts for answer in answers],
        "states": [answer.state.value for answer in answers],
        "messages": [answer.message[:4000] for answer in answers],
        "references": [answer.reference for answer in answers],
        "dues": [answer.due_at for answer in answers],
        "askeds": [answer.asked for answer in answers],
        "purposes": [answer.purpose for answer in answers],
        "outcomes": [answer.verdict.value for answer in answers],
        "answers": [answer.said[:4000] for answer in answers],
        "now": now,
    }
