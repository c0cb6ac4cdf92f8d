"""An EDIFACT file told segment by segment: what each stands for, what its values say, what is wrong with it.

Any interchange can be told, also one of another sender or another kind of message; what has no meaning here is
shown as it stands. The check (`validator`) looks at the same segments, so findings find their place by number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import islice

from ekt_service.edifact.findings import Finding, name_of
from ekt_service.edifact.meanings import Kind, Meaning, Spot, meaning_of
from ekt_service.edifact.reader import calendar_day, decoded
from ekt_service.edifact.segments import NotEdifactError, Segment, Separators, tokenize
from ekt_service.edifact.validator import Report, validate

MOST_VALUES = 60
"""Values of one segment that are told; no segment of an EKT has so many."""
NAMED_CODES = {
    ("unb", "charset"): {"UNOA": "unoa", "UNOB": "unob", "UNOC": "unoc", "UNOY": "unoy"},
    ("unb", "sender_kind"): {"14": "gln", "ZZ": "agreed"},
    ("unb", "receiver_kind"): {"14": "gln", "ZZ": "agreed"},
    ("unb", "test"): {"1": "test"},
    ("unh", "type"): {"CLOCKT": "clockt"},
    ("bgm", "kind"): {"493": "final", "323": "preliminary", "231": "direct_sale"},
    ("lin", "list"): {"VBN": "vbn"},
    ("pia-5", "list"): {"SA": "supplier"},
    ("rff-fac", "value"): {"99": "no_clock"},
    ("pac", "packaging"): {"999": "one_way"},
    ("eqd", "carrier"): {"BX": "box"},
}
"""Codes whose name is known, by segment and value."""


class Part(StrEnum):
    """Where in a file a segment stands."""

    FILE = "file"
    MESSAGE = "message"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a segment.

    Args:
        code: what it is; empty where nothing is known about its place.
        label: the same in English.
        text: as it stands in the file.
        reads: as it is read: a day in ISO form, a time HH:MM:SS, the name of a code; empty when as it stands.
    """

    code: str
    label: str
    element: int
    component: int
    text: str
    kind: Kind = Kind.TEXT
    reads: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One segment in words.

    Args:
        name: tag with qualifier.
        meaning: code of what it stands for.
        title: the same in English.
        message, line: which message and which line of the file it belongs to, 0 for none.
        raw: as it stands in the file.
    """

    number: int
    tag: str
    name: str
    meaning: str
    title: str
    part: Part
    message: int
    line: int
    raw: str
    values: tuple[Value, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A file in words, or a page of it.

    Args:
        report: what the check found in the whole file.
        segments: those asked for.
        total: how many the whole file has (with the limit asked for: how many there are to page through).
        about_file: findings that concern no single segment.
        message_type: of the first message, such as ``CLOCKT``; empty when there is none.
    """

    report: Report
    segments: tuple[Told, ...]
    total: int
    about_file: tuple[Finding, ...]
    message_type: str = ""
    message_version: str = ""
    sender: str = ""
    receiver: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    part: Part
    message: int
    line: int
    day: date | None


def explain(data: bytes, first: int = 1, limit: int = 200, *, only_findings: bool = False) -> Explanation:
    """Tell what stands in a file; never raises, whatever the bytes are.

    Args:
        data: the file as it is.
        first: 1-based place among the segments to tell from.
        limit: how many to tell.
        only_findings: leave out segments that nothing was found in.
    """
    report = validate(data)
    by_segment: dict[int, list[Finding]] = {}
    for found in report.findings:
        by_segment.setdefault(found.segment, []).append(found)
    about_file = tuple(by_segment.pop(0, ()))
    try:
        tokens = tokenize(decoded(data)[0])
    except NotEdifactError:
        return Explanation(report, (), 0, about_file)
    segments = tokens.segments
    wanted: Sequence[int] = range(len(segments))
    if only_findings:
        wanted = [place for place in wanted if segments[place].number in by_segment]
    shown = wanted[max(0, first - 1) : max(0, first - 1) + limit]
    told = tuple(
        _told(segments[place], where, by_segment, tokens.separators)
        for place, where in _places(segments, shown)
    )
    unb = segments[0] if segments and segments[0].tag == "UNB" else None
    unh = next((segment for segment in segments if segment.tag == "UNH"), None)
    return Explanation(
        report,
        told,
        len(wanted),
        about_file,
        message_type=unh.at(2)[:40] if unh else "",
        message_version=f"{unh.at(2, 2)}:{unh.at(2, 3)}"[:40] if unh else "",
        sender=unb.at(2)[:80] if unb else "",
        receiver=unb.at(3)[:80] if unb else "",
    )


def _places(segments: Sequence[Segment], shown: Sequence[int]) -> Iterator[tuple[int, _Place]]:
    """Where each segment to be told stands; all before it have to be walked past."""
    if not shown:
        return
    asked, last = set(shown), shown[-1]
    message = line = 0
    inside, line_open, day = False, False, None
    for place, segment in enumerate(segments):
        if segment.tag == "UNH":
            message, inside, line_open, day = message + 1, True, False, None
        elif segment.tag == "LIN" and inside:
            line, line_open = line + 1, True
        elif segment.tag == "DTM" and segment.qualifier == "97":
            day = _day(segment.at(1, 2))
        of_line = inside and segment.tag not in ("UNH", "UNT") and line_open
        part = Part.LINE if of_line else Part.MESSAGE if inside else Part.FILE
        if place in asked:
            yield place, _Place(part, message if inside else 0, line if of_line else 0, day)
        if segment.tag == "UNT":
            inside = False
        if place >= last:
            return


def _told(
    segment: Segment, place: _Place, findings: dict[int, list[Finding]], separators: Separators
) -> Told:
    name = name_of(segment)
    meaning = meaning_of(segment, name)
    return Told(
        number=segment.number,
        tag=segment.tag,
        name=name,
        meaning=meaning.code,
        title=meaning.title,
        part=place.part,
        message=place.message,
        line=place.line,
        raw=separators.written(segment.tag, segment.elements),
        values=tuple(islice(_values(segment, meaning, place), MOST_VALUES)),
        findings=tuple(findings.get(segment.number, ())),
    )


def _values(segment: Segment, meaning: Meaning, place: _Place) -> Iterator[Value]:
    spots = {(spot.element, spot.component): spot for spot in meaning.spots}
    for element, components in enumerate(segment.elements, 1):
        for component, text in enumerate(components, 1):
            if not text or (element, component) in meaning.fixed:
                continue
            spot = spots.get((element, component))
            if spot is None:
                yield Value("", "", element, component, text)
                continue
            whole = text + segment.at(4, 2) if spot.kind is Kind.MOMENT else text
            reads = _read(spot, meaning.code, whole)
            yield Value(spot.code, spot.label, element, component, text, spot.kind, reads)
            if meaning.code == "rff-bt":
                yield from _barcode(text, place.day)


def _read(spot: Spot, meaning: str, text: str) -> str:
    if spot.kind is Kind.CODE:
        return NAMED_CODES.get((meaning, spot.code), {}).get(text, "")
    if spot.kind is Kind.DAY:
        day = _day(text)
        return day.isoformat() if day else ""
    if spot.kind in (Kind.TIME, Kind.MOMENT):
        form = "%H%M%S" if spot.kind is Kind.TIME else "%y%m%d%H%M"
        try:
            # The wall clock of the sender, whose zone the file does not tell.
            moment = datetime.strptime(text.ljust(6, "0"), form)  # noqa: DTZ007
        except ValueError:
            return ""
        return f"{moment:%H:%M:%S}" if spot.kind is Kind.TIME else f"{moment:%Y-%m-%dT%H:%M}"
    return ""


def _barcode(text: str, day: date | None) -> Iterator[Value]:
    """The parts of a barcode in the auctions' form of 20 digits; of any other nothing is known."""
    if len(text) != 20 or not (text.isascii() and text.isdigit()):
        return
    of_year = Value("barcode_day", "day of the year", 1, 2, text[5:8])
    number = int(text[5:8])
    if day is not None and 1 <= number <= 366:
        on = date(day.year, 1, 1) + timedelta(days=number - 1)
        of_year = replace(of_year, kind=Kind.DAY, reads=on.isoformat())
    yield Value("barcode_auction", "auction code in it", 1, 2, text[:3])
    yield Value("barcode_clock", "clock number in it", 1, 2, text[3:5])
    yield of_year
    yield Value("barcode_agj", "transaction number in it", 1, 2, text[8:13])
    yield Value("barcode_units", "units in it", 1, 2, text[13:])


def _day(text: str) -> date | None:
    try:
        return calendar_day(text)
    except ValueError:
        return None
