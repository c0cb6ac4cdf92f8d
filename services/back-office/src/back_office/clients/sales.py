"""The sales service: sales per order day and invoices."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from decimal import Decimal

from klokwerk_contracts.types import Money

from back_office.clients.shapes import Page, Shape, Words, at
from back_office.clients.transport import Caller, Download


class LastSending(Shape):
    """What became of the last sending, as the sales service heard."""

    state: Words = ""
    message: Words = ""
    at: datetime | None = None
    channel: Words = ""
    intent: Words = ""


class DaySummary(Shape):
    """A day that has sales."""

    order_day: date
    debtors: int = 0


class DefaultDay(Shape):
    """The day a page opens on (D-02)."""

    order_day: date


class SoldToDebtor(Shape):
    """One row of "(Sold) Per debtor"."""

    debtor_id: str
    debtor_number: Words = ""
    name: Words = ""
    lines: int = 0
    total: Decimal | None = None
    currency: Words = "EUR"
    use_ekts: bool = False
    complete: bool = False
    missing: int = 0
    revision: int = 0
    ekt: LastSending | None = None


class Missing(Shape):
    """One requirement that is not met, with the cure and where it is mended."""

    rule: Words = ""
    label: Words = ""
    field: Words = ""
    message: Words = ""
    cure: Words = ""
    link: Words = ""


class Grower(Shape):
    """Who grew it."""

    number: Words = ""
    name: Words = ""


class SaleLine(Shape):
    """One line of a sale."""

    line_id: str
    article_number: Words = ""
    name: Words = ""
    vbn_code: Words = ""
    units: int = 0
    pieces_per_unit: int | None = None
    allocated: int = 0
    price: Money | None = None
    amount: Decimal | None = None
    grower: Grower = Grower()
    order_reference: Words = ""
    missing: tuple[Missing, ...] = ()


class CanResend(Shape):
    """Whether there is a Resend EKT button (D-01), and what stands in the way of sending."""

    visible: bool = False
    missing: tuple[Missing, ...] = ()


class Buyer(Shape):
    """Who bought."""

    debtor_id: str
    debtor_number: Words = ""
    name: Words = ""
    use_ekts: bool = False


class SaleOfDebtor(Shape):
    """A debtor's sale of one order day."""

    debtor_id: str
    debtor: Buyer
    order_day: date
    revision: int = 0
    complete: bool = False
    total: Decimal | None = None
    currency: Words = "EUR"
    lines: tuple[SaleLine, ...] = ()
    can_resend: CanResend = CanResend()


class ResendAccepted(Shape):
    """A resend that is on its way."""

    request_id: str = ""
    sale_revision: int = 0


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

    async def per_debtor(self, day: date, **filters: str | None) -> Page[SoldToDebtor]:
        """(Sold) Per debtor of an order day."""
        path = at("days", day.isoformat(), "debtors")
        return (await self._caller.get(path, Page[SoldToDebtor], filters)).value

    async def sale(self, day: date, debtor_id: str) -> SaleOfDebtor:
        """A debtor's sale of one day with its lines."""
        return (await self._caller.get(at("days", day.isoformat(), "debtors", debtor_id), SaleOfDebtor)).value

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

    async def invoice(self, invoice_id: str) -> InvoiceDetail:
        """One invoice."""
        return (await self._caller.get(at("invoices", invoice_id), InvoiceDetail)).value

    def export(
        self, suffix: str, ids: Sequence[str] = (), **filters: str | None
    ) -> AbstractAsyncContextManager[Download]:
        """The selected invoices, or all of the filter, as ``csv`` or ``xlsx``."""
        return self._caller.download(f"/v1/invoices.{suffix}", {**filters, "ids": list(ids) or None})
