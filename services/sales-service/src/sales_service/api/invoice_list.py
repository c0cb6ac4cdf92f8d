"""The list of invoices with its filters, and the same as CSV and XLSX."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Depends, Query, Response
from klokwerk import pinned
from klokwerk.access import SignedIn
from klokwerk.http import Column, Page, csv_response, decode_cursor, xlsx_response
from klokwerk.http.pages import page_of
from klokwerk.pinned import Pin
from klokwerk_contracts.invoice_created import InvoiceKind, InvoiceSource
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict, Field

from sales_service.api.context import Context, Limit, Sales, Words, cursor_number
from sales_service.api.invoice_views import InvoiceRow
from sales_service.store import invoices
from sales_service.store.invoices import Filters, Invoice

router = APIRouter(tags=["invoices"])
ROWS_AT_ONCE = 200
"""Rows read together for an export."""


class InvoiceQuery(BaseModel):
    """What the list is narrowed to, in its address and for what is done with all that it means (LS-04..LS-08)."""

    q: Words = ""
    state: Literal["draft", "final"] | None = None
    kind: InvoiceKind | None = None
    source: InvoiceSource | None = None
    debtor_id: Identifier | None = None
    payment_status: Literal["paid", "not_paid"] | None = None
    paid_from: date | None = None
    paid_to: date | None = None
    reverse_charge: bool | None = None
    dispatch: Annotated[str, Field(max_length=20, pattern=r"^[a-z_]+$")] | None = None
    ids: Annotated[list[Identifier], Field(max_length=10_000)] | None = None

    def as_domain(self) -> Filters:
        """As the queries use it."""
        values = {name: getattr(self, name) for name in InvoiceQuery.model_fields if name != "q"}
        return Filters(words=self.q, **values)


class InvoiceBody(InvoiceQuery):
    """The same in a request's body, where a field that nobody knows is refused."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class CountView(BaseModel):
    """Which invoices there are, and which of them are issued, so that they can be sent."""

    count: int
    digest: str
    issued: Pin


class IssuedBody(BaseModel):
    """All issued invoices that `matching` means, as `pin` told them: others are refused with 409."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    matching: InvoiceBody
    pin: Pin


class IssuedView(BaseModel):
    """The ids of those invoices, in the order in which they were added."""

    invoice_ids: list[str]


def _filters(asked: Annotated[InvoiceQuery, Query()]) -> Filters:
    return asked.as_domain()


Wanted = Annotated[Filters, Depends(_filters)]


@router.get("/invoices")
async def list_invoices(
    sales_: Sales, _: SignedIn, wanted: Wanted, limit: Limit = 50, cursor: str | None = None
) -> Page[InvoiceRow]:
    """Invoices and credit notes, last added first (LS-02, LS-03, LS-37)."""
    after = decode_cursor(cursor, 1)
    place = cursor_number(after[0]) if after else None
    async with sales_.database.connect() as connection:
        rows = await invoices.page(connection, wanted, after=place, limit=limit + 1)
    page = page_of(rows, limit, lambda row: [row.place])
    return Page(items=[InvoiceRow.of(row) for row in page.items], next=page.next)


@router.get("/invoices/count")
async def count_invoices(sales_: Sales, _: SignedIn, wanted: Wanted) -> CountView:
    """How many invoices the filters mean, and which: what a person confirms who does not see them all."""
    async with sales_.database.connect() as connection:
        found = await invoices.count(connection, wanted)
    return CountView(**found.all.model_dump(), issued=found.issued)


@router.post("/invoices/issued")
async def issued_invoices(body: IssuedBody, sales_: Sales, _: SignedIn) -> IssuedView:
    """Which invoices a person confirmed, by name, for the service that sends them."""
    async with sales_.database.connect() as connection:
        ids, found = await invoices.issued(connection, body.matching.as_domain())
    pinned.check(body.pin, found)
    return IssuedView(invoice_ids=ids)


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
            rows = await invoices.page(connection, wanted, after=place, limit=ROWS_AT_ONCE)
        for row in rows:
            yield row
        if len(rows) < ROWS_AT_ONCE:
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
