"""Change status and export, of the lines that were ticked or of all that the filter means (EP-28, EP-29, EP-40..42).

What a person did not see on the screen is never taken silently: all lines of a filter are named by their number and
confirmed on a page of their own, and an export without a selection takes the lines that its button named, or asks.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from back_office.clients.accounting import Changed, Counted
from back_office.clients.shapes import Pin
from back_office.clients.transport import ServiceFailure, ServiceName
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.form import new_once
from back_office.web.components.message import Item, Message, Weight, done
from back_office.web.components.selection import (
    Selection,
    changed_words,
    confirmation,
    filter_words,
    has_changed,
    selection_of,
)
from back_office.web.components.table import BulkAction
from back_office.web.explain import explained
from back_office.web.pages.accounting_history import told
from back_office.web.pages.accounting_lines import ACTIONS, FILTERS, filters
from back_office.web.pages.accounting_tabs import KINDS
from back_office.web.pages.jobs import job_address
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ASKED_ABOVE = 200
"""An export without a selection of more lines than a page shows is asked about."""


def actions(
    base: str, kind: str, counted: Counted | None, *, filtered: bool, visit: Visit
) -> tuple[BulkAction, ...]:
    """The buttons above the lines; each says what it takes."""
    if not visit.may("synchronise"):
        return ()
    t, number = visit.t, visit.formats.number
    change = []
    for action in ACTIONS:
        label = t("accounting.change_to", action=t(f"accounting.action_{action}"))
        all_of_it = f"{label} ({number(counted.count)})" if counted else label
        change.append(BulkAction(f"{base}/status", label, label, all_of_it, value=action))
    label = t(f"accounting.export_{kind}")
    which = "filter" if filtered else "all"
    some = t(f"accounting.export_{which}", count=number(counted.exportable.count)) if counted else ""
    export = BulkAction(
        f"{base}/export",
        f"{label} {some or t(f'accounting.export_{which}_uncounted')}",
        f"{label} {t('accounting.export_some_suffix')}",
        f"{label} {some or t(f'accounting.export_{which}_uncounted')}",
        needs_selection=counted is not None and not counted.exportable.count,
        primary=True,
    )
    return (*change, export)


@router.post("/accounting/{administration}/{kind}/status")
async def change_status(administration: str, kind: str, visit: SignedIn) -> Response:
    """Change the status of the selected lines (EP-28, EP-29), or of all that the filter means (EP-37)."""
    t = visit.t
    chosen = await selection_of(visit, FILTERS)
    form = await visit.form()
    action, once = form.get("action", ""), form.get("_once", "")
    message: Message
    if chosen.none or action not in ACTIONS:
        message = Message(Weight.WARNING, t("accounting.none_selected"))
    elif chosen.matching and not chosen.confirmed:
        return await _asked(administration, kind, chosen, visit, action=action)
    else:
        try:
            changed = await visit.clients.accounting.set_action(
                administration, kind, once, action, chosen.ids, chosen.query, told=chosen.told
            )
        except ServiceFailure as failure:
            if has_changed(failure):
                return await _asked(administration, kind, chosen, visit, action=action)
            message = explained(failure, t)
        else:
            if changed.job:
                back = with_query(_address(administration, kind), chosen.query)
                return visit.go(job_address(ServiceName.ACCOUNTING, changed.job.rsplit("/", 1)[-1], back))
            message = _status_answer(changed, visit)
    return await _back(administration, kind, message, chosen, visit)


@router.post("/accounting/{administration}/{kind}/export")
async def export(administration: str, kind: str, visit: SignedIn) -> Response:
    """Export the selected lines, or all of the filter where none is selected (EP-41, EP-42)."""
    chosen = await selection_of(visit, FILTERS)
    once = (await visit.form()).get("_once", "")
    unsure = chosen.matching or chosen.told is None or chosen.told.count > ASKED_ABOVE
    if not chosen.ids and unsure and not chosen.confirmed:
        return await _asked(administration, kind, chosen, visit)
    message: Message
    try:
        made = await visit.clients.accounting.export(
            administration, kind, once, chosen.ids, chosen.query, told=chosen.told
        )
    except ServiceFailure as failure:
        if has_changed(failure):
            return await _asked(administration, kind, chosen, visit)
        message = explained(failure, visit.t)
    else:
        message = told(made, visit)
    return await _back(administration, kind, message, chosen, visit)


async def _asked(
    administration: str, kind: str, chosen: Selection, visit: Visit, *, action: str = ""
) -> Response:
    """The page that names how many lines are meant and which, and asks."""
    t = visit.t
    base = _address(administration, kind)
    back = with_query(base, chosen.query)
    counted = await visit.clients.accounting.count(administration, kind, chosen.query)
    pin = Pin(count=counted.count, digest=counted.digest) if action else counted.exportable
    # The bar of the list tells what an export takes; only the page that asks tells what a change of status takes.
    told = chosen.told if chosen.confirmed or not action else None
    count = pin.count
    if not count:
        await visit.say(Message(Weight.WARNING, t("accounting.none_match")))
        return visit.go(back)
    words = {"action": t(f"accounting.action_{action}")} if action else {}
    what = "confirm_status" if action else f"confirm_export_{kind}"
    staying = 0 if action else counted.count - count
    return await visit.page(
        "pages/selection.html",
        title=t.many(f"accounting.{what}", count, **words),
        button=t.many(f"accounting.{what}_button", count, **words),
        chips=filter_words(filters(visit), chosen.query, t("table.search")),
        notes=tuple(
            note
            for note in (
                changed_words(told, pin, visit),
                t.many("accounting.staying", staying) if staying else "",
                t("accounting.confirm_status_note") if action else "",
            )
            if note
        ),
        action=f"{base}/{'status' if action else 'export'}",
        back=back,
        crumb=t(f"accounting.title_{kind}"),
        hidden=confirmation(chosen.query, pin) | ({"action": action} if action else {}),
        once=new_once(),
    )


def _status_answer(changed: Changed, visit: Visit) -> Message:
    """How many lines were changed; of each that was not, why."""
    t, number = visit.t, visit.formats.number
    title = t.many("accounting.changed", changed.changed)
    if not changed.skipped:
        return done(title)
    words = [f"{line.name}: {line.reason}" if line.name else line.reason for line in changed.skipped]
    if (more := changed.left - len(changed.skipped)) > 0:
        words.append(t("accounting.more_left", count=number(more)))
    return Message(Weight.WARNING, title, items=tuple(Item(text) for text in words))


async def _back(
    administration: str, kind: str, message: Message, chosen: Selection, visit: Visit
) -> Response:
    await visit.say(message)
    return visit.go(with_query(_address(administration, kind), chosen.query))


def _address(administration: str, kind: str) -> str:
    return f"/accounting/{segment(administration)}/{kind if kind in KINDS else KINDS[0]}"
