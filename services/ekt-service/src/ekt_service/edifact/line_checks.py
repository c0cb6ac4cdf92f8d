"""Checks of one order line (LIN and what follows it), and of lines against each other within a day."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ekt_service.edifact.clockt import NAME_LENGTH_MOST
from ekt_service.edifact.findings import Fault, Finding, Findings, finding
from ekt_service.edifact.segments import Segment

# Lengths are bounded, because a number of a million digits breaks whoever computes with it.
_PRICE = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_WHOLE = re.compile(r"[0-9]{1,15}")
_AGJ = re.compile(r"0{0,10}[1-9][0-9]{0,4}")
_CHARACTERISTIC = re.compile(r"[A-Z][0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_TIME = re.compile(r"([01][0-9]|2[0-3])[0-5][0-9]([0-5][0-9])?")
_ONCE = frozenset(("RFF", "QTY", "PRI", "DTM"))


@dataclass(slots=True)
class Day:
    """What lines of one file are compared with: head of their message, and numbers already used that day."""

    on: date | None = None
    auction: str = ""
    agj: set[tuple[date | None, str]] = field(default_factory=set)
    barcodes: set[tuple[date | None, str]] = field(default_factory=set)
    order_lines: set[str] = field(default_factory=set)


def check_line(segments: list[Segment], day: Day, found: Findings) -> Decimal:
    """Check one line and add to `found`.

    Returns:
        Pieces x units x price, 0 where one of them can't be read.
    """
    lin = segments[0]
    values: dict[str, Segment] = {}
    marks: list[Segment] = []
    for segment in segments[1:]:
        if segment.tag == "IMD":
            marks.append(segment)
            continue
        key = segment.tag if segment.tag in ("PAC", "EQD") else f"{segment.tag}+{segment.qualifier}"
        if key in values and segment.tag in _ONCE:
            found.append(finding(Fault.REPEATED_SEGMENT, f"{key} stands twice in this line.", segment))
        values.setdefault(key, segment)
    found += _product(lin, values)
    pieces = _count(lin, values.get("QTY+52"), Fault.PIECES, found)
    units = _count(lin, values.get("QTY+66"), Fault.UNITS, found)
    price = _prices(lin, values, found)
    found += _numbers(lin, values, day, units)
    found += _marks(lin, marks)
    return price * (pieces * units)


def _product(lin: Segment, values: dict[str, Segment]) -> Iterator[Finding]:
    code = lin.at(3)
    if not (code.isascii() and code.isdigit()):
        yield finding(Fault.VBN_CODE, f"{code!r} is no VBN product code.", lin, 3, 1)
    elif lin.at(3, 2) != "VBN":
        says = f"The product code is marked {lin.at(3, 2)!r}, not VBN."
        yield finding(Fault.VBN_QUALIFIER, says, lin, 3, 2)
    clock = values.get("DTM+9")
    if clock is not None and clock.at(1, 2):
        text = clock.at(1, 2)
        if not _TIME.fullmatch(text) or (len(text) == 6) != (clock.at(1, 3) == "402"):
            yield finding(Fault.TIME_FORM, f"{text!r} is no time HHMMSS.", clock, 1, 2)
    packaging = values.get("PAC")
    if packaging is not None:
        code = packaging.at(3)
        if not (code.isascii() and code.isdigit()):
            yield finding(Fault.PACKAGING_CODE, f"{code!r} is no packaging code.", packaging, 3, 1)


def _count(lin: Segment, segment: Segment | None, fault: Fault, found: Findings) -> int:
    what = "Pieces per unit" if fault is Fault.PIECES else "Number of units"
    if segment is None:
        found.append(finding(fault, f"{what}: missing.", lin))
        return 0
    text = segment.at(1, 2)
    if not _WHOLE.fullmatch(text) or int(text) < 1:
        found.append(finding(fault, f"{what}: {text!r} is no whole number above 0.", segment, 1, 2))
        return 0
    return int(text)


def _prices(lin: Segment, values: dict[str, Segment], found: Findings) -> Decimal:
    price = Decimal(0)
    invoice = values.get("PRI+INV")
    if invoice is None or not invoice.at(1, 2):
        found.append(finding(Fault.PRICE_MISSING, "The price is missing.", invoice or lin))
    for segment in (invoice, values.get("PRI+PAP")):
        if segment is None:
            continue
        for place in (2, 5):
            text = segment.at(1, place)
            if not text:
                continue
            fault = _price_fault(text)
            if fault is not None:
                found.append(finding(fault, f"{text!r} is no price.", segment, 1, place))
            elif segment is invoice and place == 2:
                price = Decimal(text)
    return price


def _price_fault(text: str) -> Fault | None:
    if _PRICE.fullmatch(text):
        return None
    if "," in text:
        return Fault.PRICE_COMMA
    if text.startswith("-") and _PRICE.fullmatch(text[1:]):
        return Fault.PRICE_NEGATIVE
    return Fault.PRICE_FORM


def _numbers(lin: Segment, values: dict[str, Segment], day: Day, units: int) -> Iterator[Finding]:
    agj, barcode, order_line = values.get("RFF+AGJ"), values.get("RFF+BT"), values.get("RFF+VN")
    number = agj.at(1, 2) if agj else ""
    if agj is None or not number:
        yield finding(Fault.AGJ_MISSING, "The logistic transaction number (AGJ) is missing.", agj or lin)
    elif not _AGJ.fullmatch(number):
        yield finding(Fault.AGJ_FORM, f"{number!r} is no AGJ.", agj, 1, 2)
        number = ""
    elif (day.on, number.lstrip("0")) in day.agj:
        yield finding(Fault.AGJ_TWICE, f"AGJ {number} stands on two lines of one day.", agj, 1, 2)
    day.agj.add((day.on, number.lstrip("0")))
    code = barcode.at(1, 2) if barcode else ""
    if barcode is None or not code:
        yield finding(Fault.BARCODE_MISSING, "The barcode is missing.", barcode or lin)
    else:
        if (day.on, code) in day.barcodes:
            yield finding(Fault.BARCODE_TWICE, f"Barcode {code} stands on two lines.", barcode, 1, 2)
        day.barcodes.add((day.on, code))
        if len(code) == 20 and code.isascii() and code.isdigit():
            yield from _barcode_parts(barcode, values.get("RFF+FAC"), day, number, units)
    key = order_line.at(1, 2) if order_line else ""
    if order_line is None or not key:
        yield finding(Fault.ORDER_LINE_MISSING, "The order-line id (VN) is missing.", order_line or lin)
    elif key in day.order_lines:
        yield finding(Fault.ORDER_LINE_TWICE, f"Order line {key} stands twice.", order_line, 1, 2)
    day.order_lines.add(key)


def _barcode_parts(
    barcode: Segment, clock: Segment | None, day: Day, agj: str, units: int
) -> Iterator[Finding]:
    code = barcode.at(1, 2)
    clock_number = clock.at(1, 2) if clock else ""
    expected = (
        (Fault.BARCODE_AUCTION, code[:3], day.auction, "auction code"),
        (Fault.BARCODE_CLOCK, code[3:5], clock_number, "clock number"),
        (Fault.BARCODE_DAY, code[5:8], str(day.on.timetuple().tm_yday) if day.on else "", "day of the year"),
        (Fault.BARCODE_AGJ, code[8:13], agj, "AGJ"),
        (Fault.BARCODE_UNITS, code[13:], str(units) if units else "", "number of units"),
    )
    for fault, part, value, label in expected:
        if _WHOLE.fullmatch(value) and int(part) != int(value):
            says = f"The barcode says {label} {int(part)}, the line says {int(value)}."
            yield finding(fault, says, barcode, 1, 2, expected=value)


def _marks(lin: Segment, marks: list[Segment]) -> Iterator[Finding]:
    names = [mark for mark in marks if mark.at(2) == "S99"]
    if not names or not names[0].at(3, 4):
        yield finding(Fault.NAME_MISSING, "The product name (S99) is missing.", names[0] if names else lin)
    for mark in marks:
        kind, value = mark.at(2), mark.at(3)
        if kind == "S99":
            if len(mark.at(3, 4)) > NAME_LENGTH_MOST:
                says = f"The product name has {len(mark.at(3, 4))} characters."
                yield finding(Fault.NAME_LONG, says, mark, 3, 4)
        elif not _CHARACTERISTIC.fullmatch(kind):
            says = f"{kind!r} is no type of characteristic."
            yield finding(Fault.CHARACTERISTIC_TYPE, says, mark, 2, 1)
        elif kind == "S62" and not _COUNTRY.fullmatch(value):
            yield finding(Fault.COUNTRY, f"{value!r} is no country code.", mark, 3, 1)
