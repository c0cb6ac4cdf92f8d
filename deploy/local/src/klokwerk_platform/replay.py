"""Replay: gives one consumer group events of a topic again, without touching its offsets or other groups.

A reader without a group takes a range of the topic and publishes the same bytes and headers, the original
event id included, to ``<topic>.<group>.replay``, which only that group reads. Services are idempotent by
construction, so events that were handled before change nothing and send nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from klokwerk.kafka import KafkaAddress

from klokwerk_platform.operations import Act, Operation, record
from klokwerk_platform.reading import Bounds, Record, bounds_of, producing, reader, records_within, since
from klokwerk_platform.topic_files import TopicFile
from klokwerk_platform.topics import contracts

_SENT_AT_ONCE = 500

Advance = Callable[[int, int], None]
"""Called with how many records were read and how many of them matched."""


@dataclass(frozen=True)
class Selection:
    """Which records of a topic.

    Attributes:
        partition: only this partition.
        from_offset, to_offset: the first offset and the one after the last, in that partition.
        from_time, to_time: the first moment and the one after the last (aware).
        key: only records with this key, such as a debtor's id.
    """

    partition: int | None = None
    from_offset: int | None = None
    to_offset: int | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        if self.partition is None and (self.from_offset or self.to_offset is not None):
            raise ValueError("An offset means something in one partition only: name it with --partition.")
        for moment in (self.from_time, self.to_time):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("A time needs its zone, such as 2026-11-02T09:00:00+01:00.")

    def described(self) -> dict[str, str | int]:
        """The selection for the audit."""
        return {name: str(value) for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Replayed:
    """What a replay did.

    Attributes:
        read: records in the range.
        matched: of those, the ones that the key filter let through.
        sent: how many were published; 0 for a dry run.
    """

    id: uuid.UUID
    target: str
    read: int
    matched: int
    sent: int


async def replay(
    address: KafkaAddress,
    topic: str,
    group: str,
    selection: Selection,
    *,
    dry_run: bool = True,
    per_second: float = 0,
    who: str = "",
    reason: str = "",
    advance: Advance = lambda _read, _matched: None,
) -> Replayed:
    """Publish the selected records of ``topic`` to the replay topic of ``group``.

    Args:
        topic: name in the contracts, without prefix.
        dry_run: only count.
        per_second: most records a second; 0 for as fast as it goes.
        who, reason: for the audit; a reason is needed unless it is a dry run.

    Raises:
        LookupError: the topic or the group isn't in the contracts, or the topic isn't on the cluster.
        ValueError: the reason is missing.
    """
    _check_reader(topic, group)
    if not dry_run and not reason.strip():
        raise ValueError("Say why with --reason; it goes into the audit.")
    identity, target = uuid.uuid4(), address.replays(topic, group)
    async with reader(address) as consumer, producing(address) as producer:
        bounds = await _selected(consumer, address.topic(topic), selection)
        read = matched = 0
        pace = _Pace(per_second)
        pending: list[asyncio.Future[object]] = []
        async for each in records_within(consumer, bounds):
            read += 1
            if _matches(each, selection):
                matched += 1
                if not dry_run:
                    await pace.wait()
                    pending.append(await _send(producer, target, each, identity))
                if len(pending) >= _SENT_AT_ONCE:
                    await asyncio.gather(*pending)
                    pending.clear()
            advance(read, matched)
        await asyncio.gather(*pending)
        done = Replayed(identity, target, read, matched, 0 if dry_run else matched)
        if not dry_run:
            details = selection.described() | {"read": read, "sent": matched, "target": target}
            operation = Operation(
                id=identity,
                act=Act.REPLAYED,
                who=who,
                reason=reason,
                topic=topic,
                group=group,
                details=details,
            )
            await record(producer, address, operation)
    return done


async def count(address: KafkaAddress, topic: str, selection: Selection) -> int:
    """How many offsets the range spans: the total for a progress bar."""
    async with reader(address) as consumer:
        bounds = await _selected(consumer, address.topic(topic), selection)
        return sum(max(0, each.end - each.start) for each in bounds)


def contract_of(topic: str) -> TopicFile:
    """The contract of a topic. Raises ``LookupError`` naming the known ones."""
    known = {contract.name: contract for contract in contracts()}
    if topic not in known:
        raise LookupError(f"There is no topic {topic!r} in the contracts; there are {', '.join(known)}.")
    return known[topic]


def _check_reader(topic: str, group: str) -> None:
    groups = [each.group for each in contract_of(topic).readers]
    if group not in groups:
        raise LookupError(f"{group!r} does not read {topic}; {', '.join(groups)} do.")


async def _selected(consumer: AIOKafkaConsumer, topic: str, selection: Selection) -> list[Bounds]:
    bounds = await bounds_of(consumer, [topic])
    if not bounds:
        raise LookupError(f"The topic {topic} is not on the cluster. Make it with `klokwerk topics apply`.")
    if selection.partition is not None:
        bounds = [each for each in bounds if each.partition == selection.partition]
        if not bounds:
            raise LookupError(f"{topic} has no partition {selection.partition}.")
    if selection.from_offset is not None:
        bounds = [replace(each, start=max(each.start, selection.from_offset)) for each in bounds]
    if selection.to_offset is not None:
        bounds = [replace(each, end=min(each.end, selection.to_offset)) for each in bounds]
    if selection.from_time is not None:
        starts = await since(consumer, bounds, selection.from_time)
        bounds = [
            replace(each, start=max(each.start, new.start)) for each, new in zip(bounds, starts, strict=True)
        ]
    if selection.to_time is not None:
        ends = await since(consumer, bounds, selection.to_time)
        bounds = [replace(each, end=min(each.end, new.start)) for each, new in zip(bounds, ends, strict=True)]
    return bounds


def _matches(each: Record, selection: Selection) -> bool:
    return selection.key is None or each.key == selection.key.encode()


async def _send(
    producer: AIOKafkaProducer, target: str, each: Record, identity: uuid.UUID
) -> asyncio.Future[object]:
    headers = [
        *each.headers,
        ("replay_id", str(identity).encode()),
        ("replay_topic", each.topic.encode()),
        ("replay_partition", str(each.partition).encode()),
        ("replay_offset", str(each.offset).encode()),
    ]
    sent: asyncio.Future[object] = await producer.send(target, each.value, key=each.key, headers=headers)
    return sent


class _Pace:
    """Lets at most so many pass a second."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._next = 0.0

    async def wait(self) -> None:
        if not self._gap:
            return
        now = asyncio.get_running_loop().time()
        if self._next > now:
            await asyncio.sleep(self._next - now)
        self._next = max(now, self._next) + self._gap
