"""One sentence of the phrasebook: its fixed parts, and the places where values stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from string import Formatter

WAYS = frozenset({"", "said", "word", "words", "number", "day"})
"""How a value may be written: as it is, as a sentence, a word, a list of words, a number, a day."""

STRICT = frozenset({"word", "number", "day"})
"""Ways that not every value can be written in; a sentence with another value there is not of that form."""


@dataclass(frozen=True, slots=True)
class Form:
    """A sentence with places for values, in both languages.

    Attributes:
        fixed: what stands before, between and after the values, one more than `names`; without a capital at the
            beginning and a point at the end, so that a sentence fits inside another one as well.
        rarest: the longest of them.
        written: the whole sentence, where it has no places.
        target: what is said instead: a text, or the name of a value and how it is written.
        capital, point: whether it has them.
    """

    fixed: tuple[str, ...]
    names: tuple[str, ...]
    rarest: str
    written: str
    target: tuple[str | tuple[str, str], ...]
    capital: bool
    point: bool

    @property
    def strict(self) -> tuple[tuple[str, str], ...]:
        """Values that have to be a word that is known, a number or a day, by name."""
        return tuple(part for part in self.target if isinstance(part, tuple) and part[1] in STRICT)

    @property
    def words(self) -> frozenset[str]:
        """Words of its own that stand alone in every sentence of it, whatever the values are."""
        found: set[str] = set()
        for place, part in enumerate(self.fixed):
            alone = part.split(" ")
            # The first word may be the end of a value, and the last one the beginning of the next.
            found.update(alone[place > 0 : len(alone) - (place < len(self.names))])
        return frozenset(found - {""})

    @property
    def weight(self) -> int:
        """How much of a sentence is its own; the one with more of it is tried first."""
        return sum(len(part) for part in self.fixed)

    def values(self, text: str) -> dict[str, str] | None:
        """What stands in the places of `text`; none where it is another sentence.

        The fixed parts are looked for one after another, each at its first place: with values of any length between
        them there is nothing to go back for, and a text is read once.
        """
        first, last = self.fixed[0], self.fixed[-1]
        at, end = len(first), len(text) - len(last)
        if at > end or not text.startswith(first) or not text.endswith(last):
            return None
        found = {}
        for name, fixed in zip(self.names, self.fixed[1:-1], strict=False):
            place = text.find(fixed, at, end)
            if place < 0:
                return None
            found[name] = text[at:place]
            at = place + len(fixed)
        if self.names:
            found[self.names[-1]] = text[at:end]
        return found


def parsed(form: str, said: str) -> Form:
    """A form with its words, taken apart."""
    fixed, names = _taken_apart(form)
    bare = list(fixed)
    bare[-1] = bare[-1].removesuffix(".")
    bare[0] = lowered(bare[0])
    target: list[str | tuple[str, str]] = []
    for text, name, way, _ in Formatter().parse(said):
        if text and target and isinstance(target[-1], str):
            target[-1] += text
        elif text:
            target.append(text)
        if name is not None:
            target.append((name, way or ""))
    return Form(
        fixed=tuple(bare),
        names=names,
        rarest=max(bare, key=len),
        written="" if names else fixed[0],
        target=tuple(target),
        capital=fixed[0][:1].isupper(),
        point=fixed[-1].endswith("."),
    )


def filled(form: str, values: Iterable[str]) -> str:
    """A form with values in its places, as a service would say it."""
    fixed, names = _taken_apart(form)
    given = iter(values)
    return fixed[0] + "".join(next(given) + part for _, part in zip(names, fixed[1:], strict=True))


def lowered(text: str) -> str:
    """Without a capital at the beginning."""
    return text[:1].lower() + text[1:]


def _taken_apart(form: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fixed, names = [""], []
    for text, name, _, _ in Formatter().parse(form):
        fixed[-1] += text
        if name is not None:
            names.append(name)
            fixed.append("")
    return tuple(fixed), tuple(names)
