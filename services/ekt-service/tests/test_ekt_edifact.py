"""The CLOCKT writer, reader and tokenizer: golden bytes, round trips, real files of other senders."""

import os
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
from ekt_factories import DAY, a_line, a_message, an_interchange
from ekt_service.edifact.characters import CharacterSet, conform
from ekt_service.edifact.clockt import (
    ALL_OPTIONAL,
    Characteristic,
    Interchange,
    OptionalSegment,
    Transaction,
    barcode,
)
from ekt_service.edifact.reader import UnreadableEktError, read
from ekt_service.edifact.segments import tokenize
from ekt_service.edifact.validator import validate
from ekt_service.edifact.writer import ClocktWriter, price_text
from hypothesis import given, settings
from hypothesis import strategies as st
from pydifact.segmentcollection import Interchange as PydifactInterchange

GOLDEN = Path(__file__).parent / "golden" / "two-lines.edi"
REFERENCE = Path(os.environ.get("KLOKWERK_REFERENCE", Path(__file__).parents[4] / "shared"))
SAMPLES = sorted((REFERENCE / "formats" / "ekt-samples").glob("*.edi"))


def test_the_file_is_the_golden_file_to_the_byte() -> None:
    second = a_line(
        2,
        name="Rosa 'Crème de la Crème'? 40/50: één",
        price=Decimal("1.2345"),
        customer_price=Decimal("2.5"),
        image="https://img.example/r?id=7&s=L",
        at=None,
        packaging_price=None,
    )
    interchange = an_interchange(
        a_message(), a_message(second, reference="10000700002", seller="8714231141907")
    )
    assert ClocktWriter(name_length=35).write(interchange) == GOLDEN.read_bytes()
    assert validate(GOLDEN.read_bytes()).findings == ()


def test_a_test_interchange_marks_itself_in_element_0035() -> None:
    data = ClocktWriter().write(an_interchange(test=True, application=""))
    unb = tokenize(data.decode()).segments[0]
    assert unb.at(11) == "1"
    assert read(data).envelope.test


def test_optional_segments_are_left_out_where_the_receiver_does_not_want_them() -> None:
    data = ClocktWriter(optional=frozenset()).write(an_interchange()).decode()
    for tag in ("DTM+9:", "NAD+MF", "RFF+CTS", "RFF+FAC", "RFF+ON", "PIA+5", "IMD++S20", "PRI+PAP", "EQD+"):
        assert f"\n{tag}" not in data
    only_order = ClocktWriter(optional=frozenset({OptionalSegment.ORDER})).write(an_interchange()).decode()
    assert "RFF+ON:PO?:12?'7'" in only_order


def test_names_are_cut_after_transliteration_and_before_escaping() -> None:
    line = a_line(name="ABCDEFGHIJKLMNOPQRS+tail")
    data = ClocktWriter(name_length=20).write(an_interchange(a_message(line)))
    assert b":::ABCDEFGHIJKLMNOPQRS?+'" in data
    assert read(data).lines[0].name == "ABCDEFGHIJKLMNOPQRS+"


@pytest.mark.parametrize(
    ("price", "text"),
    [("0.56", "0.560"), ("7", "7.000"), ("1.2345", "1.2345"), ("1E+2", "100.000"), ("0", "0.000")],
)
def test_prices_have_a_point_and_no_digit_is_lost(price: str, text: str) -> None:
    assert price_text(Decimal(price)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("é", "E"), ("Straße", "STRASSE"), ("Ærø", "AERO"), ("a\r\nb", "A  B"), ("ż☃z", "Z Z"), ("a_b", "A-B")],
)
def test_unoa_text_is_transliterated_to_capitals(text: str, expected: str) -> None:
    assert conform(text, CharacterSet.UNOA) == expected


def test_the_barcode_has_twenty_digits_in_the_auctions_order() -> None:
    assert barcode("3", "1", date(2010, 12, 8), 2603, 2) == "00301342026030000002"
    with pytest.raises(ValueError, match="auction code '1234' does not fit"):
        barcode("1234", "1", DAY, 1, 1)


@pytest.mark.parametrize("ending", ["\r\n", "\n", ""])
@pytest.mark.parametrize("una", ["", "UNA:+.? '"])
def test_any_line_ending_and_a_una_read_the_same(ending: str, una: str) -> None:
    data = ClocktWriter().write(an_interchange())
    other = (una + data.decode().replace("\r\n", ending)).encode()
    assert read(other) == read(data)


def test_a_una_with_other_separators_is_obeyed() -> None:
    text = "UNA|*.! ~UNB*UNOA|2*A|14*B|ZZ*260130|0705*R1~UNH*1*CLOCKT|003|005|EF~BGM*493~DTM*97|20260130|102~"
    text += "NAD*BY*K!*1~NAD*FLA*41~LIN***1|VBN~QTY*52|1~QTY*66|2~PRI*INV|1.5~UNT*9*1~UNZ*1*R1~"
    message = read(text.encode()).messages[0]
    assert (message.buyer, message.lines[0].units, message.version) == ("K*1", 2, "003:005")


def test_segments_may_stand_in_any_order_inside_a_line() -> None:
    data = ClocktWriter().write(an_interchange())
    head, line_and_tail = data.decode().split("DTM+9:", 1)
    line, tail = line_and_tail.split("UNT+", 1)
    segments = ("DTM+9:" + line).split("\r\n")[:-1]
    turned = head + "\r\n".join(reversed(segments)) + "\r\nUNT+" + tail
    assert read(turned.encode()).lines[0].order == "PO:12'7"
    got, expected = read(turned.encode()).lines[0], read(data).lines[0]
    same = tuple(reversed(got.characteristics))
    assert replace(got, characteristics=same) == expected


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("CLOCKT:003:007", "CLOCKT:004:001", "no CLOCKT of version"),
        ("QTY+66:8", "QTY+66:0", "no whole number above 0"),
        ("PRI+INV:0.560", "PRI+INV:0,560", "no price with a decimal point"),
        ("DTM+97:20260130:102", "DTM+97:20260230:102", "no date CCYYMMDD"),
        ("NAD+FLA+41'", "NAD+XX+41'", "no NAD\\+FLA"),
    ],
)
def test_what_makes_a_value_unusable_is_refused_with_its_place(old: str, new: str, reason: str) -> None:
    data = ClocktWriter().write(an_interchange()).decode().replace(old, new)
    with pytest.raises(UnreadableEktError, match=reason):
        read(data.encode())


_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"), max_codepoint=0x2FFFF), min_size=1, max_size=30
)
_money = st.decimals(min_value=0, max_value=99999, places=4, allow_nan=False)


@st.composite
def _lines(draw: st.DrawFn) -> Transaction:
    return Transaction(
        vbn_code=str(draw(st.integers(1, 9_999_999))),
        agj=str(draw(st.integers(1, 99_999))),
        barcode=str(draw(st.integers(1, 10**20 - 1))),
        order_line=str(draw(st.integers(1, 10**9))),
        pieces=draw(st.integers(1, 10**6)),
        units=draw(st.integers(1, 10**6)),
        price=draw(_money),
        name=draw(_text),
        at=draw(st.none() | st.times().map(lambda t: t.replace(microsecond=0))),
        grower=draw(_text | st.just("")),
        letter=draw(_text | st.just("")),
        place=draw(_text | st.just("")),
        order=draw(_text | st.just("")),
        article=draw(_text | st.just("")),
        customer_price=draw(st.none() | _money),
        packaging="997",
        packaging_price=draw(st.none() | _money),
        characteristics=tuple(draw(st.lists(st.builds(Characteristic, st.just("S20"), _text), max_size=4))),
    )


@settings(max_examples=150, deadline=None)
@given(line=_lines(), charset=st.sampled_from(CharacterSet), test=st.booleans())
def test_what_a_sale_can_hold_survives_writing_and_reading(
    line: Transaction, charset: CharacterSet, test: bool
) -> None:
    data = ClocktWriter(ALL_OPTIONAL, 35).write(an_interchange(a_message(line), charset=charset, test=test))
    got = read(data).lines[0]
    expected = {
        name: conform(getattr(line, name), charset)
        for name in ("grower", "letter", "place", "order", "article")
    }
    assert {name: getattr(got, name) for name in expected} == expected
    assert got.name == conform(line.name, charset)[:35].rstrip()
    same = ("vbn_code", "agj", "barcode", "order_line", "pieces", "units", "price", "at", "customer_price")
    assert {name: getattr(got, name) for name in same} == {name: getattr(line, name) for name in same}
    marks = tuple(Characteristic(m.type, conform(m.value, charset)) for m in line.characteristics)
    assert tuple(m for m in got.characteristics if m.value) == tuple(m for m in marks if m.value)
    assert [found for found in validate(data).errors if not found.fault.startswith("barcode")] == []
    _the_independent_reader_agrees(data, charset)


def _the_independent_reader_agrees(data: bytes, charset: CharacterSet) -> None:
    """Every segment as pydifact reads it means the same as ours (it drops empty tails)."""
    text = data.decode(charset.encoding)
    theirs = PydifactInterchange.from_str(text)
    inner = [
        (segment.tag, _plain(segment.elements))
        for message in theirs.get_messages()
        for segment in message.segments
    ]
    ours = [
        segment.content()
        for segment in tokenize(text).segments
        if segment.tag not in ("UNB", "UNH", "UNT", "UNZ")
    ]
    assert inner == ours


def _plain(elements: list[str | list[str]]) -> tuple[tuple[str, ...], ...]:
    whole = [tuple(part) if isinstance(part, list) else (part,) for part in elements]
    cut = []
    for components in whole:
        values = list(components)
        while values and not values[-1]:
            values.pop()
        cut.append(tuple(values))
    while cut and not cut[-1]:
        cut.pop()
    return tuple(cut)


@pytest.mark.skipif(not SAMPLES, reason="the reference folder is not here")
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_real_files_of_other_senders_are_read_without_loss_and_written_back_equal(sample: Path) -> None:
    data = sample.read_bytes()
    report = validate(data)
    assert report.acceptable
    assert (report.messages, report.lines) == (1, 1)
    interchange = read(data)
    again = ClocktWriter(name_length=35).write(interchange)

    def meanings(raw: bytes) -> list[str]:
        # UNT counts segments, and those that say nothing are not written again. Capitals are UNOA's own wish.
        kept = [segment.content() for segment in tokenize(raw.decode()).segments if segment.tag != "UNT"]
        return sorted(repr(content).casefold() for content in kept if _says_something(content))

    assert meanings(again) == meanings(data)
    envelope, first = interchange.envelope, read(again).envelope
    assert replace(first, sender=envelope.sender) == envelope
    assert first.sender.casefold() == envelope.sender.casefold()
    assert _unnumbered(read(again)) == _unnumbered(interchange)
    assert validate(again).acceptable


def _unnumbered(interchange: Interchange) -> list[object]:
    """Messages without the places of segments, which move when one that says nothing is left out."""
    return [
        replace(message, lines=tuple(replace(line, others=()) for line in message.lines), others=())
        for message in interchange.messages
    ] + [[segment.content() for segment in line.others] for line in interchange.lines]


def _says_something(content: tuple[str, tuple[tuple[str, ...], ...]]) -> bool:
    """Whether a segment has more than its qualifier (``RFF+CTS:`` and ``NAD+SE+`` say nothing)."""
    tag, elements = content
    return tag == "BGM" or len(elements) > 1 or any(len(components) > 1 for components in elements)


def test_times_of_day_are_the_wall_clock() -> None:
    assert read(ClocktWriter().write(an_interchange())).lines[0].at == time(6, 18, 5)
