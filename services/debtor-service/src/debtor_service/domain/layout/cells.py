"""Single cells: how text is guarded against spreadsheets, and what people write for yes, a term or a discount."""

from __future__ import annotations

import re

from debtor_service.domain.words import NO, NO_WORDS, YES, YES_WORDS

_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_NEEDS_SECOND_GUARD = re.compile(r"'+[=+\-@\t\r]")
_DAYS = re.compile(r"(\d{1,4})\s*(?:d|dg|dgn|dag|dagen|days?|jours?|dagar|tage?|netto)?\.?", re.IGNORECASE)


def guarded(text: str) -> str:
    """`text` for an export that puts an apostrophe before formulas: one of its own is doubled.

    Without this ``'=1`` and ``=1`` would stand in the file as the same cell. ``'s-Gravenhage`` stays as it is.
    """
    return "'" + text if _NEEDS_SECOND_GUARD.match(text) else text


def plain(cell: str) -> str:
    """The text of a cell; the apostrophe that an export puts before a formula is taken off again."""
    return cell[1:] if _GUARDED.match(cell) else cell


def same(cell: str, written: str) -> bool:
    """Whether a cell says what an export wrote, whatever a spreadsheet did to line ends and outer blanks."""
    return _settled(cell) == _settled(written)


def _settled(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def yes_no(value: bool) -> str:
    """How a tick stands in a file."""
    return YES if value else NO


def as_flag(text: str) -> bool:
    """What people mean by a tick; an empty cell is no.

    Raises:
        ValueError: it is neither yes nor no.
    """
    word = text.casefold()
    if word and word not in YES_WORDS | NO_WORDS:
        raise ValueError(f"{text[:40]!r} is neither yes nor no")
    return word in YES_WORDS


def as_days(text: str) -> int | None:
    """A payment term, from ``30`` or ``30 dagen``; none for an empty cell.

    Raises:
        ValueError: it is no number of days.
    """
    if not text:
        return None
    found = _DAYS.fullmatch(text)
    if found is None or not text.isascii():
        raise ValueError(f"{text[:40]!r} is no number of days")
    return int(found.group(1))


def as_percent(text: str) -> str | None:
    """A percentage as text with a point, from ``2,5 %``; none for an empty cell."""
    return text.rstrip("% \u00a0").replace(",", ".") or None
