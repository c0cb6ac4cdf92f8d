"""Lines of a sale entered, corrected, removed and allocated by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.sale_changes import ChangedDay
from back_office.clients.sale_shapes import SaleLine, SaleOfDebtor
from back_office.clients.transport import Refused, ServiceFailure, Stale
from back_office.web.components.addresses import segment
from back_office.web.components.form import Form, new_once
from back_office.web.components.message import Message, Weight, done
from back_office.web.explain import explained
from back_office.web.pages import sale_line_form
from back_office.web.pages.sale import address_of, changeable
from back_office.web.pages.staleness import told_changed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(prefix="/sales/{day}/{debtor_id}", include_in_schema=False)


@router.get("/lines/new")
async def blank(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """A blank line."""
    found = await visit.clients.sales.sale(day, debtor_id)
    if not changeable(found, visit):
        return visit.go(address_of(day, debtor_id))
    return await _page(visit, found, _form(found, None, visit, revision="", once=new_once()))


@router.post("/lines/new")
async def add(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """Enter it."""
    typed = await visit.form()
    found = await visit.clients.sales.sale(day, debtor_id)
    form = _form(found, None, visit, revision="", once=typed.get("_once", "")).with_values(typed)
    line = sale_line_form.changes({}, typed)
    try:
        added = await visit.clients.sale_changes.add(
            day, debtor_id, line, typed.get("_once", ""), typed.get("reason", "")
        )
    except Refused as refused:
        return await _refused(visit, found, None, form, refused)
    name = typed.get("article.name") or typed.get("article_number") or ""
    await visit.say(done(visit.t("sale_line.added", name=name), _standing(added.days[0], visit)))
    return visit.go(address_of(day, debtor_id))


@router.get("/lines/{line_id}")
async def line_page(day: date, debtor_id: str, line_id: str, visit: SignedIn) -> Response:
    """One line as a form."""
    answer = await visit.clients.sales.sale_at(day, debtor_id)
    line = _line(answer.value, line_id)
    if line is None or not changeable(answer.value, visit):
        if line is None:
            await visit.say(Message(Weight.WARNING, visit.t("sale_line.gone")))
        return visit.go(address_of(day, debtor_id))
    form = _form(answer.value, line, visit, revision=answer.revision)
    return await _page(visit, answer.value, form, line, revision=answer.revision)


@router.post("/lines/{line_id}")
async def correct(day: date, debtor_id: str, line_id: str, visit: SignedIn) -> Response:
    """Save what was corrected, on the revision that was read."""
    typed, t = await visit.form(), visit.t
    revision = typed.get("_revision", "")
    found = await visit.clients.sales.sale(day, debtor_id)
    line = _line(found, line_id)
    if line is None:
        await visit.say(Message(Weight.WARNING, t("sale_line.gone"), t("form.stale_cure")))
        return visit.go(address_of(day, debtor_id))
    form = _form(found, line, visit, revision=revision).with_values(typed)
    changes: dict[str, Any] = sale_line_form.changes(sale_line_form.values_of(line, visit.formats), typed)
    if not changes and str(found.version) == revision:
        await visit.say(Message(Weight.INFO, t("sale_line.unchanged")))
        return visit.go(address_of(day, debtor_id))
    if "price" in changes and isinstance(changes["price"], str) and line.price:
        changes["price"] = {"amount": changes["price"], "currency": line.price.currency}
    changes["reason"] = typed.get("reason", "")
    try:
        changed = await visit.clients.sale_changes.correct(day, debtor_id, line_id, changes, revision)
    except Refused as refused:
        return await _refused(visit, found, line, form, refused)
    await visit.say(done(t("sale_line.saved", name=line.name or line_id), _standing(changed, visit)))
    return visit.go(address_of(day, debtor_id))


@router.post("/lines/{line_id}/remove")
async def remove(day: date, debtor_id: str, line_id: str, visit: SignedIn) -> Response:
    """Take it out of the sale, with the reason."""
    typed, t = await visit.form(), visit.t
    try:
        changed = await visit.clients.sale_changes.remove(
            day, debtor_id, line_id, typed.get("reason", ""), typed.get("_revision", "")
        )
    except ServiceFailure as failure:
        message = await _told(failure, day, debtor_id, visit)
    else:
        message = done(t("sale_line.removed"), _standing(changed, visit))
    await visit.say(message)
    return visit.go(address_of(day, debtor_id))


@router.post("/allocate")
async def allocate(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """Allocate the selected lines in full, or all of them."""
    chosen = await visit.chosen()
    try:
        changed = await visit.clients.sale_changes.allocate(day, debtor_id, chosen or None)
    except ServiceFailure as failure:
        message = await _told(failure, day, debtor_id, visit)
    else:
        message = done(visit.t("sale_line.allocated_done"), _standing(changed, visit))
    await visit.say(message)
    return visit.go(address_of(day, debtor_id))


def _line(found: SaleOfDebtor, line_id: str) -> SaleLine | None:
    return next((line for line in found.lines if line.line_id == line_id), None)


def _form(found: SaleOfDebtor, line: SaleLine | None, visit: Visit, *, revision: str, once: str = "") -> Form:
    here = address_of(found.order_day, found.debtor_id)
    name = segment(line.line_id) if line else "new"
    values = sale_line_form.values_of(line, visit.formats) if line else sale_line_form.EMPTY
    return sale_line_form.form(f"{here}/lines/{name}", here, values, visit.t, revision=revision, once=once)


async def _page(
    visit: Visit,
    found: SaleOfDebtor,
    form: Form,
    line: SaleLine | None = None,
    *,
    revision: str = "",
    status: int = 200,
) -> Response:
    return await visit.page(
        "pages/sale_line.html",
        status=status,
        sale=found,
        here=address_of(found.order_day, found.debtor_id),
        line=line,
        revision=revision or str(found.version),
        form=form,
    )


async def _refused(
    visit: Visit, found: SaleOfDebtor, line: SaleLine | None, form: Form, refused: Refused
) -> Response:
    """The form again: changed by somebody else meanwhile, or with what is wrong beside its fields."""
    if isinstance(refused, Stale):
        now = await visit.clients.sales.sale(found.order_day, found.debtor_id)
        address = form.action
        stale = told_changed(form, visit, address, by=now.changed_by, at=now.changed_at)
        return await _page(visit, now, stale, line, revision=form.revision, status=409)
    if not refused.problem.errors:
        raise refused
    marked = form.refused(sale_line_form.renamed(refused.problem, form), visit.t("form.not_saved"))
    return await _page(visit, found, marked, line, revision=form.revision, status=422)


async def _told(failure: ServiceFailure, day: date, debtor_id: str, visit: Visit) -> Message:
    """Why a change was not made; somebody else's is named with its author and time."""
    if not isinstance(failure, Stale):
        return explained(failure, visit.t)
    now = await visit.clients.sales.sale(day, debtor_id)
    if not now.changed_at:
        return explained(failure, visit.t)
    time = visit.formats.clock(now.changed_at)
    return Message(
        Weight.WARNING, visit.t("form.stale", name=now.changed_by, time=time), visit.t("sale_line.again")
    )


def _standing(changed: ChangedDay, visit: Visit) -> str:
    """How the distribution stands after a change."""
    t = visit.t
    if not changed.complete:
        return t.many("sale_line.left", changed.missing) if changed.missing else ""
    return t("sale_line.told_now") if changed.published or not changed.revision else t("sale_line.told_soon")
