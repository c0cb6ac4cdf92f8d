"""Sales > (Sold) Per debtor: the order day, who bought, and Resend EKT."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

from fastapi import APIRouter, Response
from klokwerk_contracts.ekt_resend_requested import ResendReason

from back_office.clients.ekts import DebtorDay, Ekt
from back_office.clients.sales import SaleLine, SaleOfDebtor, SoldToDebtor
from back_office.clients.transport import Refused, ServiceFailure
from back_office.domain import badges
from back_office.domain.badges import Badge, Tone
from back_office.domain.ekt import resend_button_visible, warn_before_resend
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import Item, Link, Message, Weight, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table, reads
from back_office.web.explain import explained, tried
from back_office.web.own_links import own_page
from back_office.web.pages.downloads import streamed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
DAYS_OFFERED = "8"
UNDER_WAY = frozenset({"waiting", "planned", "sending", "unknown"})
POLL_SECONDS = 2


@router.get("/sales")
async def per_debtor(visit: SignedIn) -> Response:
    """The customers of an order day: the one asked for, else the last one looked at, else today (D-02)."""
    t, formats = visit.t, visit.formats
    remembered = visit.session.order_day if visit.session else None
    day = _day(visit.query.get("day", "")) or remembered or visit.today
    await visit.remember_day(day)
    query = {"day": day.isoformat()} | reads(visit.query, ("q",))
    q = query.get("q")
    sold = await visit.clients.sales.per_debtor(
        day, q=q, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE
    )
    shown = formats.day(day)
    total = sum((row.total for row in sold.items if row.total is not None), start=Decimal(0))
    currencies = {row.currency for row in sold.items}
    complete_list = sold.next is None and not lists.cursor_of(visit)
    table = Table(
        id="sold",
        caption=t("sales.caption", day=shown),
        path="/sales",
        columns=(
            Column("name", t("debtors.name"), Kind.MAIN),
            Column("number", t("debtors.number")),
            Column("ekt", t("sales.use_ekts")),
            Column("lines", t("sales.lines_count"), Kind.NUMBER),
            Column("total", t("sales.total"), Kind.NUMBER),
            Column("distribution", t("sales.distribution")),
            Column("last", t("sales.last_ekt")),
        ),
        rows=tuple(_sold_row(row, day, visit) for row in sold.items),
        empty=Empty(t("sales.empty", day=shown), t("sales.empty_why")),
        query=query,
        search_label=t("sales.search"),
        next=sold.next,
        sums=((t("table.sum_all"), formats.money(total, *currencies)),)
        if total and complete_list and len(currencies) == 1
        else (),
    )
    days = () if visit.query.get("part") else await _days(visit)
    messages: tuple[Message, ...] = ()
    if visit.query.get("day") and not _day(visit.query["day"]):
        messages = (Message(Weight.WARNING, t("sales.bad_day")),)
    return await lists.answer(
        visit,
        table,
        title=t("sales.title"),
        lead=t("sales.lead"),
        template="pages/sales.html",
        day=day,
        before=(day - timedelta(days=1)).isoformat(),
        after=(day + timedelta(days=1)).isoformat(),
        days=days,
        messages=messages,
    )


@router.get("/sales/of/{debtor_id}")
async def of_debtor(debtor_id: str, visit: SignedIn) -> Response:
    """From a debtor's card to that debtor's last order day (D-02)."""
    day = await visit.clients.sales.default_day(debtor_id)
    return visit.go(f"/sales/{day.isoformat()}/{segment(debtor_id)}")


@router.get("/sales/{day}/{debtor_id}")
async def sale(day: date, debtor_id: str, visit: SignedIn) -> Response:
    """A customer's overview for the chosen order day, with Resend EKT (EF-14, EF-19)."""
    t = visit.t
    await visit.remember_day(day)
    found = await visit.clients.sales.sale(day, debtor_id)
    ekts = await tried(visit.clients.ekts.day(debtor_id, day), t)
    log = ekts.value or DebtorDay()
    log_table = _log(log, found, visit)
    if visit.query.get("part") == "table":
        return visit.part("parts.html", table=log_table, part="table")
    module_active = log.visible if ekts.value else True
    button = resend_button_visible(use_ekts=found.debtor.use_ekts, module_active=module_active)
    resends = sum(ekt.trigger == "resend" for ekt in log.ekts)
    return await visit.page(
        "pages/sale.html",
        sale=found,
        button=button,
        missing=_missing(found, log, t("ekt.mend")),
        resends=resends,
        warn_often=warn_before_resend(resends),
        lines=_lines(found, visit),
        log=log_table,
        log_trouble=ekts.trouble,
        once=new_once(),
        once_reason=new_once(),
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
    return visit.go(f"/sales/{day.isoformat()}/{segment(debtor_id)}")


@router.get("/ekts/{ekt_id}/file")
async def file(ekt_id: str, visit: SignedIn) -> Response:
    """The file exactly as it was sent."""
    number = visit.query.get("number", "1")
    return await streamed(visit.clients.ekts.file(ekt_id, number), f"ekt-{ekt_id}.edi")


def ekt_badge(ekt: Ekt) -> Badge:
    """State of an EKT with what the other side said."""
    return badges.delivery(ekt.state, ekt.message)


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


def _missing(found: SaleOfDebtor, log: DebtorDay, mend: str) -> list[Item]:
    """Everything that stands in the way, once each: the sale's own words first (D-01)."""
    here = f"/sales/{found.order_day.isoformat()}/{found.debtor_id}"
    items: list[Item] = []
    rules: set[str] = set()

    def item(text: str, link: str) -> Item:
        page = own_page(link)
        return Item(text, Link(mend, page) if page and page != here else None)

    for gap in found.can_resend.missing:
        rules.add(gap.rule)
        text = ": ".join(part for part in (gap.label, gap.message) if part)
        items.append(item(" - ".join(part for part in (text, gap.cure) if part), gap.link))
    items += [item(one.text, one.link) for one in log.missing if one.code not in rules]
    return items


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def _days(visit: Visit) -> tuple[date, ...]:
    days = await tried(visit.clients.sales.days(limit=DAYS_OFFERED), visit.t)
    return tuple(one.order_day for one in days.value.items) if days.value else ()


def _sold_row(row: SoldToDebtor, day: date, visit: Visit) -> Row:
    t, formats = visit.t, visit.formats
    last = row.ekt
    complete = Badge(Tone.GOOD, "sales.complete") if row.complete else Badge(Tone.WARN, "sales.incomplete")
    return Row(
        id=row.debtor_id,
        name=row.name,
        cells=(
            Cell(row.name or row.debtor_id, f"/sales/{day.isoformat()}/{segment(row.debtor_id)}"),
            Cell(row.debtor_number),
            Cell(badge=Badge(Tone.GOOD, "debtors.ekts_on")) if row.use_ekts else Cell(t("debtors.ekts_off")),
            Cell(formats.number(row.lines)),
            Cell(formats.money(row.total, row.currency)),
            Cell(badge=complete),
            Cell(badge=badges.delivery(last.state, last.message), at=last.at)
            if last
            else Cell(t("delivery.none") if row.use_ekts else ""),
        ),
    )


def _lines(found: SaleOfDebtor, visit: Visit) -> Table:
    t, formats = visit.t, visit.formats
    lacking = any(line.missing for line in found.lines)
    return Table(
        id="lines",
        caption=t("sales.lines"),
        path="",
        columns=(
            Column("article", t("sales.article"), Kind.MAIN),
            Column("grower", t("sales.grower")),
            Column("quantity", t("sales.quantity"), Kind.NUMBER),
            Column("allocated", t("sales.allocated"), Kind.NUMBER),
            Column("price", t("sales.price"), Kind.NUMBER),
            Column("amount", t("sales.amount"), Kind.NUMBER),
            *((Column("missing", t("sales.missing")),) if lacking else ()),
        ),
        rows=tuple(_line_row(line, found.currency, visit, lacking=lacking) for line in found.lines),
        empty=Empty(t("sales.lines_empty")),
        sums=((t("table.sum_all"), formats.money(found.total, found.currency)),) if found.lines else (),
    )


def _line_row(line: SaleLine, currency: str, visit: Visit, *, lacking: bool) -> Row:
    formats = visit.formats
    codes = " · ".join(
        part for part in (line.article_number, line.vbn_code and f"VBN {line.vbn_code}") if part
    )
    quantity = visit.t(
        "sales.quantity_words",
        units=formats.number(line.units),
        pieces=formats.number(line.pieces_per_unit) or "?",
    )
    price = formats.money(line.price.amount, line.price.currency) if line.price else ""
    return Row(
        id=line.line_id,
        cells=(
            Cell(line.name or line.line_id, note=codes),
            Cell(line.grower.name, note=line.grower.number),
            Cell(quantity),
            Cell(formats.number(line.allocated)),
            Cell(price),
            Cell(formats.money(line.amount, currency)),
            *((Cell("; ".join(gap.message for gap in line.missing)),) if lacking else ()),
        ),
    )


def _log(log: DebtorDay, found: SaleOfDebtor, visit: Visit) -> Table:
    t = visit.t
    moving = any(ekt.state in UNDER_WAY for ekt in log.ekts)
    return Table(
        id="ekts",
        caption=t("ekt.log"),
        path=f"/sales/{found.order_day.isoformat()}/{segment(found.debtor_id)}",
        columns=(
            Column("when", t("ekt.when")),
            Column("state", t("ekt.state")),
            Column("trigger", t("ekt.trigger")),
            Column("recipient", t("ekt.recipient")),
            Column("file", t("ekt.file")),
            Column("who", t("ekt.who")),
        ),
        rows=tuple(_log_row(ekt, visit) for ekt in sorted(log.ekts, key=_asked_at, reverse=True)),
        empty=Empty(t("ekt.log_empty"), t("ekt.log_empty_why")),
        poll_seconds=POLL_SECONDS if moving or not log.ekts else POLL_SECONDS * 5,
    )


def _asked_at(ekt: Ekt) -> float:
    moment = ekt.requested_at or ekt.changed_at
    return moment.timestamp() if moment else 0.0


def _log_row(ekt: Ekt, visit: Visit) -> Row:
    t = visit.t
    why = "" if ekt.reason in ("", "unsaid") else t.either(f"ekt.reason_{ekt.reason}", ekt.reason)
    number = ekt.files[0].number if ekt.files else 1
    revision = t("ekt.revision_short", revision=ekt.sale_revision) if ekt.sale_revision else ""
    return Row(
        id=ekt.id,
        cells=(
            Cell(at=ekt.changed_at),
            Cell(badge=ekt_badge(ekt), note="" if ekt.state == "sent" else ekt.message),
            Cell(t.either(f"ekt.trigger_{ekt.trigger}", ekt.trigger), note=revision),
            Cell(ekt.recipient),
            Cell(ekt.file_name, f"/ekts/{segment(ekt.id)}/file?number={number}") if ekt.file_name else Cell(),
            Cell(ekt.requested_by, note=" - ".join(part for part in (why, ekt.note) if part)),
        ),
    )
