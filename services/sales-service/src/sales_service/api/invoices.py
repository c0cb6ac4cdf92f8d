"""Invoices and credit notes: drafts, finalising, credit notes, payment status, lists and exports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from klokwerk.access import Person, SignedIn, allow, audit, trail
from klokwerk.http import (
    Column,
    Expected,
    Once,
    Page,
    Problem,
    check_revision,
    csv_response,
    decode_cursor,
    etag,
    xlsx_response,
)
from klokwerk.http.pages import page_of
from klokwerk.http.problems import not_found
from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceKind, InvoiceSource
from klokwerk_contracts.types import Address, Country, DecimalString, Identifier, LongText, Text
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Body, Context, Limit, Sales, Words, cents
from sales_service.api.errors import as_problems
from sales_service.domain.invoices import Contact, Draft, DraftLine
from sales_service.domain.lines import VatClass
from sales_service.store import invoices
from sales_service.store.invoices import FINAL, NOT_PAID, PAID, Filters, Invoice

router = APIRouter(tags=["invoices"])
ENTITY = "invoice"
MOST_EXPORTED = 200


class InvoiceLineBody(Body):
    """One line of a draft; quantity times price, VAT by the class of the goods."""

    line_id: Identifier | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: LongText = ""
    quantity: DecimalString
    unit: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")] = "C62"
    price: Annotated[DecimalString, Field(ge=0, le=1_000_000_000)]
    base_quantity: Annotated[DecimalString, Field(gt=0, le=1_000_000)] = Decimal(1)
    vat_class: VatClass = VatClass.REDUCED
    order_day: date | None = None
    article_number: Annotated[str, StringConstraints(max_length=35)] = ""
    country_of_origin: Country | None = None
    sale_line_id: Identifier | None = None


class InvoiceBody(Body):
    """A draft.

    Attributes:
        order_day: with no `lines`, every line of that day that is not billed yet is taken.
        source: how it came to be; kept from here on (NV-13).
        issue_date: none means the day of finalising.
        vat_regime: for this document only (FA-15, FA-16).
        attention: a contact person, whose own address is used where there is one (FA-41..FA-43).
    """

    debtor_id: Identifier
    source: InvoiceSource = InvoiceSource.MANUAL
    issue_date: date | None = None
    order_day: date | None = None
    delivered_on: date | None = None
    deliver_to: Address | None = None
    vat_regime: Text | None = None
    payment_term_days: Annotated[int, Field(ge=0, le=365)] | None = None
    discount_percent: Annotated[DecimalString, Field(ge=0, le=100)] | None = None
    attention: Contact | None = None
    buyer_reference: Text = ""
    order_reference: Text = ""
    note: LongText = ""
    lines: Annotated[list[InvoiceLineBody], Field(max_length=5000, default_factory=list)]
    automatic_dispatch: bool = True
    factoring_notice: bool = False
    direct_payment: bool = False

    def draft(self) -> Draft:
        """The draft that this asks for; lines without an id are numbered."""
        values = self.model_dump(exclude={"lines", "attention", "deliver_to"})
        lines = [
            DraftLine(**{**line.model_dump(), "line_id": line.line_id or str(position)})
            for position, line in enumerate(self.lines, start=1)
        ]
        return Draft(**values, lines=tuple(lines), attention=self.attention, deliver_to=self.deliver_to)


class PaymentBody(Body):
    """What may change on an issued invoice (LS-26, LS-27, LS-31)."""

    payment_status: Literal["paid", "not_paid"] | None = None
    paid_on: date | None = None
    delivery_time: Annotated[str, StringConstraints(max_length=200)] | None = None


class ReverseBody(Body):
    """Why a payment is taken back (D-13)."""

    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]


class DispatchView(BaseModel):
    """How the dispatch of an invoice stands, as the dispatch service last told."""

    state: str
    channel: str
    message: str
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


async def _view(connection: AsyncConnection, sales_: Context, invoice: Invoice) -> InvoiceView:
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


# --- drafts and finalising ----------------------------------------------------------------------------------


@router.post("/invoices", status_code=201, response_model=InvoiceView)
async def add_draft(
    body: InvoiceBody, sales_: Sales, once: Once, person: Person = allow("sales", "finance")
) -> Any:
    """Make a draft; it gives no number and publishes nothing (EP-08)."""
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        with as_problems():
            invoice = await sales_.invoicing.draft(
                connection, body.draft(), from_sale=body.order_day is not None and not body.lines
            )
            view = await _view(connection, sales_, invoice)
        await _audit(connection, sales_, person, "drafted", invoice)
        return await once.keep(connection, view, 201, {"ETag": etag(invoice.revision)})


@router.put("/invoices/{invoice_id}")
async def change_draft(
    invoice_id: Identifier,
    body: InvoiceBody,
    sales_: Sales,
    expected: Expected,
    response: Response,
    person: Person = allow("sales", "finance"),
) -> InvoiceView:
    """Change a draft; an issued document is never changed (LS-09, LS-10)."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            known = await _locked(connection, invoice_id)
            if known.state != FINAL:
                check_revision(expected, known.revision)
            changed = await sales_.invoicing.edit(connection, known, body.draft())
            view = await _view(connection, sales_, changed)
        await _audit(connection, sales_, person, "draft changed", changed, before=known)
    response.headers["ETag"] = etag(changed.revision)
    return view


@router.delete("/invoices/{invoice_id}", status_code=204)
async def delete_draft(
    invoice_id: Identifier, sales_: Sales, person: Person = allow("sales", "finance")
) -> None:
    """Throw a draft away; an issued document stays in the books (LS-14)."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            known = await _locked(connection, invoice_id)
            if not await invoices.delete_draft(connection, invoice_id):
                raise Problem(
                    409,
                    "An issued document never changes",
                    f"{known.kind} {known.number} stays in the books; make a credit note instead.",
                )
        await audit(connection, person, sales_.clock.now(), "draft deleted", ENTITY, invoice_id)


@router.post("/invoices/{invoice_id}/finalise")
async def finalise(
    invoice_id: Identifier,
    sales_: Sales,
    response: Response,
    person: Person = allow("sales", "finance"),
) -> InvoiceView:
    """Issue a draft: number, frozen contents, event. A second time answers with what the first one did."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            known = await _locked(connection, invoice_id)
            issued = await sales_.invoicing.finalise(connection, known)
            view = await _view(connection, sales_, issued)
        if known.state != FINAL:
            await _audit(connection, sales_, person, "finalised", issued, before=known)
    response.headers["ETag"] = etag(issued.revision)
    return view


@router.post("/invoices/{invoice_id}/credit", status_code=201, response_model=InvoiceView)
async def credit(
    invoice_id: Identifier, sales_: Sales, once: Once, person: Person = allow("sales", "finance")
) -> Any:
    """A draft credit note for the whole of an issued invoice."""
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        with as_problems():
            note = await sales_.invoicing.credit(connection, await _locked(connection, invoice_id))
            view = await _view(connection, sales_, note)
        await _audit(connection, sales_, person, "credit note drafted", note)
        return await once.keep(connection, view, 201, {"ETag": etag(note.revision)})


# --- payment and delivery time ------------------------------------------------------------------------------


@router.patch("/invoices/{invoice_id}")
async def change_payment(
    invoice_id: Identifier,
    body: PaymentBody,
    sales_: Sales,
    expected: Expected,
    response: Response,
    person: Person = allow("sales", "finance"),
) -> InvoiceView:
    """Mark as paid, or tell a delivery time; nothing else on the invoice changes (LS-31)."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            known = await _locked(connection, invoice_id)
            check_revision(expected, known.revision)
            status, paid_on = known.payment_status, known.paid_on
            if body.payment_status is not None:
                status, paid_on = sales_.invoicing.payment(
                    known, status=body.payment_status, paid_on=body.paid_on
                )
            delivery = known.delivery_time if body.delivery_time is None else body.delivery_time
            await invoices.set_payment(
                connection, invoice_id, payment_status=status, paid_on=paid_on, delivery_time=delivery
            )
            changed = await _found(connection, invoice_id)
            view = await _view(connection, sales_, changed)
        await _audit(connection, sales_, person, "payment or delivery time changed", changed, before=known)
    response.headers["ETag"] = etag(changed.revision)
    return view


@router.post("/invoices/{invoice_id}/reverse-payment")
async def reverse_payment(
    invoice_id: Identifier, body: ReverseBody, sales_: Sales, person: Person = allow("finance")
) -> InvoiceView:
    """Take a payment back, with a reason that is logged (D-13)."""
    async with sales_.database.transaction() as connection:
        known = await _locked(connection, invoice_id)
        if known.state != FINAL or known.payment_status != PAID:
            raise Problem(409, "There is no payment to reverse", "The invoice is not paid.")
        await invoices.set_payment(
            connection,
            invoice_id,
            payment_status=NOT_PAID,
            paid_on=None,
            delivery_time=known.delivery_time,
        )
        changed = await _found(connection, invoice_id)
        await audit(
            connection,
            person,
            sales_.clock.now(),
            "payment reversed",
            ENTITY,
            invoice_id,
            old={"payment_status": PAID, "paid_on": known.paid_on},
            new={"payment_status": NOT_PAID, "reason": body.reason},
        )
        return await _view(connection, sales_, changed)


# --- lists --------------------------------------------------------------------------------------------------


def _filters(
    q: Words = "",
    state: Literal["draft", "final"] | None = None,
    kind: InvoiceKind | None = None,
    source: InvoiceSource | None = None,
    debtor_id: Identifier | None = None,
    payment_status: Literal["paid", "not_paid"] | None = None,
    paid_from: date | None = None,
    paid_to: date | None = None,
    reverse_charge: bool | None = None,
    dispatch: Annotated[str | None, Query(max_length=20, pattern=r"^[a-z_]+$")] = None,
    ids: Annotated[list[Identifier] | None, Query(max_length=10_000)] = None,
) -> Filters:
    return Filters(
        words=q,
        state=state,
        kind=kind,
        source=source,
        debtor_id=debtor_id,
        payment_status=payment_status,
        paid_from=paid_from,
        paid_to=paid_to,
        reverse_charge=reverse_charge,
        dispatch=dispatch,
        ids=ids,
    )


Wanted = Annotated[Filters, Depends(_filters)]


@router.get("/invoices")
async def list_invoices(
    sales_: Sales, _: SignedIn, wanted: Wanted, limit: Limit = 50, cursor: str | None = None
) -> Page[InvoiceRow]:
    """Invoices and credit notes, last added first (LS-02, LS-03, LS-37)."""
    after = decode_cursor(cursor, 1)
    place = int(after[0]) if after and str(after[0]).isdigit() else None
    async with sales_.database.connect() as connection:
        rows = await invoices.page(connection, wanted, after=place, limit=limit + 1)
    page = page_of(rows, limit, lambda row: [row.place])
    return Page(items=[InvoiceRow.of(row) for row in page.items], next=page.next)


_EXPORT: list[Column[Invoice]] = [
    Column("Number", lambda row: row.number),
    Column("Kind", lambda row: row.kind.value),
    Column("State", lambda row: row.state),
    Column("Customer", lambda row: row.buyer_name),
    Column("Debtor id", lambda row: row.debtor_id),
    Column("Order day", lambda row: row.order_day),
    Column("Issue date", lambda row: row.issue_date),
    Column("Due date", lambda row: row.due_date),
    Column("Currency", lambda row: row.currency),
    Column("Net", lambda row: row.net),
    Column("VAT", lambda row: row.vat),
    Column("Gross", lambda row: row.gross),
    Column("Payment status", lambda row: row.payment_status),
    Column("Paid on", lambda row: row.paid_on),
    Column("Delivery time", lambda row: row.delivery_time),
    Column("Source", lambda row: row.source),
    Column("Issued by", lambda row: row.origin),
    Column("Dispatch", lambda row: row.dispatch_state or ""),
    Column("Channel", lambda row: row.dispatch_channel or ""),
]


async def _all(sales_: Context, wanted: Filters) -> AsyncIterator[Invoice]:
    """Every invoice that fits, page by page, so that no transaction stays open during a download."""
    place: int | None = None
    while True:
        async with sales_.database.connect() as connection:
            rows = await invoices.page(connection, wanted, after=place, limit=MOST_EXPORTED)
        for row in rows:
            yield row
        if len(rows) < MOST_EXPORTED:
            return
        place = rows[-1].place


@router.get("/invoices.csv")
async def export_csv(sales_: Sales, _: SignedIn, wanted: Wanted, language: str = "nl") -> Response:
    """The filtered list, all pages, as CSV (D-15, LS-18)."""
    return csv_response(_all(sales_, wanted), _EXPORT, file_name="invoices.csv", language=language)


@router.get("/invoices.xlsx")
async def export_xlsx(sales_: Sales, _: SignedIn, wanted: Wanted) -> Response:
    """The filtered list, all pages, as XLSX."""
    return await xlsx_response(_all(sales_, wanted), _EXPORT, file_name="invoices.xlsx")


@router.get("/invoices/{invoice_id}")
async def get_invoice(invoice_id: Identifier, sales_: Sales, _: SignedIn, response: Response) -> InvoiceView:
    """One invoice: as issued, or as the draft would be issued now."""
    async with sales_.database.connect() as connection:
        with as_problems():
            invoice = await _found(connection, invoice_id)
            view = await _view(connection, sales_, invoice)
    response.headers["ETag"] = etag(invoice.revision)
    return view


@router.get("/invoices/{invoice_id}/history")
async def history(invoice_id: Identifier, sales_: Sales, _: SignedIn) -> dict[str, Any]:
    """Who did what with this invoice, newest first."""
    async with sales_.database.connect() as connection:
        return {"items": await trail(connection, ENTITY, invoice_id), "next": None}


# --- parts --------------------------------------------------------------------------------------------------


async def _found(connection: AsyncConnection, invoice_id: str) -> Invoice:
    found = await invoices.get(connection, invoice_id)
    if found is None:
        raise not_found("invoice", invoice_id)
    return found


async def _locked(connection: AsyncConnection, invoice_id: str) -> Invoice:
    found = await invoices.lock(connection, invoice_id)
    if found is None:
        raise not_found("invoice", invoice_id)
    return found


async def _audit(
    connection: AsyncConnection,
    sales_: Context,
    person: Person,
    action: str,
    invoice: Invoice,
    *,
    before: Invoice | None = None,
) -> None:
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
