"""Choosing the lines of an export: the selected ones, those a filter means, or all (EP-41, EP-42)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from klokwerk import pinned
from klokwerk.http import FieldProblem, Problem
from klokwerk.pinned import Pin
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.administration import Administration
from accounting_sync.domain.relation import Kind
from accounting_sync.store import lines
from accounting_sync.store.export_lines import Choice
from accounting_sync.store.lines import LineFilter, LineState


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks to be exported; `selected` None means all lines that `filters` mean.

    `told` is what the person was told of all those lines; others are not sent without asking again.
    """

    administration: Administration
    kind: Kind
    selected: Sequence[uuid.UUID] | None
    by: str
    by_name: str
    filters: LineFilter = field(default_factory=LineFilter)
    told: Pin | None = None

    @property
    def choice(self) -> Choice:
        """The lines of the order."""
        return Choice(self.administration.code, self.kind, self.selected, self.filters)


async def check_selection(connection: AsyncConnection, order: Order) -> None:
    """See that the selected lines can be chosen.

    Raises:
        Problem: 422 where a selected line is not in this queue, 409 where one is being exported already.
    """
    if order.selected is None:
        return
    found = await lines.states(connection, order.selected)
    here = {
        line_id: row
        for line_id, row in found.items()
        if (row.administration, row.kind) == (order.administration.code, order.kind.value)
    }
    errors = [
        FieldProblem(
            field=f"line_ids.{position}",
            message=f"{line_id} is not in this list any more",
            cure="load the list again and select anew",
        )
        for position, line_id in enumerate(order.selected)
        if line_id not in here
    ]
    if errors:
        raise Problem(
            422, "Selected lines are gone", "They were synchronised or left the list.", errors=errors[:100]
        )
    busy = [row.name for row in here.values() if row.state in (LineState.EXPORTING, LineState.SENDING)]
    if busy:
        raise _busy(busy)


def check_chosen(order: Order, taken: Pin) -> None:
    """See that the lines were taken that were selected or told, and any at all.

    Raises:
        Problem: 422 where there is nothing to export, 409 where somebody else took selected lines meanwhile, or
            where it would be others than the person was told.
    """
    if order.selected is not None and taken.count < len(set(order.selected)):
        raise _busy(["some of the selected lines"])
    pinned.check(order.told, taken)
    if not taken.count:
        raise Problem(
            422,
            "Nothing to export",
            f"There are no {order.kind} to export; fetch them first, or change lines from Ignore.",
        )


def _busy(names: Sequence[str]) -> Problem:
    return Problem(
        409,
        "Lines are being exported already",
        f"{', '.join(names[:5])}: wait for that export, see the export history.",
    )
