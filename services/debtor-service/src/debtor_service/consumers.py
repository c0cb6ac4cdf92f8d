"""Events of others that give a debtor number: a completed sale and an issued invoice (EP-06, EP-07).

Both are safe to repeat: a card that has its number is left alone, so a replay changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from klokwerk.consume import Received, Subscription
from klokwerk_contracts.debtor_changed import Kind
from klokwerk_contracts.invoice_created import InvoiceCreated
from klokwerk_contracts.sale_completed import SaleCompleted
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.store import usage
from debtor_service.triggers import Trigger, Triggers


@dataclass(frozen=True, slots=True)
class NumberConsumers:
    """Handlers of the two topics."""

    triggers: Triggers

    async def on_sale_completed(
        self, connection: AsyncConnection, events: list[Received[SaleCompleted]]
    ) -> None:
        """Give debtor numbers to who bought."""
        ids = [received.event.debtor_id for received in events]
        await usage.note(connection, ids, "sale", self.triggers.changes.clock.now())
        await self.triggers.pull(connection, Kind.DEBTOR, ids, Trigger.SALE)

    async def on_invoice_created(
        self, connection: AsyncConnection, events: list[Received[InvoiceCreated]]
    ) -> None:
        """Give debtor numbers to who is billed; a draft never comes here (EP-08)."""
        ids = [received.event.debtor_id for received in events]
        await usage.note(connection, ids, "invoice", self.triggers.changes.clock.now())
        await self.triggers.pull(connection, Kind.DEBTOR, ids, Trigger.INVOICE)

    @property
    def subscriptions(self) -> Sequence[Subscription[Any]]:
        """What the service listens to."""
        return (
            Subscription(SaleCompleted, self.on_sale_completed),
            Subscription(InvoiceCreated, self.on_invoice_created),
        )
