"""Dead letters: what a group could not take, until a person sends it again or lays it aside.

Nothing is removed from a dead-letter topic. A letter is open until ``klokwerk.operations`` holds a decision
about it: redriven to ``<topic>.<group>.replay`` with its raw bytes and original headers, or discarded with a
reason. A letter that fails again comes back as a new one.
"""

from __future__ import annotations

from dataclasses import dataclass

from klokwerk.kafka import KafkaAddress

from klokwerk_platform.operations import Act, Operation, all_operations, record
from klokwerk_platform.reading import Record, bounds_of, producing, reader, records_within
from klokwerk_platform.topics import contracts

_OURS = ("dlq_", "replay_")


@dataclass(frozen=True)
class DeadLetter:
    """One record of a dead-letter topic.

    Attributes:
        topic, group: whose it is, as in the contracts.
        partition, offset: where it stands in the dead-letter topic.
        decision: what was decided; None while it is open.
    """

    topic: str
    group: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    decision: Operation | None = None

    @property
    def number(self) -> str:
        """How a person names it: ``sale.completed/ekt-service/0/17``."""
        return f"{self.topic}/{self.group}/{self.partition}/{self.offset}"

    def header(self, name: str) -> str:
        """A header as text; bytes that are no text are shown as such."""
        found = next((value for key, value in self.headers if key == name), None)
        return "" if found is None else found.decode("utf-8", errors="backslashreplace")

    @property
    def original_headers(self) -> list[tuple[str, bytes | None]]:
        """The headers it came with."""
        return [(key, value) for key, value in self.headers if not key.startswith(_OURS)]


async def dead_letters(
    address: KafkaAddress, topic: str = "", group: str = "", *, decided_too: bool = False
) -> list[DeadLetter]:
    """The dead letters of a topic and group, or of all; open ones unless ``decided_too``."""
    places = {
        address.dead_letters(contract.name, each.group): (contract.name, each.group)
        for contract in contracts()
        for each in contract.readers
        if topic in ("", contract.name) and group in ("", each.group)
    }
    if not places:
        raise LookupError(f"{group or 'Nobody'} does not read {topic or 'any topic'} in the contracts.")
    decisions = await _decisions(address)
    letters = []
    async with reader(address) as consumer:
        async for each in records_within(consumer, await bounds_of(consumer, list(places))):
            decision = decisions.get((*places[each.topic], each.partition, each.offset))
            if decision is None or decided_too:
                letters.append(_letter(each, *places[each.topic], decision))
    return sorted(letters, key=lambda letter: (letter.topic, letter.group, letter.partition, letter.offset))


async def find(address: KafkaAddress, number: str) -> DeadLetter:
    """The letter that a person names. Raises ``LookupError`` when there is none."""
    topic, _, rest = number.partition("/")
    group = rest.partition("/")[0]
    for letter in await dead_letters(address, topic, group, decided_too=True):
        if letter.number == number:
            return letter
    raise LookupError(f"There is no dead letter {number}. `klokwerk dlq list --all` shows which there are.")


async def redrive(address: KafkaAddress, letters: list[DeadLetter], who: str, reason: str) -> None:
    """Publish open letters again, for their own group only, and write that down."""
    await _decide(address, letters, Act.REDRIVEN, who, reason)


async def discard(address: KafkaAddress, letters: list[DeadLetter], who: str, reason: str) -> None:
    """Lay open letters aside. Raises ``ValueError`` without a reason."""
    if not reason.strip():
        raise ValueError("Say why with --reason; it goes into the audit.")
    await _decide(address, letters, Act.DISCARDED, who, reason)


async def _decide(address: KafkaAddress, letters: list[DeadLetter], act: Act, who: str, reason: str) -> None:
    decided = [letter for letter in letters if letter.decision is not None]
    if decided:
        was = decided[0].decision
        raise ValueError(f"{decided[0].number} was {was.act if was else 'decided'} already.")
    async with producing(address) as producer:
        for letter in letters:
            if act is Act.REDRIVEN:
                await producer.send_and_wait(
                    address.replays(letter.topic, letter.group),
                    letter.value,
                    key=letter.key,
                    headers=letter.original_headers,
                )
            operation = Operation(
                act=act,
                who=who,
                reason=reason,
                topic=letter.topic,
                group=letter.group,
                partition=letter.partition,
                offset=letter.offset,
            )
            await record(producer, address, operation)


async def _decisions(address: KafkaAddress) -> dict[tuple[str, str, int, int], Operation]:
    found = {}
    async for each in all_operations(address):
        if each.partition is not None and each.offset is not None:
            found[(each.topic, each.group, each.partition, each.offset)] = each
    return found


def _letter(each: Record, topic: str, group: str, decision: Operation | None) -> DeadLetter:
    return DeadLetter(
        topic, group, each.partition, each.offset, each.key, each.value, list(each.headers), decision
    )
