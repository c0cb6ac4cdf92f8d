"""What comes in: invoices as issued, and customers as they stand."""

from __future__ import annotations

from dataclasses import dataclass

from klokwerk import parked
from klokwerk.clock import Clock
from klokwerk.consume import Received, Subscription
from klokwerk.parked import Parked
from klokwerk_contracts.debtor_changed import DebtorChanged
from klokwerk_contracts.invoice_created import InvoiceCreated
from klokwerk_contracts.outcomes import DeliveryState
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.dispatcher import automatic_key, dispatch_id
from dispatch_service.domain.coverage import (
    Coverage,
    Uncovered,
    is_unsent,
    judge_coverage,
    moment_of_creation,
)
from dispatch_service.outcomes import SERVICE, Outcomes
from dispatch_service.store import choices, debtors, invoices, privacy
from dispatch_service.store.choices import Activation
from dispatch_service.store.invoices import HistoryEntry, InvoiceState, NewInvoice

WAITING_TEXT = "Waits for the night's run of automatic dispatch."
REMOVED_TEXT = "Automatic dispatch was switched off for this invoice; send it by hand."


@dataclass(frozen=True, slots=True)
class Consumers:
    """Handlers of the topics; each is handed one batch and one transaction."""

    clock: Clock
    outcomes: Outcomes

    def subscriptions(self) -> list[Subscription[InvoiceCreated] | Subscription[DebtorChanged]]:
        """Customers first, so that within one batch an invoice finds its customer."""
        return [
            Subscription(DebtorChanged, self.on_debtors),
            Subscription(InvoiceCreated, self.on_invoices),
        ]

    async def on_debtors(self, connection: AsyncConnection, batch: list[Received[DebtorChanged]]) -> None:
        """Keep the newest card of each customer and let go what waited for it."""
        changed = await debtors.upsert(connection, [item.event for item in batch])
        await privacy.blank(connection, await privacy.anonymised(connection, changed))
        woken = await parked.wake(connection, [waiting_name(debtor) for debtor in changed])
        now = self.clock.now()
        entry = HistoryEntry(
            now, SERVICE, "customer known", "The customer's card has come; the invoice goes on."
        )
        await invoices.note_many(connection, [(item.natural_key, entry) for item in woken])

    async def on_invoices(self, connection: AsyncConnection, batch: list[Received[InvoiceCreated]]) -> None:
        """Store new invoices and fix whether automatic dispatch covers them (D-09, NV-47..NV-49)."""
        now = self.clock.now()
        in_force = await choices.activations(
            connection, sorted({item.event.administration for item in batch})
        )
        fresh: dict[str, NewInvoice] = {}
        for item in batch:
            if item.event.invoice_id not in fresh:
                fresh[item.event.invoice_id] = self._judge(item, in_force)
        added = await invoices.add(connection, list(fresh.values()), now)
        # An invoice that is told again, or late, must not bring the name back.
        buyers = sorted({n.document.debtor_id for n in fresh.values()})
        await privacy.blank(connection, await privacy.anonymised(connection, buyers))
        new = [fresh[invoice_id] for invoice_id in fresh if invoice_id in added]
        await self._park_unknown(connection, new)
        entries = [
            (n.document.invoice_id, HistoryEntry(now, SERVICE, _action(n.state), n.message)) for n in new
        ]
        await invoices.note_many(connection, entries)
        for n in new:
            await self._tell(connection, n)

    def _judge(self, item: Received[InvoiceCreated], in_force: list[Activation]) -> NewInvoice:
        document, now = item.event, self.clock.now()
        moment = moment_of_creation(document, item.envelope.time, now)
        sources = next(
            (
                a.choices.sources
                for a in in_force
                if a.administration == document.administration and a.covers(moment)
            ),
            None,
        )
        unsent = is_unsent(document)
        coverage = judge_coverage(source=document.source, unsent=unsent, active_sources=sources)
        state, message = _first_state(coverage, removed=not document.automatic_dispatch)
        reason = (
            "removed" if coverage.covered and not document.automatic_dispatch else (coverage.reason or "")
        )
        return NewInvoice(document, moment, unsent, state, str(reason), message)

    async def _park_unknown(self, connection: AsyncConnection, new: list[NewInvoice]) -> None:
        ids = sorted({n.document.debtor_id for n in new})
        missing = set(ids) - await debtors.known(connection, ids)
        if not missing:
            return
        await parked.guard(connection, [waiting_name(debtor) for debtor in missing])
        missing -= await debtors.known(connection, sorted(missing))
        items = [
            Parked(
                natural_key=n.document.invoice_id,
                waits_for=waiting_name(n.document.debtor_id),
                kind="invoice",
                body={"invoice_number": n.document.invoice_number, "debtor_id": n.document.debtor_id},
                reason=f"Customer {n.document.debtor_id} of invoice {n.document.invoice_number} is not known here "
                "yet. The invoice is dispatched by the first run after the customer's card has come.",
                parked_at=self.clock.now(),
            )
            for n in new
            if n.document.debtor_id in missing
        ]
        await parked.park(connection, *items)

    async def _tell(self, connection: AsyncConnection, new: NewInvoice) -> None:
        """Publish what is known at once: waiting for its night, or ignored because of its source (NV-58)."""
        states = {InvoiceState.WAITING: DeliveryState.WAITING, InvoiceState.IGNORED: DeliveryState.IGNORED}
        if new.state not in states:
            return
        invoice_id = new.document.invoice_id
        row = await invoices.bump(connection, invoice_id)
        await self.outcomes.publish(
            connection,
            row,
            dispatch_id(automatic_key(invoice_id)),
            state=states[new.state],
            message=new.message,
        )


def waiting_name(debtor_id: str) -> str:
    """What an invoice waits for when its customer is not known."""
    return f"debtor:{debtor_id}"


def _first_state(coverage: Coverage, *, removed: bool) -> tuple[InvoiceState, str]:
    if coverage.covered:
        return (InvoiceState.BY_HAND, REMOVED_TEXT) if removed else (InvoiceState.WAITING, WAITING_TEXT)
    if coverage.reason is Uncovered.SOURCE_OFF:
        return InvoiceState.IGNORED, coverage.explanation
    return InvoiceState.BY_HAND, coverage.explanation


def _action(state: InvoiceState) -> str:
    names = {InvoiceState.WAITING: "added to automatic dispatch", InvoiceState.IGNORED: "ignored"}
    return names.get(state, "not in automatic dispatch")
