"""The audit of what people did to messages: one record per act in ``klokwerk.operations``, kept for ever."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from enum import StrEnum

from aiokafka import AIOKafkaProducer
from klokwerk.kafka import KafkaAddress
from pydantic import BaseModel, Field

from klokwerk_platform.reading import bounds_of, reader, records_within
from klokwerk_platform.topics import OPERATIONS_TOPIC


class Act(StrEnum):
    """What was done."""

    REPLAYED = "replayed"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


class Operation(BaseModel):
    """One act of one person.

    Attributes:
        topic: what it was done to: a topic, or a dead-letter topic.
        partition, offset: the dead letter; None for a replay.
        details: the range, filters and counts of a replay.
    """

    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    act: Act
    who: str
    reason: str
    topic: str
    group: str
    partition: int | None = None
    offset: int | None = None
    details: dict[str, str | int] = Field(default_factory=dict)


async def record(producer: AIOKafkaProducer, address: KafkaAddress, operation: Operation) -> None:
    """Write an act down; it is on the brokers when this returns."""
    await producer.send_and_wait(
        address.topic(OPERATIONS_TOPIC),
        operation.model_dump_json().encode(),
        key=f"{operation.topic}/{operation.partition}/{operation.offset}".encode(),
    )


async def all_operations(address: KafkaAddress) -> AsyncIterator[Operation]:
    """Every act that was written down, oldest first."""
    async with reader(address) as consumer:
        bounds = await bounds_of(consumer, [address.topic(OPERATIONS_TOPIC)])
        async for each in records_within(consumer, bounds):
            yield Operation.model_validate_json(each.value)
