"""Everything that leaves the house: a row first, the attempt before the call, the answer after it.

A delivery is planned in the transaction that decides on it, under a natural key, so planning it twice keeps
one. Workers claim due rows with ``FOR UPDATE SKIP LOCKED``, so replicas share the load. A channel knows two
things: how to send, and how to ask the other side what became of a sending.

States (the moves after a call stand in `DeliveryWorker._move`): planned -> sending -> sent | failed | planned
again (temporary) | unknown; unknown -> sent | failed | planned again (the other side never got it), settled by
asking and never by sending blindly again. A process that dies while sending leaves a lease that runs out; the
row then is unknown.
"""

# ruff: noqa: S608 - statements are put together from this module's own column list only
from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import asyncpg
import orjson
import sqlalchemy as sa
from klokwerk_contracts.envelope import new_event_id
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database, is_transient
from klokwerk.wakeup import Wakeup

log = telemetry.get_logger(__name__)

SCHEMA_1 = """
create table delivery (
    id uuid primary key,
    natural_key text not null unique,
    kind text not null,
    subject text not null,
    channel text not null,
    recipient text not null,
    context jsonb not null,
    file_name text not null,
    media_type text not null,
    payload bytea,
    sha256 text not null,
    state text not null check (state in ('planned', 'sending', 'sent', 'failed', 'ignored', 'unknown')),
    message text not null,
    reference text not null,
    attempts integer not null,
    asked integer not null,
    revision integer not null,
    due_at timestamptz not null,
    lease_until timestamptz,
    leased_by uuid,
    created_at timestamptz not null,
    changed_at timestamptz not null
);
create index delivery_due on delivery (due_at) where state in ('planned', 'unknown');
create index delivery_leased on delivery (lease_until) where state = 'sending';
create index delivery_subject on delivery (kind, subject, created_at);
create table delivery_attempt (
    id bigint generated always as identity primary key,
    delivery_id uuid not null references delivery (id) on delete cascade,
    purpose text not null check (purpose in ('send', 'ask')),
    began_at timestamptz not null,
    ended_at timestamptz,
    outcome text,
    message text not null default ''
);
create index delivery_attempt_of on delivery_attempt (delivery_id, id);
"""


class State(StrEnum):
    """Where a delivery stands."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What a channel says of one call."""

    SENT = "sent"
    REFUSED = "refused"
    TEMPORARY = "temporary"
    UNKNOWN = "unknown"
    NOT_THERE = "not_there"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answer of a channel.

    Attributes:
        verdict: what became of it.
        message: in words, with the other side's own answer; shown to people.
        reference: the other side's id, where it gave one.
        retry_after: for a temporary refusal, the pause the other side asked for.
    """

    verdict: Verdict
    message: str = ""
    reference: str = ""
    retry_after: timedelta | None = None


def sent(message: str = "", reference: str = "") -> Outcome:
    """The other side has it."""
    return Outcome(Verdict.SENT, message, reference)


def refused(message: str) -> Outcome:
    """The other side will never take this as it is; a person has to mend something."""
    return Outcome(Verdict.REFUSED, message)


def temporary(message: str, retry_after: timedelta | None = None) -> Outcome:
    """Refused before anything was handed over; trying again later may help."""
    return Outcome(Verdict.TEMPORARY, message, retry_after=retry_after)


def unknown(message: str) -> Outcome:
    """The bytes may have arrived: a time-out or a break after they left."""
    return Outcome(Verdict.UNKNOWN, message)


def not_there(message: str = "") -> Outcome:
    """Answer to asking: the other side never got it, so it may be sent."""
    return Outcome(Verdict.NOT_THERE, message)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that leaves the house.

    Attributes:
        natural_key: what makes it the same delivery, e.g. ``ekt:main:17:2026-11-02:first``.
        kind, subject: what it is about, e.g. ``invoice`` and the invoice's id.
        channel: name of the channel that carries it.
        recipient: address in the channel's own form.
        context: what the channel needs beside the bytes.
        payload: the bytes as sent; kept for good.
        attempts: sendings begun so far.
    """

    id: uuid.UUID
    natural_key: str
    kind: str
    subject: str
    channel: str
    recipient: str
    context: dict[str, Any]
    file_name: str
    media_type: str
    payload: bytes | None
    sha256: str
    state: State
    message: str
    reference: str
    attempts: int
    asked: int
    revision: int
    due_at: datetime
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to the other side, as recorded."""

    purpose: str
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A delivery to be; fields as in `Delivery`.

    Attributes:
        state: ``planned``, or a final state at once: ``ignored`` or ``failed`` with `message`.
        due_at: earliest moment to send; at once unless given.
    """

    natural_key: str
    kind: str
    subject: str
    channel: str
    recipient: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    file_name: str = ""
    media_type: str = ""
    payload: bytes | None = None
    state: State = State.PLANNED
    message: str = ""
    due_at: datetime | None = None
    id: uuid.UUID = field(default_factory=new_event_id)


class Channel(Protocol):
    """One way out of the house. Both calls bound their own time and never raise for what the other side does."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand it over once; say `unknown` whenever the bytes may have arrived without an answer."""
        ...

    async def ask(self, delivery: Delivery) -> Outcome:
        """What became of an earlier `send`; `unknown` when the other side can't be asked or doesn't know."""
        ...


OnChange = Callable[[AsyncConnection, Delivery], Awaitable[None]]
"""Called in the transaction of each change except the claim; a service publishes its outcome event there."""

_COLUMNS = ", ".join(Delivery.__slots__)
_COLUMNS_NO_PAYLOAD = _COLUMNS.replace("payload,", "cast(null as bytea) as payload,")
_PLAN = sa.text(
    "insert into delivery (id, natural_key, kind, subject, channel, recipient, context, file_name, media_type, "
    "payload, sha256, state, message, reference, attempts, asked, revision, due_at, created_at, changed_at) "
    "select id, natural_key, kind, subject, channel, recipient, context, file_name, media_type, payload, sha256, "
    "state, message, '', 0, 0, 1, due_at, :now, :now from unnest(cast(:ids as uuid[]), "
    "cast(:natural_keys as text[]), cast(:kinds as text[]), cast(:subjects as text[]), cast(:channels as text[]), "
    "cast(:recipients as text[]), cast(:contexts as jsonb[]), cast(:file_names as text[]), "
    "cast(:media_types as text[]), cast(:payloads as bytea[]), cast(:sha256s as text[]), cast(:states as text[]), "
    "cast(:messages as text[]), cast(:dues as timestamptz[])) as t (id, natural_key, kind, subject, channel, "
    "recipient, context, file_name, media_type, payload, sha256, state, message, due_at) "
    "on conflict (natural_key) do nothing returning id"
)
_NOTIFY = sa.text("select pg_notify('delivery', '')")
_CLAIM = sa.text(
    "update delivery set state = 'sending', attempts = attempts + 1, revision = revision + 1, "
    "leased_by = :worker, lease_until = clock_timestamp() + :lease, changed_at = :now "
    "where id in (select id from delivery where state = 'planned' and due_at <= :now "
    f"order by due_at, id limit :limit for update skip locked) returning {_COLUMNS}"
)
_CLAIM_QUESTIONS = sa.text(
    "update delivery set asked = asked + 1, leased_by = :worker, lease_until = clock_timestamp() + :lease, "
    "due_at = :next where id in (select id from delivery where state = 'unknown' and due_at <= :now "
    f"order by due_at, id limit :limit for update skip locked) returning {_COLUMNS}"
)
_EXPIRE = sa.text(
    "update delivery set state = 'unknown', revision = revision + 1, asked = 0, due_at = :now, changed_at = :now, "
    "message = 'The sending broke off before the answer was recorded; the other side is being asked.' "
    "where id in (select id from delivery where state = 'sending' and lease_until < clock_timestamp() "
    f"for update skip locked) returning {_COLUMNS}"
)
_BEGIN = sa.text(
    "insert into delivery_attempt (delivery_id, purpose, began_at) values (:delivery, :purpose, :now)"
)
_RENEW = sa.text(
    "update delivery set lease_until = clock_timestamp() + :lease where id = any(cast(:ids as uuid[])) "
    "and state = 'sending' and leased_by = :worker"
)
_MOVE = sa.text(
    "with moved as (update delivery set state = :state, message = :message, "
    "reference = coalesce(nullif(:reference, ''), reference), due_at = :due_at, asked = :asked, "
    "revision = revision + 1, lease_until = null, leased_by = null, changed_at = :now "
    "where id = :id and attempts = :attempts and state in ('sending', 'unknown') "
    f"returning {_COLUMNS_NO_PAYLOAD}), "
    "ended as (update delivery_attempt set ended_at = :now, outcome = :outcome, message = :answer where id = "
    "(select max(id) from delivery_attempt where delivery_id = :id and purpose = :purpose)) select * from moved"
)
"""Moves the delivery if it is still where the attempt left it, and ends the attempt in any case."""
_AGAIN = sa.text(
    "update delivery set state = 'planned', message = :message, due_at = :now, asked = 0, "
    "revision = revision + 1, changed_at = :now where id = :id and state = any(cast(:states as text[])) "
    f"returning {_COLUMNS}"
)
_CLOSE = sa.text(
    "update delivery set state = :state, message = :message, revision = revision + 1, changed_at = :now "
    f"where id = :id and state = any(cast(:states as text[])) returning {_COLUMNS}"
)
_GET = sa.text(f"select {_COLUMNS} from delivery where id = :id")
_GET_BY_KEY = sa.text(f"select {_COLUMNS} from delivery where natural_key = :key")
_OF_SUBJECT = sa.text(
    f"select {_COLUMNS_NO_PAYLOAD} from delivery where kind = :kind and subject = any(cast(:subjects as text[])) "
    "order by created_at, id"
)
_ATTEMPTS = sa.text(
    "select purpose, began_at, ended_at, outcome, message from delivery_attempt where delivery_id = :id order by id"
)

RETRIES = tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 180, 600))
"""Pauses between temporary refusals unless a service has its own; after the last the delivery has failed."""
QUESTIONS = tuple(timedelta(seconds=s) for s in (1, 3, 10, 30, 120, 600, 1800, 3600))
"""Pauses between two questions about an unknown outcome; after the last a person has to settle it."""

GATHER_SECONDS = 0.005
"""Pause after a worker with full hands has one free, before it claims again."""


async def plan(connection: AsyncConnection, clock: Clock, *plans: Plan) -> list[Delivery]:
    """Commit to sending `plans` in the caller's transaction.

    Returns:
        Those that are new. One whose natural key is known already is left as it stands and not returned.
    """
    if not plans:
        return []
    now = clock.now()
    wanted = [_planned(item, now) for item in plans]
    rows = await connection.execute(
        _PLAN,
        {
            "ids": [each.id for each in wanted],
            "natural_keys": [each.natural_key for each in wanted],
            "kinds": [each.kind for each in wanted],
            "subjects": [each.subject for each in wanted],
            "channels": [each.channel for each in wanted],
            "recipients": [each.recipient for each in wanted],
            "contexts": [orjson.dumps(each.context).decode() for each in wanted],
            "file_names": [each.file_name for each in wanted],
            "media_types": [each.media_type for each in wanted],
            "payloads": [each.payload for each in wanted],
            "sha256s": [each.sha256 for each in wanted],
            "states": [each.state.value for each in wanted],
            "messages": [each.message for each in wanted],
            "dues": [each.due_at for each in wanted],
            "now": now,
        },
    )
    new = {row.id for row in rows}
    made = [each for each in wanted if each.id in new]
    if made:
        await connection.execute(_NOTIFY)
    return made


def _planned(item: Plan, now: datetime) -> Delivery:
    """The row that a plan becomes."""
    return Delivery(
        id=item.id,
        natural_key=item.natural_key,
        kind=item.kind,
        subject=item.subject,
        channel=item.channel,
        recipient=item.recipient,
        context=orjson.loads(orjson.dumps(dict(item.context), default=str)),
        file_name=item.file_name,
        media_type=item.media_type,
        payload=item.payload,
        sha256=hashlib.sha256(item.payload).hexdigest() if item.payload is not None else "",
        state=item.state,
        message=item.message,
        reference="",
        attempts=0,
        asked=0,
        revision=1,
        due_at=item.due_at or now,
        created_at=now,
        changed_at=now,
    )


async def get(connection: AsyncConnection, delivery_id: uuid.UUID) -> Delivery | None:
    """One delivery with its bytes; none when the id is unknown."""
    row = (await connection.execute(_GET, {"id": delivery_id})).mappings().one_or_none()
    return _of(row) if row else None


async def find(connection: AsyncConnection, natural_key: str) -> Delivery | None:
    """The delivery planned under `natural_key`."""
    row = (await connection.execute(_GET_BY_KEY, {"key": natural_key})).mappings().one_or_none()
    return _of(row) if row else None


async def of_subjects(connection: AsyncConnection, kind: str, subjects: Sequence[str]) -> list[Delivery]:
    """All deliveries about `subjects`, oldest first, without their bytes."""
    rows = await connection.execute(_OF_SUBJECT, {"kind": kind, "subjects": list(subjects)})
    return [_of(row) for row in rows.mappings()]


async def attempts(connection: AsyncConnection, delivery_id: uuid.UUID) -> list[Attempt]:
    """Every call made for one delivery, oldest first."""
    rows = await connection.execute(_ATTEMPTS, {"id": delivery_id})
    return [Attempt(*row) for row in rows]


async def send_again(
    connection: AsyncConnection,
    clock: Clock,
    delivery_id: uuid.UUID,
    *,
    states: Sequence[State],
    message: str,
) -> Delivery | None:
    """Put one back to planned on a person's word, if it is in one of `states`; none when it is not."""
    row = (
        (
            await connection.execute(
                _AGAIN,
                {
                    "id": delivery_id,
                    "states": [s.value for s in states],
                    "message": message,
                    "now": clock.now(),
                },
            )
        )
        .mappings()
        .one_or_none()
    )
    if row:
        await connection.execute(_NOTIFY)
    return _of(row) if row else None


async def close(
    connection: AsyncConnection,
    clock: Clock,
    delivery_id: uuid.UUID,
    *,
    state: State,
    states: Sequence[State],
    message: str,
) -> Delivery | None:
    """Move one from any of `states` to `state` on a person's word, e.g. unknown to sent; none when it is not."""
    row = (
        (
            await connection.execute(
                _CLOSE,
                {
                    "id": delivery_id,
                    "state": state.value,
                    "states": [s.value for s in states],
                    "message": message,
                    "now": clock.now(),
                },
            )
        )
        .mappings()
        .one_or_none()
    )
    return _of(row) if row else None


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
    """

    database: Database
    clock: Clock
    channels: Mapping[str, Channel]
    on_change: OnChange
    retries: Sequence[timedelta] = RETRIES
    questions: Sequence[timedelta] = QUESTIONS
    lease: timedelta = timedelta(seconds=15)
    concurrency: int = 8
    poll_seconds: float = 0.5
    name: str = "deliveries"
    _id: uuid.UUID = field(default_factory=uuid.uuid4)
    _wakeup: Wakeup = field(default_factory=Wakeup)
    _flying: dict[uuid.UUID, asyncio.Task[None]] = field(default_factory=dict)

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
        room = self.concurrency - len(self._flying)
        if room <= 0:
            await asyncio.wait(self._flying.values(), return_when=asyncio.FIRST_COMPLETED)
            # Others often end with it, and one claim for several costs as much as one for each.
            await asyncio.sleep(GATHER_SECONDS)
            return True
        now = self.clock.now()
        async with self.database.transaction() as connection:
            lease = {"worker": self._id, "lease": self.lease, "now": now, "limit": room}
            claimed = [_of(r) for r in (await connection.execute(_CLAIM, lease)).mappings()]
            questions: list[Delivery] = []
            if len(claimed) < room:
                asking = lease | {"limit": room - len(claimed), "next": now + timedelta(minutes=1)}
                questions = [_of(r) for r in (await connection.execute(_CLAIM_QUESTIONS, asking)).mappings()]
            begins = [{"delivery": d.id, "purpose": "send", "now": now} for d in claimed]
            begins += [{"delivery": d.id, "purpose": "ask", "now": now} for d in questions]
            if begins:
                await connection.execute(_BEGIN, begins)
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
            outcome = await channel.ask(delivery) if channel else unknown("The channel is not configured.")
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("channel_raised_when_asked", channel=delivery.channel, delivery=str(delivery.id))
            outcome = unknown(f"The other side could not be asked: {error!r}")
        await self._record(delivery, outcome, "ask")

    async def _record(self, delivery: Delivery, outcome: Outcome, purpose: str) -> None:
        """Write the answer down, however long the database is away: it is all that is known of it."""
        pause = 0.2
        while True:
            try:
                await self._write(delivery, outcome, purpose)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("outcome_waits_for_database", delivery=str(delivery.id), error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                return

    async def _write(self, delivery: Delivery, outcome: Outcome, purpose: str) -> None:
        now = self.clock.now()
        state, due, asked, message = self._move(delivery, outcome, now)
        async with self.database.transaction() as connection:
            row = (
                (
                    await connection.execute(
                        _MOVE,
                        {
                            "id": delivery.id,
                            "attempts": delivery.attempts,
                            "state": state.value,
                            "message": message[:4000],
                            "reference": outcome.reference,
                            "due_at": due,
                            "asked": asked,
                            "now": now,
                            "purpose": purpose,
                            "outcome": outcome.verdict.value,
                            "answer": outcome.message[:4000],
                        },
                    )
                )
                .mappings()
                .one_or_none()
            )
            if row is not None:
                await self.on_change(connection, replace(_of(row), payload=delivery.payload))
        telemetry.DELIVERIES.labels(delivery.kind, state.value).inc()
        log.info(
            "delivery", delivery=str(delivery.id), kind=delivery.kind, subject=delivery.subject, purpose=purpose,
            channel=delivery.channel, state=state.value, message=message,
        )  # fmt: skip

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
            for row in rows:
                await self.on_change(connection, _of(row))


def _of(row: Any) -> Delivery:
    values = {name: row[name] for name in Delivery.__slots__}
    values["state"] = State(values["state"])
    return Delivery(**values)
