"""Tables that people hand in, in the encodings and delimiters that their programs write."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from klokwerk import tables
from klokwerk.tables import BadTable, Row, read_table

ROWS = [["naam", "plaats", "korting"], ["Bloemen José; en zoon", "Aalsmeer", "1,5"], ["Café Zoë", "Luik", ""]]


def as_csv(delimiter: str, encoding: str) -> bytes:
    def cell(text: str) -> str:
        return f'"{text}"' if delimiter in text else text

    return "\r\n".join(delimiter.join(map(cell, row)) for row in ROWS).encode(encoding)


@pytest.mark.parametrize("delimiter", tables.DELIMITERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_common_delimiter_and_encoding_is_recognised(delimiter: str, encoding: str) -> None:
    table = read_table(as_csv(delimiter, encoding))
    assert [list(table.columns), *(list(row.cells) for row in table.rows)] == ROWS
    assert table.delimiter == delimiter
    assert table.encoding == encoding.removesuffix("-sig")


@pytest.mark.parametrize("encoding", ["cp850", "mac-roman", "iso-8859-15"])
def test_an_encoding_that_looks_like_another_can_be_chosen(encoding: str) -> None:
    table = read_table(as_csv(";", encoding), encoding=encoding)
    assert table.rows[1].cells[0] == "Café Zoë"


def test_a_delimiter_that_is_frequent_inside_the_cells_is_not_taken_for_it() -> None:
    text = "name;note\nVis;a, b, c, d\nJansen;e, f\n"
    assert read_table(text.encode()).delimiter == ";"


def test_blank_lines_keep_the_numbers_that_a_spreadsheet_shows() -> None:
    assert [row.number for row in read_table(b"a;b\n\n1;2\n;\n3;4\n").rows] == [3, 5]


def workbook(*rows: list[object]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


def test_a_workbook_gives_the_text_that_its_cells_show() -> None:
    table = read_table(
        workbook(["a", "b", "c", "d"], [1.0, 0.1, True, date(2026, 3, 2)], ["x", None, False, ""])
    )
    assert table.rows == (Row(2, ("1", "0.1", "yes", "2026-03-02")), Row(3, ("x", "", "no", "")))
    assert (table.encoding, table.delimiter) == ("", "")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "neither text nor a workbook"),
        (b"\x00\x01", "neither text nor a workbook"),
        (b";;\n1;2;3\n", "name the columns"),
        (b'a;b\n"open;x\n', "no CSV"),
        (b"PK\x03\x04 no zip at all", "no workbook"),
        (b"a;b\n1\n", "more or fewer cells"),
    ],
)
def test_what_is_no_table_is_refused_in_words(body: bytes, says: str) -> None:
    with pytest.raises(BadTable, match=says):
        read_table(body)


def test_a_row_with_other_cells_is_named() -> None:
    with pytest.raises(BadTable) as refused:
        read_table(b"a;b\n1;2\n1;2;3\n")
    assert [(error.field, error.message) for error in refused.value.errors] == [
        ("row 3", "it has 3 cells, the first line has 2")
    ]
    assert refused.value.as_problem().status == 422


def test_too_many_rows_are_refused_with_the_cure() -> None:
    with pytest.raises(BadTable, match=r"at most 2 are taken at once\. Split it"):
        read_table(b"a\n1\n2\n3\n", most_rows=2)


def test_a_wrong_or_unknown_encoding_says_so() -> None:
    with pytest.raises(BadTable, match="not written in utf-8"):
        read_table("a;b\né;1\n".encode("cp1252"), encoding="utf-8")
    with pytest.raises(BadTable, match="no encoding that is known"):
        read_table(b"a;b\n", encoding="ebcdic")


def test_a_workbook_that_unpacks_to_more_than_memory_can_hold_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (tables.MOST_UNPACKED_BYTES + 1))
    with pytest.raises(BadTable, match="too large when unpacked"):
        read_table(bomb.read_bytes())
