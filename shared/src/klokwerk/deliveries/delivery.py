"""What a delivery is, what a channel answers, and what a channel must be able to do."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from klokwerk_contracts.envelope import new_event_id


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
