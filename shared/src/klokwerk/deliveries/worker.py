"""Sends what is due, and asks about what is unknown."""

# ruff: noqa: S608 - statements are put together from a constant column list only
from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import sqlalchemy as sa

from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries.delivery import Channel, Delivery, Outcome, State, Verdict, refused, unknown
from klokwerk.deliveries.recording import Answer, OnChange, OnChanges, Recorder
from klokwerk.deliveries.rows import COLUMNS, delivery_of
from klokwerk.wakeup import Wakeup

log = telemetry.get_logger(__name__)

RETRIES = tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 180, 600))
"""Pauses between temporary refusals unless a service has its own; after the last the delivery has failed."""
QUESTIONS = tuple(timedelta(seconds=s) for s in (1, 3, 10, 30, 120, 600, 1800, 3600))
"""Pauses between two questions about an unknown outcome; after the last a person has to settle it."""

QUESTIONS_EVERY = 0.2
"""Seconds between two looks for questions that are due, while there is something to send."""
GATHER_SECONDS = 0.005
"""Pause after a worker with full hands has one free, before it claims again."""

_BEGUN = (
    "), begun as (insert into delivery_attempt (delivery_id, purpose, began_at) "
    "select id, '{purpose}', :now from claimed order by id) select * from claimed order by due_at, id"
)
_CLAIM = sa.text(
    "with claimed as (update delivery set state = 'sending', attempts = attempts + 1, revision = revision + 1, "
    "leased_by = :worker, lease_until = clock_timestamp() + :lease, changed_at = :now "
    "where id in (select id from delivery where state = 'planned' and due_at <= :now "
    f"order by due_at, id limit :limit for update skip locked) returning {COLUMNS}"
    + _BEGUN.format(purpose="send")
)
_CLAIM_QUESTIONS = sa.text(
    "with claimed as (update delivery set asked = asked + 1, leased_by = :worker, "
    "lease_until = clock_timestamp() + :lease, due_at = :next "
    "where id in (select id from delivery where state = 'unknown' and due_at <= :now "
    f"order by due_at, id limit :limit for update skip locked) returning {COLUMNS}"
    + _BEGUN.format(purpose="ask")
)
_EXPIRE = sa.text(
    "update delivery set state = 'unknown', revision = revision + 1, asked = 0, due_at = :now, changed_at = :now, "
    "message = 'The sending broke off before the answer was recorded; the other side is being asked.' "
    "where id in (select id from delivery where state = 'sending' and lease_until < clock_timestamp() "
    f"for update skip locked) returning {COLUMNS}"
)
_RENEW = sa.text(
    "update delivery set lease_until = clock_timestamp() + :lease where id = any(cast(:ids as uuid[])) "
    "and state = 'sending' and leased_by = :worker"
)


@dataclass(slots=True)
class DeliveryWorker:
    """Sends what is due. Run one in every process of the service; they share the work.

    Args:
        channels: by the name that deliveries carry.
        on_change: told of every change in its transaction.
        retries: pauses between temporary refusals.
        questions: pauses between questions about an unknown outcome.
        lease: how long a sending may show no sign of life; it is renewed while the process lives.
        concurrency: sendings at the same time.
        ahead: how many more are claimed than are sent at once, for channels whose calls are quick. What a process
            that dies had claimed and not called is asked about; so only where the other side can be asked.
        on_changes: in place of `on_change`, told of all changes of one transaction together; cheaper for a service
            with much to send.
    """

    database: Database
    clock: Clock
    channels: Mapping[str, Channel]
    on_change: OnChange | None = None
    retries: Sequence[timedelta] = RETRIES
    questions: Sequence[timedelta] = QUESTIONS
    lease: timedelta = timedelta(seconds=15)
    concurrency: int = 8
    ahead: int = 0
    on_changes: OnChanges | None = None
    poll_seconds: float = 0.5
    name: str = "deliveries"
    _id: uuid.UUID = field(default_factory=uuid.uuid4)
    _wakeup: Wakeup = field(default_factory=Wakeup)
    _flying: dict[uuid.UUID, asyncio.Task[None]] = field(default_factory=dict)
    _calls: asyncio.Semaphore = field(init=False)
    _recorder: Recorder = field(init=False)
    _next_questions: float = 0.0

    def __post_init__(self) -> None:
        self._calls = asyncio.Semaphore(self.concurrency)
        gather = GATHER_SECONDS * 4 if self.ahead else 0.0
        self._recorder = Recorder(self.database, self.on_change, self.on_changes, gather)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; sendings under way are finished and recorded first."""
        listener = await asyncpg.connect(self.database.url, timeout=5)
        try:
            await self._wakeup.listen(listener, "delivery")
            next_renewal = 0.0
            loop = asyncio.get_running_loop()
            while not stop.is_set():
                if loop.time() >= next_renewal:
                    await self._renew_leases()
                    await self._expire_leases()
                    next_renewal = loop.time() + self.lease.total_seconds() / 3
                busy = await self._claim_and_start()
                if not busy:
                    await self._wait(stop)
        finally:
            if self._flying:
                await asyncio.wait(self._flying.values(), timeout=30)
            await listener.close(timeout=2)

    async def _wait(self, stop: asyncio.Event) -> None:
        """Until a notice, a finished sending, `stop` or the next poll."""
        waiting = asyncio.ensure_future(self._wakeup.wait(self.poll_seconds))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            stopping.cancel()

    async def _claim_and_start(self) -> bool:
        """Start as many due sendings and questions as there is room for; whether there was anything."""
        room = self.concurrency + self.ahead - len(self._flying)
        if room <= self.ahead // 2:
            await asyncio.wait(self._flying.values(), return_when=asyncio.FIRST_COMPLETED)
            # Others often end with it, and one claim for several costs as much as one for each.
            await asyncio.sleep(GATHER_SECONDS)
            return True
        now = self.clock.now()
        async with self.database.transaction() as connection:
            lease = {"worker": self._id, "lease": self.lease, "now": now, "limit": room}
            claimed = [delivery_of(r) for r in (await connection.execute(_CLAIM, lease)).mappings()]
            questions: list[Delivery] = []
            if len(claimed) < room and asyncio.get_running_loop().time() >= self._next_questions:
                asking = lease | {"limit": room - len(claimed), "next": now + timedelta(minutes=1)}
                questions = [
                    delivery_of(r) for r in (await connection.execute(_CLAIM_QUESTIONS, asking)).mappings()
                ]
                if not questions:
                    # While sendings come and go there is no need to look for questions after each of them.
                    self._next_questions = asyncio.get_running_loop().time() + QUESTIONS_EVERY
        for delivery in claimed:
            self._start(delivery, self._send(delivery))
        for delivery in questions:
            self._start(delivery, self._ask(delivery))
        return bool(claimed or questions)

    def _start(self, delivery: Delivery, work: Any) -> None:
        task = asyncio.create_task(work)
        self._flying[delivery.id] = task

        def done(finished: asyncio.Task[None]) -> None:
            self._flying.pop(delivery.id, None)
            self._wakeup.set()
            if not finished.cancelled() and (error := finished.exception()):
                log.error("delivery_not_recorded", delivery=str(delivery.id), error=repr(error))

        task.add_done_callback(done)

    async def _send(self, delivery: Delivery) -> None:
        channel = self.channels.get(delivery.channel)
        if channel is None:
            outcome = refused(f"The channel {delivery.channel!r} is not configured on this service.")
        else:
            try:
                async with self._calls:
                    outcome = await channel.send(delivery)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("channel_raised", channel=delivery.channel, delivery=str(delivery.id))
                outcome = unknown(f"The sending broke off: {error!r}")
        await self._record(delivery, outcome, "send")

    async def _ask(self, delivery: Delivery) -> None:
        channel = self.channels.get(delivery.channel)
        try:
            async with self._calls:
                outcome = (
                    await channel.ask(delivery) if channel else unknown("The channel is not configured.")
                )
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("channel_raised_when_asked", channel=delivery.channel, delivery=str(delivery.id))
            outcome = unknown(f"The other side could not be asked: {error!r}")
        await self._record(delivery, outcome, "ask")

    async def _record(self, delivery: Delivery, outcome: Outcome, purpose: str) -> None:
        now = self.clock.now()
        state, due, asked, message = self._move(delivery, outcome, now)
        answer = Answer(
            delivery=delivery,
            purpose=purpose,
            verdict=outcome.verdict,
            state=state,
            due_at=due,
            asked=asked,
            message=message,
            said=outcome.message,
            reference=outcome.reference,
        )
        await self._recorder.record(answer, now)

    def _move(self, delivery: Delivery, outcome: Outcome, now: datetime) -> tuple[State, datetime, int, str]:
        """The state machine: from an answer to the next state, its time, the questions asked, the message."""
        verdict, message = outcome.verdict, outcome.message
        if verdict is Verdict.SENT:
            return State.SENT, now, delivery.asked, message
        if verdict is Verdict.REFUSED:
            return State.FAILED, now, delivery.asked, message
        if verdict is Verdict.UNKNOWN:
            # A fresh break starts the questions; an unanswered one goes on to the next pause.
            asked = delivery.asked if delivery.state is State.UNKNOWN else 0
            if asked >= len(self.questions):
                return State.UNKNOWN, now + timedelta(days=3650), asked, message
            return State.UNKNOWN, now + self.questions[asked], asked, message
        # Temporary, or never arrived: the same delivery again, a bounded number of times.
        if delivery.attempts > len(self.retries):
            return State.FAILED, now, delivery.asked, f"{message} Given up after {delivery.attempts} tries."
        pause = self.retries[delivery.attempts - 1] if delivery.attempts else timedelta(0)
        if verdict is Verdict.NOT_THERE:
            pause = timedelta(0)
        if outcome.retry_after is not None:
            pause = max(pause, outcome.retry_after)
        return State.PLANNED, now + pause, 0, message

    async def _renew_leases(self) -> None:
        if self._flying:
            async with self.database.transaction() as connection:
                await connection.execute(
                    _RENEW, {"ids": list(self._flying), "lease": self.lease, "worker": self._id}
                )

    async def _expire_leases(self) -> None:
        async with self.database.transaction() as connection:
            rows = (await connection.execute(_EXPIRE, {"now": self.clock.now()})).mappings()
            expired = [delivery_of(row) for row in rows]
            if expired:
                await self._recorder.tell(connection, expired)
