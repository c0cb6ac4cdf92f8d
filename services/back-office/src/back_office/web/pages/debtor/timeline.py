"""The timeline of a card: who changed what from what into what, and when, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Response

from back_office.clients.debtors import Change
from back_office.web.explain import tried
from back_office.web.pages.debtor.changes import Difference, differences
from back_office.web.pages.debtor.frame import shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
MOST_OPEN = 8
"""A change of more than so many things is folded, so that the others stay in sight."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change as it is shown."""

    at: datetime
    by: str
    what: str
    differences: tuple[Difference, ...]
    folded: bool


@router.get("/debtors/{debtor_id}/timeline")
async def timeline(debtor_id: str, visit: SignedIn) -> Response:
    """The page."""
    card = (await visit.clients.debtors.card(debtor_id)).value
    history = await visit.clients.debtors.history(debtor_id)
    fields = (await tried(visit.clients.customers.own_fields(), visit.t)).value or ()
    labels = {field.key: field.label for field in fields}
    events = tuple(_event(change, visit, labels) for change in history)
    return await shown(visit, card, "timeline", "pages/debtor_timeline.html", events=events)


def _event(change: Change, visit: Visit, own_labels: dict[str, str]) -> Event:
    t = visit.t
    found = differences(change.old, change.new, t, own_labels)
    return Event(
        at=change.at,
        by=change.person_name,
        what=_what(change.action, visit),
        differences=found,
        folded=len(found) > MOST_OPEN or change.old is None,
    )


def _what(action: str, visit: Visit) -> str:
    """The action in words; those with a name in them keep it."""
    plain = action.replace(" ", "_")
    for start in ("merged into card ", "took over card ", "own field "):
        if action.startswith(start):
            return visit.t(
                f"card_timeline.action_{start.strip().replace(' ', '_')}",
                name=action.removeprefix(start).removesuffix(" changed"),
            )
    said = visit.said(action)
    return visit.t.either(f"card_timeline.action_{plain}", said[:1].upper() + said[1:])
