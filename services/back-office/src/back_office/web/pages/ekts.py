"""One EKT of the log: what became of it, its files, what changed, and what a person learned about it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.ekts import EktDetail
from back_office.clients.transport import ServiceFailure
from back_office.domain.roles import Action
from back_office.web.components import ekt_words, told
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import done
from back_office.web.explain import explained, tried
from back_office.web.pages.ekt_check import place_of
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)


@router.get("/ekts/{ekt_id}")
async def page(ekt_id: str, visit: SignedIn) -> Response:
    """Everything about one EKT; while it is under way its standing is renewed by itself."""
    ekt = await visit.clients.ekts.ekt(ekt_id)
    standing = _standing(ekt, visit)
    if visit.query.get("part") == "standing":
        return visit.part("components/ekt_standing.html", **standing)
    t = visit.t
    found = await tried(visit.clients.ekts.difference(ekt_id), t) if ekt.files else None
    difference = found.value if found else None
    return await visit.page(
        "pages/ekt.html",
        **standing,
        customer=await _customer(ekt, visit),
        sale=f"/sales/{ekt.order_day.isoformat()}/{segment(ekt.debtor_id)}",
        why=ekt_words.why(ekt, t),
        difference=difference,
        difference_trouble=found.trouble if found else None,
        changes=ekt_words.changes(difference, t, visit.formats) if difference else [],
        may_confirm=visit.may(Action.CONFIRM_EKT),
        may_settle=visit.may(Action.SETTLE_EKT),
        once=new_once(),
    )


@router.post("/ekts/{ekt_id}/confirm")
async def confirm(ekt_id: str, visit: SignedIn) -> Response:
    """The customer said by phone that it arrived and is the right one (EF-47)."""
    form = await visit.form()
    try:
        await visit.clients.ekts.confirm(ekt_id, form.get("note", ""), form.get("_once", ""))
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    else:
        await visit.say(done(visit.t("ekt_log.confirmed_done")))
    return visit.go(f"/ekts/{segment(ekt_id)}")


@router.post("/ekts/{ekt_id}/settle")
async def settle(ekt_id: str, visit: SignedIn) -> Response:
    """What a person found out about one whose outcome is unknown."""
    form = await visit.form()
    outcome = "received" if form.get("outcome") == "received" else "not_received"
    try:
        await visit.clients.ekts.settle(ekt_id, outcome, form.get("note", ""), form.get("_once", ""))
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    else:
        await visit.say(done(visit.t("ekt_log.settled_done")))
    return visit.go(f"/ekts/{segment(ekt_id)}")


@router.get("/ekts/{ekt_id}/explain")
async def explain(ekt_id: str, visit: SignedIn) -> Response:
    """A kept file, told segment by segment."""
    t, formats = visit.t, visit.formats
    number, first = place_of(visit.query.get("number")), place_of(visit.query.get("from"))
    shown = told.ONLY_FINDINGS if visit.query.get("shown") == told.ONLY_FINDINGS else told.ALL
    ekt = await visit.clients.ekts.ekt(ekt_id)
    file = await visit.clients.ekts.explain_kept(
        ekt_id, number, first=first, limit=told.PER_PAGE, only_findings=shown == told.ONLY_FINDINGS
    )
    name = next((each.name for each in ekt.files if each.number == number), ekt.file_name)
    page_shown = told.told(
        file,
        t,
        formats,
        first=first,
        shown=shown,
        address=f"{ekt_words.address(ekt)}/explain",
        query={"number": str(number)},
    )
    return await visit.page(
        "pages/ekt_explained.html",
        ekt=ekt,
        title=t("check.kept_title", name=name),
        lead=t("check.kept_lead", day=formats.instant(ekt.made_at), customer=await _customer(ekt, visit)),
        back=ekt_words.address(ekt),
        file=ekt_words.file_address(ekt, number),
        verdict=told.verdict(file, name, t, formats),
        page=page_shown,
    )


@router.get("/debtors/{debtor_id}/ekt-hints")
async def hints(debtor_id: str, visit: SignedIn) -> Response:
    """The part of a debtor's card that says when EKTs keep not arriving; empty while they do (EF-48, EF-49)."""
    found = await tried(visit.clients.ekts.hints(debtor_id), visit.t)
    happened, items = ekt_words.advice(found.value or (), visit.t)
    return visit.part("components/ekt_hints_part.html", happened=happened, items=items)


def _standing(ekt: EktDetail, visit: Visit) -> dict[str, Any]:
    return {
        "ekt": ekt,
        "here": ekt_words.address(ekt),
        "state": ekt_words.badge(ekt),
        "standing": ekt_words.standing(ekt, visit.t),
        "todo": ekt_words.what_to_do(ekt, visit.t),
        "moving": ekt.state in ekt_words.UNDER_WAY,
    }


async def _customer(ekt: EktDetail, visit: Visit) -> str:
    """The customer's name; the id where the card is not to be had."""
    if ekt.debtor_name:
        return ekt.debtor_name
    card = await tried(visit.clients.debtors.card(ekt.debtor_id), visit.t)
    return card.value.value.name if card.value else ekt.debtor_id
