"""Whether a card that is being typed is there already: same registration, mailbox or name. A warning, never a block.

Stored cards carry keys: exact values in one form, each with its kind before it. Candidates are found by them and,
for names that are spelled a little differently, by trigrams; `judge` then says of each why it may be the same.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks.registrations import BadNumber, clean_chamber_number, clean_vat
from debtor_service.domain.search import normalise

ALIKE_NEARBY = 0.4
"""Similarity of names from which two cards with one postal code are taken for the same."""

ALIKE_ANYWHERE = 0.72
"""Similarity from which the name alone is enough."""

SHORTEST_NAME = 4
"""Letters that a name needs before it is compared; with fewer, everything looks alike."""

_LEGAL_FORMS = frozenset(
    (
        *("bv", "nv", "vof", "cv", "bvba", "sprl", "srl", "sa", "sarl", "sas"),
        *("gmbh", "ag", "kg", "ohg", "ug", "ev", "ab", "hb", "oy", "oyj"),
        *("aps", "as", "ltd", "llp", "plc", "inc", "spa", "spzoo"),
    )
)
_FILLERS = frozenset({"en", "and", "und", "et", "och", "de", "het", "the"})
_BLANKS = re.compile(r"\s+")


class Reason(StrEnum):
    """Why a card may be the same one, most certain first."""

    VAT_NUMBER = "vat_number"
    CHAMBER_NUMBER = "chamber_number"
    EMAIL = "email"
    NAME_AND_POSTAL_CODE = "name_and_postal_code"
    NAME = "name"


@dataclass(frozen=True)  # without slots: the keys are kept, they are asked for several times
class Typed:
    """What stands in a form so far; anything may be empty or half typed."""

    name: str = ""
    country: str = "NL"
    vat_number: str = ""
    chamber_number: str = ""
    emails: tuple[str, ...] = ()
    postal_codes: tuple[str, ...] = ()

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Keys that the same card would have."""
        return tuple(
            dict.fromkeys(
                _keys(
                    self.name,
                    self.country,
                    self.vat_number,
                    self.chamber_number,
                    self.emails,
                    self.postal_codes,
                )
            )
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A card that may be the same, with the reasons and how alike the names are."""

    card: Card
    reasons: tuple[Reason, ...]
    similarity: float


def keys_of(content: CardContent) -> tuple[str, ...]:
    """The keys of a card, as they are stored with it."""
    emails = [*(e.address for e in content.emails), *(c.email for c in content.contact_persons if c.email)]
    codes = [address.postal_code for address in content.addresses]
    found = _keys(content.name, content.country, content.vat_number, content.chamber_number, emails, codes)
    return tuple(dict.fromkeys(found))


def plain_name(name: str) -> str:
    """A name without its legal form, small words and punctuation: what people remember of it."""
    words = normalise(name.replace("&", " ").replace("-", " ")).split()
    kept = [word for word in words if word not in _LEGAL_FORMS | _FILLERS]
    return " ".join(kept or words)


def similarity(one: str, other: str) -> float:
    """How alike two names are, 0 to 1: shared trigrams against all of them, as pg_trgm counts."""
    ours, theirs = _trigrams(one), _trigrams(other)
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


def judge(typed: Typed, candidates: Iterable[Card], most: int) -> list[Found]:
    """The candidates that may be the same card, most certain first."""
    wanted, name = frozenset(typed.keys), plain_name(typed.name)
    found = [each for card in candidates if (each := _judged(card, wanted, name)) is not None]
    order = list(Reason)
    found.sort(key=lambda each: (order.index(each.reasons[0]), -each.similarity, each.card.debtor_id))
    return found[:most]


def _judged(card: Card, wanted: frozenset[str], name: str) -> Found | None:
    shared = {key.partition(":")[0] for key in wanted.intersection(keys_of(card.content))}
    alike = max(
        similarity(name, plain_name(text)) for text in (card.content.name, card.content.search_name or "-")
    )
    alike = alike if len(name) >= SHORTEST_NAME else 0.0
    reasons = [reason for reason, kind in _BY_KEY if kind in shared]
    if _POSTAL in shared and alike >= ALIKE_NEARBY:
        reasons.append(Reason.NAME_AND_POSTAL_CODE)
    elif alike >= ALIKE_ANYWHERE:
        reasons.append(Reason.NAME)
    return Found(card, tuple(reasons), round(alike, 2)) if reasons else None


_VAT, _CHAMBER, _EMAIL, _POSTAL, _NAME = "vat", "chamber", "email", "postal", "name"
_BY_KEY: Sequence[tuple[Reason, str]] = (
    (Reason.VAT_NUMBER, _VAT),
    (Reason.CHAMBER_NUMBER, _CHAMBER),
    (Reason.EMAIL, _EMAIL),
)


def _keys(
    name: str, country: str, vat: str, chamber: str, emails: Iterable[str], codes: Iterable[str]
) -> Iterator[str]:
    if vat.strip():
        with contextlib.suppress(BadNumber):  # half typed: it is nobody's number yet
            yield f"{_VAT}:{clean_vat(vat, country)}"
    if chamber.strip():
        with contextlib.suppress(BadNumber):
            yield f"{_CHAMBER}:{country}:{clean_chamber_number(chamber, country).casefold()}"
    for email in emails:
        if "@" in email and email.isprintable():
            yield f"{_EMAIL}:{email.strip().casefold()[:254]}"
    for code in codes:
        if (compact := _BLANKS.sub("", code).upper()) and compact.isprintable():
            yield f"{_POSTAL}:{compact[:20]}"
    if len(plain := plain_name(name)) >= SHORTEST_NAME:
        yield f"{_NAME}:{plain[:200]}"


def _trigrams(text: str) -> frozenset[str]:
    words = text.split()
    return frozenset(
        padded[at : at + 3] for word in words for padded in (f"  {word} ",) for at in range(len(padded) - 2)
    )
