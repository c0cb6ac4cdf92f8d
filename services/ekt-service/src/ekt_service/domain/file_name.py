"""Names of EKT files out of a pattern."""

import string
from datetime import date, datetime

DEFAULT_PATTERN = "EKT{yymmdd}-{reference}.edi"
FIELDS = ("yymmdd", "ccyymmdd", "hhmm", "reference", "debtor", "line")
_SAFE = frozenset(string.ascii_letters + string.digits + "._-")


class PatternError(ValueError):
    """A file name pattern that can't be used; the text says why and what to write."""


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that would not give one safe name.

    Raises:
        PatternError: unknown field, unpaired brace, a path, or a character that file systems dislike.
    """
    file_name(pattern, date(2026, 1, 30), datetime(2026, 1, 30, 7, 5), "1", "D1", 1)  # noqa: DTZ001


def file_name(pattern: str, day: date, made: datetime, reference: str, debtor: str, line: int) -> str:
    """Fill a pattern, for example ``EKT{yymmdd}-{reference}.edi``.

    Args:
        day: the order day.
        made: wall clock of the company's zone, for ``{hhmm}``.
        debtor: the debtor's number or code; unsafe characters become ``-``.
        line: number of the file in its sending, for one file per line.
    """
    values = {
        "yymmdd": f"{day:%y%m%d}",
        "ccyymmdd": f"{day:%Y%m%d}",
        "hhmm": f"{made:%H%M}",
        "reference": reference,
        "debtor": "".join(c if c in _SAFE else "-" for c in debtor),
        "line": str(line),
    }
    try:
        parts = [
            (literal, name, spec, conversion)
            for literal, name, spec, conversion in string.Formatter().parse(pattern or DEFAULT_PATTERN)
        ]
    except ValueError as problem:
        raise PatternError(
            f"The file name pattern has a brace without its partner: {pattern!r}."
        ) from problem
    name = ""
    for literal, field, spec, conversion in parts:
        name += literal
        if field is None:
            continue
        if field not in values or spec or conversion:
            known = ", ".join(f"{{{known}}}" for known in FIELDS)
            raise PatternError(f"{{{field}}} is not known in a file name pattern: use {known}.")
        name += values[field]
    if not set(name) <= _SAFE or name.startswith("."):
        raise PatternError(
            f"{name!r} is no safe file name: use letters, digits, point, dash and underscore, no leading point."
        )
    if not 1 <= len(name) <= 120:
        raise PatternError("A file name has 1 to 120 characters.")
    return name
