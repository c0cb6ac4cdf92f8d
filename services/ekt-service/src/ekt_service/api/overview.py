"""What goes on: things that wait, and the numbers for the home page."""

from datetime import datetime, time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from klokwerk import parked
from klokwerk.access import SignedIn
from klokwerk.clock import moment_on
from klokwerk.database import Database
from klokwerk.http import Page, decode_cursor
from klokwerk.http.pages import MOST, encode_cursor
from klokwerk_contracts.outcomes import DeliveryState
from pydantic import BaseModel

from ekt_service.api.views import WaitingView
from ekt_service.sending import Sending
from ekt_service.store import ekt_log, ekts

router = APIRouter(tags=["Overview"])

Mood = Literal["ok", "warn", "error"]
_RECENT = 10


class Count(BaseModel):
    """One number of the home page."""

    name: str
    label: str
    value: int
    state: Mood


class Recent(BaseModel):
    """Something that happened."""

    at: datetime
    text: str
    state: Mood
    link: str


class Summary(BaseModel):
    """This service on the home page."""

    counts: list[Count]
    recent: list[Recent]


@router.get("/waiting", summary="What waits for data still to come, and for what")
async def list_waiting(
    request: Request,
    _: SignedIn,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    cursor: str | None = None,
) -> Page[WaitingView]:
    """First EKTs of unknown debtors, and EKTs that wait for a sale revision or a debtor number."""
    values = decode_cursor(cursor, 1)
    after = int(values[0]) if values and str(values[0]).isdigit() else 0
    database: Database = request.app.state.database
    async with database.connect() as connection:
        items = await parked.waiting(connection, after=after, limit=limit + 1)
    more = encode_cursor([items[limit - 1].id]) if len(items) > limit else None
    return Page(items=[WaitingView.of(item) for item in items[:limit]], next=more)


@router.get("/summary", summary="Numbers and latest events for the home page")
async def read_summary(request: Request, _: SignedIn) -> Summary:
    """Today is the company's day."""
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    clock = sending.clock
    since = moment_on(clock.today(), time(0), clock.zone)
    async with database.connect() as connection:
        counts = await ekts.counts(connection, since)
        waiting = await parked.waiting_count(connection)
        newest = await ekt_log.page(connection, ekt_log.Filters(), None, _RECENT)
    rows: tuple[tuple[str, str, int, Mood], ...] = (
        ("ekts_sent_today", "EKTs sent today", counts.sent, "ok"),
        ("ekts_on_their_way", "EKTs on their way", counts.planned, "ok"),
        ("ekts_failed_today", "EKTs failed today", counts.failed, "error" if counts.failed else "ok"),
        ("ekts_unknown", "EKTs with unknown outcome", counts.unknown, "warn" if counts.unknown else "ok"),
        ("ekts_waiting", "Waiting for data", waiting, "warn" if waiting else "ok"),
    )
    return Summary(
        counts=[Count(name=name, label=label, value=value, state=mood) for name, label, value, mood in rows],
        recent=[
            Recent(at=row.ekt.changed_at, text=_told(row), state=_mood(row.ekt.state), link=row.ekt.link)
            for row in newest[:_RECENT]
        ],
    )


def _told(row: ekt_log.LogRow) -> str:
    ekt, whom = row.ekt, row.debtor_name or f"debtor {row.ekt.debtor_id}"
    what = "EKT" if ekt.request_id is None else "Resent EKT"
    text = f"{what} of {ekt.sale.order_day.isoformat()} for {whom}: {ekt.state.value}. {ekt.message}"
    return text if len(text) <= 300 else text[:297] + "..."


def _mood(state: DeliveryState) -> Mood:
    if state is DeliveryState.FAILED:
        return "error"
    return "warn" if state in (DeliveryState.UNKNOWN, DeliveryState.WAITING) else "ok"
