"""Tells everybody what became of a dispatch: the invoice's own state, its history, the outcome event."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from klokwerk.clock import Clock
from klokwerk.deliveries import Delivery, State
from klokwerk.outbox import Outbox
from klokwerk_contracts.invoice_dispatch_changed import (
    DispatchChannel,
    DispatchIntent,
    DispatchPurpose,
    InvoiceDispatchChanged,
)
from klokwerk_contracts.outcomes import DeliveryState
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.store import invoices
from dispatch_service.store.invoices import HistoryEntry, InvoiceRow, InvoiceState

KIND = "invoice"
"""Kind of the deliveries that carry invoices and what goes along with them."""

SERVICE = "automatic dispatch"
"""Who did it, in histories, when no person did."""

_STATES = {
    State.PLANNED: InvoiceState.PLANNED,
    State.SENDING: InvoiceState.PLANNED,
    State.SENT: InvoiceState.SENT,
    State.FAILED: InvoiceState.FAILED,
    State.IGNORED: InvoiceState.IGNORED,
    State.UNKNOWN: InvoiceState.UNKNOWN,
}
_ACTIONS = {
    State.PLANNED: "will be sent",
    State.SENDING: "is being sent",
    State.SENT: "sent",
    State.FAILED: "failed",
    State.IGNORED: "ignored",
    State.UNKNOWN: "outcome unknown",
}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Records changes of dispatches, in the transaction of the change."""

    outbox: Outbox
    clock: Clock

    async def on_change(self, connection: AsyncConnection, delivery: Delivery) -> None:
        """Follow a delivery; deliveries of another kind (notices) concern no invoice."""
        if delivery.kind != KIND:
            return
        intent = DispatchIntent(delivery.context["intent"])
        purpose = DispatchPurpose(delivery.context["purpose"])
        now = self.clock.now()
        # A resend and what goes along never change whether the invoice itself was sent.
        if purpose is DispatchPurpose.INVOICE and intent is not DispatchIntent.RESEND:
            row = await invoices.change(
                connection,
                delivery.subject,
                _STATES[delivery.state],
                reason=delivery.context.get("reason", ""),
                message=delivery.message,
                channel=delivery.channel,
                recipient=delivery.recipient,
                dispatch_id=delivery.id,
                now=now,
            )
        else:
            row = await invoices.bump(connection, delivery.subject)
        what = "" if purpose is DispatchPurpose.INVOICE else f"{purpose.value.replace('_', ' ')} "
        again = "again " if intent is DispatchIntent.RESEND else ""
        entry = HistoryEntry(
            now,
            delivery.context.get("by") or SERVICE,
            f"{what}{_ACTIONS[delivery.state]} {again}".strip(),
            " - ".join(
                part
                for part in (delivery.channel, delivery.recipient, delivery.message)
                if part and part != "none"
            ),
        )
        await invoices.note(connection, delivery.subject, entry)
        await self.publish(
            connection,
            row,
            delivery.id,
            state=DeliveryState(delivery.state.value),
            purpose=purpose,
            intent=intent,
            channel=delivery.channel,
            recipient=delivery.recipient,
            message=delivery.message,
        )

    async def publish(
        self,
        connection: AsyncConnection,
        row: InvoiceRow,
        dispatch_id: UUID,
        *,
        state: DeliveryState,
        purpose: DispatchPurpose = DispatchPurpose.INVOICE,
        intent: DispatchIntent = DispatchIntent.AUTOMATIC,
        channel: str = "none",
        recipient: str = "",
        message: str = "",
    ) -> None:
        """Append the outcome event; `row` must be locked by this transaction, its revision raised."""
        now = self.clock.now()
        event = InvoiceDispatchChanged(
            administration=row.administration,
            dispatch_id=str(dispatch_id),
            invoice_id=row.invoice_id,
            debtor_id=row.debtor_id,
            invoice_number=row.number,
            revision=row.revision,
            purpose=purpose,
            intent=intent,
            state=state,
            channel=DispatchChannel(channel),
            recipient=recipient[:4000],
            message=message[:4000],
            link=f"/v1/invoices/{row.invoice_id}",
            changed_at=now,
        )
        await self.outbox.append(connection, event, time=now)
