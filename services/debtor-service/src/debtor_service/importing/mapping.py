"""What a person decided about the columns of a list: which field each is, and what stands for columns that lack."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from debtor_service.domain.checks.problem import FieldProblem
from debtor_service.domain.layout import BY_NAME, IGNORED, EmptyCells
from debtor_service.importing.guessing import compared
from debtor_service.importing.headings import REASON


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How the cells of a line become a card.

    Attributes:
        fields: for each column the field it is; empty for one that is left out.
        constants: what stands in fields that the list has no column for, e.g. ``{"country": "BE"}``.
        empty: what empty cells do to cards that are there already.
    """

    fields: tuple[str, ...]
    constants: Mapping[str, str] = field(default_factory=dict)
    empty: EmptyCells = EmptyCells.KEEP

    def line(self, cells: Sequence[str]) -> dict[str, str]:
        """Text by field; a constant stands wherever the column lacks or its cell is empty."""
        texts = dict(self.constants)
        for name, cell in zip(self.fields, cells, strict=True):
            if name and (cell.strip() or name not in texts):
                texts[name] = cell
        return {name: text for name, text in texts.items() if name not in IGNORED}

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"fields": list(self.fields), "constants": dict(self.constants), "empty": self.empty.value}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> ColumnMapping:
        """The mapping again from `plain`."""
        return cls(tuple(plain["fields"]), dict(plain["constants"]), EmptyCells(plain["empty"]))


def check_mapping(
    mapping: ColumnMapping, headings: Sequence[str], own_columns: Sequence[str]
) -> list[FieldProblem]:
    """What is wrong with a mapping; empty when a list can be checked with it."""
    known = {*BY_NAME, *own_columns} - set(IGNORED)
    problems = []
    if len(mapping.fields) != len(headings):
        problems.append(
            FieldProblem(
                "fields",
                f"it names {len(mapping.fields)} columns, the file has {len(headings)}",
                "Name a field, or nothing, for each column.",
            )
        )
    for position, name in enumerate(mapping.fields):
        if name and name not in known:
            problems.append(
                FieldProblem(f"fields.{position}", f"{name[:60]!r} is no field", "Choose one of the list.")
            )
    for name, count in Counter(name for name in mapping.fields if name).items():
        if count > 1:
            at = [i for i, each in enumerate(mapping.fields) if each == name][-1]
            problems.append(
                FieldProblem(
                    f"fields.{at}",
                    f"{name!r} is chosen for {count} columns",
                    "Keep one, leave out the others.",
                )
            )
    for name in mapping.constants:
        if name not in known:
            problems.append(
                FieldProblem(f"constants.{name[:60]}", "there is no such field", "Choose one of the list.")
            )
    chosen = {*mapping.fields, *mapping.constants}
    if not chosen & {"name", "last_name", "debtor_id"}:
        problems.append(
            FieldProblem(
                "fields", "no column is the name", "Choose which column holds the name on documents."
            )
        )
    return problems


def header_key(headings: Sequence[str]) -> str:
    """The same for lists with the same columns, so that the mapping of the last one is used again."""
    names = [name for heading in headings if (name := compared(heading)) not in REASON]
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()
