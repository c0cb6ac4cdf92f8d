"""(Sold) Per debtor: the days, who bought on a day, and everything about one debtor and day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Response
from klokwerk.access import SignedIn, trail
from klokwerk.http import Page, decode_cursor, etag
from klokwerk.http.pages import page_of
from klokwerk.http.problems import not_found
from klokwerk_contracts.debtor_changed import DebtorChanged
from klokwerk_contracts.types import Identifier
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Context, Limit, Sales, Words, cents, cursor_day, cursor_text
from sales_service.api.resend import requirements
from sales_service.api.sale_views import (
    CanResend,
    DayView,
    DebtorView,
    DistributionView,
    LastEkt,
    LineView,
    MissingView,
    SoldView,
)
from sales_service.domain.completeness import missing
from sales_service.store import debtors, outcomes, sales
from sales_service.store.sales import DayKey

router = APIRouter(tags=["sales"])


@router.get("/days")
async def list_days(
    sales_: Sales, _: SignedIn, limit: Limit = 50, cursor: str | None = None
) -> Page[DayView]:
    """Order days with sales, newest first, back to the first one (EF-17)."""
    after = decode_cursor(cursor, 1)
    before = cursor_day(after[0]) if after else None
    async with sales_.database.connect() as connection:
        rows = await sales.days(connection, before=before, limit=limit + 1)
    page = page_of(rows, limit, lambda row: [row.order_day])
    return Page(items=[DayView.of(row) for row in page.items], next=page.next)


@router.get("/days/default")
async def default_day(sales_: Sales, _: SignedIn, debtor_id: Identifier | None = None) -> dict[str, date]:
    """The day a page opens on: today, or the debtor's last order day (D-02)."""
    found: date | None = None
    if debtor_id is not None:
        async with sales_.database.connect() as connection:
            target = (await debtors.resolve(connection, [debtor_id])).get(debtor_id, debtor_id)
            found = await sales.last_day(connection, target)
    return {"order_day": found or sales_.clock.today()}


@router.get("/days/{day}/debtors")
async def sold_per_debtor(
    day: date, sales_: Sales, _: SignedIn, q: Words = "", limit: Limit = 200, cursor: str | None = None
) -> Page[SoldView]:
    """(Sold) Per debtor: who bought on `day` (EF-08, EF-10..EF-13)."""
    after = decode_cursor(cursor, 2)
    async with sales_.database.connect() as connection:
        rows = await sales.sold_per_debtor(
            connection,
            day,
            words=q,
            after=(cursor_text(after[0]), cursor_text(after[1])) if after else None,
            limit=limit + 1,
        )
    page = page_of(rows, limit, lambda row: [row.name, row.debtor_id])
    return Page(items=[SoldView.of(row) for row in page.items], next=page.next)


@router.get("/days/{day}/debtors/{debtor_id}")
async def distribution(
    day: date, debtor_id: Identifier, sales_: Sales, _: SignedIn, response: Response
) -> DistributionView:
    """Everything about one debtor and day: lines, what is missing, EKTs, whether it can be resent."""
    async with sales_.database.connect() as connection:
        view = await _view(connection, sales_, debtor_id, day)
    response.headers["ETag"] = etag(view.version)
    return view


async def _view(connection: AsyncConnection, sales_: Context, debtor_id: str, day: date) -> DistributionView:
    target = (await debtors.resolve(connection, [debtor_id])).get(debtor_id, debtor_id)
    key = DayKey(target, day)
    card = await debtors.card(connection, target)
    row = await sales.day(connection, key)
    if card is None and row is None:
        raise not_found("debtor", debtor_id)
    lines = (await sales.lines(connection, [key]))[key]
    billed = await sales.invoiced(connection, key)
    gaps = missing(lines)
    ekts = await outcomes.ekts(connection, key)
    last = ekts[0] if ekts else None
    return DistributionView(
        debtor_id=target,
        debtor=_debtor_view(target, card),
        order_day=day,
        source=row.source if row else sales_.outbox.source,
        own=row is None or row.source in ("", sales_.outbox.source),
        version=row.version if row else 0,
        revision=row.revision if row else 0,
        complete=not gaps,
        completed_at=row.completed_at if row else None,
        total=cents(sum((line.amount for line in lines), start=Decimal(0))),
        lines=[LineView.of(line, gaps, billed) for line in lines],
        missing=[MissingView.of(gap) for gap in gaps],
        ekt=LastEkt(trigger=last.trigger, state=last.state, message=last.message, at=last.changed_at)
        if last
        else None,
        ekts=ekts,
        resends=await outcomes.requests(connection, key),
        can_resend=CanResend(
            visible=card is not None and card.ekt.use_ekts, missing=requirements(card, row, gaps)
        ),
    )


def _debtor_view(debtor_id: str, card: DebtorChanged | None) -> DebtorView:
    return DebtorView(
        debtor_id=debtor_id,
        debtor_number=card.debtor_number if card else "",
        name=card.name if card else debtor_id,
        use_ekts=bool(card and card.ekt.use_ekts),
    )


@router.get("/days/{day}/debtors/{debtor_id}/history")
async def history(day: date, debtor_id: Identifier, sales_: Sales, _: SignedIn) -> dict[str, Any]:
    """Who changed what in this distribution, newest first."""
    async with sales_.database.connect() as connection:
        return {"items": await trail(connection, "sale", f"{debtor_id}/{day}"), "next": None}
