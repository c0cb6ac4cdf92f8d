"""Klanten samenvoegen: both contacts picked with the magnifier, what would happen, the warning, and then it is done."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from back_office.clients.debtors import Card, MergePreview
from back_office.clients.transport import Refused, ServiceFailure
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.form import new_once
from back_office.web.components.message import Message, Weight, done
from back_office.web.explain import explained, tried
from back_office.web.pages.debtor.changes import described
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
PATH = "/debtors/merge"
SLOTS = ("remove", "target")
MOST_FOUND = "20"


@dataclass(frozen=True, slots=True)
class Line:
    """What happens to one thing that a card says."""

    label: str
    removed: str
    target: str
    outcome: str
    """``lost``, ``kept`` or ``filled``."""


@router.get(PATH)
async def page(visit: SignedIn) -> Response:
    """Choose both cards; with both, what merging them would do."""
    return await _page(visit, visit.query)


@router.get(PATH + "/pick")
async def pick(visit: SignedIn) -> Response:
    """Cards to choose from, for the dialog behind a magnifier (FA-54)."""
    slot = visit.query.get("slot", "")
    slot = slot if slot in SLOTS else SLOTS[0]
    words = visit.query.get("q", "").strip()
    found = await tried(visit.clients.debtors.find(q=words, limit=MOST_FOUND), visit.t)
    other = visit.query.get(SLOTS[1 - SLOTS.index(slot)], "")
    kept = {name: visit.query.get(name, "") for name in (*SLOTS, "fill_empty")}
    items = found.value.items if found.value else ()
    rows = [
        (card, with_query(PATH, kept, **{slot: card.debtor_id})) for card in items if card.debtor_id != other
    ]
    return visit.part("pages/merge_pick.html", rows=rows, words=words, trouble=found.trouble)


@router.post(PATH)
async def merge(visit: SignedIn) -> Response:
    """Merge them; it can't be undone, so the tick is asked for (FA-55)."""
    typed = await visit.form()
    removed, target = typed.get("remove", ""), typed.get("target", "")
    fill = bool(typed.get("fill_empty"))
    query = {"remove": removed, "target": target, "fill_empty": "true" if fill else ""}
    if not typed.get("confirm"):
        t = visit.t
        unconfirmed = Message(Weight.WARNING, t("merge.unconfirmed"), t("merge.unconfirmed_cure"))
        return await _page(visit, query, unconfirmed, 422)
    seen = typed.get("target_revision", "")
    body = {
        "into": target,
        "into_revision": int(seen) if seen.isdecimal() else 0,
        "fill_empty": fill,
        "confirm": True,
    }
    try:
        await visit.clients.debtors.merge(removed, typed.get("_revision", ""), body, typed.get("_once", ""))
    except ServiceFailure as failure:
        return await _page(visit, query, explained(failure, visit.t), getattr(failure, "status", 502))
    target_card = (await visit.clients.debtors.card(target)).value
    await visit.say(done(visit.t("merge.done", name=target_card.name), visit.t("merge.done_text")))
    return visit.go(f"/debtors/{segment(target)}")


async def _page(
    visit: Visit, query: dict[str, str], message: Message | None = None, status: int = 200
) -> Response:
    chosen = {slot: await _card(query.get(slot, ""), visit) for slot in SLOTS}
    fill = query.get("fill_empty") == "true"
    preview, trouble = await _preview(chosen, fill, visit)
    messages = tuple(one for one in (message, trouble) if one)
    return await visit.page(
        "pages/merge.html",
        status=status,
        messages=messages,
        chosen=chosen,
        query={name: query.get(name, "") for name in (*SLOTS, "fill_empty")},
        fill=fill,
        preview=preview,
        lines=_lines(preview, visit) if preview else (),
        notices=_notices(chosen, visit) if preview else (),
        may_merge=visit.may("edit_debtor"),
        once=new_once(),
    )


async def _card(debtor_id: str, visit: Visit) -> Card | None:
    if not debtor_id:
        return None
    found = await tried(visit.clients.debtors.card(debtor_id), visit.t)
    return found.value.value if found.value else None


async def _preview(
    chosen: dict[str, Card | None], fill: bool, visit: Visit
) -> tuple[MergePreview | None, Message | None]:
    removed, target = chosen["remove"], chosen["target"]
    if removed is None or target is None:
        return None, None
    try:
        found = await visit.clients.debtors.merge_preview(
            removed.debtor_id, target.debtor_id, fill_empty=fill
        )
    except Refused as refused:
        return None, Message(Weight.ERROR, refused.problem.title, refused.problem.detail)
    except ServiceFailure as failure:
        return None, explained(failure, visit.t)
    return found, None


def _notices(chosen: dict[str, Card | None], visit: Visit) -> tuple[str, ...]:
    """What else to know before confirming."""
    t, removed, target = visit.t, chosen["remove"], chosen["target"]
    if removed is None or target is None:
        return ()
    notices = [
        t("merge.number_gone", kind=t(f"debtor.{kind}_number"), number=number)
        for kind in ("customer", "debtor", "creditor")
        if (number := getattr(removed, f"{kind}_number"))
    ]
    notices += [
        t("merge.kind_missing", kind=t(f"debtor.kind_{kind}").lower())
        for kind in removed.kinds
        if kind not in target.kinds
    ]
    return (*notices, *((t("merge.target_blocked"),) if target.state == "blocked" else ()))


def _lines(preview: MergePreview, visit: Visit) -> tuple[Line, ...]:
    """Field by field: what is lost or filled in first, then what stays."""
    t = visit.t
    found: dict[str, Line] = {}
    for name in dict.fromkeys((*preview.filled, *preview.lost, *preview.kept)):
        removed = described(name, preview.lost.get(name), t, {})
        target = described(name, preview.kept.get(name), t, {})
        filled = described(name, preview.filled.get(name), t, {})
        for label in dict.fromkeys((*removed, *target, *filled)):
            if label in filled and filled[label] != target.get(label, ""):
                found[label] = Line(label, filled[label], target.get(label, ""), "filled")
            else:
                outcome = "lost" if label in removed else "kept"
                found[label] = Line(label, removed.get(label, ""), target.get(label, ""), outcome)
    return tuple(found.values())
