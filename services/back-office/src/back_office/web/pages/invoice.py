"""One invoice: as issued, how its dispatch stands, and everything that was done about it (NV-54)."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from back_office.clients.dispatch import DispatchedInvoice, HistoryEntry, Sending
from back_office.clients.sales import InvoiceDetail, InvoiceLine
from back_office.domain import badges
from back_office.domain.badges import Badge
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import Link, Message
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import tried
from back_office.web.pages.invoices import dispatch_badge
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
BY_ITSELF = "automatic dispatch"
"""Who did it where no person did, as the dispatch service says."""
CHANNELS = ("einvoice", "email", "print")
UNDER_WAY = frozenset({"queued", "planned", "sending", "unknown"})


@router.get("/invoices/{invoice_id}")
async def invoice(invoice_id: str, visit: SignedIn) -> Response:
    """The page."""
    t = visit.t
    found, told = await asyncio.gather(
        visit.clients.sales.invoice(invoice_id), tried(visit.clients.dispatch.invoice(invoice_id), t)
    )
    dispatch = told.value
    history = _history(dispatch, f"/invoices/{segment(invoice_id)}", visit) if dispatch else None
    if visit.query.get("part") == "table" and history:
        return visit.part("parts.html", table=history, part="table")
    actions = dispatch.actions if dispatch else ()
    switch = {"automatic-off", "automatic-on"} & set(actions)
    return await visit.page(
        "pages/invoice.html",
        title=t(f"invoice.title_{found.kind}", number=found.number or t("invoices.draft")),
        subtitle=found.buyer_name,
        debtor_id=found.debtor_id,
        invoice_id=invoice_id,
        state=_badge(found, dispatch),
        dispatch_trouble=_trouble(told.trouble, found, visit),
        downloads=_downloads(invoice_id, dispatch, visit),
        can_send="send" in actions and visit.may("send_invoice"),
        channels=CHANNELS,
        once=new_once(),
        automatic=dispatch.automatic if dispatch else None,
        can_change_automatic=bool(switch) and visit.may("change_automatic"),
        facts=_facts(found, dispatch, visit),
        history=history,
        lines=_lines(found, visit),
    )


def _trouble(trouble: Message | None, found: InvoiceDetail, visit: Visit) -> Message | None:
    """A draft is not known to the dispatch, which is no trouble; one just issued is on its way there."""
    if trouble is None or found.state == "draft":
        return None
    if trouble.title == visit.t("trouble.not_found"):
        return Message(trouble.weight.INFO, visit.t("dispatch.not_known"))
    return trouble


def _badge(found: InvoiceDetail, dispatch: DispatchedInvoice | None) -> Badge:
    if found.state == "draft":
        return Badge(badges.Tone.CALM, "invoice.state_draft")
    if dispatch is None:
        return dispatch_badge(found)
    intent = dispatch.dispatches[0].intent if dispatch.dispatches else ""
    return badges.dispatch(dispatch.state, intent=intent, explanation=dispatch.message)


def _downloads(invoice_id: str, dispatch: DispatchedInvoice | None, visit: Visit) -> list[Link]:
    names = [sending.file_name.lower() for sending in dispatch.dispatches] if dispatch else []
    kinds = {"pdf": ".pdf", "ubl": ".xml"}
    return [
        Link(visit.t(f"invoice.download_{kind}"), f"/invoices/{segment(invoice_id)}/documents/{kind}")
        for kind, suffix in kinds.items()
        if any(name.endswith(suffix) for name in names)
    ]


def _facts(found: InvoiceDetail, dispatch: DispatchedInvoice | None, visit: Visit) -> list[tuple[str, str]]:
    t, formats = visit.t, visit.formats
    reference = found.document.order_reference or found.document.buyer_reference
    facts = [
        (t("invoice.status"), t.either(f"invoice.state_{found.state}", found.state)),
        (t("invoice.issued"), formats.short_day(found.issue_date)),
        (t("invoice.due"), formats.short_day(found.due_date)),
        (t("sales.order_day"), formats.short_day(found.order_day)),
        (t("invoice.net"), formats.money(found.net, found.currency)),
        (t("invoice.vat"), formats.money(found.vat, found.currency)),
        (t("invoice.gross"), formats.money(found.gross, found.currency)),
        (t("invoice.source"), t.either(f"invoice.source_{found.source}", found.source)),
        (t("invoice.reference"), reference),
    ]
    if dispatch and dispatch.message:
        facts.append((t("ekt.message"), dispatch.message))
    return [(label, value) for label, value in facts if value]


def _history(dispatch: DispatchedInvoice, path: str, visit: Visit) -> Table:
    t = visit.t
    rows = [(sending.changed_at, _sending_row(sending, visit)) for sending in dispatch.dispatches]
    rows += [(entry.at, _entry_row(entry, index, visit)) for index, entry in enumerate(dispatch.history)]
    rows.sort(key=lambda pair: pair[0].timestamp() if pair[0] else 0, reverse=True)
    return Table(
        id="history",
        caption=t("dispatch.history"),
        path=path,
        columns=(
            Column("when", t("ekt.when")),
            Column("state", t("ekt.state")),
            Column("intent", t("dispatch.intent")),
            Column("channel", t("dispatch.channel")),
            Column("recipient", t("ekt.recipient")),
            Column("message", t("ekt.message")),
        ),
        rows=tuple(row for _, row in rows),
        empty=Empty(t("dispatch.history_empty"), t("dispatch.history_empty_why")),
        poll_seconds=2 if dispatch.state in UNDER_WAY else 10,
    )


def _sending_row(sending: Sending, visit: Visit) -> Row:
    t = visit.t
    purpose = (
        "" if sending.purpose in ("", "invoice") else t.either(f"dispatch.purpose_{sending.purpose}", "")
    )
    return Row(
        id=sending.id,
        cells=(
            Cell(at=sending.changed_at),
            Cell(badge=badges.delivery(sending.state)),
            Cell(t.either(f"dispatch.intent_{sending.intent}", sending.intent), note=purpose),
            Cell(t.either(f"dispatch.channel_{sending.channel}", sending.channel)),
            Cell(sending.recipient),
            Cell(sending.message),
        ),
    )


def _entry_row(entry: HistoryEntry, index: int, visit: Visit) -> Row:
    by = visit.t("dispatch.intent_automatic") if entry.by == BY_ITSELF else entry.by
    cells = (
        Cell(at=entry.at),
        Cell(entry.action),
        Cell(by),
        Cell(),
        Cell(),
        Cell(entry.detail),
    )
    return Row(id=f"entry-{index}", cells=cells)


def _lines(found: InvoiceDetail, visit: Visit) -> Table:
    t = visit.t
    return Table(
        id="lines",
        caption=t("invoice.lines"),
        path="",
        columns=(
            Column("description", t("invoice.description"), Kind.MAIN),
            Column("quantity", t("invoice.quantity"), Kind.NUMBER),
            Column("price", t("invoice.price"), Kind.NUMBER),
            Column("vat", t("invoice.vat"), Kind.NUMBER),
            Column("amount", t("invoice.amount"), Kind.NUMBER),
        ),
        rows=tuple(_line_row(line, found.currency, visit) for line in found.document.lines),
        empty=Empty(t("invoice.lines_empty")),
    )


def _line_row(line: InvoiceLine, currency: str, visit: Visit) -> Row:
    formats = visit.formats
    percent = f"{formats.number(line.vat_percent)} %" if line.vat_percent is not None else ""
    return Row(
        id=line.line_id,
        cells=(
            Cell(line.name, note=line.description),
            Cell(formats.number(line.quantity)),
            Cell(formats.money(line.price, currency)),
            Cell(percent),
            Cell(formats.money(line.net_amount, currency)),
        ),
    )
