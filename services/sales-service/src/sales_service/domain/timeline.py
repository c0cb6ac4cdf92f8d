"""The trail of a distribution as people read it: what each line was, what it became, who, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

_AMOUNTS = frozenset({"price", "customer_price", "packing_price"})


class Kind(StrEnum):
    """What happened to a line."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One thing that became different.

    Attributes:
        label: the product of the line.
        field: its name as in the API; empty where a whole line came or went.
        old, new: as text; empty for nothing.
    """

    line_id: str
    label: str
    kind: Kind
    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry.

    Attributes:
        who: a person, another system, or nobody where it happened by itself.
        what: the action, as it was recorded.
        revision: the one that was published or received, where that is what happened.
        other_debtor: where lines went, or came from.
    """

    at: datetime
    who: str
    what: str
    reason: str
    revision: int | None
    other_debtor: str
    changes: tuple[FieldChange, ...]


def happened(entry: Mapping[str, Any]) -> Happened:
    """One row of the audit trail of a distribution."""
    old: Mapping[str, Any] = entry["old"] or {}
    new: Mapping[str, Any] = entry["new"] or {}
    labels: Mapping[str, str] = new.get("labels", {})
    revision = new.get("revision")
    changes: list[FieldChange] = []
    was, became = old.get("lines", {}), new.get("lines", {})
    if isinstance(was, Mapping) and isinstance(became, Mapping):
        for line_id in labels:
            changes += _line(line_id, labels[line_id], was.get(line_id), became.get(line_id))
    return Happened(
        at=entry["at"],
        who=entry["person_name"],
        what=entry["action"],
        reason=str(new.get("reason") or ""),
        revision=revision if isinstance(revision, int) else new.get("sale_revision"),
        other_debtor=str(new.get("moved_to") or new.get("moved_from") or ""),
        changes=tuple(changes),
    )


def _line(
    line_id: str, label: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> list[FieldChange]:
    if old is None and new is not None:
        return [FieldChange(line_id, label, Kind.ADDED, "", "", _summary(new))]
    if old is not None and new is None:
        return [FieldChange(line_id, label, Kind.REMOVED, "", _summary(old), "")]
    old, new = old or {}, new or {}
    return [
        FieldChange(
            line_id, label, Kind.CHANGED, name, _text(old.get(name), name), _text(new.get(name), name)
        )
        for name in [*old, *(name for name in new if name not in old)]
    ]


def _summary(values: Mapping[str, Any]) -> str:
    """Units, pieces and price of a line, as in ``10 x 80 @ 0.56``."""
    pieces = _text(values.get("pieces_per_unit")) or "?"
    price = _text(values.get("price"), "price")
    return f"{_text(values.get('units'))} x {pieces}" + (f" @ {price}" if price else "")


def _text(value: Any, name: str = "") -> str:
    match value:
        case None:
            return ""
        case list():
            return ", ".join(f"{one['type']} {one['value']}" for one in value)
        case str() if name in _AMOUNTS:
            return _shortest(value)
    return str(value)


def _shortest(amount: str) -> str:
    """An amount without the zeros that end it."""
    try:
        return format(Decimal(amount).normalize() + 0, "f")
    except InvalidOperation:
        return amount
