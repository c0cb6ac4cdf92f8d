"""Sales > Invoices: the list with how each invoice reached its customer (NV-53..NV-57, LS-01..LS-08)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Response

from back_office.clients.sales import InvoiceRow
from back_office.clients.transport import ServiceFailure
from back_office.domain import badges
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.message import Link, Message, Weight, done
from back_office.web.components.selection import selection_of
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
from back_office.web.explain import explained
from back_office.web.pages.downloads import streamed
from back_office.web.pages.translated import SPOKEN_LANGUAGE, Telling, translated, word_of
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
FILTERS = ("q", "state", "dispatch", "payment_status", "reverse_charge", "paid_from", "paid_to")
DISPATCHES = ("waiting", "sent", "failed", "ignored", "unknown")


@router.get("/invoices")
async def find(visit: SignedIn) -> Response:
    """Invoices and credit notes, last added first."""
    t = visit.t
    query = reads(visit.query, FILTERS)
    page = await visit.clients.sales.invoices(**query, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE)
    table = Table(
        id="invoices",
        caption=t("invoices.caption"),
        path="/invoices",
        columns=(
            Column("number", t("invoices.number"), Kind.MAIN),
            Column("customer", t("invoices.customer")),
            Column("date", t("invoices.date"), Kind.SHORT),
            Column("due", t("invoices.due"), Kind.SHORT),
            Column("amount", t("invoices.amount"), Kind.NUMBER),
            Column("payment", t("invoices.payment")),
            Column("dispatch", t("invoices.dispatch")),
        ),
        rows=tuple(_row(row, visit) for row in page.items),
        empty=Empty(t("invoices.none"), t("invoices.none_why")),
        query=query,
        search_label=t("invoices.search"),
        filters=filters(visit),
        actions=_actions(visit),
        next=page.next,
        keeps_filters=True,
        matching=Matching(),
    )
    export = Link(t("invoices.export"), with_query("/invoices.csv", query))
    settings = Link(t("dispatch.to_settings"), "/settings/automatic-dispatch")
    return await lists.answer(
        visit, table, title=t("invoices.title"), lead=t("invoices.lead"), links=(settings, export)
    )


@router.get("/invoices.csv")
async def export(visit: SignedIn) -> Response:
    """The filtered list, all pages of it (D-15, LS-15)."""
    return await _as_file(visit, (), reads(visit.query, FILTERS))


@router.post("/invoices/selected.csv")
async def export_selected(visit: SignedIn) -> Response:
    """The selected invoices only (LS-16, LS-17), or all that match the filter where those were chosen."""
    chosen = await selection_of(visit, FILTERS)
    if chosen.none:
        await visit.say(Message(Weight.WARNING, visit.t("dispatch.pick_first")))
        return visit.go("/invoices")
    return await _as_file(visit, chosen.ids, chosen.query if chosen.matching else {})


async def _as_file(visit: Visit, ids: Sequence[str], query: Mapping[str, str]) -> Response:
    """The list as a file for a spreadsheet in the reader's language."""
    t = visit.t

    def dispatched(state: str) -> str:
        badge = badges.dispatch(state, intent="manual")  # the file does not say who sent it
        return badge.explanation or t(badge.key)

    telling = Telling(
        "file.invoices",
        {
            "kind": word_of(t, "invoice.kind_"),
            "state": word_of(t, "invoice.state_"),
            "payment_status": word_of(t, "invoices."),
            "source": word_of(t, "invoice.source_"),
            "dispatch": dispatched,
            "channel": word_of(t, "dispatch.channel_"),
        },
        numbers=frozenset({"net", "vat", "gross"}),
    )
    source = visit.clients.sales.export("csv", ids, language=SPOKEN_LANGUAGE, **query)
    return await translated(source, telling, visit, file_name=f"{t('file.invoices.name')}.csv")


@router.post("/invoices/{invoice_id}/send")
async def send(invoice_id: str, visit: SignedIn) -> Response:
    """Send one invoice by hand (NV-60)."""
    form = await visit.form()
    message: Message
    try:
        await visit.clients.dispatch.send(invoice_id, form.get("channel", ""), form.get("_once", ""))
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        message = done(visit.t("dispatch.handed_over"))
    await visit.say(message)
    return visit.go(f"/invoices/{segment(invoice_id)}")


@router.post("/invoices/{invoice_id}/automatic")
async def automatic(invoice_id: str, visit: SignedIn) -> Response:
    """Take one invoice out of automatic dispatch, or put it back (NV-64)."""
    wanted = bool((await visit.form()).get("on"))
    message: Message
    try:
        await visit.clients.dispatch.set_automatic(invoice_id, on=wanted)
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        message = done(visit.t("dispatch.was_put_back" if wanted else "dispatch.taken_out"))
    await visit.say(message)
    return visit.go(f"/invoices/{segment(invoice_id)}")


@router.get("/invoices/{invoice_id}/documents/{kind}")
async def document(invoice_id: str, kind: str, visit: SignedIn) -> Response:
    """The document as it was sent."""
    wanted = "ubl" if kind == "ubl" else "pdf"
    return await streamed(visit.clients.dispatch.document(invoice_id, wanted), f"{invoice_id}.{wanted}")


def filters(visit: Visit) -> tuple[Filter, ...]:
    """What the list can be narrowed to."""
    t = visit.t
    yes_no = (Option("true", t("form.yes")), Option("false", t("form.no")))
    payments = tuple(Option(value, t(f"invoices.{value}")) for value in ("paid", "not_paid"))
    return (
        Filter("dispatch", t("invoices.dispatch"), _labels(visit, "delivery.", DISPATCHES)),
        Filter("payment_status", t("invoices.payment"), payments),
        Filter("state", t("invoices.state"), _labels(visit, "invoice.state_", ("draft", "final"))),
        Filter("reverse_charge", t("invoices.reverse_charge"), yes_no),
    )


def _actions(visit: Visit) -> tuple[BulkAction, ...]:
    t = visit.t
    export = t("invoices.export_selected")
    actions = [BulkAction("/invoices/selected.csv", export, export, t("invoices.export_matching"))]
    if visit.may("send_invoice"):
        some = t("dispatch.send_selected")
        every = t("dispatch.send_matching")
        actions.insert(0, BulkAction("/invoices/send", t("dispatch.send_by_hand"), some, every, primary=True))
    return tuple(actions)


def _labels(visit: Visit, prefix: str, values: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(Option(value, visit.t(prefix + value)) for value in values)


def dispatch_badge(row: InvoiceRow) -> Badge:
    """How the dispatch of an invoice stands, as the sales service last heard."""
    last = row.dispatch
    if last is None:
        return badges.dispatch(None)
    return badges.dispatch(last.state, intent=last.intent, explanation=last.message)


def _row(row: InvoiceRow, visit: Visit) -> Row:
    t, formats = visit.t, visit.formats
    number = row.number or t("invoices.draft")
    kind = t("invoices.credit_note") if row.kind == "credit_note" else ""
    paid = row.payment_status == "paid"
    payment = Badge(Tone.GOOD if paid else Tone.CALM, "invoices.paid" if paid else "invoices.not_paid")
    issued = row.state != "draft"
    return Row(
        id=row.invoice_id,
        name=number,
        cells=(
            Cell(number, f"/invoices/{segment(row.invoice_id)}", note=kind),
            Cell(row.buyer_name, f"/debtors/{segment(row.debtor_id)}"),
            Cell(formats.short_day(row.issue_date)),
            Cell(formats.short_day(row.due_date)),
            Cell(formats.money(row.gross, row.currency)),
            Cell(badge=payment if issued else Badge(Tone.CALM, "invoice.state_draft")),
            Cell(badge=dispatch_badge(row), at=row.dispatch.at if row.dispatch else None)
            if issued
            else Cell(),
        ),
    )
