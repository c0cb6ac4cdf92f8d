"""The list of invoices with their dispatch state: filters, pages, CSV and XLSX."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from klokwerk.access import SignedIn
from klokwerk.http.exports import Column, csv_response, xlsx_response
from klokwerk.http.pages import Page, page_of
from klokwerk.http.problems import FieldProblem, Problem
from klokwerk.pinned import Pin
from pydantic import BaseModel, ConfigDict, Field

from dispatch_service.api.context import Cursor, In, Limit, Service, seen
from dispatch_service.api.invoice_views import LABELS, InvoiceItem, item_of
from dispatch_service.domain.cascade import CHANNEL_NAMES, Channel
from dispatch_service.store import invoices
from dispatch_service.store.invoices import Filter, InvoiceRow, InvoiceState

router = APIRouter(tags=["invoices"])

EXPORT_PAGE = 1_000
_COLUMNS: list[Column[InvoiceRow]] = [
    Column("Number", lambda row: row.number),
    Column("Date", lambda row: row.issue_date),
    Column("Customer id", lambda row: row.debtor_id),
    Column("Customer", lambda row: row.buyer_name),
    Column("Amount", lambda row: row.gross),
    Column("Currency", lambda row: row.currency),
    Column("Dispatch", lambda row: LABELS[row.state]),
    Column("Channel", lambda row: CHANNEL_NAMES[Channel(row.channel)] if row.channel != "none" else ""),
    Column("Recipient", lambda row: row.recipient),
    Column("Explanation", lambda row: row.message),
    Column("Changed", lambda row: row.changed_at),
]


class InvoiceQuery(BaseModel):
    """What the list is narrowed to, in its address and for what is done with all that it means.

    Attributes:
        state: any of these.
        q: part of number, customer or customer id.
    """

    state: Annotated[list[str], Field(max_length=20)] = []
    channel: Annotated[str, Field(max_length=20)] = ""
    debtor_id: Annotated[str, Field(max_length=64)] = ""
    administration: Annotated[str, Field(max_length=64)] = ""
    q: Annotated[str, Field(max_length=100)] = ""

    def as_domain(self) -> Filter:
        """As the queries use it.

        Raises:
            Problem: 422 where a state or channel is not known.
        """
        states = [each for each in self.state if each]
        _check("state", states, [each.value for each in InvoiceState])
        _check("channel", [self.channel] if self.channel else [], [each.value for each in Channel])
        return Filter(states, self.channel, self.debtor_id, self.administration, self.q)


class InvoiceBody(InvoiceQuery):
    """The same in a request's body, where a field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")


def _filter(asked: Annotated[InvoiceQuery, Query()]) -> Filter:
    return asked.as_domain()


def _check(field: str, given: list[str], known: list[str]) -> None:
    if wrong := [each for each in given if each not in known]:
        problem = FieldProblem(
            field=field, message=f"{', '.join(wrong)} is not known", cure=f"use one of {', '.join(known)}"
        )
        raise Problem(422, "The request is not valid", "See errors for each field.", errors=[problem])


Wanted = Annotated[Filter, Depends(_filter)]


@router.get("/invoices")
async def list_invoices(
    service: In, _: SignedIn, wanted: Wanted, limit: Limit = 50, cursor: Cursor = None
) -> Page[InvoiceItem]:
    """Invoices with their dispatch state, newest first."""
    async with service.database.connect() as connection:
        rows = await invoices.page(connection, wanted, seen(cursor), limit + 1)
    page = page_of(rows, limit, lambda row: [row.seq])
    return Page(items=[item_of(row) for row in page.items], next=page.next)


@router.get("/invoices/count")
async def count_invoices(service: In, _: SignedIn, wanted: Wanted) -> Pin:
    """How many invoices match, and which: what a person confirms who does not see them all."""
    async with service.database.connect() as connection:
        return await invoices.count(connection, wanted)


@router.get("/invoices.csv")
async def export_csv(
    service: In, _: SignedIn, wanted: Wanted, language: Annotated[str, Query(pattern="^[a-z]{2}$")] = "nl"
) -> Response:
    """The whole list of a filter as CSV."""
    return csv_response(_all(service, wanted), _COLUMNS, file_name="dispatch.csv", language=language)


@router.get("/invoices.xlsx")
async def export_xlsx(service: In, _: SignedIn, wanted: Wanted) -> Response:
    """The whole list of a filter as a workbook."""
    return await xlsx_response(_all(service, wanted), _COLUMNS, file_name="dispatch.xlsx")


async def _all(service: Service, wanted: Filter) -> AsyncIterator[InvoiceRow]:
    before: int | None = None
    while True:
        async with service.database.connect() as connection:
            rows = await invoices.page(connection, wanted, before, EXPORT_PAGE)
        for row in rows:
            yield row
        if len(rows) < EXPORT_PAGE:
            return
        before = rows[-1].seq
