"""How invoices look over HTTP, and the steps that the routes share."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from klokwerk.access import Person, audit
from klokwerk.http.problems import not_found
from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceKind
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Context, cents
from sales_service.domain.invoices import Draft
from sales_service.store import invoices
from sales_service.store.invoices import FINAL, NOT_PAID, PAID, Invoice

ENTITY = "invoice"
"""Name of invoices in the audit trail."""


class DispatchView(BaseModel):
    """How the dispatch of an invoice stands, as the dispatch service last told; `intent` says who wanted it."""

    state: str
    channel: str
    message: str
    intent: str
    at: datetime


class InvoiceRow(BaseModel):
    """One invoice in the list."""

    invoice_id: str
    number: str | None
    state: str
    kind: str
    source: str
    origin: str
    debtor_id: str
    buyer_name: str
    order_day: date | None
    issue_date: date | None
    due_date: date | None
    currency: str
    net: str
    vat: str
    gross: str
    reverse_charge: bool
    payment_status: str
    paid_on: date | None
    delivery_time: str
    dispatch: DispatchView | None
    added_at: datetime
    finalised_at: datetime | None
    revision: int

    @classmethod
    def of(cls, invoice: Invoice) -> InvoiceRow:
        """The same for people."""
        return cls(**_row_values(invoice))


class InvoiceView(InvoiceRow):
    """One invoice with its document: as issued, or as the draft would be issued now."""

    document: InvoiceCreated
    draft: Draft | None
    payment_choices: list[str]
    corrects_id: str | None


def _row_values(invoice: Invoice) -> dict[str, Any]:
    dispatch = None
    if invoice.dispatch_state is not None and invoice.dispatch_at is not None:
        dispatch = DispatchView(
            state=invoice.dispatch_state,
            channel=invoice.dispatch_channel or "",
            message=invoice.dispatch_message or "",
            intent=invoice.dispatch_intent or "",
            at=invoice.dispatch_at,
        )
    return {
        "invoice_id": invoice.invoice_id,
        "number": invoice.number,
        "state": invoice.state,
        "kind": invoice.kind,
        "source": invoice.source,
        "origin": invoice.origin,
        "debtor_id": invoice.debtor_id,
        "buyer_name": invoice.buyer_name,
        "order_day": invoice.order_day,
        "issue_date": invoice.issue_date,
        "due_date": invoice.due_date,
        "currency": invoice.currency,
        "net": cents(invoice.net),
        "vat": cents(invoice.vat),
        "gross": cents(invoice.gross),
        "reverse_charge": invoice.reverse_charge,
        "payment_status": invoice.payment_status,
        "paid_on": invoice.paid_on,
        "delivery_time": invoice.delivery_time,
        "dispatch": dispatch,
        "added_at": invoice.added_at,
        "finalised_at": invoice.finalised_at,
        "revision": invoice.revision,
    }


async def view(connection: AsyncConnection, sales_: Context, invoice: Invoice) -> InvoiceView:
    """One invoice as it is shown."""
    return InvoiceView(
        **_row_values(invoice),
        document=await sales_.invoicing.preview(connection, invoice),
        draft=invoice.draft if invoice.state != FINAL else None,
        payment_choices=_choices(invoice),
        corrects_id=invoice.corrects_id,
    )


def _choices(invoice: Invoice) -> list[str]:
    """Payment statuses that are offered now (LS-33..LS-36)."""
    if invoice.state != FINAL:
        return []
    if invoice.kind is InvoiceKind.CREDIT_NOTE:
        return [NOT_PAID, PAID]
    return [PAID] if invoice.payment_status == NOT_PAID else []


async def found(connection: AsyncConnection, invoice_id: str) -> Invoice:
    """One invoice, or 404."""
    invoice = await invoices.get(connection, invoice_id)
    if invoice is None:
        raise not_found("invoice", invoice_id)
    return invoice


async def locked(connection: AsyncConnection, invoice_id: str) -> Invoice:
    """One invoice, locked for a change, or 404."""
    invoice = await invoices.lock(connection, invoice_id)
    if invoice is None:
        raise not_found("invoice", invoice_id)
    return invoice


async def audit_invoice(
    connection: AsyncConnection,
    sales_: Context,
    person: Person,
    action: str,
    invoice: Invoice,
    *,
    before: Invoice | None = None,
) -> None:
    """Record what a person did with an invoice."""
    await audit(
        connection,
        person,
        sales_.clock.now(),
        action,
        ENTITY,
        invoice.invoice_id,
        old=_figures(before) if before else None,
        new=_figures(invoice),
    )


def _figures(invoice: Invoice) -> dict[str, Any]:
    return {
        "state": invoice.state,
        "number": invoice.number,
        "debtor_id": invoice.debtor_id,
        "gross": cents(invoice.gross),
        "payment_status": invoice.payment_status,
        "paid_on": invoice.paid_on,
        "delivery_time": invoice.delivery_time,
    }
