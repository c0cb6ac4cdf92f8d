"""How invoices and their dispatches look in answers."""

from __future__ import annotations

from datetime import date, datetime

from klokwerk.deliveries import Delivery
from pydantic import BaseModel

from dispatch_service.store import invoices
from dispatch_service.store.invoices import HistoryEntry, InvoiceRow, InvoiceState

LABELS = {
    InvoiceState.WAITING: "Waits for automatic dispatch",
    InvoiceState.BY_HAND: "To be sent by hand",
    InvoiceState.QUEUED: "In tonight's run",
    InvoiceState.PLANNED: "Is being sent",
    InvoiceState.SENT: "Sent",
    InvoiceState.FAILED: "Automatic dispatch failed",
    InvoiceState.IGNORED: "Automatic dispatch ignored",
    InvoiceState.UNKNOWN: "Outcome unknown, being asked",
}


class InvoiceItem(BaseModel):
    """One invoice in a list.

    Attributes:
        state, label: where its dispatch stands, for programs and for people (NV-55..NV-57).
        message: the explanation that belongs to the label.
        automatic: whether the night's run will take it.
    """

    invoice_id: str
    administration: str
    debtor_id: str
    number: str
    kind: str
    source: str
    issue_date: date
    gross: str
    currency: str
    customer: str
    state: InvoiceState
    label: str
    reason: str
    message: str
    channel: str
    recipient: str
    automatic: bool
    run_id: int | None
    changed_at: datetime


class DispatchItem(BaseModel):
    """One sending of an invoice, or of what goes along with it."""

    id: str
    purpose: str
    intent: str
    channel: str
    recipient: str
    state: str
    message: str
    reference: str
    attempts: int
    file_name: str
    sha256: str
    created_at: datetime
    changed_at: datetime


class HistoryItem(BaseModel):
    """One action on the invoice, by a person or by the service."""

    at: datetime
    by: str
    action: str
    detail: str


class InvoiceDetail(InvoiceItem):
    """One invoice with everything that was done about it, newest first."""

    dispatches: list[DispatchItem]
    history: list[HistoryItem]
    actions: list[str]


def detail_of(row: InvoiceRow, sendings: list[Delivery], history: list[HistoryEntry]) -> InvoiceDetail:
    """An invoice with its sendings and its history, newest first."""
    return InvoiceDetail(
        **item_of(row).model_dump(),
        dispatches=[dispatch_of(sending) for sending in reversed(sendings)],
        history=[HistoryItem(at=h.at, by=h.by, action=h.action, detail=h.detail) for h in history],
        actions=_actions(row, sendings),
    )


def _actions(row: InvoiceRow, sendings: list[Delivery]) -> list[str]:
    """What a person with the right may do now, for the buttons of a page."""
    if row.state in invoices.UNDER_WAY:
        return []
    if row.state is InvoiceState.WAITING:
        return ["send", "automatic-off"]
    may_join = row.unsent and not sendings
    return ["send", "automatic-on"] if may_join else ["send"]


def item_of(row: InvoiceRow) -> InvoiceItem:
    """An invoice as a line of a list."""
    return InvoiceItem(
        invoice_id=row.invoice_id,
        administration=row.administration,
        debtor_id=row.debtor_id,
        number=row.number,
        kind=row.kind,
        source=row.source,
        issue_date=row.issue_date,
        gross=format(row.gross, "f"),
        currency=row.currency,
        customer=row.buyer_name,
        state=row.state,
        label=LABELS[row.state],
        reason=row.reason,
        message=row.message,
        channel=row.channel,
        recipient=row.recipient,
        automatic=row.state is InvoiceState.WAITING,
        run_id=row.run_id,
        changed_at=row.changed_at,
    )


def dispatch_of(delivery: Delivery) -> DispatchItem:
    """One sending."""
    return DispatchItem(
        id=str(delivery.id),
        purpose=str(delivery.context.get("purpose", "")),
        intent=str(delivery.context.get("intent", "")),
        channel=delivery.channel,
        recipient=delivery.recipient,
        state=delivery.state.value,
        message=delivery.message,
        reference=delivery.reference,
        attempts=delivery.attempts,
        file_name=delivery.file_name,
        sha256=delivery.sha256,
        created_at=delivery.created_at,
        changed_at=delivery.changed_at,
    )
