"""The phrasebook: what the services say in English, in the reader's language.

The services write English; programs and logs read it. People read it here: ``texts/<language>/phrases/`` has a form for
each sentence (``"There is an entry {code} already."``) and its words in that language. A text is looked up whole, then
sentence by sentence; what no form fits is somebody else's (a mail server, an accounting system) and stays as it is.

A form is tried where its rarest word stands in the text, and none goes back in a text (decision 0044).
"""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from operator import itemgetter

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from back_office.texts.forms import Form, lowered, parsed

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
_LIST = re.compile(r"(, |; )")
_PAIR = re.compile(r" (and|or) ")
_COUNTS = re.compile(r"\d+ [a-z]+(, \d+ [a-z]+)*\.?")
_COUNTED = re.compile(r"(\d+) ([a-z]+)(\.?)")
_NUMBERED = re.compile(r"(\w+) (\d+)")
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,12})?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


_Look = Callable[[str, int], str | None]


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
        self._by_word: dict[str, list[tuple[int, Form]]] = {}
        forms = sorted((parsed(form, said) for form, said in phrases.items()), key=lambda form: -form.weight)
        frequent = Counter(word for form in forms for word in form.words)
        for rank, form in enumerate(forms):
            self._file(rank, form, frequent)

    def _file(self, rank: int, form: Form, frequent: Counter[str]) -> None:
        if not form.names:
            self._exact.setdefault(form.fixed[0], form)
            self._as_written[form.written] = form
            return
        rarest = min(form.words, key=lambda word: (frequent[word], -len(word)))
        self._by_word.setdefault(rarest, []).append((rank, form))

    def said(self, text: str) -> str:
        """`text` in the reader's language, as far as it is known."""
        return self._said(text, 0)

    def word(self, text: str) -> str:
        """A single word in the reader's language; its capital is kept."""
        return self._known_word(text) or text

    def _known_word(self, text: str) -> str | None:
        if (found := self._words.get(text)) is not None:
            return found
        bare = lowered(text)
        if (found := self._words.get(bare)) is not None:
            return _capital(found)
        if (form := self._exact.get(bare)) is not None and not form.point:
            found = str(form.target[0])
            return _capital(found) if text[:1].isupper() else lowered(found)
        return None

    def _said(self, text: str, depth: int) -> str:
        bare = text.strip()
        if not bare or depth > DEEPEST:
            return text
        found = self._words.get(bare) or self._sentences(bare, depth)
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
        if form and not any(_BREAKS.search(value) for value in values.values()):
            return self._told(form, values, text, depth)
        pieces = breaks.split(text)
        if 1 < len(pieces) <= MOST_PIECES:
            told, unknown = self._pieces(pieces, between, otherwise, depth)
            if not unknown or (not form and unknown < len(pieces)):
                return between.join(told)
        if form and len(pieces) > 1:
            return self._told(form, values, text, depth)
        return otherwise(text, depth) or (self._told(form, values, text, depth) if form else None)

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
            found = self._words.get(text[at + 2 :]) or self._one(text[at + 2 :], depth)
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
        begun = lowered(bare)
        if (exact := self._as_written.get(text) or self._exact.get(begun)) is not None:
            return exact, {}
        fitting = [
            one
            for word in set(begun.split(" "))
            for one in self._by_word.get(word, ())
            if one[1].rarest in begun
        ]
        for _, form in sorted(fitting, key=itemgetter(0)):
            if (values := self._fits(form, begun if form.fixed[0] else bare)) is not None:
                return form, values
        return None, {}

    def _fits(self, form: Form, text: str) -> dict[str, str] | None:
        """The values of a form, if those that have to be a word, a number or a day are one."""
        values = form.values(text)
        if values is not None and all(self._can_be(values[name], way) for name, way in form.strict):
            return values
        return None

    def _can_be(self, value: str, way: str) -> bool:
        match way:
            case "word":
                return self._known_word(value) is not None
            case "number":
                return _NUMBER.fullmatch(value) is not None
        return _DAY.fullmatch(value) is not None

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
                return self._known_word(value) or self._said(value, depth + 1)
            case "word":
                return self.word(value)
            case "words":
                return "".join(self._listed(one) for one in _LIST.split(value))
            case "number":
                places = len(value.partition(".")[2])
                written = "#,##0" + ("." + "0" * places if places else "")
                return format_decimal(Decimal(value), written, locale=self._locale)
            case "day":
                return self._day(value)
        return value

    def _listed(self, one: str) -> str:
        if (counted := _COUNTED.fullmatch(one)) is not None:
            return f"{counted[1]} {self.word(counted[2])}{counted[3]}"
        if (known := self._known_word(one)) is not None or not _PAIR.search(one):
            return known or one
        return " ".join(self.word(part) for part in _PAIR.split(one))

    def _day(self, value: str) -> str:
        try:
            return format_date(date.fromisoformat(value), "d MMM y", locale=self._locale)
        except ValueError:
            return value


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
