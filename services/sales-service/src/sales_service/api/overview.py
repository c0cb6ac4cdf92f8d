"""What waits, and the figures that the home page shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from klokwerk import parked
from klokwerk.access import SignedIn
from klokwerk.http import Page, decode_cursor
from klokwerk.http.pages import page_of
from pydantic import BaseModel

from sales_service.api.context import Limit, Sales, cursor_number
from sales_service.store import overview
from sales_service.store.overview import Happened

router = APIRouter(tags=["overview"])


class WaitingView(BaseModel):
    """An event that waits for data still to come."""

    kind: str
    waits_for: str
    reason: str
    source: str
    event: dict[str, Any]
    parked_at: datetime


class CountView(BaseModel):
    """One figure with its meaning."""

    name: str
    label: str
    value: int
    state: str


class RecentView(BaseModel):
    """One thing that happened."""

    at: datetime
    text: str
    state: str
    link: str


class Summary(BaseModel):
    """The service at a glance."""

    counts: list[CountView]
    recent: list[RecentView]


@router.get("/waiting")
async def waiting(
    sales_: Sales, _: SignedIn, limit: Limit = 50, cursor: str | None = None
) -> Page[WaitingView]:
    """Sales and invoices of other systems that wait for their debtor, oldest first."""
    after = decode_cursor(cursor, 1)
    async with sales_.database.connect() as connection:
        rows = await parked.waiting(
            connection, after=cursor_number(after[0]) if after else 0, limit=limit + 1
        )
    page = page_of(rows, limit, lambda row: [row.id])
    items = [
        WaitingView(
            kind=row.kind,
            waits_for=row.waits_for,
            reason=row.reason,
            source=str(row.body.get("source", "")),
            event=dict(row.body.get("event", {})),
            parked_at=row.parked_at,
        )
        for row in page.items
    ]
    return Page(items=items, next=page.next)


@router.get("/summary")
async def summary(sales_: Sales, _: SignedIn) -> Summary:
    """Figures of today and what happened last."""
    today = sales_.clock.today()
    async with sales_.database.connect() as connection:
        counts = await overview.counts(connection, today)
        happened = await overview.recent(connection, today, 10)
    return Summary(
        counts=[
            _count("debtors_sold_today", "Debtors with sales today", counts.sold),
            _count("distributions_open", "Distributions not complete today", counts.open, warn=True),
            _count("invoices_today", "Invoices issued today", counts.invoices),
            _count("invoice_drafts", "Invoice drafts", counts.drafts),
            _count("waiting", "Events waiting for a debtor", counts.waiting, warn=True),
        ],
        recent=[_recent(row) for row in happened],
    )


def _count(name: str, label: str, value: int, *, warn: bool = False) -> CountView:
    return CountView(name=name, label=label, value=value, state="warn" if warn and value else "ok")


def _recent(row: Happened) -> RecentView:
    if row.what == "sale":
        text = f"Sale of {row.day} to {row.name} completed, revision {row.extra}"
        return RecentView(at=row.at, text=text, state="ok", link=f"/sales/{row.day}/{row.id}")
    what = "Credit note" if row.what == "credit_note" else "Invoice"
    return RecentView(
        at=row.at, text=f"{what} {row.extra} issued to {row.name}", state="ok", link=f"/invoices/{row.id}"
    )
