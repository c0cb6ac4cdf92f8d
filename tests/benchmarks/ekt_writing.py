"""The EKT writer against a bare f-string loop that escapes nothing, and against the library pydifact.

The whole way of a file stands beside it: from the lines of a sale, mapped, written and checked as a receiver would,
against the same f-strings; at least 20,000 lines a second are wanted of it.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ground import Ground
from measure import Comparison, Side, Watch, compare

LINES = 20_000
GOAL_AGAINST_PYDIFACT = 2.0
FLOOR_LINES = 20_000
_DAY = date(2026, 11, 2)
_PREPARED = datetime(2026, 11, 2, 9, 30)  # noqa: DTZ001 - the format knows wall clocks only


async def run(ground: Ground) -> list[Comparison]:
    """From the day's lines in memory to the bytes of the file."""
    from ekt_service.edifact.clockt import Envelope, Interchange, Message, Transaction
    from ekt_service.edifact.writer import ClocktWriter

    count = ground.count(LINES)
    lines = [
        Transaction(
            vbn_code=str(100 + number % 3000),
            agj=str(1 + number % 99_999),
            barcode=f"00101306{number % 100_000:05d}0000010",
            order_line=str(number),
            pieces=10 + number % 40,
            units=1 + number % 9,
            price=Decimal(100 + number % 900).scaleb(-3),
            name=f"R GR PRESTIGE {number % 50}",
            at=time(6, 30, number % 60),
            grower=str(20_000 + number % 500),
            letter=str(300_000 + number),
            packaging="577",
        )
        for number in range(count)
    ]
    messages = tuple(Message(f"E{n}", _DAY, "12345", "1", (line,)) for n, line in enumerate(lines, 1))
    interchange = Interchange(Envelope("8713783000000", "8719604000000", _PREPARED, "REF1"), messages)
    sizes: dict[str, int] = {}

    async def ours(_watch: Watch) -> int:
        sizes["ours"] = len(ClocktWriter().write(interchange))
        return count

    async def bare(_watch: Watch) -> int:
        sizes["bare"] = len(_bare(lines))
        return count

    async def library(_watch: Watch) -> int:
        return _with_pydifact(lines)

    writer = Side("ClocktWriter", ours)
    against_bare = await compare(
        "EKT against f-strings",
        writer,
        Side("bare f-strings, no escaping", bare),
        unit="lines",
        pace=ground.pace,
    )
    assert sizes["ours"] == sizes["bare"], f"the two wrote different files: {sizes}"
    against_library = await compare(
        "EKT against pydifact",
        writer,
        Side("pydifact", library),
        unit="lines",
        pace=ground.pace,
        goal=ground.wanted(GOAL_AGAINST_PYDIFACT),
    )
    return [against_bare, against_library, await _whole_way(ground, lines)]


async def _whole_way(ground: Ground, bare_lines: list[Any]) -> Comparison:
    """From the sales of a day to checked files, 20 lines each."""
    from ekt_ground import LINES as SALE_LINES
    from ekt_ground import MODULE, NOW, debtor, sale
    from ekt_service.domain import files
    from ekt_service.domain.debtor import debtor_of
    from ekt_service.domain.line_numbers import LineNumbers
    from ekt_service.domain.module import EktModule
    from ekt_service.edifact.clockt import barcode

    module, card, zone = EktModule(**MODULE), debtor_of(debtor(1)), ZoneInfo("Europe/Amsterdam")
    form = files.format_of(card, module)
    sales = [sale(number) for number in range(max(1, len(bare_lines) // SALE_LINES))]
    numbers = [
        {
            line.line_id: LineNumbers(
                str(place), barcode("41", "11", each.order_day, place, line.units), str(1_000_000 + place)
            )
            for place, line in enumerate(each.lines, 1)
        }
        for each in sales
    ]

    async def ours(_watch: Watch) -> int:
        for reference, (each, known) in enumerate(zip(sales, numbers, strict=True), 1001):
            files.build(each, form, module, known, [reference], NOW, zone)
        return len(sales) * SALE_LINES

    async def bare(_watch: Watch) -> int:
        for start in range(0, len(sales) * SALE_LINES, SALE_LINES):
            _bare(bare_lines[start : start + SALE_LINES])
        return len(sales) * SALE_LINES

    return await compare(
        "EKT from sale to checked file",
        Side("map, write, check", ours),
        Side("bare f-strings, no escaping", bare),
        unit="lines",
        pace=ground.pace,
        floor=ground.wanted(FLOOR_LINES),
    )


def _bare(lines: list[Any]) -> bytes:
    end = "'\r\n"
    parts = [f"UNB+UNOA:2+8713783000000:14+8719604000000:ZZ+{_PREPARED:%y%m%d:%H%M}+REF1{end}"]
    for number, line in enumerate(lines, 1):
        parts.append(
            f"UNH+E{number}+CLOCKT:003:007:EF{end}BGM+493{end}DTM+97:{_DAY:%Y%m%d}:102{end}NAD+BY+12345{end}"
            f"NAD+FLA+1{end}LIN+++{line.vbn_code}:VBN{end}DTM+9:{line.at:%H%M%S}:402{end}"
            f"NAD+MF+{line.grower}{end}RFF+ACE:{line.letter}{end}RFF+AGJ:{line.agj}{end}"
            f"RFF+BT:{line.barcode}{end}RFF+VN:{line.order_line}{end}QTY+52:{line.pieces}{end}"
            f"QTY+66:{line.units}{end}PRI+INV:{line.price:.3f}{end}IMD++S99+:::{line.name}{end}"
            f"PAC+++{line.packaging}{end}UNT+18+E{number}{end}"
        )
    parts.append(f"UNZ+{len(lines)}+REF1{end}")
    return "".join(parts).encode("ascii")


def _with_pydifact(lines: list[Any]) -> int:
    from pydifact.segmentcollection import Interchange, Message
    from pydifact.segments import Segment

    interchange = Interchange(
        ["8713783000000", "14"], ["8719604000000", "ZZ"], "REF1", ("UNOA", 2), timestamp=_PREPARED
    )
    for number, line in enumerate(lines, 1):
        message = Message(f"E{number}", ("CLOCKT", "003", "007", "EF"))
        for tag, *elements in (
            ("BGM", "493"),
            ("DTM", ["97", f"{_DAY:%Y%m%d}", "102"]),
            ("NAD", "BY", "12345"),
            ("NAD", "FLA", "1"),
            ("LIN", "", "", [line.vbn_code, "VBN"]),
            ("DTM", ["9", f"{line.at:%H%M%S}", "402"]),
            ("NAD", "MF", line.grower),
            ("RFF", ["ACE", line.letter]),
            ("RFF", ["AGJ", line.agj]),
            ("RFF", ["BT", line.barcode]),
            ("RFF", ["VN", line.order_line]),
            ("QTY", ["52", str(line.pieces)]),
            ("QTY", ["66", str(line.units)]),
            ("PRI", ["INV", f"{line.price:.3f}"]),
            ("IMD", "", "S99", ["", "", "", line.name]),
            ("PAC", "", "", line.packaging),
        ):
            message.add_segment(Segment(tag, *elements))
        interchange.add_message(message)
    assert interchange.serialize()
    return len(lines)
