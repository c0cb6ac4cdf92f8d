"""Records as they come from Kafka, read one by one: what is good of them, and why the others are not.

A record that can't be read never stops its neighbours. What a service keeps of an event can be taken out here, as
soon as it is read: a batch of whole events is many small objects, and thousands of them at once cost more in memory
and cache than in reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from aiokafka import ConsumerRecord
from klokwerk_contracts.envelope import BadEnvelope, Envelope, from_headers
from klokwerk_contracts.types import Event
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk import telemetry

log = telemetry.get_logger(__name__)

E = TypeVar("E", bound=Event)
T = TypeVar("T")

READ_AT_ONCE = 50
"""Records read before the loop is given back: a few milliseconds."""


class Rejected(Exception):
    """A handler raises this for an event it can never take; the text tells the person who reads the DLQ why."""


class Received(NamedTuple, Generic[T]):
    """One event with everything around it.

    Attributes:
        event: the validated body, or what its subscription keeps of it.
        envelope: id, source, time and trace of the event.
        topic: name without the installation's prefix.
        replayed: it came through the group's replay topic.
    """

    event: T
    envelope: Envelope
    topic: str
    partition: int
    offset: int
    replayed: bool = False


Handler = Callable[[AsyncConnection, list[Received[T]]], Awaitable[None]]


@dataclass(frozen=True)
class Subscription(Generic[E]):
    """One topic and what to do with it.

    Attributes:
        event: model of the topic's events; the topic's name comes from it.
        handle: gets a transaction and the events of one batch in order, set-based; it must not commit. It may
            be called again with a part of the same events after it raised.
        keep: see `condensed`.
    """

    event: type[E]
    handle: Handler[E]
    keep: Callable[[E], Any] | None = None


def condensed(event: type[E], keep: Callable[[E], T], handle: Handler[T]) -> Subscription[Any]:
    """A subscription whose handler gets what `keep` takes out of each event instead of the whole event.

    Args:
        keep: called once for each event that could be read; what it raises puts aside that one record.
    """
    return Subscription[Any](event, handle, keep)


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that is put aside, and why."""

    record: ConsumerRecord[Any, Any]
    reason: str
    detail: str
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one transaction: those that could be read, and those that could not."""

    good: list[tuple[ConsumerRecord[Any, Any], Received[Any]]]
    dead: list[Dead]


async def read_all(
    subscription: Subscription[Any], records: Sequence[ConsumerRecord[Any, Any]], replayed: bool
) -> Part:
    """Read `records` in their order; the loop is given back every few milliseconds."""
    part = Part([], [])
    for number, record in enumerate(records, start=1):
        read = _read(subscription, record, replayed)
        if isinstance(read, Dead):
            part.dead.append(read)
        else:
            part.good.append((record, read))
        if number % READ_AT_ONCE == 0:
            await asyncio.sleep(0)
    return part


def where(record: ConsumerRecord[Any, Any]) -> dict[str, Any]:
    """The record's place, for the log."""
    return {"record_topic": record.topic, "partition": record.partition, "offset": record.offset}


def _read(
    subscription: Subscription[Any], record: ConsumerRecord[Any, Any], replayed: bool
) -> Received[Any] | Dead:
    model: type[Event] = subscription.event
    try:
        envelope = from_headers(record.headers)
    except BadEnvelope as error:
        return Dead(record, "bad_headers", str(error))
    except Exception as error:
        # Whatever else a header holds, it must not stop the partition.
        return Dead(record, "bad_headers", repr(error))
    if envelope.type != model.TOPIC:
        return Dead(
            record, "unknown_type", f"ce_type is {envelope.type!r}, this topic carries {model.TOPIC!r}"
        )
    if record.value is None:
        return Dead(record, "no_body", "the record has no value: every event of this topic has a body")
    try:
        event = model.model_validate_json(record.value)
    except ValidationError as error:
        return Dead(record, "bad_body", _explain(error))
    except ValueError as error:
        return Dead(record, "bad_body", str(error))
    if record.key is not None and record.key != event.key.encode():
        return Dead(
            record,
            "wrong_key",
            f"the key is {record.key!r}, the body says {event.key!r}: order hangs on the key",
        )
    kept: Any = event
    if subscription.keep is not None:
        try:
            kept = subscription.keep(event)
        except Rejected as error:
            return Dead(record, "rejected", str(error))
        except Exception as error:
            log.exception("event_not_handled", topic=model.TOPIC, **where(record))
            return Dead(record, "handler_error", repr(error))
    return Received(kept, envelope, model.TOPIC, record.partition, record.offset, replayed)


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    lines = [f"{'.'.join(str(part) for part in p['loc']) or 'body'}: {p['msg']}" for p in problems[:20]]
    return "; ".join(lines)
