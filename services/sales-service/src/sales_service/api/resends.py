"""Resend EKTs of many debtors of a day: a preview of who gets what and who can't, one click, one summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Self

from fastapi import APIRouter
from klokwerk import jobs, pinned
from klokwerk.access import Person, allow
from klokwerk.http import Once
from klokwerk.pinned import Pin
from klokwerk_contracts import new_event_id
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.types import Identifier, LongText
from pydantic import BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service import resend_job
from sales_service.api.context import Context, Sales, cents
from sales_service.api.sale_views import LastEkt, MissingView
from sales_service.api.sold_filter import SoldBody
from sales_service.domain.ekts import TO_REPEAT, EktFilter
from sales_service.domain.resending import is_warned
from sales_service.entry.body import Body
from sales_service.resend_job import CHUNK, left_out
from sales_service.resending import Checked, Wish
from sales_service.store import batches, outcomes, sold
from sales_service.store.batches import Batch
from sales_service.store.sold import Sold, SoldFilter

router = APIRouter(tags=["resends"])
MOST_DEBTORS = 5000
SHOWN = 200
"""Debtors of a filter that a preview shows."""


class SelectionBody(Body):
    """Which debtors of the day: those named, else all that the list shows with a filter, else all that use EKTs and
    whose last EKT stands like this.

    Attributes:
        ekt: failed, bounced and never sent unless said otherwise.
    """

    debtor_ids: Annotated[list[Identifier], Field(max_length=MOST_DEBTORS)] | None = None
    matching: SoldBody | None = None
    ekt: Annotated[tuple[EktFilter, ...], Field(min_length=1, max_length=len(EktFilter))] = TO_REPEAT

    def wanted(self) -> SoldFilter:
        """The filter, where nobody is named."""
        return self.matching.as_domain() if self.matching else SoldFilter(use_ekts=True, ekt=self.ekt)


class ResendsBody(SelectionBody):
    """The same selection, with why it is sent again and a note for the log.

    Attributes:
        pin: what the person was told of those that the filter means: others are refused with 409.
    """

    reason: ResendReason = ResendReason.UNSAID
    note: LongText = ""
    pin: Pin | None = None

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.matching is not None and self.pin is None:
            raise ValueError(
                "pin: what is sent to everybody of a filter has to be confirmed; take it from the preview"
            )
        return self


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
    """Everybody of the selection by name, of a filter the first of them, and how many can get one.

    Attributes:
        count, digest: which those are of a filter; goes along as `ResendsBody.pin`.
    """

    items: list[PreviewItem]
    can: int
    can_not: int
    warned: int
    count: int
    digest: str = ""


class BatchAnswer(BaseModel):
    """What was asked for with one click; of very many a job asks, and `job` is where it is followed."""

    batch_id: str
    asked: int = 0
    skipped: int = 0
    job: str | None = None


@router.post("/days/{day}/resend-preview")
async def preview(
    day: date, body: SelectionBody, sales_: Sales, _: Person = allow("sales", "ops")
) -> PreviewView:
    """Who would get what, who can't and why; the EKT service has requirements of its own beside these."""
    items: list[PreviewItem] = []
    can = warned = count = 0
    async with sales_.database.connect() as connection:
        ids, pin = await _ids(connection, day, body)
        most = len(ids) if body.debtor_ids is not None else SHOWN
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            checked = await sales_.resending.check(connection, day, part)
            asked = await outcomes.resends(connection, day, [one.key.debtor_id for one in checked])
            count += len(checked)
            can += sum(one.can for one in checked)
            warned += sum(one.can and is_warned(asked.get(one.key.debtor_id, 0)) for one in checked)
            shown = checked[: max(0, most - len(items))]
            rows = await _rows(connection, day, [one.key.debtor_id for one in shown])
            items += [
                _previewed(one, rows.get(one.key.debtor_id), asked.get(one.key.debtor_id, 0)) for one in shown
            ]
    return PreviewView(
        items=items,
        can=can,
        can_not=count - can,
        warned=warned,
        count=pin.count if pin else count,
        digest=pin.digest if pin else "",
    )


@router.post("/days/{day}/resends", status_code=202, response_model=BatchAnswer)
async def resend_many(
    day: date, body: ResendsBody, sales_: Sales, once: Once, person: Person = allow("sales", "ops")
) -> Any:
    """Ask for the EKTs of everybody in the selection who can get one; the others are left out with the reason.

    Of a filter that means very many a job asks, one part after the other.
    """
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        ids, pin = await _ids(connection, day, body)
        if pin is not None:
            pinned.check(body.pin, pin)
        batch = Batch(
            batch_id=new_event_id().hex,
            order_day=day,
            asked_by=person.name,
            asked_at=sales_.clock.now(),
            reason=body.reason,
            note=body.note,
        )
        if pin is not None and pin.count > resend_job.AT_ONCE:
            view = await _begin(connection, sales_, batch, body, person)
        else:
            view = await _asked(connection, sales_, batch, ids, person)
        return await once.keep(connection, view, 202)


async def _asked(
    connection: AsyncConnection, sales_: Context, batch: Batch, ids: Sequence[str], person: Person
) -> BatchAnswer:
    """Ask for all of a batch at once."""
    checked = await sales_.resending.check(connection, batch.order_day, ids, ask=True)
    skipped = left_out(checked)
    await batches.add(connection, replace(batch, skipped=skipped))
    wish = Wish(ResendReason(batch.reason), batch.note)
    asked = await sales_.resending.ask(connection, checked, wish, person, batch_id=batch.batch_id)
    return BatchAnswer(batch_id=batch.batch_id, asked=len(asked), skipped=len(skipped))


async def _begin(
    connection: AsyncConnection, sales_: Context, batch: Batch, body: ResendsBody, person: Person
) -> BatchAnswer:
    """Have a job ask for those that the filter means now."""
    given = resend_job.job_input(batch.order_day, batch.batch_id, Wish(body.reason, body.note))
    new = jobs.NewJob(resend_job.KIND, title=batch.order_day.isoformat(), input=given)
    job = await jobs.start(connection, sales_.clock, new, person)
    pinned.check(body.pin, await sold.keep_chosen(connection, batch.order_day, body.wanted(), job.id))
    await batches.add(connection, replace(batch, job_id=job.id))
    return BatchAnswer(batch_id=batch.batch_id, job=f"/v1/jobs/{job.id}")


async def _ids(
    connection: AsyncConnection, day: date, body: SelectionBody
) -> tuple[Sequence[str], Pin | None]:
    """The debtors of a selection by name, one without sales last; of a filter also which those are."""
    if body.debtor_ids is None:
        return await sold.chosen(connection, day, body.wanted())
    rows = await _rows(connection, day, body.debtor_ids)
    return [*rows, *(one for one in body.debtor_ids if one not in rows)], None


async def _rows(connection: AsyncConnection, day: date, ids: Sequence[str]) -> dict[str, Sold]:
    """Debtors as the list of the day shows them; one without sales is absent."""
    wanted = SoldFilter(ids=tuple(ids))
    rows = await sold.per_debtor(connection, day, wanted, limit=len(ids)) if ids else []
    return {row.debtor_id: row for row in rows}


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
