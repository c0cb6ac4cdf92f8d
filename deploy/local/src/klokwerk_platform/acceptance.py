"""``python -m klokwerk_platform.acceptance``: which numbered rules are covered by tests, and which are open.

The rules are the tables in docs/rules. A test covers a rule when its number stands in the test's name
(``test_NV_28_...``, ``test_EF_23_EF_25_...``, a range as ``test_EF_63_to_EF_65_...``) or in its docstring
(``NV-28``, ``EF-63..EF-65``). Tests are found by reading their source, never by running it; a skipped test or
one that is expected to fail covers nothing.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

RULES = Path("docs/rules")
TEST_FOLDERS = ("contracts/tests", "shared/tests", "services/*/tests", "deploy/local/tests", "tests")

_ROW = re.compile(r"^\| ([A-Z]{2}-\d+) \| ([EIA]) \| ([a-z-]+) \| (.+) \|$", re.MULTILINE)
_DECISION = re.compile(r"^- \*\*(D-\d+) ", re.MULTILINE)
_CITED = re.compile(
    r"(?<![A-Za-z0-9])(?P<area>EF|EP|NV|LS|FA|D)[-_](?P<first>\d{1,3})(?![0-9])"
    r"(?:(?:\.\.|_to_)(?:(?P=area)[-_])?(?P<last>\d{1,3})(?![0-9]))?"
)
_NOT_RUN = {"skip", "xfail"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One numbered rule; `where` is the service that should own it."""

    id: str
    kind: str
    where: str
    statement: str

    @property
    def area(self) -> str:
        """The letters of the number."""
        return self.id.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Citation:
    """A test that carries a number, as ``folder/file.py::test_name``."""

    id: str
    test: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the tests cover.

    Attributes:
        rules: every rule, by its number.
        tests: the tests of each covered rule.
        unknown: citations of numbers that no rule and no decision has.
    """

    rules: Mapping[str, Rule]
    tests: Mapping[str, tuple[str, ...]]
    unknown: tuple[Citation, ...]

    def of_area(self, area: str) -> tuple[int, int]:
        """How many rules of an area there are, and how many of them are covered."""
        numbers = [rule.id for rule in self.rules.values() if rule.area == area]
        return len(numbers), sum(number in self.tests for number in numbers)


def read_rules(folder: Path) -> dict[str, Rule]:
    """Every rule in the tables below `folder`, in the order of files and rows.

    Raises:
        ValueError: a number stands twice, or there is no rule at all.
    """
    rules: dict[str, Rule] = {}
    for file in sorted(folder.glob("*.md")):
        for number, kind, where, statement in _ROW.findall(file.read_text("utf-8")):
            if number in rules:
                raise ValueError(f"{file}: {number} stands twice: a number belongs to one rule")
            rules[number] = Rule(number, kind, where, statement)
    if not rules:
        raise ValueError(f"no rules in {folder}: run it in the project's folder, or give --root")
    return rules


def read_decisions(folder: Path) -> set[str]:
    """The numbers of the decisions, which tests may cite beside rules."""
    file = folder / "decisions.md"
    return set(_DECISION.findall(file.read_text("utf-8"))) if file.exists() else set()


def cited(text: str) -> list[str]:
    """The numbers in a test's name or docstring, ranges written out: ``NV_7`` gives ``NV-07``."""
    numbers: list[str] = []
    for match in _CITED.finditer(text):
        first = int(match["first"])
        last = int(match["last"] or first)
        numbers += [f"{match['area']}-{number:02d}" for number in range(first, last + 1)]
    return numbers


def citations_in(source: str, name: str) -> Iterator[Citation]:
    """Every citation in the tests of one file; `name` is how the file is called in the answer."""
    for node in ast.walk(ast.parse(source, name)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        if any(_mark(decorator) in _NOT_RUN for decorator in node.decorator_list):
            continue
        for number in dict.fromkeys(cited(node.name) + cited(ast.get_docstring(node) or "")):
            yield Citation(number, f"{name}::{node.name}")


def measure(root: Path) -> Coverage:
    """Read the rules and all tests of a checkout.

    Raises:
        ValueError: the rules can't be read.
        SyntaxError: a test file is not Python.
    """
    rules, decisions = read_rules(root / RULES), read_decisions(root / RULES)
    tests: defaultdict[str, list[str]] = defaultdict(list)
    unknown: list[Citation] = []
    for file in _test_files(root):
        for citation in citations_in(file.read_text("utf-8"), file.relative_to(root).as_posix()):
            if citation.id in rules:
                tests[citation.id].append(citation.test)
            elif citation.id not in decisions:
                unknown.append(citation)
    return Coverage(rules, {number: tuple(names) for number, names in tests.items()}, tuple(unknown))


def markdown(coverage: Coverage) -> str:
    """The whole table as a Markdown page."""
    lines = ["# Acceptance", "", "| Area | Rules | Covered | Open |", "|---|---|---|---|"]
    lines += [f"| {area} | {total} | {done} | {total - done} |" for area, total, done in _totals(coverage)]
    lines += ["", "| ID | Where | Tests | Statement |", "|---|---|---|---|"]
    for rule in coverage.rules.values():
        names = "<br>".join(f"`{name}`" for name in coverage.tests.get(rule.id, ())) or "open"
        lines.append(f"| {rule.id} | {rule.where} | {names} | {rule.statement} |")
    return "\n".join(lines) + "\n"


def _test_files(root: Path) -> Iterable[Path]:
    found = {
        file for folder in TEST_FOLDERS for place in root.glob(folder) for file in place.rglob("test_*.py")
    }
    return sorted(found)


def _mark(decorator: ast.expr) -> str:
    """Last word of a decorator: ``skip`` of ``@pytest.mark.skip(reason=...)``."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.attr if isinstance(target, ast.Attribute) else ""


def _totals(coverage: Coverage) -> Iterator[tuple[str, int, int]]:
    for area in dict.fromkeys(rule.area for rule in coverage.rules.values()):
        yield (area, *coverage.of_area(area))
    yield "all", len(coverage.rules), len(coverage.tests)


app = typer.Typer(add_completion=False)


@app.command()
def main(
    show_open: Annotated[bool, typer.Option("--open", help="Only rules that no test covers.")] = False,
    show_covered: Annotated[bool, typer.Option("--covered", help="Only rules that a test covers.")] = False,
    area: Annotated[str, typer.Option(help="Only this area, e.g. NV.")] = "",
    page: Annotated[
        Path | None, typer.Option("--markdown", help="Also write the table to this file.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
) -> None:
    """Print which numbered rules are covered by tests; fails on a cited number that no rule has."""
    console = Console(soft_wrap=True)
    try:
        coverage = measure(root)
    except (ValueError, SyntaxError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    for rule in coverage.rules.values():
        names = coverage.tests.get(rule.id, ())
        wanted = show_open == show_covered or bool(names) == show_covered
        if wanted and area in ("", rule.area):
            shown = ", ".join(names) if names else f"open   {rule.where}: {rule.statement}"
            console.print(f"{rule.id}  {shown}", markup=False, highlight=False)
    table = Table("Area", "Rules", "Covered", "Open")
    for name, total, done in _totals(coverage):
        table.add_row(name, str(total), str(done), str(total - done))
    console.print(table)
    if page is not None:
        page.write_text(markdown(coverage), "utf-8")
    for citation in coverage.unknown:
        console.print(f"{citation.test} cites {citation.id}: no such rule", style="red", markup=False)
    if coverage.unknown:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
