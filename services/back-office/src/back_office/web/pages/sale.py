"""A customer's overview of one order day: lines, what is missing, EKTs, history, Resend EKT."""

from __future__ import annotations

import re
from datetime import date

from fastapi import APIRouter, Response
from klokwerk_contracts.ekt_resend_requested import ResendReason

from back_office.clients.ekts import DebtorDay
from back_office.clients.sale_shapes import SaleOfDebtor
from back_office.clients.transport import Refused, ServiceFailure
from back_office.domain.ekt import resend_button_visible, warn_before_resend
from back_office.web.components import ekt_words
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import Item, Link, Message, Weight, done
from back_office.web.explain import explained, tried
from back_office.web.own_links import own_page
from back_office.web.pages import sale_history, sale_log, sale_table
from back_office.web.pages.downloads import streamed
from back_office.web.pages.sales import kept_elsewhere
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)


def address_of(day: date, debtor_id: str) -> str:
    """The page of a customer's sale."""
    return f"/sales/{day.isoformat()}/{segment(debtor_id)}"


def changeable(found: SaleOfDebtor, visit: Visit) -> bool:
    """Whether this user is offered to change the sale: it is kept here, and the role allows it."""
    return found.own and visit.may("edit_sale")


@router.get("/sales/of/{debtor_id}")
async def of_debtor(debtor_id: str, visit: SignedIn) -> Response:
    """From a debtor's card to that debtor's last order day (D-02)."""
    day = await visit.clients.sales.default_day(debtor_id)
    return visit.go(address_of(day, debtor_id))


@router.get("/sales/{day}/{debtor_id}")
async def sale(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """A customer's overview for the chosen order day, with Resend EKT (EF-14, EF-19)."""
    t = visit.t
    await visit.remember_day(day)
    found = await visit.clients.sales.sale(day, debtor_id)
    if visit.query.get("part") == "standing":
        return visit.part("pages/sale_standing.html", sale=found)
    ekts = await tried(visit.clients.ekts.day(debtor_id, day), t)
    log = ekts.value or DebtorDay()
    log_table = sale_log.table(log, found.order_day, found.debtor_id, visit)
    happened, hints = ekt_words.advice(log.hints, t)
    if visit.query.get("part") == "table":
        return visit.part("parts.html", table=log_table, part="table")
    history = await tried(visit.clients.sales.history(day, debtor_id), t)
    module_active = log.visible if ekts.value else True
    button = resend_button_visible(use_ekts=found.debtor.use_ekts, module_active=module_active)
    resends = sum(ekt.trigger == "resend" for ekt in log.ekts)
    may_change = changeable(found, visit)
    return await visit.page(
        "pages/sale.html",
        sale=found,
        elsewhere="" if found.own else kept_elsewhere(found.source),
        may_change=may_change,
        button=button,
        missing=_missing(found, log, visit, button=button, may_change=may_change),
        resends=resends,
        warn_often=warn_before_resend(resends),
        lines=sale_table.lines(found, visit, may_change=may_change),
        unallocated=any(line.allocated < line.units for line in found.lines),
        log=log_table,
        happened=happened,
        hints=hints,
        log_trouble=ekts.trouble,
        history=sale_history.entries(history.value, visit) if history.value else (),
        once=new_once(),
        once_reason=new_once(),
        once_lines=new_once(),
        other_address=log.other_address_possible,
        reasons=[reason.value for reason in sorted(ResendReason, key=lambda one: one != "unsaid")],
    )


@router.post("/sales/{day}/{debtor_id}/resend")
async def resend(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """One click sends it again (EF-23); the answer says what happened or everything that is missing."""
    form, t = await visit.form(), visit.t
    try:
        found = await visit.clients.sales.sale(day, debtor_id)
        await visit.clients.sales.resend(
            day,
            debtor_id,
            reason=form.get("reason", ""),
            note=form.get("note", ""),
            once=form.get("_once", ""),
            recipients=[part for part in re.split(r"[\s;,]+", form.get("recipients", "")) if part],
        )
    except ServiceFailure as failure:
        message = _not_sent(failure, visit)
    else:
        message = done(t("ekt.requested", name=found.debtor.name or debtor_id), t("ekt.requested_text"))
    await visit.say(message)
    return visit.go(address_of(day, debtor_id))


@router.get("/ekts/{ekt_id}/file")
async def file(ekt_id: str, visit: SignedIn) -> Response:
    """The file exactly as it was sent."""
    number = visit.query.get("number", "1")
    return await streamed(visit.clients.ekts.file(ekt_id, number), f"ekt-{ekt_id}.edi")


def _not_sent(failure: ServiceFailure, visit: Visit) -> Message:
    if not isinstance(failure, Refused) or not failure.problem.errors:
        return explained(failure, visit.t)
    items = tuple(
        Item(
            " - ".join(part for part in (error.message, error.cure) if part),
            Link(visit.t("ekt.mend"), own_page(error.link)) if own_page(error.link) else None,
        )
        for error in failure.problem.errors
    )
    return Message(
        Weight.ERROR,
        visit.t("ekt.refused"),
        visit.t("ekt.again"),
        items,
        reference=failure.correlation,
        support=True,
    )


def _missing(
    found: SaleOfDebtor, log: DebtorDay, visit: Visit, *, button: bool, may_change: bool
) -> list[Item]:
    """Everything that stands in the way, once each: the sale's own words first, line by line (D-01)."""
    here, mend = address_of(found.order_day, found.debtor_id), visit.t("ekt.mend")
    items: list[Item] = []
    rules: set[str] = set()

    def item(text: str, page: str) -> Item:
        return Item(text, Link(mend, page) if page and page != here else None)

    for gap in found.can_resend.missing:
        if not button and not gap.line_id:
            continue  # why there is no button is explained on its own
        rules.add(gap.rule)
        text = ": ".join(part for part in (gap.label, gap.message) if part)
        link = own_page(gap.link)
        if gap.line_id and may_change:
            link = f"{here}/lines/{segment(gap.line_id)}#{sale_table.field_id(gap.field)}"
        items.append(item(" - ".join(part for part in (text, gap.cure) if part), link))
    if button:
        items += [item(one.text, own_page(one.link)) for one in log.missing if one.code not in rules]
    return items
