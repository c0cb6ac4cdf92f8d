"""A file told segment by segment: what each stands for, what its values say, what is wrong beside it."""

from __future__ import annotations

import pytest
from ekt_service.edifact.explain import Part, explain
from ekt_service.edifact.findings import Fault
from ekt_service.edifact.meanings import all_meanings, all_values
from golden_shapes import GOLDEN

FULLEST = (GOLDEN / "fullest.edi").read_bytes()
ORDERS = (
    b"UNA:+.? 'UNB+UNOC:3+4399902421386:14+4304171000002:14+260130:0705+1'UNH+1+ORDERS:D:96A:UN:EAN008'"
    b"BGM+220+128576+9'DTM+137:20260130:102'NAD+BY+4304171000002::9'MOA+86:110.2:EUR'ZZZ+x'UNT+7+1'UNZ+1+1'"
)


def test_every_segment_of_the_fullest_file_has_a_meaning_and_every_value_a_name() -> None:
    told = explain(FULLEST, limit=1000)
    assert [segment.number for segment in told.segments] == list(range(1, told.total + 1))
    known = all_meanings()
    for segment in told.segments:
        assert segment.meaning in known
        assert segment.meaning != "other"
        assert segment.title == known[segment.meaning]
        for value in segment.values:
            assert value.code, (segment.raw, value)
            assert value.label
    assert (told.message_type, told.message_version) == ("CLOCKT", "003:007")
    assert (told.sender, told.receiver) == ("8714231141907", "8719604000003")


def test_segments_know_the_message_and_line_they_belong_to() -> None:
    told = explain(FULLEST, limit=1000).segments
    places = {segment.name: (segment.part, segment.message, segment.line) for segment in told[:36]}
    assert places["UNB"] == (Part.FILE, 0, 0)
    assert places["NAD+BY"] == (Part.MESSAGE, 1, 0)
    assert places["RFF+AGJ"] == (Part.LINE, 1, 1)
    assert places["UNT"] == (Part.MESSAGE, 1, 0)
    second = [segment for segment in told if segment.line == 2]
    assert second[0].tag == "LIN"
    assert {segment.message for segment in second} == {2}


def test_days_times_codes_and_the_parts_of_a_barcode_are_read() -> None:
    told = {segment.name: segment for segment in explain(FULLEST, limit=40).segments}

    def read(name: str) -> dict[str, str]:
        return {value.code: value.reads or value.text for value in told[name].values}

    assert read("UNB")["prepared"] == "2026-01-30T07:05"
    assert read("UNB")["sender_kind"] == "gln"
    assert read("BGM") == {"kind": "final"}
    assert read("DTM+97") == {"day": "2026-01-30"}
    assert read("DTM+9") == {"time": "06:18:05"}
    assert read("RFF+BT") == {
        "value": "04101030000010000002",
        "barcode_auction": "041",
        "barcode_clock": "01",
        "barcode_day": "2026-01-30",
        "barcode_agj": "00001",
        "barcode_units": "0000002",
    }
    assert read("PRI+INV") == {"price": "0.5625", "customer_price": "1.100"}


def test_findings_stand_beside_their_segment_and_those_of_the_whole_file_apart() -> None:
    broken = FULLEST.replace(b"QTY+66:2", b"QTY+66:0", 1).replace(b"UNT+35+100100001", b"UNT+34+100100001")
    told = explain(broken, limit=1000)
    marked = {
        segment.name: [f.fault for f in segment.findings] for segment in told.segments if segment.findings
    }
    assert marked == {"QTY+66": [Fault.UNITS], "UNT": [Fault.UNT_COUNT]}
    (unt,) = [segment for segment in told.segments if segment.name == "UNT" and segment.findings]
    assert (unt.findings[0].found, unt.findings[0].expected) == ("34", "35")
    only = explain(broken, only_findings=True)
    assert [segment.name for segment in only.segments] == ["QTY+66", "UNT"]
    assert only.total == 2
    nothing = explain(b"hello")
    assert nothing.segments == ()
    assert [found.fault for found in nothing.about_file] == [Fault.NOT_EDIFACT]


def test_a_large_file_is_told_page_by_page() -> None:
    whole = explain(FULLEST, limit=1000).segments
    paged = [
        segment for first in range(1, len(whole) + 1, 7) for segment in explain(FULLEST, first, 7).segments
    ]
    assert tuple(paged) == whole
    assert explain(FULLEST, len(whole) + 1, 7).segments == ()


def test_another_kind_of_message_is_told_as_far_as_it_is_known() -> None:
    told = explain(ORDERS)
    assert told.message_type == "ORDERS"
    assert [(segment.name, segment.meaning) for segment in told.segments] == [
        ("UNB", "unb"),
        ("UNH", "unh"),
        ("BGM", "bgm"),
        ("DTM+137", "dtm"),
        ("NAD+BY", "nad-by"),
        ("MOA", "moa"),
        ("ZZZ", "other"),
        ("UNT", "unt"),
        ("UNZ", "unz"),
    ]
    money = told.segments[5]
    assert [(value.element, value.component, value.text) for value in money.values] == [
        (1, 1, "86"),
        (1, 2, "110.2"),
        (1, 3, "EUR"),
    ]
    assert Fault.MESSAGE_TYPE in {found.fault for found in told.segments[1].findings}
    assert told.segments[6].raw == "ZZZ+x'"


@pytest.mark.parametrize("code", sorted(all_meanings()))
def test_codes_are_words_that_a_catalogue_can_use_as_keys(code: str) -> None:
    assert code.replace("-", "").isalnum()
    assert code == code.lower()


def test_values_have_plain_codes() -> None:
    assert all(code.replace("_", "").isalpha() for code in all_values())
