"""Which debtor or creditor number comes next (EP-11..EP-17, D-06).

The next number is the lowest free one above the highest that was issued inside the range; numbers taken by
other cards, typed in or migrated, are skipped. Filling gaps below the highest issued one is a setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from klokwerk_contracts.debtor_changed import Kind

WARN_FROM = 0.9
"""Share of the range in use from which people are warned."""


@dataclass(frozen=True, slots=True)
class NumberRange:
    """The numbers that one administration gives to one kind of relation (EP-13).

    Attributes:
        first: lowest number, 1 or higher.
        last: highest number; at least `first`.
        fill_gaps: also give free numbers below the highest issued one.
        shared: the accounting system keeps debtors and creditors in one list, so that a number of either kind is
            taken for both.
    """

    administration: str
    kind: Kind
    first: int
    last: int
    fill_gaps: bool = False
    shared: bool = True

    @property
    def size(self) -> int:
        """How many numbers the range holds."""
        return self.last - self.first + 1

    @property
    def label(self) -> str:
        """The range in words, for messages."""
        return f"{self.kind.value} range {self.first} to {self.last} of administration {self.administration}"

    def overlaps(self, other: NumberRange) -> bool:
        """Whether both could give the same number."""
        return self.first <= other.last and other.first <= self.last


def overlapping(wanted: NumberRange, others: Iterable[NumberRange]) -> NumberRange | None:
    """The range of the other kind that `wanted` must not overlap, where both share one list of numbers."""
    for other in others:
        rival = other.administration == wanted.administration and other.kind is not wanted.kind
        if wanted.shared and rival and wanted.overlaps(other):
            return other
    return None


def start_of_search(numbers: NumberRange, highest_issued: int | None) -> int:
    """The lowest number that may be given.

    Args:
        numbers: the range.
        highest_issued: highest number inside the range that was given by a trigger; None when none was.
    """
    if numbers.fill_gaps or highest_issued is None:
        return numbers.first
    return max(numbers.first, highest_issued + 1)


def free_numbers(numbers: NumberRange, highest_issued: int | None, taken: Iterable[int]) -> Iterator[int]:
    """All numbers that may be given, lowest first.

    Args:
        numbers: the range.
        highest_issued: as in `start_of_search`.
        taken: numbers in use at or above the start of the search, ascending.
    """
    candidate = start_of_search(numbers, highest_issued)
    for used in taken:
        if used < candidate:
            continue
        yield from range(candidate, min(used, numbers.last + 1))
        candidate = used + 1
        if candidate > numbers.last:
            return
    yield from range(candidate, numbers.last + 1)


def used_up(numbers: NumberRange) -> str:
    """What people are told when no number is left; nothing outside the range is given (EP-14)."""
    return (
        f"The {numbers.label} has no free number left. Widen the range in the number settings; "
        "what waits for a number is then handled by itself."
    )


@dataclass(frozen=True, slots=True)
class RangeUse:
    """How full a range is; `remaining` counts the numbers that may still be given."""

    size: int
    remaining: int

    @property
    def share(self) -> float:
        """Share in use, 0 to 1."""
        return 1 - self.remaining / self.size

    @property
    def warning(self) -> str:
        """What people are told; empty while there is room (EP-14)."""
        if self.remaining == 0:
            return "No number is left: widen the range, what waits is then handled by itself."
        if self.share >= WARN_FROM:
            left = "1 number is left" if self.remaining == 1 else f"{self.remaining} numbers are left"
            return f"{left} of {self.size}: widen the range in time."
        return ""


def use_of(numbers: NumberRange, highest_issued: int | None, taken_from_start: int) -> RangeUse:
    """How full `numbers` is.

    Args:
        taken_from_start: how many numbers are taken between the start of the search and the range's end.
    """
    open_part = numbers.last - start_of_search(numbers, highest_issued) + 1
    return RangeUse(numbers.size, max(0, open_part - taken_from_start))


def number_value(number: str) -> int | None:
    """A number's place in a range; None for one with other characters than digits."""
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 18 else None
