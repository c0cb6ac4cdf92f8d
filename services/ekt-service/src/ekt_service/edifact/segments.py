"""Cuts EDIFACT text into segments, elements and components (ISO 9735), release character included.

Whatever the bytes are, the time it takes grows with their number and no faster: files come from anybody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

UNA_LENGTH = 9
MOST_SEGMENTS = 1_000_000
"""More than a file of 5 MB can hold when its segments say something."""


class NotEdifactError(ValueError):
    """The text can't be an EDIFACT interchange: it begins with neither UNA nor UNB, or is all terminators."""


@dataclass(frozen=True, slots=True)
class Separators:
    """The six service characters of an interchange; the defaults hold where UNA is absent."""

    component: str = ":"
    element: str = "+"
    decimal: str = "."
    release: str = "?"
    terminator: str = "'"

    def written(self, tag: str, elements: tuple[tuple[str, ...], ...]) -> str:
        """A segment as it stands in the text, released where it has to be."""
        marks = {mark for mark in (self.component, self.element, self.release, self.terminator) if mark}
        release = self.release

        def value(text: str) -> str:
            if not release or not any(mark in text for mark in marks):
                return text
            return "".join(release + c if c in marks else c for c in text)

        parts = [self.component.join(value(text) for text in components) for components in elements]
        return self.element.join((tag, *parts)) + self.terminator


class Segment(NamedTuple):
    """One segment with its released (unescaped) values. A named tuple, because a day has a million of them.

    Args:
        number: place in the interchange, the first segment (UNB) is 1.
        tag: three letters, such as ``NAD``.
        elements: data elements after the tag, each a tuple of components.
    """

    number: int
    tag: str
    elements: tuple[tuple[str, ...], ...]

    def at(self, element: int, component: int = 1) -> str:
        """The value at a 1-based element and component, empty where there is none."""
        try:
            return self.elements[element - 1][component - 1]
        except IndexError:
            return ""

    @property
    def qualifier(self) -> str:
        """The first component of the first element, which tells ``RFF+AGJ`` from ``RFF+BT``."""
        return self.at(1)

    def content(self) -> tuple[str, tuple[tuple[str, ...], ...]]:
        """Tag and values without empty tails, for comparing two segments by meaning."""
        elements = [_without_tail(components) for components in self.elements]
        while elements and not elements[-1]:
            elements.pop()
        return self.tag, tuple(elements)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Everything found in a text: its separators, its segments, and what stands after the last terminator."""

    separators: Separators
    segments: tuple[Segment, ...]
    remainder: str
    declared_una: bool


def _without_tail(components: tuple[str, ...]) -> tuple[str, ...]:
    end = len(components)
    while end and not components[end - 1]:
        end -= 1
    return components[:end]


def _split(text: str, separator: str, release: str) -> list[str]:
    """Split on a separator that is not released; the release characters stay in the parts."""
    if not release or release == separator or release not in text:
        return text.split(separator)
    # A release character at the very end releases nothing; it must not swallow the separator put there.
    dangling = release if (len(text) - len(text.rstrip(release))) % 2 else ""
    whole = text.removesuffix(dangling) + separator
    parts: list[str] = _parts(separator, release).findall(whole)
    parts[-1] += dangling
    return parts


@lru_cache(maxsize=64)
def _parts(separator: str, release: str) -> re.Pattern[str]:
    """What stands before each separator. It never fails on text that ends in one, so nothing is read twice."""
    end, mark = re.escape(separator), re.escape(release)
    return re.compile(rf"((?:[^{end}{mark}]++|{mark}.)*+){end}", re.DOTALL)


def _released(text: str, release: str) -> str:
    if not release or release not in text:
        return text
    return re.sub(rf"{re.escape(release)}(.?)", r"\1", text, flags=re.DOTALL)


def separators_of(text: str) -> tuple[Separators, str]:
    """Read UNA where the text has one.

    Returns:
        The separators and the text that follows UNA.

    Raises:
        NotEdifactError: when neither UNA nor UNB stands at the beginning, or UNA is cut short.
    """
    body = text.lstrip("\ufeff \r\n\t")
    if body.startswith("UNA"):
        if len(body) < UNA_LENGTH:
            raise NotEdifactError("UNA is cut short: six separator characters must follow it.")
        component, element, decimal, release, _, terminator = tuple(body[3:UNA_LENGTH])
        mark = "" if release == " " else release
        return Separators(component, element, decimal, mark, terminator), body[UNA_LENGTH:]
    if not body.startswith("UNB"):
        raise NotEdifactError("The text begins with neither UNA nor UNB.")
    return Separators(), body


def tokenize(text: str) -> Tokens:
    """Cut an interchange into segments; line ends after a terminator may be CRLF, LF or absent.

    Raises:
        NotEdifactError: when the text is no EDIFACT interchange at all.
    """
    separators, body = separators_of(text)
    if body.count(separators.terminator) > MOST_SEGMENTS:
        raise NotEdifactError(f"The text is cut into more than {MOST_SEGMENTS:,} segments.")
    *finished, remainder = _split(body, separators.terminator, separators.release) or [""]
    segments = tuple(_segments(finished, separators))
    declared = text.lstrip("\ufeff \r\n\t").startswith("UNA")
    return Tokens(separators, segments, remainder.strip(), declared)


def _segments(texts: list[str], separators: Separators) -> Iterator[Segment]:
    element, component, release = separators.element, separators.component, separators.release
    number = 0
    # Most segments of a day stand there many times (BGM, DTM, NAD, QTY); each text is cut once.
    known: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {}
    for raw in texts:
        text = raw.lstrip("\r\n \t")
        if not text:
            continue
        number += 1
        cut = known.get(text)
        if cut is None:
            if release and release in text:
                tag, *parts = _split(text, element, release)
                elements = tuple(
                    [
                        tuple([_released(value, release) for value in _split(part, component, release)])
                        for part in parts
                    ]
                )
            else:
                tag, *parts = text.split(element)
                elements = tuple([tuple(part.split(component)) for part in parts])
            cut = known[text] = (tag, elements)
        yield Segment(number, cut[0], cut[1])
