"""The quick check of files of our own: it never takes what the validator refuses, and it knows what we write."""

from decimal import Decimal

import pytest
from ekt_factories import a_line, a_message, an_interchange
from ekt_service.edifact.characters import CharacterSet
from ekt_service.edifact.clockt import ALL_OPTIONAL, Characteristic, Interchange, OptionalSegment, Transaction
from ekt_service.edifact.findings import CURES, Fault
from ekt_service.edifact.self_check import check, recognised
from ekt_service.edifact.validator import validate
from ekt_service.edifact.writer import ClocktWriter
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ekt_validator import GOOD, SEEDED


def _day(*lines: Transaction, **envelope: object) -> Interchange:
    messages = (a_message(line, reference=f"R{number}") for number, line in enumerate(lines, 1))
    return an_interchange(*messages, **envelope)


FULLEST = {
    "letter": "312 345",
    "letter_line": "7",
    "sequence": "3",
    "image": "https://img.example/R_1?id=7&s=L'",
    "customer_price": Decimal("2.5"),
    "name": "Rosa 'Cr\u00e8me'? 40/50: één",
}
SHAPES: dict[str, tuple[Interchange, ClocktWriter]] = {
    "usual": (_day(*(a_line(number) for number in range(1, 8))), ClocktWriter()),
    "fullest": (_day(a_line(1), a_line(2, **FULLEST)), ClocktWriter(name_length=35)),
    "latin": (_day(a_line(1, **FULLEST), a_line(2), charset=CharacterSet.UNOC), ClocktWriter()),
    "utf-8": (_day(a_line(1, **FULLEST), a_line(2), charset=CharacterSet.UNOY), ClocktWriter()),
    "nothing optional": (_day(a_line(1), a_line(2)), ClocktWriter(frozenset())),
    "corrected units": (_day(a_line(1), a_line(2, barcode=a_line(2).barcode, units=9)), ClocktWriter()),
    "own barcode": (_day(a_line(1), a_line(2, barcode="A+B'7")), ClocktWriter()),
    "test mark": (_day(a_line(1), a_line(2), test=True, application=""), ClocktWriter()),
    "many marks": (
        _day(a_line(1), a_line(2, characteristics=tuple(Characteristic("S20", f"0{n}") for n in range(9)))),
        ClocktWriter(),
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_we_write_is_recognised_with_the_validators_own_numbers(shape: str) -> None:
    interchange, writer = SHAPES[shape]
    data = writer.write(interchange)
    report, whole = recognised(data), validate(data)
    assert report is not None
    assert whole.acceptable
    assert (report.messages, report.lines, report.goods) == (whole.messages, whole.lines, whole.goods)


@pytest.mark.parametrize("left_out", OptionalSegment)
def test_a_file_without_one_optional_segment_is_recognised(left_out: OptionalSegment) -> None:
    data = ClocktWriter(ALL_OPTIONAL - {left_out}).write(_day(a_line(1, **FULLEST), a_line(2, **FULLEST)))
    assert recognised(data) is not None


@pytest.mark.parametrize(("fault", "old", "new"), [row[:3] for row in SEEDED], ids=[row[0] for row in SEEDED])
@pytest.mark.parametrize("last", [False, True])
def test_a_fault_in_any_message_is_left_to_the_validator(
    fault: Fault, old: str, new: str, last: bool
) -> None:
    before, found, after = GOOD.rpartition(old) if last else GOOD.partition(old)
    assert found
    data = f"{before}{new}{after}".encode()
    report = validate(data)
    if report.errors:
        assert recognised(data) is None
        assert check(data) == report
    else:
        assert check(data).acceptable


@pytest.mark.parametrize(("old", "new"), [("UNT+25+R2", "UNT+025+R2"), ("RFF+AGJ:2'", "RFF+AGJ:02'")])
def test_a_number_written_otherwise_than_by_us_is_left_to_the_validator(old: str, new: str) -> None:
    text = ClocktWriter().write(_day(a_line(1), a_line(2))).decode()
    assert old in text
    assert recognised(text.replace(old, new).encode()) is None


PIECES = [
    "'",
    "+",
    ":",
    "?",
    "\r\n",
    " ",
    "0",
    "9",
    "99999",
    "a",
    "\u00e9",
    "\t",
    "-",
    ",",
    ".",
    "NAD+BY+1'\r\n",
]


@settings(max_examples=250, deadline=None)
@given(shape=st.sampled_from(sorted(SHAPES)), data=st.data())
def test_nothing_is_recognised_that_the_validator_refuses(shape: str, data: st.DataObject) -> None:
    interchange, writer = SHAPES[shape]
    charset = interchange.envelope.charset
    text = writer.write(interchange).decode(charset.encoding)
    for _ in range(data.draw(st.integers(1, 2))):
        segments = text.splitlines(keepends=True)
        place = data.draw(st.integers(0, len(text) - 1))
        first, second = (data.draw(st.integers(0, len(segments) - 1)) for _ in range(2))
        match data.draw(st.sampled_from(("put in", "put instead", "cut", "repeat", "swap", "copy"))):
            case "put in":
                text = text[:place] + data.draw(st.sampled_from(PIECES)) + text[place:]
            case "put instead":
                text = text[:place] + data.draw(st.sampled_from(PIECES)) + text[place + 1 :]
            case "cut":
                text = text[:place] + text[place + 1 :]
            case "repeat":
                text = "".join([*segments[:first], segments[first], *segments[first:]])
            case "swap":
                segments[first], segments[second] = segments[second], segments[first]
                text = "".join(segments)
            case "copy":
                segments[first] = segments[second]
                text = "".join(segments)
    raw = text.encode(data.draw(st.sampled_from((charset.encoding, "utf-8"))), errors="replace")
    report = recognised(raw)
    if report is not None:
        whole = validate(raw)
        assert whole.acceptable, [str(found) for found in whole.findings]
        assert (report.messages, report.lines, report.goods) == (whole.messages, whole.lines, whole.goods)


def test_every_error_the_validator_knows_is_among_the_seeded_ones() -> None:
    elsewhere = {Fault.EMPTY_FILE, Fault.NO_MESSAGE, Fault.NO_LINE, Fault.GOODS_TOTAL, Fault.STOPPED}
    assert {row[0] for row in SEEDED} | elsewhere == set(CURES)
    for data in (b"", b"UNB+UNOA:2+A:14+B:ZZ+260130:0705+R'UNZ+0+R'", GOOD.encode().split(b"LIN")[0]):
        assert recognised(data) is None
