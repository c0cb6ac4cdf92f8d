"""(Sold) Per debtor: the days, who bought on a day, and everything about one debtor and day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Response
from klokwerk.access import SignedIn, trail
from klokwerk.http import Page, Problem, decode_cursor, etag
from klokwerk.http.pages import page_of
from klokwerk.http.problems import not_found
from klokwerk_contracts.debtor_changed import DebtorChanged
from klokwerk_contracts.types import Identifier
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Context, Limit, Sales, cents, cursor_day, cursor_decimal, cursor_text
from sales_service.api.sale_views import (
    CanResend,
    DayView,
    DebtorView,
    DistributionView,
    HappenedView,
    HistoryView,
    LastEkt,
    LineView,
    MissingView,
    SoldPage,
    SoldTotalsView,
    SoldView,
)
from sales_service.api.sold_filter import Wanted
from sales_service.domain import timeline
from sales_service.domain.completeness import missing
from sales_service.domain.resending import requirements
from sales_service.selling import ENTITY, entity_of
from sales_service.store import debtors, outcomes, sales, sold
from sales_service.store.sales import DayKey
from sales_service.store.sold import After, SoldSort

router = APIRouter(tags=["sales"])


@router.get("/days")
async def list_days(
    sales_: Sales, _: SignedIn, limit: Limit = 50, cursor: str | None = None
) -> Page[DayView]:
    """Order days with sales, newest first, back to the first one (EF-17)."""
    after = decode_cursor(cursor, 1)
    before = cursor_day(after[0]) if after else None
    async with sales_.database.connect() as connection:
        rows = await sold.days(connection, before=before, limit=limit + 1)
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
    day: date,
    sales_: Sales,
    _: SignedIn,
    wanted: Wanted,
    sort: SoldSort = SoldSort.NAME,
    limit: Limit = 200,
    cursor: str | None = None,
) -> SoldPage:
    """(Sold) Per debtor: who bought on `day` (EF-08, EF-10..EF-13), with sums over all pages on the first."""
    after = decode_cursor(cursor, 3)
    async with sales_.database.connect() as connection:
        rows = await sold.per_debtor(
            connection, day, wanted, sort=sort, after=_after(after, sort), limit=limit + 1
        )
        totals = None if after else SoldTotalsView.of(await sold.totals(connection, day, wanted))
    page = page_of(
        rows, limit, lambda row: [sort, row.goods_total if sort.by_total else row.sort_name, row.debtor_id]
    )
    return SoldPage(items=[SoldView.of(row) for row in page.items], next=page.next, totals=totals)


def _after(cursor: list[Any] | None, sort: SoldSort) -> After | None:
    if cursor is None:
        return None
    order, value, debtor_id = (cursor_text(one) for one in cursor)
    if order != sort:
        raise Problem(400, "The cursor is not valid", "It belongs to another order of the list.")
    return After(cursor_decimal(value) if sort.by_total else value, debtor_id)


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
    customer = (await debtors.customers(connection, [target])).get(target)
    row = await sales.day(connection, key)
    if card is None and row is None:
        raise not_found("debtor", debtor_id)
    lines = (await sales.lines(connection, [key]))[key]
    billed = await sales.invoiced(connection, key)
    gaps = missing(lines)
    ekts = await outcomes.ekts(connection, key)
    last = ekts[0] if ekts else None
    revision = row.revision if row else 0
    return DistributionView(
        debtor_id=target,
        debtor=_debtor_view(target, card),
        order_day=day,
        source=row.source if row else sales_.outbox.source,
        own=row is None or row.source in ("", sales_.outbox.source),
        version=row.version if row else 0,
        revision=revision,
        publish_at=row.pending.due if row and row.pending else None,
        changed_by=row.changed_by if row else "",
        changed_at=row.changed_at if row else None,
        complete=not gaps,
        completed_at=row.completed_at if row else None,
        total=cents(sum((line.amount for line in lines), start=Decimal(0))),
        lines=[LineView.of(line, gaps, billed) for line in lines],
        missing=[MissingView.of(gap) for gap in gaps],
        ekt=LastEkt(
            trigger=last.trigger,
            state=last.state,
            message=last.message,
            at=last.changed_at,
            confirmed_at=last.confirmed_at,
        )
        if last
        else None,
        ekts=ekts,
        resends=await outcomes.requests(connection, key),
        can_resend=CanResend(
            visible=card is not None and card.ekt.use_ekts,
            missing=[MissingView.of(gap) for gap in requirements(target, customer, gaps, revision=revision)],
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
async def history(day: date, debtor_id: Identifier, sales_: Sales, _: SignedIn) -> HistoryView:
    """What happened to this distribution, newest first: each change with what was and what is, who and why."""
    async with sales_.database.connect() as connection:
        target = (await debtors.resolve(connection, [debtor_id])).get(debtor_id, debtor_id)
        cards = [target, *await debtors.merged_into(connection, target)]
        entries = [
            entry for card in cards for entry in await trail(connection, ENTITY, entity_of(DayKey(card, day)))
        ]
    entries.sort(key=lambda entry: entry["at"], reverse=True)
    return HistoryView(items=[HappenedView.of(timeline.happened(entry)) for entry in entries])
