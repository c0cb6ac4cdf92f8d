"""The acceptance table: finds numbers in tests, tells covered from open, and refuses invented numbers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from klokwerk_platform import acceptance
from typer.testing import CliRunner

CHECKOUT = Path(__file__).parents[3]
RULES = """# Sample
| ID | Kind | Where | Statement |
|---|---|---|---|
| EF-01 | E | ekt-service | An EKT is sent by itself. |
| EF-02 | E | ekt-service | It can be sent again. |
| EF-03 | I | ekt-service | For several reasons. |
| NV-28 | E | dispatch-service | It stops when e-mail is not selected. |
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docs/rules").mkdir(parents=True)
    (tmp_path / "docs/rules/ekt.md").write_text(RULES)
    (tmp_path / "docs/rules/decisions.md").write_text("- **D-22 Resend waits.** Always.\n")
    return tmp_path


def write_test(project: Path, body: str, folder: str = "services/ekt-service/tests") -> None:
    (project / folder).mkdir(parents=True, exist_ok=True)
    (project / folder / "test_sample.py").write_text(body)


def run(project: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(acceptance.app, ["--root", str(project), *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("test_NV_28_stops", ["NV-28"]),
        ("test_EF_23_EF_25_one_click", ["EF-23", "EF-25"]),
        ("test_EF_63_to_EF_65_requirements", ["EF-63", "EF-64", "EF-65"]),
        ("test_EF_63_to_65_requirements", ["EF-63", "EF-64", "EF-65"]),
        ("NV-7 and LS-44: shown", ["NV-07", "LS-44"]),
        ("EF-63..EF-65", ["EF-63", "EF-64", "EF-65"]),
        ("EF-63..65, D-22", ["EF-63", "EF-64", "EF-65", "D-22"]),
        ("test_NV_28_3_attempts_in_30_s", ["NV-28"]),
        ("test_reference_REF_12_is_kept", []),
        ("test_lowercase_ef_12", []),
        ("test_number_EF_1234", []),
    ],
)
def test_numbers_are_found_in_names_and_docstrings(text: str, numbers: list[str]) -> None:
    assert acceptance.cited(text) == numbers


def test_covered_and_open_rules_are_told_apart(project: Path) -> None:
    write_test(
        project,
        "class TestSending:\n"
        "    async def test_EF_01_is_sent(self):\n        pass\n\n"
        'def test_resend():\n    """EF-02: again, as D-22 says."""\n',
    )
    code, output = run(project)
    assert code == 0
    assert "EF-01  services/ekt-service/tests/test_sample.py::test_EF_01_is_sent" in output
    assert "EF-02  services/ekt-service/tests/test_sample.py::test_resend" in output
    assert "NV-28  open   dispatch-service: It stops when e-mail is not selected." in output

    _, only_open = run(project, "--open")
    assert "EF-01" not in only_open
    assert "NV-28" in only_open
    _, only_covered = run(project, "--covered", "--area", "EF")
    assert "EF-02" in only_covered
    assert "NV-28" not in only_covered


@pytest.mark.parametrize(
    "mark", ["@pytest.mark.skip(reason='later')", "@pytest.mark.xfail", "@pytest.mark.skip"]
)
def test_a_test_that_is_not_run_covers_nothing(project: Path, mark: str) -> None:
    write_test(project, f"import pytest\n\n{mark}\ndef test_EF_01_is_sent():\n    pass\n")
    assert acceptance.measure(project).tests == {}


def test_numbers_in_other_functions_and_in_data_cover_nothing(project: Path) -> None:
    write_test(project, "def factory_EF_01():\n    return 'EF-02'\n\ndef test_it():\n    assert 'EF-03'\n")
    assert acceptance.measure(project).tests == {}


def test_an_invented_number_fails_and_names_the_test(project: Path) -> None:
    write_test(project, "def test_NV_99_does_not_exist():\n    pass\n", "tests/system")
    code, output = run(project)
    assert code == 1
    assert "tests/system/test_sample.py::test_NV_99_does_not_exist cites NV-99: no such rule" in output


def test_the_table_is_written_as_a_page(project: Path, tmp_path: Path) -> None:
    write_test(project, "def test_EF_01_is_sent():\n    pass\n")
    page = tmp_path / "acceptance.md"
    code, _ = run(project, "--markdown", str(page))
    assert code == 0
    text = page.read_text()
    assert "| EF | 3 | 1 | 2 |" in text
    assert "| EF-02 | ekt-service | open | It can be sent again. |" in text


def test_a_rule_that_stands_twice_is_refused(project: Path) -> None:
    (project / "docs/rules/more.md").write_text(RULES)
    code, output = run(project)
    assert code == 2
    assert "EF-01 stands twice" in output


def test_a_folder_without_rules_says_what_to_do(tmp_path: Path) -> None:
    code, output = run(tmp_path)
    assert code == 2
    assert "give --root" in output


def test_the_projects_own_copy_holds_all_rules_of_every_area() -> None:
    rules = acceptance.read_rules(CHECKOUT / acceptance.RULES)
    expected = {"EF": 74, "EP": 72, "NV": 69, "LS": 44, "FA": 86}
    for area, count in expected.items():
        numbers = [rule.id for rule in rules.values() if rule.area == area]
        assert numbers == [f"{area}-{number:02d}" for number in range(1, count + 1)]
    assert len(rules) == 345
    assert len(acceptance.read_decisions(CHECKOUT / acceptance.RULES)) == 24


def test_no_test_of_the_project_cites_a_number_that_does_not_exist() -> None:
    assert acceptance.measure(CHECKOUT).unknown == ()


def test_statements_agree_with_the_reference_table() -> None:
    reference = Path(os.environ.get("KLOKWERK_REFERENCE", CHECKOUT.parent / "shared")) / "acceptance.md"
    if not reference.exists():
        pytest.skip("the reference table is not here")
    text = reference.read_text("utf-8")
    for rule in acceptance.read_rules(CHECKOUT / acceptance.RULES).values():
        assert f"| {rule.statement} |" in text
        assert f"| {rule.id} | {rule.kind} |" in text
