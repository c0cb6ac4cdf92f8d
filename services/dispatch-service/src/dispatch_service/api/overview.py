"""What waits for data still to come, and the counts for the home page."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from klokwerk import parked
from klokwerk.access import SignedIn
from klokwerk.http.pages import Page, page_of
from pydantic import BaseModel

from dispatch_service.api.context import Cursor, In, Limit, seen
from dispatch_service.domain.timing import midnight
from dispatch_service.store import invoices

router = APIRouter(tags=["overview"])

_STATES = {"sent": "ok", "failed": "error", "ignored": "warn", "unknown": "warn"}


class WaitingItem(BaseModel):
    """One invoice that waits for its customer's card."""

    invoice_id: str
    invoice_number: str
    debtor_id: str
    waits_for: str
    reason: str
    since: datetime


class Count(BaseModel):
    """One number of the home page; `state` is ok, warn or error."""

    name: str
    label: str
    value: int
    state: str


class Recent(BaseModel):
    """One thing that happened lately."""

    at: datetime
    text: str
    state: str
    link: str


class Summary(BaseModel):
    """The service at a glance."""

    counts: list[Count]
    recent: list[Recent]


@router.get("/waiting")
async def list_waiting(
    service: In, _: SignedIn, limit: Limit = 50, cursor: Cursor = None
) -> Page[WaitingItem]:
    """Invoices whose customer is not known here yet, oldest first."""
    async with service.database.connect() as connection:
        rows = await parked.waiting(connection, after=seen(cursor) or 0, limit=limit + 1)
    page = page_of(rows, limit, lambda item: [item.id])
    items = [
        WaitingItem(
            invoice_id=item.natural_key,
            invoice_number=str(item.body.get("invoice_number", "")),
            debtor_id=str(item.body.get("debtor_id", "")),
            waits_for=item.waits_for,
            reason=item.reason,
            since=item.parked_at,
        )
        for item in page.items
    ]
    return Page(items=items, next=page.next)


@router.get("/summary")
async def summary(service: In, _: SignedIn) -> Summary:
    """Counts and the latest actions."""
    since = midnight(service.clock.today(), service.clock.zone)
    async with service.database.connect() as connection:
        by_state, sent_today = await invoices.counts(connection, since)
        waiting = await parked.waiting_count(connection)
        recent = await invoices.recent(connection)

    def count(name: str, label: str, value: int, trouble: str = "ok") -> Count:
        return Count(name=name, label=label, value=value, state=trouble if value else "ok")

    return Summary(
        counts=[
            count("invoices_waiting", "Wait for tonight's run", by_state.get("waiting", 0)),
            count("invoices_sent_today", "Sent today", sent_today),
            count("invoices_failed", "Failed", by_state.get("failed", 0), "error"),
            count("invoices_ignored", "Ignored", by_state.get("ignored", 0), "warn"),
            count("invoices_unknown", "Outcome unknown", by_state.get("unknown", 0), "warn"),
            count("waiting_for_customer", "Wait for the customer's card", waiting, "warn"),
        ],
        recent=[
            Recent(
                at=row["at"],
                text=f"Invoice {row['number']}: {row['action']}",
                state=_STATES.get(row["action"].split()[0], "ok"),
                link=f"/v1/invoices/{row['invoice_id']}",
            )
            for row in recent
        ],
    )
