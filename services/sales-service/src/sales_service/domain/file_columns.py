"""The columns of files that go out and come in: named, with headings in each language, known by other words too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from klokwerk_contracts.sale_completed import Characteristic

from sales_service.domain import cells
from sales_service.domain.cells import Read
from sales_service.domain.characteristics import BY_NAME
from sales_service.domain.search import fold

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class FileColumn(Generic[R]):
    """One column.

    Attributes:
        name: the same in every language.
        nl, en: its heading.
        write: what stands in it.
        into: path of the field that it fills, as in the API; empty for a column that is only read by people.
        read: from the text of a cell to the value of that field.
        also: other headings by which it is known.
    """

    name: str
    nl: str
    en: str
    write: Callable[[R], Any]
    into: str = ""
    read: Read = str
    also: tuple[str, ...] = ()

    def heading(self, language: str) -> str:
        """Its heading in a language."""
        return self.nl if language == "nl" else self.en


@dataclass(frozen=True, slots=True)
class Headings(Generic[R]):
    """Finds the column that a heading means, in any language and writing."""

    columns: Sequence[FileColumn[R]]
    _known: Mapping[str, FileColumn[R]] = field(init=False)

    def __post_init__(self) -> None:
        known = {
            plain(text): column
            for column in self.columns
            for text in (column.name, column.nl, column.en, *column.also)
        }
        object.__setattr__(self, "_known", known)

    def column_of(self, heading: str) -> FileColumn[R] | None:
        """The column; none for a heading that is not known."""
        return self._known.get(plain(heading))


def plain(heading: str) -> str:
    """A heading without case, accents and punctuation."""
    return re.sub(r"[^a-z0-9]+", " ", fold(heading)).strip()


_NAMED = (
    ("stem_length", "Steellengte", "Stem length"),
    ("stems_per_bunch", "Stelen per bos", "Stems per bunch"),
    ("ripeness", "Rijpheid", "Ripeness"),
    ("quality", "Kwaliteitsgroep", "Quality group"),
    ("pot_size", "Potmaat", "Pot size"),
    ("plant_height", "Planthoogte", "Plant height"),
    ("plants_per_pot", "Planten per pot", "Plants per pot"),
)
"""The characteristics that have a column of their own."""
_NAMED_CODES = frozenset(BY_NAME[name].code for name, _, _ in _NAMED)


def characteristic_columns(
    of: Callable[[R], Iterable[Characteristic]], also: tuple[str, ...] = ()
) -> tuple[FileColumn[R], ...]:
    """A column for each characteristic with a name, and one for all others.

    Args:
        of: the characteristics of what a row shows.
        also: other headings of the column for the others.
    """

    def others(row: R) -> str:
        return "; ".join(f"{one.type}={one.value}" for one in of(row) if one.type not in _NAMED_CODES)

    return (
        *(_named(of, name, nl, en) for name, nl, en in _NAMED),
        FileColumn(
            "other_characteristics",
            "Overige kenmerken",
            "Other characteristics",
            others,
            "characteristics",
            cells.characteristics,
            also,
        ),
    )


def _named(of: Callable[[R], Iterable[Characteristic]], name: str, nl: str, en: str) -> FileColumn[R]:
    kind = BY_NAME[name]

    def write(row: R) -> str:
        return next((entry.value for entry in of(row) if entry.type == kind.code), "")

    read = cells.value_of_type(kind.example, kind.written)
    return FileColumn(name, nl, en, write, f"characteristics.{kind.code}", read, (kind.code,))
