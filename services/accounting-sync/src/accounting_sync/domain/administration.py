"""An administration: a set of books, where its relations go and which numbers are its own."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from accounting_sync.domain.mapping import MappingTables
from accounting_sync.domain.relation import Kind
from accounting_sync.domain.targets import RULES, Mode, Target, TargetRules


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
    changed_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    changed_by: str = ""

    @property
    def rules(self) -> TargetRules:
        """What its accounting system takes."""
        return RULES[self.target]

    @property
    def mode(self) -> Mode:
        """File or direct, as the target demands."""
        return self.rules.mode


def range_problems(target: Target, ranges: dict[Kind, NumberRange]) -> Iterable[str]:
    """What is wrong with the number ranges, in words for the settings page."""
    rules = RULES[target]
    for kind, numbers in ranges.items():
        if numbers.first > numbers.last:
            yield f"ranges.{kind}: {numbers} ends before it starts; put the lower number first"
        elif len(str(numbers.last)) > rules.limits["code"]:
            yield (
                f"ranges.{kind}: {rules.system} takes numbers of {rules.limits['code']} digits at most; "
                "end the range below that"
            )
    debtors, creditors = ranges.get(Kind.DEBTORS), ranges.get(Kind.CREDITORS)
    if rules.shared_numbers and debtors and creditors and debtors.overlaps(creditors):
        yield (
            f"ranges: debtors {debtors} and creditors {creditors} overlap, and {rules.system} keeps both in "
            "one list where the later one overwrites the earlier; choose ranges that do not meet"
        )


def code_problems(target: Target, tables: MappingTables) -> Iterable[tuple[str, str]]:
    """Codes that the accounting system can't have: the field of the settings page and what is wrong."""
    rules = RULES[target]
    for codes, highest in rules.numeric.items():
        for ours, theirs in tables.of(codes).items():
            if not (theirs.isascii() and theirs.isdigit() and int(theirs) <= highest):
                yield (
                    f"mappings.{codes}.{ours}",
                    f'"{theirs}" is no code of {rules.system}: it wants a number from 0 to {highest}',
                )
