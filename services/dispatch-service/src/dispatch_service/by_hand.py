"""Sending invoices by hand: one in a request, or very many as a job with an answer for each that can't be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klokwerk.access import Person, audit
from klokwerk.clock import Clock
from klokwerk.deliveries import Delivery
from klokwerk.jobs import Run, items
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.dispatcher import Dispatcher, NotPossible
from dispatch_service.domain.cascade import Channel
from dispatch_service.store import choices, invoices
from dispatch_service.store.invoices import InvoiceRow

ENTITY = "invoice dispatch"
KIND = "invoice-sending"
CHUNK = 10
"""Invoices that one step of a job prepares; their documents are made in it."""
MOST_NAMED = 200
"""Invoices that could not be sent and are named; all are counted."""


def job_input(channel: Channel | None) -> dict[str, Any]:
    """The parameters of such a job; the invoices stand beside it."""
    return {"channel": channel.value if channel else None}


@dataclass(frozen=True, slots=True)
class ByHand:
    """Plans sendings on a person's word."""

    clock: Clock
    dispatcher: Dispatcher

    async def send(
        self, connection: AsyncConnection, row: InvoiceRow, wanted: Channel | None, person: Person
    ) -> Delivery:
        """Plan a sending of an invoice that the caller's transaction has locked.

        Raises:
            NotPossible: naming the cure.
        """
        active = await choices.current(connection, row.administration)
        offered = active.choices if active else (await choices.draft(connection, row.administration)).choices
        made = await self.dispatcher.plan_by_hand(connection, row, offered, wanted, person.name)
        await audit(
            connection,
            person,
            self.clock.now(),
            "send asked for",
            ENTITY,
            row.invoice_id,
            new={"channel": made.channel, "recipient": made.recipient},
        )
        return made

    async def __call__(self, run: Run) -> str:
        """Plan the sendings of a job, in steps; what can't be sent is left with the reason, as for one alone."""
        channel = run.job.input["channel"]
        wanted = Channel(channel) if channel else None
        person = Person(run.job.created_by, run.job.created_by_name, frozenset())
        more = True
        while more:
            async with run.step() as step:
                if step.total is None:
                    step.total = await items.left(step.connection, run.job.id)
                ids = await items.take(step.connection, run.job.id, CHUNK)
                left = [
                    one
                    for invoice_id in ids
                    if (one := await self._left(step.connection, invoice_id, wanted, person))
                ]
                more = len(ids) == CHUNK
                step.done += len(ids)
                step.result = {
                    "planned": step.result.get("planned", 0) + len(ids) - len(left),
                    "left": step.result.get("left", 0) + len(left),
                    "left_rows": [*step.result.get("left_rows", []), *left][:MOST_NAMED],
                }
        return ""

    async def _left(
        self, connection: AsyncConnection, invoice_id: str, wanted: Channel | None, person: Person
    ) -> dict[str, str] | None:
        """Send one; why it can't be sent, or none."""
        row = await invoices.get(connection, invoice_id, locked=True)
        link = f"/invoices/{invoice_id}"
        if row is None:
            why = "The invoice has not come to dispatch yet. Try again in a moment."
            return {"name": invoice_id, "reason": why, "link": link}
        try:
            async with connection.begin_nested():
                await self.send(connection, row, wanted, person)
        except NotPossible as error:
            return {"name": row.number, "reason": error.why, "link": link}
        return None
