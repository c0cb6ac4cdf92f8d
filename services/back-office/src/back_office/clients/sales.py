"""The sales service: sales per order day and invoices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from decimal import Decimal
from typing import Any

from back_office.clients.sale_shapes import (
    DaySummary,
    DefaultDay,
    History,
    LastSending,
    ResendAccepted,
    SaleOfDebtor,
    SoldPage,
)
from back_office.clients.shapes import Page, Pin, Shape, Words, at
from back_office.clients.transport import Answer, Caller, Download

MANY_SECONDS = 30.0
"""How long naming a hundred thousand invoices may take."""


class InvoiceRow(Shape):
    """An invoice in the list, a draft or one that was issued."""

    invoice_id: str
    number: Words = ""
    kind: str = "invoice"
    state: str = "draft"
    source: Words = ""
    debtor_id: str = ""
    buyer_name: Words = ""
    order_day: date | None = None
    issue_date: date | None = None
    due_date: date | None = None
    currency: str = "EUR"
    net: Decimal | None = None
    vat: Decimal | None = None
    gross: Decimal | None = None
    payment_status: Words = ""
    paid_on: date | None = None
    dispatch: LastSending | None = None


class InvoiceLine(Shape):
    """One line of an invoice."""

    line_id: str = ""
    name: Words = ""
    description: Words = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    net_amount: Decimal | None = None
    vat_percent: Decimal | None = None


class InvoiceDocument(Shape):
    """The document as issued, or as it would be issued now."""

    lines: tuple[InvoiceLine, ...] = ()
    order_reference: Words = ""
    buyer_reference: Words = ""


class InvoiceDetail(InvoiceRow):
    """One invoice with its document."""

    document: InvoiceDocument = InvoiceDocument()


class CountedInvoices(Pin):
    """Which invoices a filter means, and which of them are issued, so that they can be sent."""

    issued: Pin = Pin()


class Issued(Shape):
    """Invoices by name."""

    invoice_ids: tuple[str, ...] = ()


class SalesClient:
    """Reads sales and invoices, asks for resends."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def days(self, **filters: str | None) -> Page[DaySummary]:
        """Days with sales, newest first."""
        return (await self._caller.get("/v1/days", Page[DaySummary], filters)).value

    async def default_day(self, debtor_id: str = "") -> date:
        """Today, or a debtor's last order day (D-02)."""
        answer = await self._caller.get("/v1/days/default", DefaultDay, {"debtor_id": debtor_id})
        return answer.value.order_day

    async def per_debtor(self, day: date, **filters: Any) -> SoldPage:
        """(Sold) Per debtor of an order day, the first page with the sums of all."""
        return (await self._caller.get(at("days", day.isoformat(), "debtors"), SoldPage, filters)).value

    async def sale(self, day: date, debtor_id: str) -> SaleOfDebtor:
        """A debtor's sale of one day with its lines."""
        return (await self.sale_at(day, debtor_id)).value

    async def sale_at(self, day: date, debtor_id: str) -> Answer[SaleOfDebtor]:
        """The same with its revision, to change it."""
        return await self._caller.get(at("days", day.isoformat(), "debtors", debtor_id), SaleOfDebtor)

    async def history(self, day: date, debtor_id: str) -> History:
        """What happened to a debtor's sale, newest first."""
        path = at("days", day.isoformat(), "debtors", debtor_id, "history")
        return (await self._caller.get(path, History)).value

    def export_lines(
        self, day: date, suffix: str, ids: Sequence[str] = (), **filters: Any
    ) -> AbstractAsyncContextManager[Download]:
        """The lines of a day as ``csv`` or ``xlsx``, of the selected debtors or of all of the filter."""
        path = at("days", day.isoformat(), f"lines.{suffix}")
        return self._caller.download(path, {**filters, "ids": list(ids) or None})

    async def resend(
        self, day: date, debtor_id: str, *, reason: str, note: str, once: str, recipients: Sequence[str] = ()
    ) -> ResendAccepted:
        """Ask for a new EKT (EF-23), for this once to `recipients` where there are any (EF-56)."""
        asked = (("reason", reason), ("note", note), ("recipients", list(recipients)))
        body = {name: value for name, value in asked if value}
        path = at("days", day.isoformat(), "debtors", debtor_id, "resend")
        return (await self._caller.send("POST", path, ResendAccepted, body, once=once)).value

    async def invoices(self, **filters: str | None) -> Page[InvoiceRow]:
        """Invoices, newest first."""
        return (await self._caller.get("/v1/invoices", Page[InvoiceRow], filters)).value

    async def count_invoices(self, query: Mapping[str, str]) -> CountedInvoices:
        """How many invoices a filter means, and which."""
        return (await self._caller.get("/v1/invoices/count", CountedInvoices, query)).value

    async def issued_invoices(self, query: Mapping[str, str], told: Pin) -> tuple[str, ...]:
        """The ids of those of a filter that can be sent, as they were told."""
        body = {"matching": dict(query), "pin": told.model_dump()}
        sent = await self._caller.send("POST", "/v1/invoices/issued", Issued, body, seconds=MANY_SECONDS)
        return sent.value.invoice_ids

    async def invoice(self, invoice_id: str) -> InvoiceDetail:
        """One invoice."""
        return (await self._caller.get(at("invoices", invoice_id), InvoiceDetail)).value

    def export(
        self, suffix: str, ids: Sequence[str] = (), **filters: str | None
    ) -> AbstractAsyncContextManager[Download]:
        """The selected invoices, or all of the filter, as ``csv`` or ``xlsx``."""
        return self._caller.download(f"/v1/invoices.{suffix}", {**filters, "ids": list(ids) or None})
