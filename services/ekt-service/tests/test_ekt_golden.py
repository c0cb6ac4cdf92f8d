"""Files that are kept byte for byte: what a receiver has read once it must be able to read again."""

import pytest
from ekt_service.edifact.reader import read
from ekt_service.edifact.self_check import recognised
from ekt_service.edifact.validator import validate
from golden_shapes import EVERY_SPECIAL, GOLDEN, SHAPES, golden_files
from pydifact_lines import lines_of


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_its_golden_file_to_the_byte(shape: str) -> None:
    for path, content in golden_files(shape).items():
        assert content == path.read_bytes(), path.name


def test_every_golden_file_belongs_to_a_shape_and_is_faultless() -> None:
    kept = {path for shape in SHAPES for path in golden_files(shape)}
    assert kept | {GOLDEN / "two-lines.edi"} == set(GOLDEN.glob("*.edi"))
    for path in kept:
        # A product name in every special character, and an image address, are the only things to remark on.
        assert [found for found in validate(path.read_bytes()).findings if found.tag != "RFF+IRN"] == [], path
        assert recognised(path.read_bytes()) is not None, path


def test_a_product_named_with_every_special_character_is_read_as_it_was_written() -> None:
    data = (GOLDEN / "special-characters.edi").read_bytes()
    (line,), (theirs,) = read(data).lines, lines_of(data, "ascii")
    assert line.name == theirs["name"] == EVERY_SPECIAL
    assert line.article == theirs["article"] == "?+:'"
    assert line.order == theirs["order"] == "'?:+"


def test_the_receivers_wishes_stand_in_the_files() -> None:
    def text(name: str) -> str:
        return (GOLDEN / f"{name}.edi").read_text(encoding="iso-8859-1")

    assert "BGM+231'" in text("direct-sale")
    assert "NAD+FLA+87'" in text("direct-sale")
    assert "BGM+323'" in text("preliminary")
    assert text("latin-1").startswith("UNB+UNOC:3+")
    assert "Rosa Crème" in text("latin-1")
    assert "Růže žlutá č. 3" in (GOLDEN / "utf-8.edi").read_text(encoding="utf-8")
    fullest = text("fullest")
    assert "+8719604000003:14+" in fullest
    assert "NAD+BY+JANSEN'" in fullest
    assert "NAD+DP+8719604000003:160:9'" in fullest
    assert "NAD+SE+8714231141907:160:9'" in fullest
    for segment in ("RFF+ACE:122254'", "RFF+ADZ:1178'", "RFF+FAN:428'", "RFF+CTS:157'", "EQD+BX++3'"):
        assert segment in fullest
    assert "EQD+" not in text("no-carrier")
    assert "++KLOKWERK++++1'" in text("test-mark")
    assert "KLOKWERK-1:ZZ+" in text("test-mark")
    smallest = text("smallest")
    assert not any(f"\n{tag}" in smallest for tag in ("DTM+9:", "RFF+FAC", "EQD", "PIA", "NAD+MF"))


def test_separate_files_hold_one_line_each_under_names_of_their_own() -> None:
    files = SHAPES["separate-files"].build()
    assert [file.name for file in files] == ["om260130-1.0705", "om260130-2.0705", "om260130-3.0705"]
    assert [len(read(file.content).lines) for file in files] == [1, 1, 1]
    assert len({file.reference for file in files}) == 3
