"""Which column of a list is which field: by the heading, and where that says nothing by what stands below it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cache

from debtor_service.domain.layout import BY_NAME, IGNORED
from debtor_service.domain.own_fields import OwnFieldDefinition
from debtor_service.domain.search import normalise
from debtor_service.importing.headings import REASON, SPELLINGS

ALIKE_ENOUGH = 0.86
"""From which likeness on a misspelt heading counts as one that is known."""

MOST_OF = 0.8
"""Share of the filled sample cells that must look like a field."""


class Sureness(StrEnum):
    """How a guess came about."""

    KNOWN = "known"
    ALIKE = "alike"
    CONTENT = "content"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Guess:
    """A column and the field it probably is; empty for one that is left out."""

    field: str
    sureness: Sureness


def compared(heading: str) -> str:
    """A heading as it is compared: ``BTW-nummer`` and ``btw nummer`` are the same."""
    return normalise(heading.replace("_", " ")).replace(" ", "")


def guess(
    headings: Sequence[str],
    samples: Sequence[Sequence[str]],
    own: Sequence[OwnFieldDefinition] = (),
) -> list[Guess]:
    """A guess for each column; no field is given twice, the surest column gets it.

    Args:
        headings: the first line of the file.
        samples: a few cells of each column.
        own: own fields, which are known by their label and their key.
    """
    known = _known() | _own(own)
    columns = {*BY_NAME, *(definition.column for definition in own)}
    found: dict[int, Guess] = {}
    taken: set[str] = set()

    def give(position: int, field: str, sureness: Sureness) -> None:
        if position not in found and field not in taken:
            found[position] = Guess(field, sureness)
            taken.add(field)

    plain = [compared(heading) for heading in headings]
    for position, (heading, name) in enumerate(zip(headings, plain, strict=True)):
        if name in REASON or heading.strip() in IGNORED:  # our own exports have them, and nobody can set them
            found[position] = Guess("", Sureness.KNOWN)
        elif heading.strip() in columns:
            give(position, heading.strip(), Sureness.KNOWN)
    for position, name in enumerate(plain):
        if field := known.get(name):
            give(position, field, Sureness.KNOWN)
    likely = sorted(
        (
            (*_most_alike(name, known), position)
            for position, name in enumerate(plain)
            if position not in found
        ),
        key=lambda each: -each[1],
    )
    for field, likeness, position in likely:
        if likeness >= ALIKE_ENOUGH:
            give(position, field, Sureness.ALIKE)
    for position in range(len(headings)):
        if position not in found and (field := _by_content(samples[position])):
            give(position, field, Sureness.CONTENT)
    return [found.get(position, Guess("", Sureness.NONE)) for position in range(len(headings))]


@cache
def _known() -> dict[str, str]:
    known = {compared(word): field for field, words in SPELLINGS.items() for word in words.split(",")}
    return known | {compared(name): name for name in BY_NAME if name not in IGNORED}


def _own(own: Iterable[OwnFieldDefinition]) -> dict[str, str]:
    return {
        spelling: definition.column
        for definition in own
        for spelling in (compared(definition.key), compared(definition.label))
    }


def _most_alike(name: str, known: Mapping[str, str]) -> tuple[str, float]:
    if len(name) < 4:
        return "", 0.0
    best, likeness = "", 0.0
    for spelling, field in known.items():
        if abs(len(spelling) - len(name)) > 4 or len(spelling) < 4:
            continue
        matcher = SequenceMatcher(None, name, spelling)
        if matcher.real_quick_ratio() > likeness and (ratio := matcher.ratio()) > likeness:
            best, likeness = field, ratio
    return best, likeness


_LOOKS = (
    ("email", re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)),
    ("iban", re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?")),
    ("vat_number", re.compile(r"(?:NL\d{9}B\d{2}|BE[01]\d{9}|DE\d{9}|SE\d{12}|FR[A-Z0-9]{2}\d{9})")),
    ("postal_code", re.compile(r"\d{4} ?[A-Z]{2}")),
    ("phone", re.compile(r"\+\d[\d ()/-]{7,}")),
    ("website", re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)),
)


def _by_content(sample: Sequence[str]) -> str:
    filled = [cell.strip() for cell in sample if cell.strip()]
    if len(filled) < 2:
        return ""
    for field, look in _LOOKS:
        if sum(bool(look.fullmatch(cell)) for cell in filled) >= MOST_OF * len(filled):
            return field
    return ""
