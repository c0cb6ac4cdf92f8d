"""Sending invoices by hand: the ticked ones at once, or all that match as a job once their number was confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Response

from back_office.clients.shapes import Pin
from back_office.clients.transport import Refused, ServiceFailure, ServiceName
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.form import new_once
from back_office.web.components.message import Item, Link, Message, Weight
from back_office.web.components.selection import (
    Selection,
    changed_words,
    confirmation,
    filter_words,
    has_changed,
    selection_of,
)
from back_office.web.components.table import Filter
from back_office.web.explain import explained
from back_office.web.pages import deliveries, invoices
from back_office.web.pages.jobs import job_address
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
AT_ONCE = 4


@router.post("/invoices/send")
async def of_invoices(visit: SignedIn) -> Response:
    """From the list of invoices: which ones a filter means is known by the sales service."""
    chosen = await selection_of(visit, invoices.FILTERS)
    back = with_query("/invoices", chosen.query)
    if not chosen.matching:
        return await _ticked(chosen.ids, "/invoices", visit)
    if not chosen.confirmed or chosen.told is None:
        return await _of_invoices_asked(chosen, back, visit)
    once = (await visit.form()).get("_once", "")
    try:
        found = await visit.clients.sales.issued_invoices(chosen.query, chosen.told)
        job = await visit.clients.dispatch.send_many(found, once)
    except ServiceFailure as failure:
        if has_changed(failure):
            return await _of_invoices_asked(chosen, back, visit)
        await visit.say(explained(failure, visit.t))
        return visit.go(back)
    return visit.go(job_address(ServiceName.DISPATCH, job.id, back))


@router.post("/deliveries/invoices/send")
async def of_deliveries(visit: SignedIn) -> Response:
    """From the list of what left the house, which the dispatch service keeps itself."""
    chosen = await selection_of(visit, deliveries.NARROWED)
    back = with_query("/deliveries/invoices", chosen.query)
    if not chosen.matching:
        return await _ticked(chosen.ids, "/deliveries/invoices", visit)
    if not chosen.confirmed or chosen.told is None:
        return await _of_deliveries_asked(chosen, back, visit)
    once = (await visit.form()).get("_once", "")
    try:
        job = await visit.clients.dispatch.send_matching(chosen.query, chosen.told, once)
    except ServiceFailure as failure:
        if has_changed(failure):
            return await _of_deliveries_asked(chosen, back, visit)
        await visit.say(explained(failure, visit.t))
        return visit.go(back)
    return visit.go(job_address(ServiceName.DISPATCH, job.id, back))


async def _ticked(chosen: Sequence[str], back: str, visit: Visit) -> Response:
    """Send the ticked invoices; the answer says what became of each."""
    t = visit.t
    once = (await visit.form()).get("_once", "")
    if not chosen:
        await visit.say(Message(Weight.WARNING, t("dispatch.pick_first")))
        return visit.go(back)
    gate = asyncio.Semaphore(AT_ONCE)

    async def send(invoice_id: str) -> str:
        async with gate:
            try:
                await visit.clients.dispatch.send(invoice_id, "", f"{once}-{invoice_id}")
            except Refused as refusal:
                return refusal.said
            except ServiceFailure as failure:
                return explained(failure, t).title
            return ""

    answers = await asyncio.gather(*(send(invoice_id) for invoice_id in chosen))
    refused = tuple(
        Item(text, Link(t("invoices.open"), f"/invoices/{segment(invoice_id)}"))
        for invoice_id, text in zip(chosen, answers, strict=True)
        if text
    )
    title = t("dispatch.sent_results", sent=len(chosen) - len(refused), count=len(chosen))
    await visit.say(Message(Weight.WARNING if refused else Weight.DONE, title, items=refused))
    return visit.go(back)


async def _of_invoices_asked(chosen: Selection, back: str, visit: Visit) -> Response:
    counted = await visit.clients.sales.count_invoices(chosen.query)
    drafts = counted.count - counted.issued.count
    return await _asked(
        chosen, counted.issued, invoices.filters(visit), "/invoices/send", back, visit, drafts=drafts
    )


async def _of_deliveries_asked(chosen: Selection, back: str, visit: Visit) -> Response:
    counted = await visit.clients.dispatch.count(chosen.query)
    return await _asked(chosen, counted, deliveries.filters(visit), "/deliveries/invoices/send", back, visit)


async def _asked(
    chosen: Selection,
    pin: Pin,
    filters: Sequence[Filter],
    action: str,
    back: str,
    visit: Visit,
    *,
    drafts: int = 0,
) -> Response:
    """The page that names how many invoices are meant and which, and asks."""
    t = visit.t
    if not pin.count:
        await visit.say(Message(Weight.WARNING, t("dispatch.none_match")))
        return visit.go(back)
    notes = (
        changed_words(chosen.told, pin, visit),
        t.many("dispatch.drafts_stay", drafts) if drafts else "",
        t("dispatch.confirm_send_note"),
    )
    return await visit.page(
        "pages/selection.html",
        title=t.many("dispatch.confirm_send", pin.count),
        button=t.many("dispatch.confirm_send_button", pin.count),
        chips=filter_words(filters, chosen.query, t("table.search")),
        notes=tuple(note for note in notes if note),
        action=action,
        back=back,
        crumb=t("invoices.title"),
        hidden=confirmation(chosen.query, pin),
        once=new_once(),
    )
