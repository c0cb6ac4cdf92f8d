"""An administration: a set of books, where its relations go and which numbers are its own."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from accounting_sync.domain.mapping import MappingTables
from accounting_sync.domain.relation import Kind


class Target(StrEnum):
    """The accounting system and the way to it."""

    EXACT_XML = "exact-xml"
    EXACT_DIRECT = "exact-direct"


class Mode(StrEnum):
    """Whole files for a person to import, or calls line by line."""

    FILE = "file"
    DIRECT = "direct"


MODE_OF: dict[Target, Mode] = {Target.EXACT_XML: Mode.FILE, Target.EXACT_DIRECT: Mode.DIRECT}

SHARED_NUMBER_SPACE = frozenset({Target.EXACT_XML, Target.EXACT_DIRECT})
"""Systems where a creditor with a debtor's number overwrites that debtor."""


@dataclass(frozen=True, slots=True)
class NumberRange:
    """The numbers of one kind, both ends included."""

    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def overlaps(self, other: "NumberRange") -> bool:
        """Whether any number is in both."""
        return self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Administration:
    """Settings of one set of books. `source` names the administration of the cards it is fed from;
    `folder` is where files go, None for the service's own folder (EP-56)."""

    code: str
    name: str
    target: Target
    source: str
    folder: str | None = None
    ranges: dict[Kind, NumberRange] = field(default_factory=dict)
    mappings: MappingTables = field(default_factory=MappingTables)
    revision: int = 0

    @property
    def mode(self) -> Mode:
        """File or direct, as the target demands."""
        return MODE_OF[self.target]


def range_problems(target: Target, ranges: dict[Kind, NumberRange]) -> Iterable[str]:
    """What is wrong with the number ranges, in words for the settings page."""
    for kind, numbers in ranges.items():
        if numbers.first > numbers.last:
            yield f"ranges.{kind}: {numbers} ends before it starts; put the lower number first"
    debtors, creditors = ranges.get(Kind.DEBTORS), ranges.get(Kind.CREDITORS)
    if target in SHARED_NUMBER_SPACE and debtors and creditors and debtors.overlaps(creditors):
        yield (
            f"ranges: debtors {debtors} and creditors {creditors} overlap, and {target} keeps both in one "
            "list where the later one overwrites the earlier; choose ranges that do not meet"
        )
