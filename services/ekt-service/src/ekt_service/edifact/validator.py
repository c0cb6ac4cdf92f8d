"""Checks an EKT file as a receiver would and says everything that is wrong with it at once.

`validate` walks the envelope; `line_checks` looks at what stands between LIN and the next LIN.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from ekt_service.edifact.characters import UNOA_REPERTOIRE, CharacterSet
from ekt_service.edifact.clockt import VERSIONS_READ, EktKind, is_gln
from ekt_service.edifact.findings import (
    MOST_COUNTED,
    EnoughFound,
    Fault,
    Finding,
    Findings,
    Severity,
    finding,
)
from ekt_service.edifact.line_checks import Day, check_line
from ekt_service.edifact.reader import calendar_day, decoded
from ekt_service.edifact.segments import NotEdifactError, Segment, Tokens, tokenize

KNOWN_TAGS = frozenset(
    ("UNB", "UNH", "BGM", "DTM", "NAD", "LIN", "RFF", "QTY", "PRI", "PIA", "IMD", "PAC", "EQD", "UNT", "UNZ")
)
_SYNTAX = {f"{charset.value}:{charset.syntax_version}" for charset in CharacterSet} | {"UNOA:1", "UNOB:2"}
_KINDS = frozenset(EktKind)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# A line end is remarkable where no terminator stands before it.
_ANY_REMARKABLE = re.compile(r"[^ -~\r\n]|(?<!['\r\n])[\r\n]")
_REMARKABLE = {"UNOA": re.compile(f"[^{re.escape(''.join(sorted(UNOA_REPERTOIRE)))}\r\n]|(?<!['\r\n])[\r\n]")}


@dataclass(frozen=True, slots=True)
class Report:
    """Everything found in one file, in file order.

    Args:
        findings: at most `findings.MOST_KEPT` of them.
        left_off: how many more there were.
        errors_left_off: how many of those were errors.
    """

    findings: tuple[Finding, ...]
    messages: int = 0
    lines: int = 0
    goods: Decimal = Decimal(0)
    left_off: int = 0
    errors_left_off: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that make a receiver refuse or misread the file."""
        return tuple(found for found in self.findings if found.severity is Severity.ERROR)

    @property
    def acceptable(self) -> bool:
        """True when nothing worse than a warning was found."""
        return not self.errors and not self.errors_left_off


@dataclass(slots=True)
class _Walk:
    found: Findings = field(default_factory=Findings)
    day: Day = field(default_factory=Day)
    references: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    lines: int = 0
    goods: Decimal = Decimal(0)


def validate(data: bytes, goods_total: Decimal | None = None) -> Report:
    """Find every fault of an EKT file.

    Args:
        data: the file as it is.
        goods_total: the sale's goods total in euro, compared with the lines when given.
    """
    text, encoding = decoded(data)
    if not text.strip():
        return Report((finding(Fault.EMPTY_FILE, "The file is empty."),))
    try:
        tokens = tokenize(text)
    except NotEdifactError as problem:
        return Report((finding(Fault.NOT_EDIFACT, str(problem)),))
    walk = _Walk()
    try:
        walk.found += _syntax(tokens, text, encoding)
        _envelope(tokens.segments, walk)
    except EnoughFound:
        says = f"More than {MOST_COUNTED:,} things are wrong; the check stopped."
        walk.found.stopped_at = finding(Fault.STOPPED, says)
        goods_total = None
    if goods_total is not None and walk.goods != goods_total:
        says = f"The lines add up to {walk.goods:f}, the sale to {goods_total:f}."
        walk.found.append(finding(Fault.GOODS_TOTAL, says, expected=f"{goods_total:f}"))
    kept = walk.found.in_file_order()
    errors = sum(found.severity is Severity.ERROR for found in kept)
    return Report(
        kept,
        walk.messages,
        walk.lines,
        walk.goods,
        left_off=max(0, walk.found.count - len(kept)),
        errors_left_off=max(0, walk.found.errors - errors),
    )


def _syntax(tokens: Tokens, text: str, encoding: str) -> Iterator[Finding]:
    marks = tokens.separators
    used = [marks.component, marks.element, marks.release, marks.terminator]
    if tokens.declared_una and len(set(used)) < len(used):
        yield Finding(Fault.BAD_UNA, "UNA gives one character two meanings.", tag="UNA")
    if tokens.remainder:
        says = f"Text stands after the last terminator: {tokens.remainder[:40]!r}."
        yield finding(Fault.UNTERMINATED, says, tokens.segments[-1] if tokens.segments else None)
    for segment in tokens.segments:
        if segment.tag not in KNOWN_TAGS:
            yield finding(Fault.UNKNOWN_TAG, f"{segment.tag!r} is no segment of CLOCKT.", segment)
    syntax = tokens.segments[0].at(1) if tokens.segments else "UNOA"
    if tokens.declared_una or _REMARKABLE.get(syntax, _ANY_REMARKABLE).search(text):
        yield from _characters(tokens, syntax, encoding)


def _characters(tokens: Tokens, syntax: str, encoding: str) -> Iterator[Finding]:
    """Look at every value; called only for files that hold a character worth a look."""
    lower_case_told = False
    for segment in tokens.segments:
        for number, components in enumerate(segment.elements, 1):
            for place, value in enumerate(components, 1):
                if _CONTROL.search(value):
                    says = "The text holds a control character."
                    yield finding(Fault.CONTROL_CHARACTER, says, segment, number, place)
                outside = _outside(value, syntax, encoding)
                if outside:
                    says = f"{outside!r} is not in character set {syntax}."
                    yield finding(Fault.CHARACTER_SET, says, segment, number, place)
                elif (
                    syntax == "UNOA"
                    and not lower_case_told
                    and segment.qualifier != "IRN"
                    and not UNOA_REPERTOIRE.issuperset(value)
                ):
                    lower_case_told = True
                    says = f"{value!r} is not in capitals, as UNOA asks."
                    yield finding(Fault.LOWER_CASE, says, segment, number, place)


def _outside(value: str, syntax: str, encoding: str) -> str:
    """The first character that the declared set can't hold; ASCII passes in every set."""
    if value.isascii():
        return ""
    if syntax in ("UNOA", "UNOB"):
        return next(c for c in value if not c.isascii())
    if syntax == "UNOC" and encoding == "utf-8":
        return next(c for c in value if not c.isascii())
    if syntax == "UNOY" and encoding != "utf-8":
        return next(c for c in value if not c.isascii())
    return ""


def _envelope(segments: tuple[Segment, ...], walk: _Walk) -> None:
    unb = segments[0] if segments else None
    if unb is None or unb.tag != "UNB":
        walk.found.append(finding(Fault.UNB_MISPLACED, "The first segment is not UNB.", unb))
        return
    walk.found += _unb(unb)
    end = next((place for place, segment in enumerate(segments) if segment.tag == "UNZ"), None)
    _messages(segments[1:end], walk)
    if end is None:
        walk.found.append(finding(Fault.UNZ_MISSING, "UNZ is missing.", segments[-1]))
    else:
        walk.found += _unz(unb, segments[end], walk.messages)
        for segment in segments[end + 1 :]:
            walk.found.append(finding(Fault.AFTER_UNZ, "The segment stands after UNZ.", segment))
    if not walk.messages:
        walk.found.append(finding(Fault.NO_MESSAGE, "The file holds no message.", unb))


def _messages(segments: tuple[Segment, ...], walk: _Walk) -> None:
    message: list[Segment] = []
    for segment in segments:
        if segment.tag == "UNB":
            walk.found.append(finding(Fault.UNB_MISPLACED, "A second UNB in the file.", segment))
        elif segment.tag == "UNH":
            if message:
                _unclosed(message, walk)
            message = [segment]
        elif not message:
            walk.found.append(finding(Fault.OUTSIDE_MESSAGE, "It stands outside a message.", segment))
        elif segment.tag == "UNT":
            walk.found += _unt(message[0], segment, len(message) + 1)
            _message(message, walk)
            message = []
        else:
            message.append(segment)
    if message:
        _unclosed(message, walk)


def _unclosed(message: list[Segment], walk: _Walk) -> None:
    walk.found.append(finding(Fault.UNT_MISSING, "The message is not closed: UNT is missing.", message[0]))
    _message(message, walk)


def _unb(unb: Segment) -> Iterator[Finding]:
    syntax = f"{unb.at(1)}:{unb.at(1, 2)}"
    if syntax not in _SYNTAX:
        yield finding(Fault.SYNTAX_ID, f"Character set {syntax} is not used for EKTs.", unb, 1, 1)
    if not unb.at(2):
        yield finding(Fault.SENDER_MISSING, "The sender is empty.", unb, 2, 1)
    if not unb.at(3):
        yield finding(Fault.RECEIVER_MISSING, "The receiver is empty.", unb, 3, 1)
    moment = f"{unb.at(4)}:{unb.at(4, 2)}"
    try:
        if len(moment) != 11 or not moment.isascii():
            raise ValueError(moment)
        datetime.strptime(moment, "%y%m%d:%H%M")  # noqa: DTZ007 - the sender's wall clock
    except ValueError:
        yield finding(Fault.ENVELOPE_MOMENT, f"{moment!r} is no moment.", unb, 4, 1)
    if not 1 <= len(unb.at(5)) <= 14:
        says = "The reference is empty or longer than 14 characters."
        yield finding(Fault.ENVELOPE_REFERENCE, says, unb, 5, 1)


def _unz(unb: Segment, unz: Segment, messages: int) -> Iterator[Finding]:
    if unz.at(1) != str(messages):
        says = f"UNZ counts {unz.at(1)!r} messages, the file has {messages}."
        yield finding(Fault.UNZ_COUNT, says, unz, 1, 1, expected=str(messages))
    if unz.at(2) != unb.at(5):
        says = f"UNZ repeats {unz.at(2)!r}, UNB says {unb.at(5)!r}."
        yield finding(Fault.UNZ_REFERENCE, says, unz, 2, 1, expected=unb.at(5))


def _unt(unh: Segment, unt: Segment, segments: int) -> Iterator[Finding]:
    if unt.at(1) != str(segments):
        says = f"UNT counts {unt.at(1)!r} segments, the message has {segments}."
        yield finding(Fault.UNT_COUNT, says, unt, 1, 1, expected=str(segments))
    if unt.at(2) != unh.at(1):
        says = f"UNT repeats {unt.at(2)!r}, UNH says {unh.at(1)!r}."
        yield finding(Fault.UNT_REFERENCE, says, unt, 2, 1, expected=unh.at(1))


def _message(segments: list[Segment], walk: _Walk) -> None:
    walk.messages += 1
    unh = segments[0]
    walk.found += _unh(unh, walk.references)
    if unh.at(2) != "CLOCKT":
        return
    groups: list[list[Segment]] = [[]]
    for segment in segments[1:]:
        if segment.tag == "LIN":
            groups.append([])
        groups[-1].append(segment)
    walk.found += _head(unh, groups[0], walk.day)
    if len(groups) == 1:
        walk.found.append(finding(Fault.NO_LINE, "The message has no LIN.", unh))
    for group in groups[1:]:
        walk.lines += 1
        walk.goods += check_line(group, walk.day, walk.found)


def _unh(unh: Segment, references: Counter[str]) -> Iterator[Finding]:
    reference = unh.at(1)
    if not 1 <= len(reference) <= 14:
        says = "The reference is empty or longer than 14 characters."
        yield finding(Fault.MESSAGE_REFERENCE, says, unh, 1, 1)
    references[reference] += 1
    if references[reference] == 2:
        says = f"Two messages have the reference {reference!r}."
        yield finding(Fault.MESSAGE_REFERENCE_TWICE, says, unh, 1, 1)
    if unh.at(2) != "CLOCKT":
        says = f"The message is {unh.at(2)!r}, not CLOCKT."
        yield finding(Fault.MESSAGE_TYPE, says, unh, 2, 1)
    elif f"{unh.at(2, 2)}:{unh.at(2, 3)}" not in VERSIONS_READ:
        version = f"{unh.at(2, 2)}:{unh.at(2, 3)}"
        yield finding(Fault.MESSAGE_VERSION, f"Version {version} is not known.", unh, 2, 2)


def _head(unh: Segment, segments: list[Segment], day: Day) -> Iterator[Finding]:
    by_name: dict[str, Segment] = {}
    for segment in segments:
        key = segment.tag if segment.tag == "BGM" else f"{segment.tag}+{segment.qualifier}"
        if key in by_name:
            yield finding(Fault.REPEATED_SEGMENT, f"{key} stands twice.", segment)
        by_name.setdefault(key, segment)
    bgm, dated = by_name.get("BGM"), by_name.get("DTM+97")
    if bgm is None:
        yield finding(Fault.BGM_MISSING, "BGM is missing.", unh)
    elif bgm.at(1) not in _KINDS:
        yield finding(Fault.BGM_CODE, f"{bgm.at(1)!r} is no kind of EKT.", bgm, 1, 1)
    day.on = None
    if dated is None:
        yield finding(Fault.DAY_MISSING, "The transaction date is missing.", unh)
    else:
        yield from _transaction_date(dated, day)
    buyer, auction = by_name.get("NAD+BY"), by_name.get("NAD+FLA")
    if buyer is None or not buyer.at(2):
        yield finding(Fault.BUYER_MISSING, "The buyer is missing.", buyer or unh, 2 if buyer else 0)
    day.auction = auction.at(2) if auction else ""
    if auction is None or not day.auction:
        yield finding(
            Fault.AUCTION_MISSING, "The auction code is missing.", auction or unh, 2 if auction else 0
        )
    elif not (day.auction.isdecimal() and day.auction.isascii() and len(day.auction) <= 3):
        says = f"{day.auction!r} is no auction code."
        yield finding(Fault.AUCTION_FORM, says, auction, 2, 1)
    for name in ("NAD+SE", "NAD+DP"):
        party = by_name.get(name)
        if party is not None and party.at(2) and not is_gln(party.at(2)):
            yield finding(Fault.GLN_FORM, f"{party.at(2)!r} is no GLN.", party, 2, 1)


def _transaction_date(segment: Segment, day: Day) -> Iterator[Finding]:
    text = segment.at(1, 2)
    try:
        if segment.at(1, 3) != "102":
            raise ValueError(text)
        day.on = calendar_day(text)
    except ValueError:
        yield finding(Fault.DAY_FORM, f"{text!r} is no date CCYYMMDD with format 102.", segment, 1, 2)
