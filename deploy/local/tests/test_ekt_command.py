"""``klokwerk ekt validate``: exit codes, several files, standard input, JSON, words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from klokwerk_platform.cli import app
from typer.testing import CliRunner, Result

GOLDEN = Path(__file__).parents[3] / "services" / "ekt-service" / "tests" / "golden"
GOOD = GOLDEN / "fullest.edi"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.edi"
    content = GOOD.read_bytes().replace(b"QTY+66:2", b"QTY+66:0", 1)
    path.write_bytes(content.replace(b"IMD++S20+070", b"IMD++S20+\x1b[2J070", 1))
    return path


def run(*arguments: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["ekt", "validate", *map(str, arguments)], input=given)


def test_a_good_file_ends_with_0_and_a_faulty_one_with_1(broken: Path) -> None:
    good = run(GOOD)
    assert good.exit_code == 0
    assert "fullest.edi: 2 messages, 2 lines, goods 112.5000 euro: acceptable" in good.stdout
    bad = run(GOOD, broken)
    assert bad.exit_code == 1
    assert "segment 23, QTY+66, element 1, component 2" in bad.stdout
    assert "acceptable" in bad.stdout


def test_a_file_that_can_not_be_read_is_named_and_ends_with_2(tmp_path: Path) -> None:
    result = run(tmp_path / "absent.edi", GOOD)
    assert result.exit_code == 2
    assert "absent.edi: No such file or directory" in result.stderr
    assert "acceptable" in result.stdout
    assert run(tmp_path).exit_code == 2
    assert run().exit_code == 2


def test_standard_input_is_taken_under_a_dash() -> None:
    result = run("-", given=GOOD.read_bytes())
    assert result.exit_code == 0
    assert "standard input: 2 messages" in result.stdout
    assert run("-", given=b"hello").exit_code == 1


def test_json_holds_every_file_with_its_findings_and_on_request_every_segment(broken: Path) -> None:
    result = run("--json", "--explain", GOOD, broken)
    assert result.exit_code == 1
    good, bad = json.loads(result.stdout)["files"]
    assert (good["acceptable"], good["lines"], good["goods_total"]) == (True, 2, "112.5000")
    assert [segment["name"] for segment in good["segments"][:3]] == ["UNB", "UNH", "BGM"]
    assert {"code": "kind", "element": 1, "component": 1, "text": "493", "reads": "final"} in good[
        "segments"
    ][2]["values"]
    faults = {finding["code"]: finding for finding in bad["findings"]}
    assert faults["units"]["segment"] == 23
    assert faults["units"]["found"] == "0"
    assert "segments" not in json.loads(run("--json", GOOD).stdout)["files"][0]


def test_explained_the_file_is_told_segment_by_segment_and_gives_no_orders_to_the_terminal(
    broken: Path,
) -> None:
    result = run("--explain", broken)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert any("NAD+BY" in line and "Buyer: the buyer's number or code JANSEN" in line for line in lines)
    at = next(place for place, line in enumerate(lines) if "QTY+66" in line)
    assert "! error: Number of units: '0' is no whole number above 0." in lines[at + 1]
    assert "\x1b" not in result.stdout
