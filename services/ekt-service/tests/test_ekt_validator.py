"""Every seeded fault is found, named with segment and position, and comes with a cure."""

from decimal import Decimal

import pytest
from ekt_factories import a_line, a_message, an_interchange
from ekt_service.edifact.findings import CURES, Fault, Severity
from ekt_service.edifact.validator import validate
from ekt_service.edifact.writer import ClocktWriter

GOOD = (
    ClocktWriter().write(an_interchange(a_message(), a_message(a_line(2), reference="10000700002"))).decode()
)

# fault, what is replaced (first occurrence), by what, the segment that is named
SEEDED: list[tuple[Fault, str, str, str]] = [
    (Fault.NOT_EDIFACT, "UNB+UNOA", "XXX+UNOA", "the whole file"),
    (Fault.BAD_UNA, "UNB+", "UNA:+.? +UNB+", "the whole file"),
    (Fault.UNTERMINATED, "UNZ+2+100007'", "UNZ+2+100007", "UNT"),
    (Fault.UNKNOWN_TAG, "BGM+493'", "BGM+493'\r\nXYZ+1'", "segment 4, XYZ"),
    (Fault.CHARACTER_SET, "AVALANCHE?+", "AVALANCHÉ", "IMD+S99, element 3, component 4"),
    (Fault.LOWER_CASE, "AVALANCHE?+", "avalanche", "IMD+S99, element 3, component 4"),
    (Fault.CONTROL_CHARACTER, "AVALANCHE?+", "AVA\tLANCHE", "IMD+S99, element 3, component 4"),
    (Fault.SYNTAX_ID, "UNOA:2", "UNOX:9", "segment 1, UNB, element 1"),
    (Fault.SENDER_MISSING, "+8714231141907:14+", "++", "segment 1, UNB, element 2"),
    (Fault.RECEIVER_MISSING, "+K1001:ZZ+", "++", "segment 1, UNB, element 3"),
    (Fault.ENVELOPE_MOMENT, "260130:0705", "261330:0705", "segment 1, UNB, element 4"),
    (Fault.ENVELOPE_REFERENCE, "+100007++", "++++", "segment 1, UNB, element 5"),
    (Fault.UNB_MISPLACED, "UNH+10000700002", "UNB+UNOA:2+A+B+260130:0705+X'\r\nUNH+10000700002", "UNB"),
    (Fault.UNZ_MISSING, "UNZ+2+100007'", "", "UNT"),
    (Fault.UNZ_COUNT, "UNZ+2+", "UNZ+3+", "UNZ, element 1"),
    (Fault.UNZ_REFERENCE, "UNZ+2+100007'", "UNZ+2+100008'", "UNZ, element 2"),
    (Fault.AFTER_UNZ, "UNZ+2+100007'", "UNZ+2+100007'BGM+493'", "BGM"),
    (Fault.OUTSIDE_MESSAGE, "UNZ+2", "NAD+BY+1'\r\nUNZ+2", "NAD+BY"),
    (Fault.MESSAGE_TYPE, "CLOCKT:003:007", "INVOIC:003:007", "segment 2, UNH, element 2, component 1"),
    (Fault.MESSAGE_VERSION, "CLOCKT:003:007", "CLOCKT:003:009", "segment 2, UNH, element 2, component 2"),
    (Fault.MESSAGE_REFERENCE, "UNH+10000700001+", "UNH++", "segment 2, UNH, element 1"),
    (Fault.MESSAGE_REFERENCE_TWICE, "UNH+10000700002", "UNH+10000700001", "UNH, element 1"),
    (Fault.UNT_MISSING, "UNT+25+10000700001'\r\n", "", "segment 2, UNH"),
    (Fault.UNT_COUNT, "UNT+25+", "UNT+24+", "UNT, element 1"),
    (Fault.UNT_REFERENCE, "UNT+25+10000700001'", "UNT+25+10000700009'", "UNT, element 2"),
    (Fault.BGM_MISSING, "BGM+493'\r\n", "", "segment 2, UNH"),
    (Fault.BGM_CODE, "BGM+493'", "BGM+380'", "segment 3, BGM, element 1"),
    (Fault.DAY_MISSING, "DTM+97:20260130:102'\r\n", "", "segment 2, UNH"),
    (
        Fault.DAY_FORM,
        "DTM+97:20260130:102",
        "DTM+97:30012026:102",
        "segment 4, DTM+97, element 1, component 2",
    ),
    (Fault.BUYER_MISSING, "NAD+BY+K1001", "NAD+BY+", "segment 5, NAD+BY, element 2"),
    (Fault.AUCTION_MISSING, "NAD+FLA+41'\r\n", "", "segment 2, UNH"),
    (Fault.AUCTION_FORM, "NAD+FLA+41", "NAD+FLA+A41", "segment 6, NAD+FLA, element 2"),
    (Fault.GLN_FORM, "NAD+FLA+41'", "NAD+FLA+41'\r\nNAD+SE+8714231141900:160:9'", "NAD+SE, element 2"),
    (Fault.REPEATED_SEGMENT, "QTY+66:8'", "QTY+66:8'\r\nQTY+66:9'", "QTY+66"),
    (Fault.VBN_CODE, "LIN+++16207:VBN", "LIN+++16A07:VBN", "segment 7, LIN, element 3, component 1"),
    (Fault.VBN_QUALIFIER, "LIN+++16207:VBN", "LIN+++16207:EN", "segment 7, LIN, element 3, component 2"),
    (Fault.TIME_FORM, "DTM+9:061805:402", "DTM+9:256005:402", "segment 8, DTM+9, element 1, component 2"),
    (Fault.AGJ_MISSING, "RFF+AGJ:1'\r\n", "", "segment 7, LIN"),
    (Fault.AGJ_FORM, "RFF+AGJ:1'", "RFF+AGJ:123456'", "RFF+AGJ, element 1, component 2"),
    (Fault.AGJ_TWICE, "RFF+AGJ:2'", "RFF+AGJ:1'", "RFF+AGJ, element 1, component 2"),
    (Fault.BARCODE_MISSING, "RFF+BT:04199030000010000008'\r\n", "", "segment 7, LIN"),
    (Fault.BARCODE_TWICE, "04199030000020000008", "04199030000010000008", "RFF+BT, element 1, component 2"),
    (Fault.BARCODE_AUCTION, "04199030000010000008", "04299030000010000008", "segment 11, RFF+BT"),
    (Fault.BARCODE_CLOCK, "04199030000010000008", "04198030000010000008", "segment 11, RFF+BT"),
    (Fault.BARCODE_DAY, "04199030000010000008", "04199031000010000008", "segment 11, RFF+BT"),
    (Fault.BARCODE_AGJ, "04199030000010000008", "04199030000070000008", "segment 11, RFF+BT"),
    (Fault.BARCODE_UNITS, "04199030000010000008", "04199030000010000009", "segment 11, RFF+BT"),
    (Fault.ORDER_LINE_MISSING, "RFF+VN:700001'\r\n", "", "segment 7, LIN"),
    (Fault.ORDER_LINE_TWICE, "RFF+VN:700002'", "RFF+VN:700001'", "RFF+VN, element 1, component 2"),
    (Fault.PIECES, "QTY+52:10'", "QTY+52:10.5'", "QTY+52, element 1, component 2"),
    (Fault.UNITS, "QTY+66:8'", "QTY+66:-8'", "QTY+66, element 1, component 2"),
    (Fault.PRICE_MISSING, "PRI+INV:0.560'\r\n", "", "segment 7, LIN"),
    (Fault.PRICE_COMMA, "PRI+INV:0.560", "PRI+INV:0,560", "PRI+INV, element 1, component 2"),
    (Fault.PRICE_NEGATIVE, "PRI+INV:0.560", "PRI+INV:-0.560", "PRI+INV, element 1, component 2"),
    (Fault.PRICE_FORM, "PRI+INV:0.560", "PRI+INV:5E2", "PRI+INV, element 1, component 2"),
    (Fault.NAME_MISSING, "IMD++S99+:::R GR AVALANCHE?+'\r\n", "", "segment 7, LIN"),
    (Fault.NAME_LONG, "R GR AVALANCHE?+", "R GR AVALANCHE" * 3, "IMD+S99, element 3, component 4"),
    (Fault.CHARACTERISTIC_TYPE, "IMD++S20+070", "IMD++20+070", "IMD+20, element 2"),
    (Fault.COUNTRY, "IMD++S62+NL", "IMD++S62+NLD", "IMD+S62, element 3"),
    (Fault.PACKAGING_CODE, "PAC+++997", "PAC+++BOX", "PAC, element 3"),
]

# what the rest of the file says should stand there
EXPECTED = {
    Fault.UNZ_COUNT: "2",
    Fault.UNZ_REFERENCE: "100007",
    Fault.UNT_COUNT: "25",
    Fault.UNT_REFERENCE: "10000700001",
    Fault.BARCODE_AUCTION: "41",
    Fault.BARCODE_AGJ: "1",
    Fault.BARCODE_UNITS: "8",
}


def test_the_good_file_has_no_finding() -> None:
    report = validate(GOOD.encode(), goods_total=Decimal("89.6"))
    assert report.findings == ()
    assert (report.messages, report.lines) == (2, 2)


@pytest.mark.parametrize(("fault", "old", "new", "place"), SEEDED, ids=[row[0].value for row in SEEDED])
def test_a_seeded_fault_is_found_at_its_place(fault: Fault, old: str, new: str, place: str) -> None:
    assert old in GOOD
    broken = GOOD.replace(old, new, 1)
    found = [finding for finding in validate(broken.encode()).findings if finding.fault is fault]
    assert found, [str(other) for other in validate(broken.encode()).findings]
    assert place in found[0].place
    assert found[0].says
    assert found[0].cure
    if fault in EXPECTED:
        assert found[0].expected == EXPECTED[fault]


def test_a_file_without_lines_or_messages_says_so() -> None:
    no_line = ClocktWriter().write(an_interchange(a_message())).decode()
    head, tail = no_line.split("LIN+++")[0], no_line.split("UNT+")[1]
    faults = {finding.fault for finding in validate(f"{head}UNT+{tail}".encode()).findings}
    assert Fault.NO_LINE in faults
    nothing = "UNB+UNOA:2+A:14+B:ZZ+260130:0705+R'UNZ+0+R'"
    assert [finding.fault for finding in validate(nothing.encode()).findings] == [Fault.NO_MESSAGE]
    assert [finding.fault for finding in validate(b"  ").findings] == [Fault.EMPTY_FILE]


def test_a_total_that_differs_from_the_sale_is_found() -> None:
    found = validate(GOOD.encode(), goods_total=Decimal("90")).findings
    assert [finding.fault for finding in found] == [Fault.GOODS_TOTAL]
    assert "89.6" in found[0].says


def test_every_kind_of_fault_has_a_cure_and_at_least_25_are_seeded() -> None:
    assert set(CURES) == set(Fault)
    seeded = {row[0] for row in SEEDED} | {
        Fault.NO_LINE,
        Fault.NO_MESSAGE,
        Fault.EMPTY_FILE,
        Fault.GOODS_TOTAL,
        Fault.STOPPED,  # test_ekt_fuzz
    }
    assert seeded == set(Fault)
    assert len(seeded) >= 25


def test_all_faults_of_a_file_are_told_at_once_in_file_order() -> None:
    broken = GOOD.replace("BGM+493", "BGM+1").replace("QTY+66:8", "QTY+66:0", 1).replace("UNZ+2", "UNZ+9")
    found = validate(broken.encode()).findings
    assert {Fault.BGM_CODE, Fault.UNITS, Fault.UNZ_COUNT} <= {finding.fault for finding in found}
    assert [finding.segment for finding in found] == sorted(finding.segment for finding in found)


@pytest.mark.parametrize(
    "data", [b"\x00\xff\xfe", b"UNB", b"UNA", b"UNB'" * 3, b"UNB+??'UNH'UNT'", "UNB+é'".encode()]
)
def test_rubbish_is_explained_and_never_breaks_the_validator(data: bytes) -> None:
    report = validate(data)
    assert report.findings
    assert any(finding.severity is Severity.ERROR for finding in report.findings)
