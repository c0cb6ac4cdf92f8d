"""Choosing the lines of an export: the selected ones, or all (EP-41, EP-42)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from klokwerk.http import FieldProblem, Problem
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.administration import Administration
from accounting_sync.domain.relation import Kind
from accounting_sync.store import queue
from accounting_sync.store.queue import Line, LineState


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks to be exported; `selected` None means all lines."""

    administration: Administration
    kind: Kind
    selected: Sequence[uuid.UUID] | None
    by: str
    by_name: str


async def choose(connection: AsyncConnection, order: Order) -> list[uuid.UUID]:
    """The lines of the order, locked until the end of the transaction.

    Raises:
        Problem: 422 where nothing is left to export or a selected line is not in this queue, 409 where one is
            being exported already.
    """
    if order.selected is None:
        ids = await queue.sendable(connection, order.administration.code, order.kind)
    else:
        lines = await queue.lock(connection, order.selected)
        _check_selection(order, lines)
        ids = [line.id for line in lines]
    if not ids:
        raise Problem(
            422,
            "Nothing to export",
            f"There are no {order.kind} to export; fetch them first, or change lines from Ignore.",
        )
    return ids


def _check_selection(order: Order, lines: Sequence[Line]) -> None:
    here = {
        line.id
        for line in lines
        if line.administration == order.administration.code and line.kind is order.kind
    }
    errors = [
        FieldProblem(
            field=f"line_ids.{position}",
            message=f"{line_id} is not in this list any more",
            cure="load the list again and select anew",
        )
        for position, line_id in enumerate(order.selected or ())
        if line_id not in here
    ]
    if errors:
        raise Problem(
            422, "Selected lines are gone", "They were synchronised or left the list.", errors=errors
        )
    busy = [line for line in lines if line.state in (LineState.EXPORTING, LineState.SENDING)]
    if busy:
        raise Problem(
            409,
            "Lines are being exported already",
            f"{', '.join(line.name for line in busy[:5])}: wait for that export, see the export history.",
        )
