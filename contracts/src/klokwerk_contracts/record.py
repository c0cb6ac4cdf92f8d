"""From an event to the Kafka record that carries it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from klokwerk_contracts.envelope import Envelope, Header, new_event_id, to_headers
from klokwerk_contracts.types import Event


@dataclass(frozen=True, slots=True)
class Record:
    """What a Kafka producer needs: ``producer.send(record.topic, key=..., value=..., headers=...)``."""

    topic: str
    key: bytes
    value: bytes
    headers: list[Header]


def schema_of(event: Event | type[Event]) -> str:
    """Name and version of an event's schema, e.g. ``sale.completed/v1``."""
    return f"{event.TOPIC}/v{event.VERSION}"


def record_of(
    event: Event,
    *,
    source: str,
    event_id: UUID | None = None,
    time: datetime | None = None,
    traceparent: str = "",
) -> Record:
    """The Kafka record of `event`.

    Args:
        event: what happened.
        source: who says so, a URI reference: ``/sales-service`` or ``//webshop.example``.
        event_id: id of the event; a new UUIDv7 unless given. Keep it when sending the same event again.
        time: when it happened (aware); now unless given.
        traceparent: W3C trace context to go on with.
    """
    envelope = Envelope(
        id=event_id or new_event_id(),
        type=event.TOPIC,
        source=source,
        time=time or datetime.now(UTC),
        schema=schema_of(event),
        traceparent=traceparent,
    )
    return Record(event.TOPIC, event.key.encode(), event.model_dump_json().encode(), to_headers(envelope))
