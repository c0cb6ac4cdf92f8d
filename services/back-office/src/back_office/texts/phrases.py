"""The phrasebook: what the services say in English, in the reader's language.

The services write English; programs and logs read it. People read it here: ``texts/<language>/phrases/`` has a form for
each sentence (``"There is an entry {code} already."``) and its words in that language. A text is looked up whole, then
sentence by sentence; what no form fits is somebody else's (a mail server, an accounting system) and stays as it is.

Forms are matched by looking for their fixed parts one after another, so a text is read once and never backtracked, and
only forms with the same first or last word are tried (decision 0044).
"""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from string import Formatter

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

WORDS = "words.toml"
"""The file of single words that are filled into sentences: states, kinds, parts of an address."""
MOST_PIECES = 12
"""A text of more sentences is left as it is: nothing of ours is that long."""
LONGEST_VALUE = 4
"""A value may hold points itself; over so many pieces it is looked for."""
DEEPEST = 3
"""A cause may hold a cause; further down it stays as it is."""
MOST_HEADS = 4

_SENTENCES = re.compile(r"(?<=[.!?])(?<!e\.g\.) (?=\S)")
_CLAUSES = re.compile(r"; ")
_BREAKS = re.compile(r"(?<=[.!?;]) ")
_LIST = re.compile(r"(, | and | or |; )")
_COUNTS = re.compile(r"\d+ [a-z]+(, \d+ [a-z]+)*\.?")
_COUNTED = re.compile(r"(\d+) ([a-z]+)(\.?)")
_NUMBERED = re.compile(r"(\w+) (\d+)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


_Look = Callable[[str, int], str | None]


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

    def values(self, text: str) -> dict[str, str] | None:
        """What stands in the places of `text`; none where it is another sentence."""
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


class Phrasebook:
    """Sentences of the services in one language.

    Args:
        phrases: what is said for each form.
        words: what is said for single words.
        locale: how numbers and days are written.
    """

    def __init__(self, phrases: Mapping[str, str], words: Mapping[str, str], locale: Locale) -> None:
        self._words, self._locale = words, locale
        self._as_written: dict[str, Form] = {}
        self._exact: dict[str, Form] = {}
        self._by_first: dict[str, list[Form]] = {}
        self._by_last: dict[str, list[Form]] = {}
        self._loose: list[Form] = []
        forms = sorted((parsed(form, said) for form, said in phrases.items()), key=_fixed_length, reverse=True)
        for form in forms:
            self._file(form)

    def _file(self, form: Form) -> None:
        first, last = form.fixed[0], form.fixed[-1]
        if not form.names:
            self._exact.setdefault(first, form)
            self._as_written[form.written] = form
        elif " " in first:
            self._by_first.setdefault(first.partition(" ")[0], []).append(form)
        elif " " in last:
            self._by_last.setdefault(last.rpartition(" ")[2], []).append(form)
        else:
            self._loose.append(form)

    def said(self, text: str) -> str:
        """`text` in the reader's language, as far as it is known."""
        return self._said(text, 0)

    def word(self, text: str) -> str:
        """A single word in the reader's language; its capital is kept."""
        if (found := self._words.get(text)) is not None:
            return found
        bare = _lowered(text)
        found = self._words.get(bare)
        if found is None and (form := self._exact.get(bare)) is not None:
            found = str(form.target[0])
        if found is None:
            return text
        return _capital(found) if text[:1].isupper() else _lowered(found)

    def _said(self, text: str, depth: int) -> str:
        bare = text.strip()
        if not bare or depth > DEEPEST:
            return text
        found = self._sentences(bare, depth)
        return text if found is None else text.replace(bare, found, 1)

    def _sentences(self, text: str, depth: int) -> str | None:
        return self._parted(text, _SENTENCES, " ", self._clauses, depth)

    def _clauses(self, text: str, depth: int) -> str | None:
        if _COUNTS.fullmatch(text):
            return self._written(text, "words", depth)
        return self._parted(text, _CLAUSES, "; ", self._headed, depth)

    def _parted(
        self, text: str, breaks: re.Pattern[str], between: str, otherwise: _Look, depth: int
    ) -> str | None:
        """A text as one sentence; as several, where its values would run from one into the next."""
        form, values = self._fitting(text)
        whole = self._told(form, values, text, depth) if form else None
        if whole is not None and not any(_BREAKS.search(value) for value in values.values()):
            return whole
        pieces = breaks.split(text)
        if len(pieces) == 1 or len(pieces) > MOST_PIECES:
            return otherwise(text, depth) or whole
        told, unknown = self._pieces(pieces, between, otherwise, depth)
        if unknown and whole is not None:
            return whole
        return between.join(told) if unknown < len(pieces) else otherwise(text, depth)

    def _pieces(
        self, pieces: Sequence[str], between: str, otherwise: _Look, depth: int
    ) -> tuple[list[str], int]:
        """Pieces of a text, each looked up alone, or with the next ones where a value goes on; and how many of them
        are not known."""
        told, unknown, at = [], 0, 0
        while at < len(pieces):
            for upto in range(at + 1, min(at + LONGEST_VALUE, len(pieces)) + 1):
                found = self._one(between.join(pieces[at:upto]), depth)
                if found is None and upto == at + 1:
                    found = otherwise(pieces[at], depth)
                if found is not None:
                    told.append(found)
                    at = upto
                    break
            else:
                told.append(pieces[at])
                unknown += 1
                at += 1
        return told, unknown

    def _headed(self, text: str, depth: int) -> str | None:
        """``Line 3: the price is missing``: a head of any kind, then a sentence that is known."""
        at = text.find(": ")
        for _ in range(MOST_HEADS):
            if at < 0:
                return None
            found = self._one(text[at + 2 :], depth)
            if found is not None:
                return f"{self._head(text[:at])}: {found}"
            at = text.find(": ", at + 2)
        return None

    def _head(self, text: str) -> str:
        numbered = _NUMBERED.fullmatch(text)
        return f"{self.word(numbered[1])} {numbered[2]}" if numbered else self.word(text)

    def _one(self, text: str, depth: int) -> str | None:
        """The words for one sentence."""
        form, values = self._fitting(text)
        return self._told(form, values, text, depth) if form else None

    def _fitting(self, text: str) -> tuple[Form | None, dict[str, str]]:
        bare = text.removesuffix(".")
        lowered = _lowered(bare)
        if (exact := self._as_written.get(text) or self._exact.get(lowered)) is not None:
            return exact, {}
        for form in self._by_first.get(lowered.partition(" ")[0], ()):
            if form.rarest in lowered and (values := form.values(lowered)) is not None:
                return form, values
        for forms in (self._by_last.get(bare.rpartition(" ")[2], ()), self._loose):
            for form in forms:
                if form.rarest in bare and (values := form.values(bare)) is not None:
                    return form, values
        return None, {}

    def _told(self, form: Form, values: Mapping[str, str], text: str, depth: int) -> str:
        said = "".join(
            part if isinstance(part, str) else self._written(values[part[0]], part[1], depth)
            for part in form.target
        )
        if form.fixed[0] and text[:1].isupper() and not form.capital:
            said = _capital(said)
        if form.written == text:
            return said
        if form.point and text[-1:] != ".":
            return said.removesuffix(".")
        return said if form.point or text[-1:] != "." else said + "."

    def _written(self, value: str, way: str, depth: int) -> str:
        match way:
            case "said":
                known = self.word(value)
                return known if known != value else self._said(value, depth + 1)
            case "word":
                return self.word(value)
            case "words":
                return "".join(self._listed(one) for one in _LIST.split(value))
            case "number" if _NUMBER.fullmatch(value):
                return format_decimal(Decimal(value), locale=self._locale, decimal_quantization=False)
            case "day":
                return self._day(value)
        return value

    def _listed(self, one: str) -> str:
        if one in (" and ", " or "):
            return f" {self.word(one.strip())} "
        counted = _COUNTED.fullmatch(one)
        return f"{counted[1]} {self.word(counted[2])}{counted[3]}" if counted else self.word(one)

    def _day(self, value: str) -> str:
        try:
            return format_date(date.fromisoformat(value), "d MMM y", locale=self._locale)
        except ValueError:
            return value


WAYS = frozenset({"", "said", "word", "words", "number", "day"})
"""How a value may be written: as it is, as a sentence, a word, a list of words, a number, a day."""


def parsed(form: str, said: str) -> Form:
    """A form with its words, taken apart."""
    fixed, names = _taken_apart(form)
    bare = list(fixed)
    bare[-1] = bare[-1].removesuffix(".")
    bare[0] = _lowered(bare[0])
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


def _taken_apart(form: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fixed, names = [""], []
    for text, name, _, _ in Formatter().parse(form):
        fixed[-1] += text
        if name is not None:
            names.append(name)
            fixed.append("")
    return tuple(fixed), tuple(names)


def _fixed_length(form: Form) -> int:
    return sum(len(part) for part in form.fixed)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@cache
def phrasebook(language: str) -> Phrasebook | None:
    """The phrasebook of a language; none for English, which the services speak themselves."""
    folder = importlib.resources.files("back_office.texts") / language / "phrases"
    if not folder.is_dir():
        return None
    phrases: dict[str, str] = {}
    words: Mapping[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
        if file.name == WORDS:
            words = entries
        else:
            phrases |= entries
    return Phrasebook(phrases, words, Locale.parse(language))


def filled(form: str, values: Sequence[str] | Iterable[str]) -> str:
    """A form with values in its places, as a service would say it."""
    fixed, names = _taken_apart(form)
    given = iter(values)
    return fixed[0] + "".join(next(given) + part for _, part in zip(names, fixed[1:], strict=True))
