"""Batches of resends: what was asked for with one click, and how each debtor of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from fastapi import APIRouter
from klokwerk import jobs
from klokwerk.access import SignedIn
from klokwerk.http import Page, decode_cursor
from klokwerk.http.pages import MOST, page_of
from klokwerk.http.problems import not_found
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel

from sales_service.api.context import Limit, Sales, cursor_text
from sales_service.api.sale_views import MissingView
from sales_service.domain.ekts import OVER
from sales_service.domain.resending import Customer
from sales_service.store import batches, debtors
from sales_service.store.batches import Batch, BatchEntry

router = APIRouter(tags=["resends"])


class BatchEntryView(BaseModel):
    """One debtor of a batch."""

    debtor_id: str
    debtor_number: str
    name: str
    request_id: str
    sale_revision: int
    state: str
    message: str
    recipient: str
    at: datetime


class LeftOutView(BaseModel):
    """A debtor to whom nothing was sent, and everything that stood in the way."""

    debtor_id: str
    debtor_number: str
    name: str
    missing: list[MissingView]


class BatchView(BaseModel):
    """How a batch stands.

    Attributes:
        over: nothing more happens by itself.
        counts: debtors by state.
        items: debtors by name, `next` for those after them.
        skipped: the first of those left out, of `skipped_count`.
        job: where is followed how far it is with asking; none where all were asked for at once.
        waiting: how many are still to be asked for.
    """

    batch_id: str
    order_day: date
    asked_by: str
    asked_at: datetime
    reason: str
    note: str
    over: bool
    counts: dict[str, int]
    items: list[BatchEntryView]
    next: str | None
    skipped: list[LeftOutView]
    skipped_count: int
    job: str | None
    waiting: int


class BatchLineView(BaseModel):
    """One batch in the list of a day."""

    batch_id: str
    asked_by: str
    asked_at: datetime
    reason: str
    asked: int
    skipped: int


class BatchLines(BaseModel):
    """Batches of a day, newest first."""

    items: list[BatchLineView]


@router.get("/days/{day}/resend-batches")
async def batches_of_day(day: date, sales_: Sales, _: SignedIn, limit: Limit = 20) -> BatchLines:
    """What was sent again for many debtors of this day at once, newest first."""
    async with sales_.database.connect() as connection:
        rows = await batches.of_day(connection, day, limit)
    return BatchLines(
        items=[
            BatchLineView(
                batch_id=row.batch_id,
                asked_by=row.asked_by,
                asked_at=row.asked_at,
                reason=row.reason,
                asked=row.asked,
                skipped=row.skipped,
            )
            for row in rows
        ]
    )


@router.get("/resend-batches/{batch_id}")
async def batch(
    batch_id: Identifier, sales_: Sales, _: SignedIn, limit: Limit = MOST, cursor: str | None = None
) -> BatchView:
    """One batch: how each debtor stands, who was left out, and one summary."""
    seen = decode_cursor(cursor, 2)
    after = (cursor_text(seen[0]), cursor_text(seen[1])) if seen else None
    async with sales_.database.connect() as connection:
        found = await batches.get(connection, batch_id)
        if found is None:
            raise not_found("batch of resends", batch_id)
        # The job first: what it asked for until then is in the counts that are read after it.
        job = await jobs.get(connection, found.job_id) if found.job_id else None
        counts = await batches.counts(connection, batch_id)
        entries = await batches.entries(connection, batch_id, after, limit + 1)
        customers = await debtors.customers(connection, [one.debtor_id for one in found.skipped])
    page = page_of(entries, limit, lambda one: [one.sort_name, one.debtor_id])
    return _batch_view(found, page, counts, customers, job)


def _batch_view(
    found: Batch,
    page: Page[BatchEntry],
    counts: dict[str, int],
    customers: Mapping[str, Customer],
    job: jobs.Job | None,
) -> BatchView:
    asking = job is not None and not job.state.final
    return BatchView(
        batch_id=found.batch_id,
        order_day=found.order_day,
        asked_by=found.asked_by,
        asked_at=found.asked_at,
        reason=found.reason,
        note=found.note,
        over=not asking and all(state in OVER for state in counts),
        counts=counts,
        items=[
            BatchEntryView(
                debtor_id=entry.debtor_id,
                debtor_number=entry.number,
                name=entry.name,
                request_id=entry.request_id,
                sale_revision=entry.sale_revision,
                state=entry.state,
                message=entry.message,
                recipient=entry.recipient,
                at=entry.at,
            )
            for entry in page.items
        ],
        skipped=[
            LeftOutView(
                debtor_id=one.debtor_id,
                debtor_number=customers[one.debtor_id].number if one.debtor_id in customers else "",
                name=customers[one.debtor_id].name if one.debtor_id in customers else one.debtor_id,
                missing=[MissingView(**reason) for reason in one.reasons],
            )
            for one in found.skipped
        ],
        next=page.next,
        skipped_count=found.skipped_count,
        job=f"/v1/jobs/{job.id}" if job else None,
        waiting=max(0, (job.total or 0) - job.done) if job and asking else 0,
    )
