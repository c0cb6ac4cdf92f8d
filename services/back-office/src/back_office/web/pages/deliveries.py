"""Sales > Deliveries: invoices that left the house; the EKTs beside them have a page of their own (`ekt_log`)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from back_office.clients.dispatch import DispatchedInvoice
from back_office.domain import badges
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.message import Link
from back_office.web.components.table import (
    BulkAction,
    Cell,
    Column,
    Empty,
    Filter,
    Kind,
    Matching,
    Option,
    Row,
    Table,
    reads,
)
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
NARROWED = ("q", "state")
INVOICE_STATES = ("failed", "ignored", "unknown", "by_hand", "waiting", "queued", "planned", "sent")


@router.get("/deliveries/invoices")
async def invoices(visit: SignedIn) -> Response:
    """Invoices with how their dispatch stands."""
    t = visit.t
    query = reads(visit.query, NARROWED)
    page = await visit.clients.dispatch.find(**query, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE)
    table = Table(
        id="deliveries",
        caption=t("deliveries.caption_invoices"),
        path="/deliveries/invoices",
        columns=(
            Column("when", t("ekt.when")),
            Column("number", t("invoices.number"), Kind.MAIN),
            Column("customer", t("deliveries.customer")),
            Column("state", t("deliveries.state")),
            Column("channel", t("dispatch.channel")),
            Column("recipient", t("ekt.recipient")),
            Column("amount", t("invoices.amount"), Kind.NUMBER),
        ),
        rows=tuple(_invoice_row(row, visit) for row in page.items),
        empty=Empty(t("deliveries.none"), t("deliveries.none_why")),
        query=query,
        search_label=t("invoices.search"),
        filters=filters(visit),
        actions=_actions(visit),
        next=page.next,
        keeps_filters=True,
        matching=Matching(),
    )
    return await lists.answer(
        visit,
        table,
        title=t("deliveries.title"),
        lead=t("deliveries.lead"),
        links=(Link(t("dispatch.to_settings"), "/settings/automatic-dispatch"),),
        tabs=tabs(visit),
        tab_chosen=1,
    )


def tabs(visit: Visit) -> tuple[Link, ...]:
    """The two lists: EKTs and invoices."""
    t = visit.t
    return (
        Link(t("deliveries.tab_ekts"), "/deliveries"),
        Link(t("deliveries.tab_invoices"), "/deliveries/invoices"),
    )


def filters(visit: Visit) -> tuple[Filter, ...]:
    """What the list of invoices can be narrowed to."""
    return (Filter("state", visit.t("deliveries.state"), _invoice_options(visit)),)


def _actions(visit: Visit) -> tuple[BulkAction, ...]:
    if not visit.may("send_invoice"):
        return ()
    t = visit.t
    some, every = t("dispatch.send_selected"), t("dispatch.send_matching")
    return (BulkAction("/deliveries/invoices/send", t("dispatch.send_by_hand"), some, every, primary=True),)


def _invoice_options(visit: Visit) -> tuple[Option, ...]:
    """The states with the words that the badges have."""
    return tuple(Option(state, visit.t(badges.dispatch(state).key)) for state in INVOICE_STATES)


def _invoice_row(row: DispatchedInvoice, visit: Visit) -> Row:
    t = visit.t
    badge = badges.dispatch(row.state, explanation=row.message)
    return Row(
        id=row.invoice_id,
        name=row.number,
        cells=(
            Cell(at=row.changed_at),
            Cell(row.number, f"/invoices/{segment(row.invoice_id)}"),
            Cell(row.customer, f"/debtors/{segment(row.debtor_id)}"),
            Cell(badge=badge),
            Cell(t.either(f"dispatch.channel_{row.channel}", row.channel)),
            Cell(row.recipient),
            Cell(visit.formats.money(row.gross, row.currency)),
        ),
    )
