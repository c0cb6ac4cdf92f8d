"""The card: read, added with the green button, edited with the yellow one (FA-04, FA-06, FA-07); its numbers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.debtors import Card
from back_office.clients.transport import Refused, ServiceFailure, Stale
from back_office.web.components.addresses import segment
from back_office.web.components.form import Form, new_once
from back_office.web.components.message import Message, done
from back_office.web.explain import explained, tried
from back_office.web.pages.debtor import facts, form, typed
from back_office.web.pages.debtor.frame import address_of, may_edit, shown
from back_office.web.pages.debtor.surroundings import around
from back_office.web.pages.staleness import told_stale
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)


@router.get("/debtors/new")
async def new(visit: SignedIn) -> Response:
    """A blank card (FA-04)."""
    kind = "creditor" if visit.query.get("kind") == "creditor" else "debtor"
    surroundings = await around(visit)
    return await _form_page(visit, None, form.blank(surroundings, visit.t, kind=kind))


@router.post("/debtors/new")
async def add(visit: SignedIn) -> Response:
    """Add the card (FA-06); what is refused comes back with everything that was typed."""
    values = await visit.form()
    wanted = typed.to_card(None, values)
    try:
        added = await visit.clients.debtors.create(wanted, values.get("_once", ""))
    except Refused as refused:
        surroundings = await around(visit)
        blank = form.blank(surroundings, visit.t).with_values(values)
        return await _refused(visit, None, blank, refused, wanted)
    await visit.say(done(visit.t("debtor.added", name=added.value.name)))
    return visit.go(f"/debtors/{segment(added.value.debtor_id)}")


@router.get("/debtors/{debtor_id}")
async def card(debtor_id: str, visit: SignedIn) -> Response:
    """The card as it is read; "Edit" leads to its form (FA-07)."""
    found = (await visit.clients.debtors.card(debtor_id)).value
    surroundings = await around(visit)
    numbers = [
        (kind, getattr(found, f"{kind}_number")) for kind in ("debtor", "creditor") if kind in found.kinds
    ]
    waiting = await _waiting(found, visit) if any(not number for _, number in numbers) else {}
    return await shown(
        visit,
        found,
        "card",
        "pages/debtor_card.html",
        facts=facts.of_card(found, surroundings, visit.t),
        numbers=numbers,
        waiting=waiting,
        once=new_once(),
    )


async def _waiting(card: Card, visit: Visit) -> dict[str, str]:
    """Why a number that was asked for did not come yet, by its kind (EP-14)."""
    found = (await tried(visit.clients.debtors.waiting(card.debtor_id), visit.t)).value
    return {one.number_kind: one.reason for one in found.items} if found else {}


@router.get("/debtors/{debtor_id}/edit")
async def edit(debtor_id: str, visit: SignedIn) -> Response:
    """The form of the card, on the revision that is read now."""
    answer = await visit.clients.debtors.card(debtor_id)
    if not may_edit(answer.value, visit):
        return visit.go(address_of(answer.value))
    surroundings = await around(visit)
    filled = form.of_card(answer.value, surroundings, visit.t, revision=answer.revision)
    return await _form_page(visit, answer.value, filled)


@router.post("/debtors/{debtor_id}/edit")
async def save(debtor_id: str, visit: SignedIn) -> Response:
    """Save the card on the revision it was read at."""
    values = await visit.form()
    revision = values.get("_revision", "")
    current = (await visit.clients.debtors.card(debtor_id)).value
    changed = typed.to_card(current, values)
    try:
        saved = await visit.clients.debtors.save(debtor_id, changed, revision)
    except Refused as refused:
        surroundings = await around(visit)
        filled = form.of_card(current, surroundings, visit.t, revision=revision).with_values(values)
        if isinstance(refused, Stale):
            stale = told_stale(filled, current, visit, "/edit")
            return await _form_page(visit, current, stale, 409)
        return await _refused(visit, current, filled, refused, changed)
    await visit.say(done(visit.t("debtor.saved", name=saved.value.name)))
    return visit.go(address_of(saved.value))


@router.post("/debtors/{debtor_id}/numbers")
async def give_number(debtor_id: str, visit: SignedIn) -> Response:
    """The "Save" button beside the number field (EP-09)."""
    values = await visit.form()
    kind = "creditor" if values.get("kind") == "creditor" else "debtor"
    message: Message
    try:
        given = await visit.clients.debtors.give_number(debtor_id, kind, values.get("_once", ""))
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        number = given.value.creditor_number if kind == "creditor" else given.value.debtor_number
        message = done(visit.t("debtor.number_given", number=number))
    await visit.say(message)
    return visit.go(f"/debtors/{segment(debtor_id)}")


async def _refused(
    visit: Visit,
    found: Card | None,
    filled: Form,
    refused: Refused,
    sent: dict[str, Any],
) -> Response:
    if not refused.problem.errors:
        raise refused
    marked = filled.refused(typed.renamed(refused.problem, sent), visit.t("form.not_saved"))
    return await _form_page(visit, found, marked, refused.status)


async def _form_page(visit: Visit, found: Card | None, filled: Form, status: int = 200) -> Response:
    template = "pages/debtor_form.html"
    if found is not None:
        return await shown(visit, found, "card", template, status=status, form=filled)
    if not visit.may("edit_debtor"):
        return visit.go("/debtors")
    return await visit.page(
        template, status=status, card=None, tab="card", editable=True, explanation=(), form=filled
    )
