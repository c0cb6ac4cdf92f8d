"""How far the consumer groups are behind, per topic and partition."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from klokwerk.kafka import KafkaAddress

from klokwerk_platform.reading import bounds_of, reader
from klokwerk_platform.topic_files import TopicFile
from klokwerk_platform.topics import contracts


@dataclass(frozen=True)
class Lag:
    """One group on one partition.

    Attributes:
        committed: the group's offset; None when it never committed there.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    start: int
    end: int

    @property
    def behind(self) -> int:
        """Records that the group still has to handle."""
        return self.end - max(self.committed if self.committed is not None else self.start, self.start)


async def lag(
    address: KafkaAddress, group: str = "", contracts_of: list[TopicFile] | None = None
) -> list[Lag]:
    """The lag of the groups in the contracts, replay topics included.

    Raises ``LookupError`` for a group that the contracts don't know.
    """
    topics: dict[str, list[str]] = {}
    for contract in contracts() if contracts_of is None else contracts_of:
        for name in (each.group for each in contract.readers):
            read = [address.topic(contract.name), address.replays(contract.name, name)]
            topics.setdefault(name, []).extend(read)
    if group and group not in topics:
        raise LookupError(f"No topic has the reader group {group!r}; there are {', '.join(sorted(topics))}.")
    admin = AIOKafkaAdminClient(**address.client_options())
    await admin.start()
    try:
        async with reader(address) as consumer:
            found = []
            for name in sorted([group] if group else topics):
                committed = await admin.list_consumer_group_offsets(address.prefix + name)
                for each in await bounds_of(consumer, topics[name]):
                    at = committed.get(TopicPartition(each.topic, each.partition))
                    offset = at.offset if at is not None and at.offset >= 0 else None
                    found.append(Lag(name, each.topic, each.partition, offset, each.start, each.end))
            return found
    finally:
        await admin.close()
