"""The topics, as the contracts want them: made, grown and set right; never made by accident.

For a topic ``t`` with a reader group ``g`` there are also ``t.g.dlq``, where ``g`` puts what it can't take
(kept until a person decided), and ``t.g.replay``, through which only ``g`` gets events again. What people did
to dead letters and which ranges were replayed is kept in ``klokwerk.operations``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code
from klokwerk.kafka import TOPIC_MAX_MESSAGE_BYTES, KafkaAddress

from klokwerk_platform.servers import Say, say_nothing
from klokwerk_platform.topic_files import TopicFile, topic_folders

OPERATIONS_TOPIC = "klokwerk.operations"
_DAY_MS = 86_400_000
_FOREVER = "-1"
_REPLAY_DAYS = 7
_SETTLE_SECONDS = 30


@dataclass(frozen=True)
class Topic:
    """One topic as it must be on the cluster."""

    name: str
    partitions: int
    settings: dict[str, str]


@dataclass(frozen=True)
class Applied:
    """What ``apply_topics`` did."""

    created: list[str]
    grown: list[str]
    altered: list[str]

    def __bool__(self) -> bool:
        return bool(self.created or self.grown or self.altered)


def contracts() -> list[TopicFile]:
    """The contracts of all topics, sorted by name."""
    return sorted((folder.topic for folder in topic_folders()), key=lambda contract: contract.name)


def wanted_topics(contracts_of: list[TopicFile], prefix: str = "", brokers: int = 1) -> list[Topic]:
    """Every topic that must be there, side topics included.

    Args:
        prefix: put before every name.
        brokers: a topic is copied to at most three; with three, two must have it before a write counts.
    """
    copies = {"min.insync.replicas": str(2 if brokers >= 3 else 1)}
    size = {"max.message.bytes": str(TOPIC_MAX_MESSAGE_BYTES)}
    topics = []
    for contract in contracts_of:
        if contract.compacted:
            kept = {"cleanup.policy": "compact", "retention.ms": _FOREVER}
        else:
            kept = {"cleanup.policy": "delete", "retention.ms": str((contract.retention_days or 1) * _DAY_MS)}
        topics.append(Topic(prefix + contract.name, contract.partitions, kept | copies | size))
        for reader in contract.readers:
            side = f"{prefix}{contract.name}.{reader.group}"
            # A dead letter carries its headers and a reason on top of what was the limit already.
            forever = {"cleanup.policy": "delete", "retention.ms": _FOREVER}
            forever |= {"max.message.bytes": str(2 * TOPIC_MAX_MESSAGE_BYTES)}
            topics.append(Topic(f"{side}.dlq", 1, forever | copies))
            week = {"cleanup.policy": "delete", "retention.ms": str(_REPLAY_DAYS * _DAY_MS)}
            topics.append(Topic(f"{side}.replay", contract.partitions, week | copies | size))
    forever = {"cleanup.policy": "delete", "retention.ms": _FOREVER}
    topics.append(Topic(prefix + OPERATIONS_TOPIC, 1, forever | copies))
    return topics


async def apply_topics(
    address: KafkaAddress,
    *,
    contracts_of: list[TopicFile] | None = None,
    say: Say = say_nothing,
) -> Applied:
    """Make what is missing, add partitions, set settings right. Removes nothing and never shrinks.

    Raises ``KafkaError`` when the cluster refuses.
    """
    admin = AIOKafkaAdminClient(**address.client_options())
    await admin.start()
    try:
        brokers = len((await admin.describe_cluster())["brokers"])
        wanted = wanted_topics(contracts() if contracts_of is None else contracts_of, address.prefix, brokers)
        created = await _create(admin, wanted, min(3, brokers))
        older = [topic for topic in wanted if topic.name not in created]
        applied = Applied(created, await _grow(admin, older), await _set_right(admin, older))
        if applied:
            await _settled(admin, wanted)
    finally:
        await admin.close()
    for what, names in (("made", applied.created), ("grown", applied.grown), ("set right", applied.altered)):
        if names:
            say(f"Topics {what}: {len(names)}")
    return applied


async def _create(admin: AIOKafkaAdminClient, wanted: list[Topic], copies: int) -> list[str]:
    there = set(await admin.list_topics())
    missing = [topic for topic in wanted if topic.name not in there]
    if not missing:
        return []
    answer = await admin.create_topics(
        [NewTopic(topic.name, topic.partitions, copies, topic_configs=topic.settings) for topic in missing]
    )
    created = []
    for name, code, *rest in answer.topic_errors:
        if code == 0:
            created.append(name)
        elif code != TopicAlreadyExistsError.errno:  # somebody else made it at the same time: as good
            raise for_code(code)(f"{name}: {rest[0] if rest else 'refused'}")
    return created


async def _grow(admin: AIOKafkaAdminClient, wanted: list[Topic]) -> list[str]:
    there = await _partitions(admin, wanted)
    short = {topic.name: topic.partitions for topic in wanted if there[topic.name] < topic.partitions}
    if short:
        answer = await admin.create_partitions({name: NewPartitions(count) for name, count in short.items()})
        for name, code, *rest in answer.topic_errors:
            if code != 0:
                raise for_code(code)(f"{name}: {rest[0] if rest else 'refused'}")
    return sorted(short)


async def _set_right(admin: AIOKafkaAdminClient, wanted: list[Topic]) -> list[str]:
    wrong = await _wrong(admin, wanted)
    if wrong:
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic.name, topic.settings) for topic in wrong]
        )
    return [topic.name for topic in wrong]


async def _partitions(admin: AIOKafkaAdminClient, topics: list[Topic]) -> dict[str, int]:
    """How many partitions with a leader each topic has; 0 for one that the broker doesn't know (yet)."""
    if not topics:
        return {}
    described = await admin.describe_topics([topic.name for topic in topics])
    return {
        each["topic"]: sum(1 for partition in each["partitions"] if partition["leader"] >= 0)
        for each in described
    }


async def _wrong(admin: AIOKafkaAdminClient, wanted: list[Topic]) -> list[Topic]:
    """The topics whose settings differ from what is wanted."""
    if not wanted:
        return []
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in wanted]
    ):
        for resource in answer.resources:
            found[resource[3]] = {entry[0]: entry[1] for entry in resource[4]}
    return [
        topic
        for topic in wanted
        if any(found.get(topic.name, {}).get(key) != value for key, value in topic.settings.items())
    ]


async def _settled(admin: AIOKafkaAdminClient, wanted: list[Topic]) -> None:
    """Wait until the brokers know what the controller decided; they hear of it a moment later."""
    deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
    while True:
        there = await _partitions(admin, wanted)
        missing = [topic.name for topic in wanted if there.get(topic.name, 0) < topic.partitions]
        if not missing and not await _wrong(admin, wanted):
            return
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(
                f"The brokers do not show the topics as asked after {_SETTLE_SECONDS} s: "
                f"{', '.join(missing) or 'settings differ'}"
            )
        await asyncio.sleep(0.05)
