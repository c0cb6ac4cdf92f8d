"""Reads topics without a consumer group, so that no offset of anybody moves, and publishes again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from klokwerk.kafka import TOPIC_MAX_MESSAGE_BYTES, KafkaAddress

Record: TypeAlias = ConsumerRecord[Any, Any]

REPUBLISHED_BYTES = 2 * TOPIC_MAX_MESSAGE_BYTES
"""A whole event with the headers that say where it came from; the replay topics take so much."""


@dataclass(frozen=True)
class Bounds:
    """The offsets that a partition holds: from ``start`` up to, not including, ``end``."""

    topic: str
    partition: int
    start: int
    end: int

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


@asynccontextmanager
async def reader(address: KafkaAddress) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer that belongs to no group and sees committed records only."""
    consumer = AIOKafkaConsumer(
        **address.client_options(), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def producing(address: KafkaAddress) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for the length of a block, for what is published again."""
    producer = address.producer(client_id="klokwerk-cli", max_request_size=REPUBLISHED_BYTES)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def bounds_of(consumer: AIOKafkaConsumer, topics: list[str]) -> list[Bounds]:
    """The bounds of all partitions of the topics that exist."""
    # The consumer's own lists know subscribed topics only, and a subscription would make a missing topic.
    cluster = await consumer._client.fetch_all_metadata()
    partitions = [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(cluster.partitions_for_topic(topic) or ())
    ]
    if not partitions:
        return []
    starts = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    return [Bounds(each.topic, each.partition, starts[each], ends[each]) for each in partitions]


async def topic_bounds(address: KafkaAddress, topics: list[str]) -> dict[str, list[Bounds]]:
    """The bounds of each topic that exists, by name."""
    async with reader(address) as consumer:
        found: dict[str, list[Bounds]] = {}
        for each in await bounds_of(consumer, topics):
            found.setdefault(each.topic, []).append(each)
        return found


async def since(consumer: AIOKafkaConsumer, bounds: list[Bounds], moment: datetime) -> list[Bounds]:
    """The bounds narrowed to records from ``moment`` (aware) on."""
    milliseconds = int(moment.timestamp() * 1000)
    found = await consumer.offsets_for_times({each.topic_partition: milliseconds for each in bounds})
    narrowed = []
    for each in bounds:
        at = found.get(each.topic_partition)
        narrowed.append(Bounds(each.topic, each.partition, at.offset if at else each.end, each.end))
    return narrowed


async def records_within(consumer: AIOKafkaConsumer, bounds: list[Bounds]) -> AsyncIterator[Record]:
    """Every record within the bounds, in order within each partition; ends at the last one."""
    left = {each.topic_partition: each for each in bounds if each.start < each.end}
    # A reset that is under way when `seek` comes may win: the reader resets to the earliest record, so that it then
    # reads too much and never too little.
    consumer.assign(list(left))
    for partition, each in left.items():
        consumer.seek(partition, each.start)
    while left:
        batches = await consumer.getmany(*left, timeout_ms=500, max_records=1_000)
        for partition, records in batches.items():
            for record in records:
                if left[partition].start <= record.offset < left[partition].end:
                    yield record
        # The position, not the last record, tells the end: compaction and markers leave gaps.
        for partition in list(left):
            if await consumer.position(partition) >= left[partition].end:
                del left[partition]
