"""Bytes from anybody: nothing breaks the check, the reader or the explanation, and none of them takes long."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from ekt_service.edifact.explain import explain
from ekt_service.edifact.findings import MOST_COUNTED, MOST_KEPT, Fault
from ekt_service.edifact.reader import UnreadableEktError, read
from ekt_service.edifact.segments import NotEdifactError, tokenize
from ekt_service.edifact.self_check import check
from ekt_service.edifact.validator import validate
from golden_shapes import GOLDEN
from hypothesis import example, given, settings
from hypothesis import strategies as st

FILES = [path.read_bytes() for path in sorted(GOLDEN.glob("*.edi"))]
HEAD = (
    b"UNB+UNOA:2+A:14+B:ZZ+260130:0705+R'UNH+1+CLOCKT:003:007:EF'BGM+493'DTM+97:20260130:102'NAD+BY+1'"
    b"NAD+FLA+1'LIN+++1:VBN'"
)
MEGABYTES = 1
_PIECES = st.sampled_from(
    [b"'", b"+", b":", b"?", b"\r\n", b"\xff", b"\x00", b"\xc3", b"UNH", b"9" * 40, b"LIN+"]
)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(("flip", "cut", "put", "copy"))):
            case "flip":
                data[place] = draw(st.integers(0, 255))
            case "cut":
                del data[place : place + draw(st.integers(1, 30))]
            case "put":
                data[place:place] = draw(_PIECES)
            case "copy":
                data += data[place : place + 60]
        data = data or bytearray(b"'")
    return bytes(data)


@settings(max_examples=250, deadline=None)
@given(_mutated() | st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: HEAD + tail))
@example(HEAD + b"QTY+52:" + b"1" * 5000 + b"'")
@example(HEAD + b"PRI+INV:" + b"9" * 2_000_000 + b"'QTY+52:1'QTY+66:1'")
@example(HEAD + "RFF+BT:²²²²²²²²²²²²²²²²²²²²'RFF+FAC:1'".encode())
@example(HEAD + "DTM+97:٢٠٢٦٠١٣٠:102'RFF+AGJ:٣'QTY+66:٣'".encode())
@example(b"UNA:+.??'UNB+A'")
@example(b"UNA''''''" + b"UNB'" * 9)
def test_no_bytes_break_the_check_the_reader_or_the_explanation(data: bytes) -> None:
    report = validate(data)
    for found in report.findings:
        assert found.says
        assert found.cure
    if check(data).acceptable:
        assert report.acceptable
    told = explain(data)
    assert told.report == report
    try:
        read(data)
    except UnreadableEktError:
        return
    assert Fault.NOT_EDIFACT not in {found.fault for found in report.findings}


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="UNB+:?'A\r\n", max_size=60).map(lambda text: "UNB" + text))
def test_cut_text_is_put_together_again_as_it_was(text: str) -> None:
    tokens = tokenize(text)
    joined = "".join(tokens.separators.written(each.tag, each.elements) for each in tokens.segments)
    again = tokenize(joined) if joined.startswith(("UNA", "UNB")) else tokens
    assert [(each.tag, each.elements) for each in again.segments] == [
        (each.tag, each.elements) for each in tokens.segments
    ]


def _filled(piece: bytes, head: bytes = HEAD) -> bytes:
    return head + piece * (MEGABYTES * 1_000_000 // len(piece))


@pytest.mark.parametrize("piece", [b"?'", b"a?+", b"?", b"IMD++?+S20+0?:7\x01'"])
def test_a_megabyte_of_the_worst_costs_no_more_than_its_size(piece: bytes) -> None:
    # Work that grows with the square of the size would take a hundred times as long for ten times the bytes.
    whole = _filled(piece)
    part = whole[: len(whole) // 10]
    for work in (validate, _tried(read)):
        small, large = _seconds(work, part), _seconds(work, whole)
        assert large < 30 * small + 1.0, (work, small, large)
        assert large < 12


def test_of_very_many_faults_the_first_are_told_and_the_rest_is_counted() -> None:
    report = validate(HEAD + b"LIN+++1:VBN'" * 20_000)
    assert len(report.findings) == MOST_KEPT + 1
    assert report.findings[-1].fault is Fault.STOPPED
    assert not report.acceptable
    assert MOST_COUNTED - MOST_KEPT - 1 <= report.left_off < MOST_COUNTED


def test_a_text_of_terminators_is_no_interchange() -> None:
    with pytest.raises(NotEdifactError, match="more than 1,000,000 segments"):
        tokenize("UNB" + "'" * 1_000_001)


def _tried(work: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        try:
            work(data)
        except UnreadableEktError:
            return

    return run


def _seconds(work: Callable[[bytes], object], data: bytes) -> float:
    began = time.process_time()
    work(data)
    return time.process_time() - began
