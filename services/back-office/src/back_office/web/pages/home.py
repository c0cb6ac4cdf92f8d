"""The home page: what came in, went out and failed, service by service, renewed every two seconds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.summary import Summary
from back_office.clients.transport import Refused, ServiceFailure, ServiceName
from back_office.domain.badges import Tone, health
from back_office.texts.catalogue import Translator
from back_office.web.components.message import Message, Weight
from back_office.web.explain import explained
from back_office.web.own_links import own_page
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
PATIENCE = 1.5
MOST_RECENT = 6
PAGES = {
    ServiceName.DEBTORS: "/debtors",
    ServiceName.SALES: "/sales",
    ServiceName.EKTS: "/deliveries",
    ServiceName.DISPATCH: "/invoices",
    ServiceName.ACCOUNTING: "/accounting",
}


@dataclass(frozen=True, slots=True)
class CountView:
    """One number."""

    label: str
    value: int
    tone: Tone


@dataclass(frozen=True, slots=True)
class RecentView:
    """One happening."""

    at: datetime
    text: str
    tone: Tone
    href: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One service on the home page."""

    service: ServiceName
    href: str
    tone: Tone
    counts: tuple[CountView, ...] = ()
    recent: tuple[RecentView, ...] = ()
    trouble: Message | None = None


@router.get("/")
async def home(visit: SignedIn) -> Response:
    """The page."""
    return await visit.page("pages/home.html", **await _flow(visit))


@router.get("/flow")
async def flow(visit: SignedIn) -> Response:
    """The panels alone; nothing (204) while they are as the browser has seen them."""
    context = await _flow(visit)
    if visit.query.get("seen") == context["seen"]:
        return Response(status_code=204)
    return visit.part("pages/home_flow.html", **context)


async def _flow(visit: Visit) -> dict[str, Any]:
    panels = await asyncio.gather(*(_panel(visit, service) for service in ServiceName))
    return {"panels": panels, "seen": sha256(repr(panels).encode()).hexdigest()[:16]}


async def _panel(visit: Visit, service: ServiceName) -> Panel:
    href = PAGES[service]
    try:
        async with asyncio.timeout(PATIENCE):
            summary = await visit.clients.summaries[service].read()
    except (ServiceFailure, TimeoutError) as failure:
        if isinstance(failure, Refused):
            return Panel(service, href, Tone.BAD, trouble=explained(failure, visit.t))
        away = Message(Weight.ERROR, visit.t("home.away"), visit.t("home.away_cure"))
        return Panel(service, href, Tone.BAD, trouble=away)
    return _shown(service, href, summary, visit.t)


def _shown(service: ServiceName, href: str, summary: Summary, t: Translator) -> Panel:
    counts = tuple(
        CountView(
            t.either(f"count.{count.name}", count.label or count.name.replace("_", " ")),
            count.value,
            health(count.state),
        )
        for count in summary.counts
    )
    recent = tuple(
        RecentView(one.at, one.text, health(one.state), own_page(one.link))
        for one in summary.recent[:MOST_RECENT]
    )
    tones = {count.tone for count in counts}
    tone = Tone.BAD if Tone.BAD in tones else Tone.WARN if Tone.WARN in tones else Tone.GOOD
    return Panel(service, href, tone, counts, recent)
