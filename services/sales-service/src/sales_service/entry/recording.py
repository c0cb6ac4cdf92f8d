"""The trail of changes of a debtor's day: who, when, why, and what each line was and became."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from klokwerk.access import Person, audit_all
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.lines import Line, difference
from sales_service.selling import ENTITY, entity_of
from sales_service.store.sales import DayKey

_TOLD_OF_NEW = ("article_number", "name", "units", "allocated", "pieces_per_unit", "price", "packing_code")
"""What is kept of a line that came: the rest can be read from the line, and from what later changes replaced."""


@dataclass(frozen=True, slots=True)
class DayChange:
    """The lines of one debtor's day that became different, before and after; a line may come or go.

    Attributes:
        more: what else is said about the change, e.g. where lines went.
    """

    before: Mapping[str, Line]
    after: Mapping[str, Line]
    more: Mapping[str, Any] = field(default_factory=dict)

    def told(self, reason: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The two sides as they are kept; none when nothing became different."""
        old: dict[str, Any] = {}
        new: dict[str, Any] = {}
        labels: dict[str, str] = {}
        for name in {**self.before, **self.after}:
            was, is_now = self.before.get(name), self.after.get(name)
            if was == is_now:
                continue
            old_values, new_values = difference(was, is_now)
            if was is None:
                new_values = {key: new_values[key] for key in _TOLD_OF_NEW if key in new_values}
            if was is not None:
                old[name] = old_values
            if is_now is not None:
                new[name] = new_values
            labels[name] = (is_now or was or Line(name, 0)).label
        if not labels:
            return None
        return {"lines": old}, {"lines": new, "labels": labels, "reason": reason, **self.more}


async def record(
    connection: AsyncConnection,
    person: Person,
    now: datetime,
    action: str,
    changes: Iterable[tuple[DayKey, DayChange]],
    reason: str,
) -> None:
    """Write the changes of several days into their trails; a day on which nothing changed gets no entry."""
    rows = [(entity_of(key), change.told(reason)) for key, change in changes]
    await audit_all(
        connection, person, now, action, ENTITY, [(name, *told) for name, told in rows if told is not None]
    )
