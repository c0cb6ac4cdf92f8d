"""Sales > Deliveries: everything that left the house, EKTs and invoices, with a filter on what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from fastapi import APIRouter, Response

from back_office.clients.dispatch import DispatchedInvoice
from back_office.clients.ekts import Ekt
from back_office.clients.transport import ServiceFailure
from back_office.domain import badges
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.message import Link
from back_office.web.components.table import Cell, Column, Empty, Filter, Kind, Option, Row, Table, reads
from back_office.web.pages.sale import ekt_badge
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
EKT_STATES = ("failed", "unknown", "waiting", "planned", "sending", "sent")
INVOICE_STATES = ("failed", "ignored", "unknown", "by_hand", "waiting", "queued", "planned", "sent")
AT_ONCE = 8
POLL_SECONDS = 5


@router.get("/deliveries")
async def ekts(visit: SignedIn) -> Response:
    """EKTs, newest change first."""
    t = visit.t
    query = reads(visit.query, ("state",))
    page = await visit.clients.ekts.find(**query, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE)
    names = await _names({ekt.debtor_id for ekt in page.items}, visit)
    table = Table(
        id="deliveries",
        caption=t("deliveries.caption_ekts"),
        path="/deliveries",
        columns=(
            Column("when", t("ekt.when")),
            Column("customer", t("deliveries.customer"), Kind.MAIN),
            Column("day", t("deliveries.day")),
            Column("state", t("deliveries.state")),
            Column("trigger", t("ekt.trigger")),
            Column("recipient", t("ekt.recipient")),
            Column("file", t("ekt.file")),
        ),
        rows=tuple(_ekt_row(ekt, names.get(ekt.debtor_id, ekt.debtor_id), visit) for ekt in page.items),
        empty=Empty(t("deliveries.none"), t("deliveries.none_why")),
        query=query,
        filters=(Filter("state", t("deliveries.state"), _options(visit, "delivery.", EKT_STATES)),),
        next=page.next,
        poll_seconds=0 if lists.cursor_of(visit) else POLL_SECONDS,
    )
    return await lists.answer(
        visit,
        table,
        title=t("deliveries.title"),
        lead=t("deliveries.lead"),
        links=(Link(t("check.title"), "/ekt-check"), Link(t("ekt.to_settings"), "/settings/ekt")),
        tabs=_tabs(visit),
        tab_chosen=0,
    )


@router.get("/deliveries/invoices")
async def invoices(visit: SignedIn) -> Response:
    """Invoices with how their dispatch stands."""
    t = visit.t
    query = reads(visit.query, ("q", "state"))
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
        filters=(Filter("state", t("deliveries.state"), _invoice_options(visit)),),
        next=page.next,
    )
    return await lists.answer(
        visit,
        table,
        title=t("deliveries.title"),
        lead=t("deliveries.lead"),
        links=(Link(t("dispatch.to_settings"), "/settings/automatic-dispatch"),),
        tabs=_tabs(visit),
        tab_chosen=1,
    )


def _tabs(visit: Visit) -> tuple[Link, ...]:
    t = visit.t
    return (
        Link(t("deliveries.tab_ekts"), "/deliveries"),
        Link(t("deliveries.tab_invoices"), "/deliveries/invoices"),
    )


async def _names(debtor_ids: Iterable[str], visit: Visit) -> dict[str, str]:
    """Names of the debtors on the page; an id stays an id when the debtor service is away."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def name(debtor_id: str) -> tuple[str, str]:
        async with gate:
            try:
                return debtor_id, (await visit.clients.debtors.card(debtor_id)).value.name
            except ServiceFailure:
                return debtor_id, debtor_id

    return dict(await asyncio.gather(*(name(debtor_id) for debtor_id in debtor_ids)))


def _options(visit: Visit, prefix: str, values: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(Option(value, visit.t(prefix + value)) for value in values)


def _invoice_options(visit: Visit) -> tuple[Option, ...]:
    """The states with the words that the badges have."""
    return tuple(Option(state, visit.t(badges.dispatch(state).key)) for state in INVOICE_STATES)


def _ekt_row(ekt: Ekt, name: str, visit: Visit) -> Row:
    t = visit.t
    page = f"/sales/{ekt.order_day.isoformat()}/{segment(ekt.debtor_id)}"
    number = ekt.files[0].number if ekt.files else 1
    return Row(
        id=ekt.id,
        cells=(
            Cell(at=ekt.changed_at),
            Cell(name, page),
            Cell(visit.formats.short_day(ekt.order_day)),
            Cell(badge=ekt_badge(ekt), note="" if ekt.state == "sent" else ekt.message),
            Cell(t.either(f"ekt.trigger_{ekt.trigger}", ekt.trigger)),
            Cell(ekt.recipient),
            Cell(ekt.file_name, f"/ekts/{segment(ekt.id)}/file?number={number}") if ekt.file_name else Cell(),
        ),
    )


def _invoice_row(row: DispatchedInvoice, visit: Visit) -> Row:
    t = visit.t
    badge = badges.dispatch(row.state, explanation=row.message)
    return Row(
        id=row.invoice_id,
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
