"""Tells at once that a file of our own is acceptable, and leaves every doubt to the validator.

The whole of `validator` costs several times what writing a file costs, and nearly all of it goes into lines
that look alike. Here the validator sees the frame only: the envelope and the head of the messages, around an
example of a line. Each message must then have that head to the letter and one line of the form we write, whose
values are compared with each other as the validator would. What fits is acceptable to the validator too (a
property test holds that). What doesn't fit, for whatever reason, is judged by the validator itself, so this can
only save time.
"""

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from ekt_service.edifact.characters import CharacterSet
from ekt_service.edifact.clockt import NAME_LENGTH_MOST, VERSION_WRITTEN
from ekt_service.edifact.reader import decoded
from ekt_service.edifact.validator import Report, validate

_END = r"'\r\n"
_PLAIN = r"[^'+:?\x00-\x1f\x7f]"
_RELEASED = r"\?['+:?]"
_VALUE = rf"{_PLAIN}*+(?:{_RELEASED}{_PLAIN}*+)*+"
_SOME = rf"(?:{_PLAIN}|{_RELEASED}){_VALUE}"
_NAME = rf"(?:{_PLAIN}{{1,{NAME_LENGTH_MOST}}}+|(?:{_PLAIN}|{_RELEASED}){{1,{NAME_LENGTH_MOST}}}+)"
_PRICE = r"[0-9]{1,15}+(?:\.[0-9]{1,15}+)?"
_COUNT = r"[1-9][0-9]{0,14}+"


def _maybe(segment: str) -> str:
    return rf"(?:{segment}{_END})?+"


_PARTY = rf"{_VALUE}(?::{_VALUE})?+"
_UNB = re.compile(
    rf"(UNB\+[A-Z]{{4}}:[0-9]\+{_PARTY}\+{_PARTY}\+[0-9]{{6}}:[0-9]{{4}}\+)({_PLAIN}{{1,14}}+)((?:\+{_VALUE})*+{_END})"
)
_UNH = re.compile(rf"UNH\+({_PLAIN}{{1,14}}+)\+CLOCKT:{VERSION_WRITTEN}:EF{_END}")
_HEAD = re.compile(
    rf"BGM\+[0-9]++{_END}DTM\+97:([0-9]{{8}}):102{_END}NAD\+BY\+{_SOME}{_END}NAD\+FLA\+([0-9]{{1,3}}){_END}"
    + _maybe(r"NAD\+SE\+[0-9]{13}:160:9")
    + _maybe(r"NAD\+DP\+[0-9]{13}:160:9")
)
_LINE = re.compile(
    rf"LIN\+\+\+[0-9]++:VBN{_END}"
    + _maybe(r"DTM\+9:(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]:402")
    + _maybe(rf"NAD\+MF\+{_VALUE}")
    + _maybe(rf"RFF\+ACE:{_VALUE}")
    + _maybe(rf"RFF\+ADZ:{_VALUE}")
    + rf"RFF\+AGJ:([1-9][0-9]{{0,4}}+){_END}RFF\+BT:({_SOME}){_END}"
    + _maybe(rf"RFF\+CTS:{_VALUE}")
    + _maybe(rf"RFF\+FAC:({_VALUE})")
    + _maybe(rf"RFF\+FAN:{_VALUE}")
    + _maybe(rf"RFF\+IRN:{_VALUE}")
    + _maybe(rf"RFF\+ON:{_VALUE}")
    + rf"RFF\+VN:({_SOME}){_END}QTY\+52:({_COUNT}){_END}QTY\+66:({_COUNT}){_END}"
    + rf"PRI\+INV:({_PRICE})(?::::{_PRICE})?+{_END}"
    + _maybe(rf"PIA\+5\+{_VALUE}:SA")
    + rf"IMD\+\+S99\+:::{_NAME}{_END}"
    + rf"(?:IMD\+\+(?:S62\+[A-Z]{{2}}|(?!S62|S99)[A-Z][0-9]{{2}}\+{_VALUE}){_END})*+"
    + rf"(?:PAC\+\+\+[0-9]++{_END}{_maybe(rf'PRI[+]PAP:{_PRICE}')})?+"
    + _maybe(rf"EQD\+{_VALUE}\+\+[0-9]++")
    + rf"UNT\+({_COUNT})\+({_PLAIN}{{1,14}}+){_END}"
)
_EXAMPLE = "\r\n".join(
    (
        "LIN+++1:VBN'",
        "RFF+AGJ:1'",
        "RFF+BT:1'",
        "RFF+VN:1'",
        "QTY+52:1'",
        "QTY+66:1'",
        "PRI+INV:0.100'",
        "IMD++S99+:::EXAMPLE'",
        "",
    )
)
_UNZ = re.compile(rf"UNZ\+([0-9]++)\+({_VALUE}){_END}\Z")


def check(data: bytes) -> Report:
    """What `validate` says of a file of our own; warnings are told only where the validator was asked.

    Args:
        data: the file as it was written.
    """
    return recognised(data) or validate(data)


def recognised(data: bytes) -> Report | None:
    """The report on a file that is certainly acceptable; none when it takes the validator to say."""
    text, encoding = decoded(data)
    envelope = _UNB.match(text)
    if envelope is None or not _fits_its_set(text, encoding):
        return None
    unh = _UNH.match(text, envelope.end())
    head = _HEAD.match(text, unh.end()) if unh else None
    if unh is None or head is None:
        return None
    lines = _Lines(text, head)
    end = lines.take(unh)
    while end and (unh := _UNH.match(text, end)):
        end = lines.take(unh)
    unz = _UNZ.match(text, end) if end else None
    if unz is None or unz[1] != str(lines.count) or unz[2] != envelope[2]:
        return None
    if not _is_good_frame(envelope[1], envelope[3], head[0], encoding):
        return None
    return Report((), lines.count, lines.count, lines.goods)


@lru_cache(maxsize=1024)
def _is_good_frame(before: str, after: str, head: str, encoding: str) -> bool:
    """Whether the validator takes an envelope (what stands before and after its reference) and a head."""
    message = f"UNH+1+CLOCKT:{VERSION_WRITTEN}:EF'\r\n{head}{_EXAMPLE}"
    segments = message.count("\n") + 1
    whole = f"{before}1{after}{message}UNT+{segments}+1'\r\nUNZ+1+1'\r\n"
    return validate(whole.encode(encoding)).acceptable


def _fits_its_set(text: str, encoding: str) -> bool:
    """Whether every character is in the set that UNB names: ASCII is in all of them."""
    named = {CharacterSet.UNOC: "iso-8859-1", CharacterSet.UNOY: "utf-8"}
    return text.isascii() or any(
        text.startswith(f"UNB+{charset.value}:") and encoding == codec for charset, codec in named.items()
    )


class _Lines:
    """Goes from message to message and remembers what must not come twice."""

    def __init__(self, text: str, head: re.Match[str]) -> None:
        self._text, self._head = text, head[0]
        self._auction, self._day = f"{int(head[2]):03d}", _day_of_the_year(head[1])
        self._references: set[str] = set()
        self._agj: set[str] = set()
        self._barcodes: set[str] = set()
        self._order_lines: set[str] = set()
        self.count = 0
        self.goods = Decimal(0)

    def take(self, unh: re.Match[str]) -> int:
        """The end of the message that begins at `unh`, 0 when it isn't certain that nothing is wrong with it."""
        text, reference = self._text, unh[1]
        if not text.startswith(self._head, unh.end()):
            return 0
        line = _LINE.match(text, unh.end() + len(self._head))
        if line is None:
            return 0
        agj, barcode, clock, order_line, pieces, units, price, segments, closing = line.groups()
        end = line.end()
        self.count += 1
        self._references.add(reference)
        self._agj.add(agj)
        self._barcodes.add(barcode)
        self._order_lines.add(order_line)
        if (
            closing != reference
            or int(segments) != text.count("\n", unh.start(), end)
            or len(self._references) != self.count
            or len(self._agj) != self.count
            or len(self._barcodes) != self.count
            or len(self._order_lines) != self.count
            or not self._says_the_same(barcode, clock, agj)
        ):
            return 0
        self.goods += Decimal(price) * (int(pieces) * int(units))
        return end

    def _says_the_same(self, barcode: str, clock: str | None, agj: str) -> bool:
        """Whether a barcode of twenty digits holds what the line says; the units may be those of the first EKT."""
        if len(barcode) != 20 or not barcode.isdigit():
            return True
        known_clock = barcode[3:5] if clock is None else clock.zfill(2)
        return barcode[:13] == f"{self._auction}{known_clock}{self._day}{agj:0>5}"


def _day_of_the_year(text: str) -> str:
    """Three digits; empty for what is no date, which the validator then explains."""
    try:
        return f"{datetime.strptime(text, '%Y%m%d'):%j}"  # noqa: DTZ007 - a day, no moment
    except ValueError:
        return ""
