"""EKTs of many customers sent again at once: a preview to confirm, then one batch followed to its end."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Response
from klokwerk_contracts.ekt_resend_requested import ResendReason

from back_office.clients.resends import Batch, BatchEntry, EktCheck, LeftOut, PreviewItem, Who
from back_office.clients.sale_shapes import Missing
from back_office.clients.shapes import Pin
from back_office.clients.transport import ServiceFailure
from back_office.domain import badges
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import Message, Weight
from back_office.web.components.selection import (
    Selection,
    changed_words,
    confirmation,
    filter_words,
    has_changed,
    selection_of,
)
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import explained, tried
from back_office.web.own_links import own_page
from back_office.web.pages.sales import NARROWED, filters
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
POLL_SECONDS = 2
STATES = ("asked", "waiting", "planned", "sending", "sent", "failed", "bounced", "ignored", "unknown")
"""Order in which the summary counts them."""


@router.post("/sales/{day}/resends/preview")
async def preview(day: date, visit: SignedIn) -> Response:
    """Who gets what and who can't and why: of those who were ticked or all that match, else of all that failed."""
    return await _preview(day, await selection_of(visit, NARROWED), visit)


async def _preview(day: date, chosen: Selection, visit: Visit) -> Response:
    """Whoever is not shown is named by their number, and goes along as part of the filter that was confirmed."""
    t = visit.t
    found = await visit.clients.resends.preview(day, _who(chosen))
    items = found.items
    checks = (
        await tried(visit.clients.resends.check(day, [one.debtor_id for one in items]), t) if items else None
    )
    checked = (checks.value or {}) if checks else {}
    ready = [one for one in items if one.can and _ekt_can(checked.get(one.debtor_id))]
    barred = [one for one in items if one not in ready]
    messages = [checks.trouble] if checks and checks.trouble else []
    if chosen.confirmed and (changed := changed_words(chosen.told, found.pin, visit)):
        messages.insert(0, Message(Weight.WARNING, changed))
    whole = found.whole
    return await visit.page(
        "pages/resends_preview.html",
        messages=messages,
        day=day,
        of="matching" if chosen.matching else "selection" if chosen.ids else "failed",
        chips=filter_words(filters(visit), chosen.query, t("table.search")) if chosen.matching else (),
        ready=ready,
        whole=whole,
        shown=len(items),
        count=len(ready) if whole else found.count,
        can=len(ready) if whole else found.can,
        warned=sum(one.warn for one in ready) if whole else found.warned,
        sends={} if whole else _confirmed(chosen, found.pin),
        ready_table=_ready(ready, checked, day, visit),
        barred_table=_barred(barred, checked, day, visit) if barred else None,
        reasons=[reason.value for reason in sorted(ResendReason, key=lambda one: one != "unsaid")],
        once=new_once(),
    )


def _who(chosen: Selection) -> Who:
    return Who(chosen.ids, chosen.query if chosen.matching else None)


def _confirmed(chosen: Selection, pin: Pin) -> dict[str, str]:
    """What the page sends along for those that it does not show."""
    sent = confirmation(chosen.query, pin) | {"confirmed": "yes"}
    return sent if chosen.matching else {name: sent[name] for name in ("told", "confirmed")}


@router.post("/sales/{day}/resends")
async def ask(day: date, visit: SignedIn) -> Response:
    """Send them again, and follow what becomes of each."""
    form, chosen = await visit.form(), await selection_of(visit, NARROWED)
    if chosen.none and chosen.told is None:
        await visit.say(Message(Weight.WARNING, visit.t("resends.nobody")))
        return visit.go(f"/sales?day={day.isoformat()}")
    try:
        asked = await visit.clients.resends.ask(
            day,
            _who(chosen),
            told=chosen.told,
            reason=form.get("reason", ""),
            note=form.get("note", ""),
            once=form.get("_once", ""),
        )
    except ServiceFailure as failure:
        if has_changed(failure):
            return await _preview(day, chosen, visit)
        await visit.say(explained(failure, visit.t))
        return visit.go(f"/sales?day={day.isoformat()}")
    return visit.go(f"/sales/resends/{segment(asked.batch_id)}")


@router.get("/sales/resends/{batch_id}")
async def batch(batch_id: str, visit: SignedIn) -> Response:
    """How each one stands, and one summary; it renews itself until all are over."""
    found = await visit.clients.resends.batch(batch_id, lists.cursor_of(visit))
    table = _entries(found, visit)
    if (part := visit.query.get("part")) in ("table", "rows"):
        return visit.part("parts.html", table=table, part=part)
    return await visit.page(
        "pages/resends_batch.html",
        batch=found,
        table=table,
        skipped_table=_skipped(found.skipped, found.order_day, visit) if found.skipped else None,
    )


def _ekt_can(check: EktCheck | None) -> bool:
    """Whether the EKT service has nothing against it; while it is away the decision is left to it."""
    return check is None or check.can_resend


def _name_cell(one: PreviewItem | BatchEntry | LeftOut, day: date) -> Cell:
    address = f"/sales/{day.isoformat()}/{segment(one.debtor_id)}"
    return Cell(one.name or one.debtor_id, address, note=one.debtor_number)


def _ready(items: list[PreviewItem], checks: dict[str, EktCheck], day: date, visit: Visit) -> Table:
    t, formats = visit.t, visit.formats

    def row(one: PreviewItem) -> Row:
        check = checks.get(one.debtor_id)
        warning = t("resends.warned", count=one.resends) if one.warn else ""
        told = [warning, *(item.text for item in (check.warnings if check else ()))]
        return Row(
            one.debtor_id,
            (
                _name_cell(one, day),
                Cell(t("resends.what", lines=formats.number(one.lines), total=formats.money(one.total))),
                Cell(check.recipient if check else "", note=check.method if check else ""),
                _last(one, visit),
                Cell(" ".join(part for part in told if part)),
            ),
        )

    return Table(
        id="ready",
        caption=t("resends.ready"),
        path="",
        columns=(
            Column("name", t("debtors.name"), Kind.MAIN),
            Column("what", t("resends.content")),
            Column("to", t("ekt.recipient")),
            Column("last", t("sales.last_ekt")),
            Column("note", t("resends.attention")),
        ),
        rows=tuple(row(one) for one in items),
        empty=Empty(t("resends.nobody_ready"), t("resends.nobody_ready_why")),
    )


def _last(one: PreviewItem, visit: Visit) -> Cell:
    if one.ekt is None:
        return Cell(visit.t("delivery.none"))
    return Cell(badge=badges.delivery(one.ekt.state, one.ekt.message), at=one.ekt.at)


def _barred(items: list[PreviewItem], checks: dict[str, EktCheck], day: date, visit: Visit) -> Table:
    rows = []
    for one in items:
        known = {gap.rule for gap in one.missing}
        check = checks.get(one.debtor_id)
        texts = [_gap_text(gap) for gap in one.missing]
        links = [gap.link for gap in one.missing]
        for needed in check.missing if check else ():
            if needed.code not in known:
                texts.append(needed.text)
                links.append(needed.link)
        rows.append(_barred_row(one, texts, links, day, visit))
    return _barred_table("barred", rows, visit)


def _skipped(items: tuple[LeftOut, ...], day: date, visit: Visit) -> Table:
    rows = [
        _barred_row(
            one, [_gap_text(gap) for gap in one.missing], [gap.link for gap in one.missing], day, visit
        )
        for one in items
    ]
    return _barred_table("skipped", rows, visit)


def _gap_text(gap: Missing) -> str:
    text = ": ".join(part for part in (gap.label, gap.message) if part)
    return " - ".join(part for part in (text, gap.cure) if part)


def _barred_row(
    one: PreviewItem | LeftOut, texts: list[str], links: list[str], day: date, visit: Visit
) -> Row:
    page = next((own_page(link) for link in links if own_page(link)), "")
    mend = page or f"/sales/{day.isoformat()}/{segment(one.debtor_id)}"
    return Row(one.debtor_id, (_name_cell(one, day), Cell("; ".join(texts)), Cell(visit.t("ekt.mend"), mend)))


def _barred_table(name: str, rows: list[Row], visit: Visit) -> Table:
    t = visit.t
    return Table(
        id=name,
        caption=t("resends.barred"),
        path="",
        columns=(
            Column("name", t("debtors.name"), Kind.MAIN),
            Column("why", t("resends.why")),
            Column("mend", t("ekt.mend")),
        ),
        rows=tuple(rows),
        empty=Empty(t("resends.nobody_ready")),
    )


def _entries(found: Batch, visit: Visit) -> Table:
    t, formats = visit.t, visit.formats
    known = [state for state in STATES if found.counts.get(state)]
    known += [state for state in found.counts if state not in STATES]
    counts = tuple((_state(state, visit), formats.number(found.counts[state])) for state in known)
    skipped = ((t("resends.skipped"), formats.number(found.left_out)),) if found.left_out else ()
    waiting = ((t("resends.waiting"), formats.number(found.waiting)),) if found.waiting else ()
    return Table(
        id="batch",
        caption=t("resends.batch"),
        path=f"/sales/resends/{segment(found.batch_id)}",
        columns=(
            Column("name", t("debtors.name"), Kind.MAIN),
            Column("state", t("ekt.state")),
            Column("to", t("ekt.recipient")),
            Column("message", t("ekt.message")),
        ),
        rows=tuple(_entry(one, found.order_day) for one in found.items),
        empty=Empty(t("resends.nobody")),
        next=found.next,
        sums=(*counts, *skipped, *waiting),
        poll_seconds=0 if found.over or lists.cursor_of(visit) else POLL_SECONDS,
    )


def _state(state: str, visit: Visit) -> str:
    if state == "asked":
        return visit.t("resends.asked")
    return visit.t.either(f"delivery.{state}", state)


def _entry(one: BatchEntry, day: date) -> Row:
    badge = Badge(Tone.BUSY, "resends.asked") if one.state == "asked" else badges.delivery(one.state)
    return Row(
        one.debtor_id,
        (_name_cell(one, day), Cell(badge=badge, at=one.at), Cell(one.recipient), Cell(one.message)),
    )
