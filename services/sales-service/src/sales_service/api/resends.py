"""Resend EKTs of many debtors of a day: a preview of who gets what and who can't, one click, one summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from klokwerk.access import Person, SignedIn, allow
from klokwerk.http import Once
from klokwerk.http.problems import not_found
from klokwerk_contracts import new_event_id
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.types import Identifier, LongText
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Limit, Sales, cents
from sales_service.api.sale_views import LastEkt, MissingView
from sales_service.domain.ekts import OVER, TO_REPEAT, EktFilter
from sales_service.domain.resending import Customer, is_warned
from sales_service.entry.body import Body
from sales_service.resending import Checked, Wish
from sales_service.store import batches, debtors, outcomes, sold
from sales_service.store.batches import Batch, BatchEntry, LeftOut
from sales_service.store.sold import Sold, SoldFilter

router = APIRouter(tags=["resends"])
MOST_DEBTORS = 5000


class SelectionBody(Body):
    """Which debtors of the day: those named, else all that use EKTs and whose last EKT stands like this.

    Attributes:
        ekt: failed, bounced and never sent unless said otherwise.
    """

    debtor_ids: Annotated[list[Identifier], Field(max_length=MOST_DEBTORS)] | None = None
    ekt: Annotated[tuple[EktFilter, ...], Field(min_length=1, max_length=len(EktFilter))] = TO_REPEAT


class ResendsBody(SelectionBody):
    """The same selection, with why it is sent again and a note for the log."""

    reason: ResendReason = ResendReason.UNSAID
    note: LongText = ""


class PreviewItem(BaseModel):
    """One debtor: what would be sent, or what stands in the way.

    Attributes:
        revision: of the sale that the file would be built from.
        resends: asked for so far.
        warn: one more is more than is usual; it is never blocked (EF-53, EF-54).
    """

    debtor_id: str
    debtor_number: str
    name: str
    lines: int
    total: str
    revision: int
    can: bool
    missing: list[MissingView]
    ekt: LastEkt | None
    resends: int
    warn: bool


class PreviewView(BaseModel):
    """Everybody of the selection, by name, and how many of them."""

    items: list[PreviewItem]
    can: int
    can_not: int
    warned: int


class BatchAnswer(BaseModel):
    """What was asked for with one click."""

    batch_id: str
    asked: int
    skipped: int


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
    skipped: list[LeftOutView]


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


@router.post("/days/{day}/resend-preview")
async def preview(
    day: date, body: SelectionBody, sales_: Sales, _: Person = allow("sales", "ops")
) -> PreviewView:
    """Who would get what, who can't and why; the EKT service has requirements of its own beside these."""
    async with sales_.database.connect() as connection:
        ids, rows = await _chosen(connection, day, body)
        checked = await sales_.resending.check(connection, day, ids)
        counts = await outcomes.resends(connection, day, [one.key.debtor_id for one in checked])
    items = [
        _previewed(one, rows.get(one.key.debtor_id), counts.get(one.key.debtor_id, 0)) for one in checked
    ]
    return PreviewView(
        items=items,
        can=sum(item.can for item in items),
        can_not=sum(not item.can for item in items),
        warned=sum(item.warn for item in items if item.can),
    )


@router.post("/days/{day}/resends", status_code=202, response_model=BatchAnswer)
async def resend_many(
    day: date, body: ResendsBody, sales_: Sales, once: Once, person: Person = allow("sales", "ops")
) -> Any:
    """Ask for the EKTs of everybody in the selection who can get one; the others are left out with the reason."""
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        ids, _ = await _chosen(connection, day, body)
        checked = await sales_.resending.check(connection, day, ids, ask=True)
        batch = Batch(
            batch_id=new_event_id().hex,
            order_day=day,
            asked_by=person.name,
            asked_at=sales_.clock.now(),
            reason=body.reason,
            note=body.note,
            skipped=tuple(
                LeftOut(one.key.debtor_id, tuple(MissingView.of(gap).model_dump() for gap in one.missing))
                for one in checked
                if not one.can
            ),
        )
        await batches.add(connection, batch)
        asked = await sales_.resending.ask(
            connection, checked, Wish(body.reason, body.note), person, batch_id=batch.batch_id
        )
        view = BatchAnswer(batch_id=batch.batch_id, asked=len(asked), skipped=len(batch.skipped))
        return await once.keep(connection, view, 202)


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
async def batch(batch_id: Identifier, sales_: Sales, _: SignedIn) -> BatchView:
    """One batch: how each debtor stands, who was left out, and one summary."""
    async with sales_.database.connect() as connection:
        found = await batches.get(connection, batch_id)
        if found is None:
            raise not_found("batch of resends", batch_id)
        entries = await batches.entries(connection, batch_id)
        customers = await debtors.customers(connection, [one.debtor_id for one in found.skipped])
    return _batch_view(found, entries, customers)


async def _chosen(
    connection: AsyncConnection, day: date, body: SelectionBody
) -> tuple[Sequence[str], dict[str, Sold]]:
    """The debtors of a selection by name, and their rows in the list of the day; one without sales has none."""
    wanted = SoldFilter(use_ekts=True, ekt=body.ekt)
    if body.debtor_ids is not None:
        wanted = SoldFilter(ids=tuple(body.debtor_ids))
    rows = {row.debtor_id: row for row in await sold.per_debtor(connection, day, wanted, limit=MOST_DEBTORS)}
    left = [one for one in body.debtor_ids or () if one not in rows]
    return [*rows, *left], rows


def _previewed(checked: Checked, row: Sold | None, resends: int) -> PreviewItem:
    customer = checked.customer
    ekt = None
    if row is not None and row.ekt_state is not None and row.ekt_at is not None:
        ekt = LastEkt(
            trigger=row.ekt_trigger or "",
            state=row.ekt_state,
            message=row.ekt_message or "",
            at=row.ekt_at,
            confirmed_at=row.confirmed_at,
        )
    return PreviewItem(
        debtor_id=checked.key.debtor_id,
        debtor_number=customer.number if customer else "",
        name=customer.name if customer else checked.key.debtor_id,
        lines=row.line_count if row else 0,
        total=cents(row.goods_total) if row else "0.00",
        revision=checked.revision,
        can=checked.can,
        missing=[MissingView.of(gap) for gap in checked.missing],
        ekt=ekt,
        resends=resends,
        warn=is_warned(resends),
    )


def _batch_view(found: Batch, entries: Sequence[BatchEntry], customers: Mapping[str, Customer]) -> BatchView:
    return BatchView(
        batch_id=found.batch_id,
        order_day=found.order_day,
        asked_by=found.asked_by,
        asked_at=found.asked_at,
        reason=found.reason,
        note=found.note,
        over=all(entry.state in OVER for entry in entries),
        counts=dict(Counter(entry.state for entry in entries)),
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
            for entry in entries
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
    )
