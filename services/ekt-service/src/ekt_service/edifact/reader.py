"""Reads CLOCKT 003:005 and 003:007 from any sender; segments may stand in any order inside a group.

Reading is lax on purpose: what has no field of its own is kept as a segment, so nothing is lost. What makes
a value unusable (a price with a comma, a date that isn't one) is refused here; `validator` explains all of it
at once.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ekt_service.edifact.characters import CharacterSet
from ekt_service.edifact.clockt import (
    VERSIONS_READ,
    Characteristic,
    Envelope,
    Interchange,
    Message,
    Transaction,
)
from ekt_service.edifact.segments import NotEdifactError, Segment, tokenize

_WHOLE = re.compile(r"[0-9]{1,15}")
_PRICE = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_REFERENCES = {
    "ACE": "letter",
    "ADZ": "letter_line",
    "AGJ": "agj",
    "BT": "barcode",
    "CTS": "place",
    "FAC": "clock",
    "FAN": "sequence",
    "IRN": "image",
    "ON": "order",
    "VN": "order_line",
}


class UnreadableEktError(ValueError):
    """The file can't be taken as an EKT; the text names segment and cause."""

    def __init__(self, segment: Segment | None, reason: str) -> None:
        place = f"Segment {segment.number} ({segment.tag}): " if segment else ""
        super().__init__(place + reason)
        self.segment = segment


def decoded(data: bytes) -> tuple[str, str]:
    """The text of a file and the name of the encoding it was read in.

    UTF-8 first, because ASCII is part of it and Latin-1 text almost never is valid UTF-8 by accident.
    """
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("iso-8859-1"), "iso-8859-1"


def read(data: bytes) -> Interchange:
    """Read one EKT file.

    Raises:
        UnreadableEktError: when it is no EDIFACT, no CLOCKT of a known version, or a value can't be taken.
    """
    try:
        tokens = tokenize(decoded(data)[0])
    except NotEdifactError as problem:
        raise UnreadableEktError(None, str(problem)) from problem
    first, *rest = tokens.segments or (None,)
    if first is None or first.tag != "UNB":
        raise UnreadableEktError(first, "The file must begin with UNB.")
    messages: list[Message] = []
    current: list[Segment] | None = None
    for segment in rest:
        if segment.tag == "UNH":
            current = [segment]
        elif segment.tag == "UNT" and current is not None:
            messages.append(_message(current))
            current = None
        elif current is not None:
            current.append(segment)
        elif segment.tag != "UNZ":
            raise UnreadableEktError(segment, "The segment stands outside a message (UNH to UNT).")
    if current is not None:
        raise UnreadableEktError(current[0], "The message is not closed: UNT is missing.")
    return Interchange(_envelope(first), tuple(messages))


def _envelope(unb: Segment) -> Envelope:
    known = unb.at(1) in set(CharacterSet)
    return Envelope(
        sender=unb.at(2),
        sender_qualifier=unb.at(2, 2),
        receiver=unb.at(3),
        receiver_qualifier=unb.at(3, 2),
        prepared=_moment(unb, unb.at(4) + unb.at(4, 2)),
        reference=unb.at(5),
        application=unb.at(7),
        test=unb.at(11) == "1",
        charset=CharacterSet(unb.at(1)) if known else CharacterSet.UNOA,
    )


def _moment(unb: Segment, text: str) -> datetime:
    try:
        # The envelope holds the wall clock of the sender, whose zone the file does not tell.
        return datetime.strptime(text, "%y%m%d%H%M")  # noqa: DTZ007
    except ValueError as problem:
        raise UnreadableEktError(unb, f"Date and time {text!r} are not YYMMDD:HHMM.") from problem


def _message(segments: list[Segment]) -> Message:
    unh = segments[0]
    version = f"{unh.at(2, 2)}:{unh.at(2, 3)}"
    if unh.at(2) != "CLOCKT" or version not in VERSIONS_READ:
        raise UnreadableEktError(unh, f"{unh.at(2)}:{version} is no CLOCKT of version 003:005 or 003:007.")
    groups: list[list[Segment]] = [[]]
    for segment in segments[1:]:
        if segment.tag == "LIN":
            groups.append([])
        groups[-1].append(segment)
    head: dict[str, Any] = {}
    others: list[Segment] = []
    for segment in groups[0]:
        match segment.tag, segment.qualifier:
            case "BGM", kind:
                head["kind"] = kind
            case "DTM", "97":
                head["day"] = _day(segment)
            case "NAD", "BY" | "FLA" | "SE" | "DP" as party:
                name = {"BY": "buyer", "FLA": "auction", "SE": "seller", "DP": "delivery_place"}[party]
                head[name] = segment.at(2)
            case _:
                others.append(segment)
    for name, tag in (("day", "DTM+97"), ("buyer", "NAD+BY"), ("auction", "NAD+FLA")):
        if name not in head:
            raise UnreadableEktError(unh, f"The message has no {tag}.")
    return Message(
        reference=unh.at(1),
        version=version,
        agency=unh.at(2, 4),
        lines=tuple(_transaction(group) for group in groups[1:]),
        others=_with_content(others),
        **head,
    )


def _transaction(segments: list[Segment]) -> Transaction:
    lin = segments[0]
    values: dict[str, Any] = {"vbn_code": lin.at(3), "name": "", "agj": "", "barcode": "", "order_line": ""}
    marks: list[Characteristic] = []
    others: list[Segment] = []
    for segment in segments[1:]:
        if segment.tag == "IMD" and segment.at(2) != "S99":
            marks.append(Characteristic(segment.at(2), segment.at(3)))
            continue
        taken = _values(segment)
        if taken is None:
            others.append(segment)
        else:
            values.update(taken)
    for name, tag in (("pieces", "QTY+52"), ("units", "QTY+66"), ("price", "PRI+INV")):
        if name not in values:
            raise UnreadableEktError(lin, f"The line has no {tag}.")
    return Transaction(characteristics=tuple(marks), others=_with_content(others), **values)


def _values(segment: Segment) -> dict[str, Any] | None:
    """The fields of a transaction that a segment fills; none when it has no field."""
    if segment.tag == "RFF":
        name = _REFERENCES.get(segment.qualifier)
        return {name: segment.at(1, 2)} if name else None
    filler = _FILLERS.get((segment.tag, segment.qualifier)) or _FILLERS.get((segment.tag, ""))
    return filler(segment) if filler else None


def _with_content(segments: list[Segment]) -> tuple[Segment, ...]:
    return tuple(segment for segment in segments if segment.content()[1])


@lru_cache(maxsize=256)
def calendar_day(text: str) -> date:
    """The day in CCYYMMDD.

    Raises:
        ValueError: it is no such day.
    """
    if len(text) != 8 or not text.isascii():
        raise ValueError(text)
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a calendar day has no zone


def _day(segment: Segment) -> date:
    try:
        return calendar_day(segment.at(1, 2))
    except ValueError as problem:
        raise UnreadableEktError(segment, f"{segment.at(1, 2)!r} is no date CCYYMMDD.") from problem


def _time(segment: Segment) -> time | None:
    text = segment.at(1, 2)
    if not text:
        return None
    try:
        return datetime.strptime(text.ljust(6, "0"), "%H%M%S").time()  # noqa: DTZ007 - a wall clock
    except ValueError as problem:
        raise UnreadableEktError(segment, f"{text!r} is no time HHMMSS.") from problem


def _count(segment: Segment) -> int:
    text = segment.at(1, 2)
    if not _WHOLE.fullmatch(text) or int(text) < 1:
        raise UnreadableEktError(segment, f"{text[:40]!r} is no whole number above 0.")
    return int(text)


def _price(segment: Segment, text: str) -> Decimal:
    if not _PRICE.fullmatch(text):
        raise UnreadableEktError(segment, f"{text[:40]!r} is no price with a decimal point.")
    return Decimal(text)


def _prices(segment: Segment) -> dict[str, Any]:
    own = segment.at(1, 5)
    return {
        "price": _price(segment, segment.at(1, 2)),
        "customer_price": _price(segment, own) if own else None,
    }


_FILLERS: dict[tuple[str, str], Callable[[Segment], dict[str, Any]]] = {
    ("DTM", "9"): lambda segment: {"at": _time(segment)},
    ("NAD", "MF"): lambda segment: {"grower": segment.at(2)},
    ("QTY", "52"): lambda segment: {"pieces": _count(segment)},
    ("QTY", "66"): lambda segment: {"units": _count(segment)},
    ("PRI", "INV"): _prices,
    ("PRI", "PAP"): lambda segment: {"packaging_price": _price(segment, segment.at(1, 2))},
    ("PIA", ""): lambda segment: {"article": segment.at(2)},
    ("IMD", ""): lambda segment: {"name": segment.at(3, 4)},
    ("PAC", ""): lambda segment: {"packaging": segment.at(3)},
    ("EQD", ""): lambda segment: {"carrier": segment.qualifier, "carriers": segment.at(3)},
}
