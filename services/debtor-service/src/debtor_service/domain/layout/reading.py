"""A line of a file becomes a card: what it says on top of the stored card, and everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from klokwerk_contracts.debtor_changed import AddressKind, DocumentKind, Kind
from pydantic import ValidationError

from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks.problem import FieldProblem
from debtor_service.domain.layout import cells
from debtor_service.domain.layout.columns import Column, all_columns
from debtor_service.domain.layout.draft import Draft
from debtor_service.domain.own_fields import COLUMN_PREFIX

BY_NAME: Mapping[str, Column] = {column.name: column for column in all_columns()}
"""Every column that an import understands, in the order in which cells are read."""

COLUMNS: Mapping[str, Callable[[Card], str]] = {
    column.name: column.write for column in BY_NAME.values() if column.write is not None
}
"""The columns of an export, before those of own fields."""

REQUIRED = ("name",)
IGNORED = ("state", "revision")
"""Columns of an export that an import does not take."""


class EmptyCells(StrEnum):
    """What an empty cell means for a card that is there already."""

    CLEAR = "clear"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file.

    Attributes:
        debtor_id: empty for a card that gets an id of its own.
        numbers: numbers that the card had elsewhere.
        content: what the line says about the card.
    """

    debtor_id: str
    administration: str
    numbers: Mapping[Kind, str]
    content: CardContent
    customer_number: str = ""


class BadRow(Exception):
    """A line that can't be read; `problems` say which columns."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in problems))
        self.problems = problems


def check_header(names: list[str], own: Sequence[str] = ()) -> list[FieldProblem]:
    """What is wrong with the first line of a file in our own layout; empty when nothing.

    Args:
        own: columns of own fields.
    """
    unknown = [name for name in names if name not in BY_NAME and name not in own]
    missing = [name for name in REQUIRED if name not in names]
    double = sorted({name for name in names if names.count(name) > 1})
    return [
        *(
            FieldProblem(
                name[:60], "no column of this name is known", f"Use these: {', '.join((*COLUMNS, *own))}."
            )
            for name in unknown[:10]
        ),
        *(FieldProblem(name, "the column is missing", "Add it.") for name in missing),
        *(FieldProblem(name, "the column comes twice", "Keep one.") for name in double),
    ]


def written(card: Card, name: str) -> str:
    """What an export writes for `card` in a column, before formulas are defused."""
    if name.startswith(COLUMN_PREFIX):
        return cells.guarded(card.content.own_fields.get(name.removeprefix(COLUMN_PREFIX), ""))
    write = COLUMNS.get(name)
    return "" if write is None else cells.guarded(write(card))


def read_row(
    line: Mapping[str, str],
    base: Card | None,
    empty: EmptyCells = EmptyCells.CLEAR,
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> Row:
    """Read one line.

    Args:
        line: text by column name.
        base: the stored card that the line is about; columns that the file lacks keep its values, and so do cells
            that say what the card says.
        defaults: what a new card has where the line says nothing (FA-13, FA-17).

    Raises:
        BadRow: with every cell that is wrong.
    """
    draft = Draft(base, defaults)
    texts = {name: cells.plain(cell) for name, cell in line.items()}
    draft.debtor_id = texts.get("debtor_id", "").strip()
    draft.administration = texts.get("administration", "").strip()
    for column in BY_NAME.values():
        if column.name in texts:
            _read(column, texts[column.name], draft, base, empty)
    for name, text in texts.items():
        if name.startswith(COLUMN_PREFIX) and (text.strip() or empty is EmptyCells.CLEAR):
            draft.own_fields[name.removeprefix(COLUMN_PREFIX)] = text.strip()
    if draft.problems:
        raise BadRow(draft.problems)
    document = draft.finished()
    try:
        content = CardContent.model_validate(document)
    except ValidationError as error:
        raise BadRow([_problem(item, document) for item in error.errors()]) from None
    return Row(draft.debtor_id, draft.administration, dict(draft.numbers), content, draft.customer_number)


def _read(column: Column, text: str, draft: Draft, base: Card | None, empty: EmptyCells) -> None:
    if base is not None and column.write is not None and cells.same(text, column.write(base)):
        if column.name in ("debtor_number", "creditor_number") and text.strip():
            column.read(draft, text.strip())
        return
    blank = not text.strip()
    if blank and (empty is EmptyCells.KEEP or not column.empties or base is None):
        return
    column.read(draft, text if column.kept else text.strip())


_INDEXED = re.compile(r"^(addresses|emails|contact_persons|phones|bank_accounts)\.(\d+)(?:\.(.*))?$")
_NAMED = {
    "invoice_delivery.electronic.scheme": "einvoice_scheme",
    "invoice_delivery.electronic.identifier": "einvoice_id",
    "invoice_delivery.electronic": "einvoice_id",
    "ekt.folder": "ekt_folder",
    "ekt.method": "ekt_method",
    "ekt.buyer_code": "ekt_buyer_code",
}
_PREFIXES = {AddressKind.VISIT: "", AddressKind.DELIVERY: "delivery_", AddressKind.POSTAL: "postal_",
             AddressKind.INVOICE: "invoice_"}  # fmt: skip


def column_of(path: str, document: Mapping[str, Any]) -> str:
    """The column that a field of the content comes from, e.g. ``email_invoice`` for ``emails.1.address``.

    Args:
        document: the content that was judged, as plain data.
    """
    if path.startswith("own_fields."):
        return COLUMN_PREFIX + path.removeprefix("own_fields.")
    found = _INDEXED.match(path)
    if found is None:
        return _NAMED.get(path, path.split(".", 1)[0] if path.startswith("kinds") else path)
    part, index, rest = found[1], int(found[2]), found[3] or ""
    entries = document.get(part) or ()
    entry = entries[index] if index < len(entries) else {}
    match part:
        case "addresses":
            name = "street" if rest.startswith("lines") or not rest else rest
            kind = entry.get("kind") if isinstance(entry, Mapping) else None
            return (_PREFIXES[AddressKind(kind)] if kind else "") + name
        case "emails":
            document_kind = entry.get("document") if isinstance(entry, Mapping) else None
            kind_name = DocumentKind(document_kind).value if document_kind else "general"
            return "email" if kind_name == "general" else f"email_{kind_name}"
        case "contact_persons":
            return f"contact_{rest}" if rest in ("name", "email", "phone") else "contact_name"
        case "bank_accounts":
            return rest or "iban"
        case _:
            return "phone"


def _problem(item: Any, document: Mapping[str, Any]) -> FieldProblem:
    shown = str(item.get("input"))[:60]
    path = ".".join(str(part) for part in item["loc"])
    if item["type"] == "missing":
        return FieldProblem(column_of(path, document), "it is empty", "Fill it in.")
    message = item["msg"].removeprefix("Value error, ")
    return FieldProblem(column_of(path, document), f"{shown!r}: {message}", _CURES.get(item["type"], _CURE))


_CURE = "Mend the cell."
_CURES = {
    "enum": "Write one of the words that the message names.",
    "string_too_long": "Make it shorter.",
    "string_too_short": "Fill it in.",
    "string_pattern_mismatch": "Compare it with how the card shows such a value.",
}
