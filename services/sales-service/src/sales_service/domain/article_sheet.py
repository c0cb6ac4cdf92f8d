"""Rows of a file of articles, read one by one, and what they make of the articles that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sales_service.domain.article_columns import ArticleColumn
from sales_service.domain.articles import Article
from sales_service.domain.cells import BadCell, CellProblem, bare
from sales_service.domain.characteristics import same, with_values

FIELDS = tuple(one.name for one in fields(Article) if one.name not in ("number", "revision"))


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """One row of a file as it was read; an empty cell says nothing.

    Attributes:
        values: by field; characteristics by their type.
    """

    number: str
    values: Mapping[str, Any]
    problems: tuple[CellProblem, ...] = ()


@dataclass(slots=True)
class ArticleReader:
    """Reads the rows of one file, one after the other; a number that comes twice is said of the second row.

    Args:
        columns: what each of its columns means; none for one that is not read.
    """

    columns: Sequence[ArticleColumn | None]
    _rows: dict[str, int] = field(default_factory=dict)

    def read(self, row_number: int, cells: Sequence[str]) -> ArticleRow:
        """One row; `row_number` is the line a spreadsheet shows it at."""
        values: dict[str, Any] = {}
        told: dict[str, str] = {}
        problems: list[CellProblem] = []
        for column, cell in zip(self.columns, cells, strict=False):
            text = bare(cell)
            if column is None or not text:
                continue
            try:
                value = column.read(text)
            except BadCell as error:
                problems.append(CellProblem(column.name, str(error), error.cure))
                continue
            if column.into.startswith("characteristics."):
                told[column.into.partition(".")[2]] = value
            elif column.into == "characteristics":
                told = value | told
            else:
                values[column.into] = value
        if told:
            values["characteristics"] = told
        number = str(values.pop("number", ""))
        problems += self._number_problems(number, row_number, problems)
        return ArticleRow(number, values, tuple(problems))

    def _number_problems(
        self, number: str, row_number: int, known: Sequence[CellProblem]
    ) -> list[CellProblem]:
        if not number:
            missing = CellProblem("number", "the row has no article number", "fill in a number of its own")
            return [] if any(one.column == "number" for one in known) else [missing]
        first = self._rows.setdefault(number, row_number)
        if first == row_number:
            return []
        cure = "leave one of the two rows out"
        return [CellProblem("number", f"{number!r} stands in row {first} too", cure)]


def merged(known: Article | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Every value of an article after a row: what the row leaves out, or says again, stays as it is."""
    result = {} if known is None else {name: getattr(known, name) for name in FIELDS}
    for name, value in values.items():
        old = result.get(name)
        if name == "characteristics":
            told = with_values(old or (), value)
            result[name] = old if old is not None and same(old, told) else told
        elif not isinstance(old, str) or bare(old) != value:
            result[name] = value
    return result
