"""CloudEvents 1.0 in Kafka's binary mode: the headers around every event.

The value of a record is the event's plain JSON; everything about it travels in headers, so that a
reader can route, filter and dead-letter a record without parsing its body.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
REQUIRED = ("ce_id", "ce_type", "ce_source", "ce_time", "ce_specversion")

Header = tuple[str, bytes]


class BadEnvelope(ValueError):
    """The headers of a record are not a CloudEvent; the text names the header and the cure."""


class Envelope(NamedTuple):
    """What the headers of one record say; a named tuple, since one is made for every record that is read.

    Attributes:
        id: unique id of the event (UUIDv7 from Klokwerk itself; any UUID from others).
        type: name of the event, the same as its topic, e.g. ``sale.completed``.
        source: who wrote it, a URI reference such as ``/sales-service`` or ``//webshop.example``.
        time: when it happened, an aware UTC instant.
        schema: name and version of the body's schema, e.g. ``sale.completed/v1``.
        traceparent: W3C trace context, empty when the writer has none.
    """

    id: UUID
    type: str
    source: str
    time: datetime
    schema: str
    traceparent: str = ""


def new_event_id() -> UUID:
    """A UUIDv7: unique, and sorted by the time it was made."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


def to_headers(envelope: Envelope) -> list[Header]:
    """The Kafka headers of `envelope`, in a fixed order."""
    pairs = [
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", str(envelope.id)),
        ("ce_type", envelope.type),
        ("ce_source", envelope.source),
        ("ce_time", envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z")),
        ("ce_dataschema", envelope.schema),
        ("content-type", CONTENT_TYPE),
    ]
    if envelope.traceparent:
        pairs.append(("traceparent", envelope.traceparent))
    return [(name, value.encode()) for name, value in pairs]


def from_headers(headers: Iterable[tuple[str, bytes | None]] | Mapping[str, bytes]) -> Envelope:
    """Read the envelope of a record; headers of others are ignored, whatever they hold.

    Raises:
        BadEnvelope: a required header is missing, empty or unreadable; the text names it.
    """
    raw: dict[str, Any] = dict(headers.items() if isinstance(headers, Mapping) else headers)
    try:
        name, kind, source, at, version = [raw[header].decode() for header in REQUIRED]
        schema, trace = raw.get("ce_dataschema"), raw.get("traceparent")
        schema, trace = schema.decode() if schema else "", trace.decode() if trace else ""
    except (KeyError, AttributeError, UnicodeDecodeError):
        raise _unreadable(raw) from None
    if not (name and kind and source and at and version):
        raise _unreadable(raw)
    if version != SPEC_VERSION:
        raise BadEnvelope(f"header ce_specversion is {version!r}: this reader knows 1.0")
    try:
        event_id = UUID(name)
    except ValueError as error:
        raise BadEnvelope(f"header ce_id is {name!r}: write a UUID") from error
    return Envelope(event_id, kind, source, _instant(at), schema, trace)


def _unreadable(raw: Mapping[str, Any]) -> BadEnvelope:
    """Which header is missing or no text; found only once it is known that one of them is."""
    for name in (*REQUIRED, "ce_dataschema", "traceparent"):
        value = raw.get(name)
        if not value:
            if name in REQUIRED:
                return BadEnvelope(f"header {name} is missing: every event needs {', '.join(REQUIRED)}")
            continue
        try:
            value.decode()
        except UnicodeDecodeError:
            return BadEnvelope(f"header {name} is not UTF-8: write it as UTF-8 text")
    return BadEnvelope("the headers are not those of an event")


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # a year 1 or 9999 may lie beyond the calendar in UTC
        raise BadEnvelope(f"header ce_time is {text!r}: write ISO 8601 with a zone") from error
    raise BadEnvelope(f"header ce_time is {text!r}: the zone is missing, write e.g. ...Z")
