"""Invoices with their dispatch: list, detail with history, documents as sent, sending and removing by hand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response
from klokwerk import deliveries
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.deliveries import Delivery
from klokwerk.http.idempotency import Once
from klokwerk.http.pages import Page, decode_cursor, page_of
from klokwerk.http.problems import Problem, not_found
from klokwerk_contracts.invoice_dispatch_changed import DispatchPurpose
from klokwerk_contracts.outcomes import DeliveryState
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.api.context import INVOICE_ROLES, Cursor, In, Limit
from dispatch_service.consumers import REMOVED_TEXT, WAITING_TEXT
from dispatch_service.dispatcher import NotPossible, automatic_key, dispatch_id
from dispatch_service.documents import PDF, UBL
from dispatch_service.domain.cascade import Channel
from dispatch_service.domain.choices import Choices
from dispatch_service.outcomes import KIND
from dispatch_service.store import choices, invoices
from dispatch_service.store.invoices import Filter, HistoryEntry, InvoiceRow, InvoiceState

router = APIRouter(tags=["invoices"])

InvoiceId = Annotated[str, Path(max_length=64)]
ENTITY = "invoice dispatch"

LABELS = {
    InvoiceState.WAITING: "Waits for automatic dispatch",
    InvoiceState.BY_HAND: "To be sent by hand",
    InvoiceState.QUEUED: "In tonight's run",
    InvoiceState.PLANNED: "Is being sent",
    InvoiceState.SENT: "Sent",
    InvoiceState.FAILED: "Automatic dispatch failed",
    InvoiceState.IGNORED: "Automatic dispatch ignored",
    InvoiceState.UNKNOWN: "Outcome unknown, being asked",
}


class InvoiceItem(BaseModel):
    """One invoice in a list.

    Attributes:
        state, label: where its dispatch stands, for programs and for people (NV-55..NV-57).
        message: the explanation that belongs to the label.
        automatic: whether the night's run will take it.
    """

    invoice_id: str
    administration: str
    debtor_id: str
    number: str
    kind: str
    source: str
    issue_date: date
    gross: str
    currency: str
    customer: str
    state: InvoiceState
    label: str
    reason: str
    message: str
    channel: str
    recipient: str
    automatic: bool
    run_id: int | None
    changed_at: datetime


class DispatchItem(BaseModel):
    """One sending of an invoice, or of what goes along with it."""

    id: str
    purpose: str
    intent: str
    channel: str
    recipient: str
    state: str
    message: str
    reference: str
    attempts: int
    file_name: str
    sha256: str
    created_at: datetime
    changed_at: datetime


class HistoryItem(BaseModel):
    """One action on the invoice, by a person or by the service."""

    at: datetime
    by: str
    action: str
    detail: str


class InvoiceDetail(InvoiceItem):
    """One invoice with everything that was done about it, newest first."""

    dispatches: list[DispatchItem]
    history: list[HistoryItem]
    actions: list[str]


class SendBody(BaseModel):
    """What a person asks for; without a channel the first possible one is taken."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel | None = None


class AutomaticBody(BaseModel):
    """Whether automatic dispatch is to take this invoice."""

    model_config = ConfigDict(extra="forbid")

    on: bool


@router.get("/invoices")
async def list_invoices(
    service: In,
    _: SignedIn,
    state: Annotated[list[InvoiceState] | None, Query(description="Any of these states.")] = None,
    channel: Channel | None = None,
    debtor_id: Annotated[str, Query(max_length=64)] = "",
    administration: Annotated[str, Query(max_length=64)] = "",
    q: Annotated[str, Query(max_length=100, description="Part of number, customer or customer id.")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[InvoiceItem]:
    """Invoices with their dispatch state, newest first."""
    before = decode_cursor(cursor, 1)
    wanted = Filter(
        states=[each.value for each in state or []],
        channel=channel.value if channel else "",
        debtor_id=debtor_id,
        administration=administration,
        text=q,
    )
    async with service.database.connect() as connection:
        rows = await invoices.page(connection, wanted, int(before[0]) if before else None, limit + 1)
    page = page_of(rows, limit, lambda row: [row.seq])
    return Page(items=[_item(row) for row in page.items], next=page.next)


@router.get("/invoices/{invoice_id}")
async def read_invoice(invoice_id: InvoiceId, service: In, _: SignedIn) -> InvoiceDetail:
    """One invoice with its sendings and its action history."""
    async with service.database.connect() as connection:
        return await _detail(connection, invoice_id)


@router.get("/invoices/{invoice_id}/documents/{kind}")
async def read_document(invoice_id: InvoiceId, kind: str, service: In, _: SignedIn) -> Response:
    """The PDF or UBL as it was last sent, byte by byte."""
    media_type = {"pdf": PDF, "ubl": UBL}.get(kind)
    if media_type is None:
        raise Problem(404, "No such kind of document", "Ask for pdf or ubl.")
    async with service.database.connect() as connection:
        await _row(connection, invoice_id)
        found = [
            d
            for d in await deliveries.of_subjects(connection, KIND, [invoice_id])
            if d.media_type == media_type and d.context.get("purpose") == DispatchPurpose.INVOICE.value
        ]
        full = await deliveries.get(connection, found[-1].id) if found else None
    if full is None or full.payload is None:
        raise Problem(404, "Not sent in this form", f"Invoice {invoice_id} was not sent as {kind} so far.")
    disposition = f"inline; filename*=UTF-8''{quote(full.file_name)}"
    headers = {
        "Content-Disposition": disposition,
        "ETag": f'"{full.sha256}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(full.payload, media_type=media_type, headers=headers)


@router.post("/invoices/{invoice_id}/send", status_code=202)
async def send_by_hand(
    invoice_id: InvoiceId,
    service: In,
    once: Once,
    body: SendBody | None = None,
    person: Person = allow(*INVOICE_ROLES),
) -> Response:
    """Send an invoice by hand, or send it again as it was issued (NV-60, LS-24, LS-25)."""
    wanted = body.channel if body else None
    async with service.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        row = await _row(connection, invoice_id, locked=True)
        active = await choices.current(connection, row.administration)
        offered = active.choices if active else (await choices.draft(connection, row.administration)).choices
        try:
            made = await service.dispatcher.plan_by_hand(
                connection, row, offered or Choices(), wanted, person.name
            )
        except NotPossible as error:
            raise Problem(409, "The invoice can't be sent this way", error.why) from error
        await audit(
            connection,
            person,
            service.clock.now(),
            "send asked for",
            ENTITY,
            invoice_id,
            new={"channel": made.channel, "recipient": made.recipient},
        )
        return await once.keep(connection, _dispatch(made), 202)


@router.post("/invoices/{invoice_id}/automatic")
async def set_automatic(
    invoice_id: InvoiceId, body: AutomaticBody, service: In, person: Person = allow(*INVOICE_ROLES)
) -> InvoiceDetail:
    """Take one invoice out of automatic dispatch, or put it in (NV-64..NV-67, D-09)."""
    async with service.database.transaction() as connection:
        row = await _row(connection, invoice_id, locked=True)
        earlier = await deliveries.of_subjects(connection, KIND, [invoice_id])
        if body.on:
            _check_may_join(row, earlier)
        elif row.state not in (InvoiceState.WAITING, InvoiceState.BY_HAND):
            raise Problem(
                409,
                "It is too late to take the invoice out",
                f"Its dispatch is already {LABELS[row.state].lower()!r}; only one that still waits can be taken out.",
            )
        already = (row.state is InvoiceState.WAITING) is body.on
        if not already:
            await _switch(connection, service, row, person, on=body.on)
        return await _detail(connection, invoice_id)


def _check_may_join(row: InvoiceRow, earlier: list[Delivery]) -> None:
    if not row.unsent:
        raise Problem(
            409,
            "Automatic dispatch takes unsent invoices only",
            "This invoice came in with another status than unsent. Send it by hand where it is needed.",
        )
    if earlier:
        raise Problem(
            409,
            "The invoice was dispatched before",
            "Automatic dispatch never tries an invoice twice. Send it by hand.",
        )


async def _switch(
    connection: AsyncConnection, service: In, row: InvoiceRow, person: Person, *, on: bool
) -> None:
    now = service.clock.now()
    state = InvoiceState.WAITING if on else InvoiceState.BY_HAND
    message = WAITING_TEXT if on else REMOVED_TEXT
    changed = await invoices.change(
        connection, row.invoice_id, state, reason="" if on else "removed", message=message, now=now
    )
    action = "added to automatic dispatch" if on else "removed from automatic dispatch"
    await invoices.note(connection, row.invoice_id, HistoryEntry(now, person.name, action, message))
    await audit(
        connection,
        person,
        now,
        action,
        ENTITY,
        row.invoice_id,
        old={"automatic": not on},
        new={"automatic": on},
    )
    await service.outcomes.publish(
        connection,
        changed,
        dispatch_id(automatic_key(row.invoice_id)),
        state=DeliveryState.WAITING if on else DeliveryState.IGNORED,
        message=message,
    )


async def _row(connection: AsyncConnection, invoice_id: str, *, locked: bool = False) -> InvoiceRow:
    row = await invoices.get(connection, invoice_id, locked=locked)
    if row is None:
        raise not_found("invoice", invoice_id)
    return row


async def _detail(connection: AsyncConnection, invoice_id: str) -> InvoiceDetail:
    row = await _row(connection, invoice_id)
    sendings = await deliveries.of_subjects(connection, KIND, [invoice_id])
    history = await invoices.history(connection, invoice_id)
    return InvoiceDetail(
        **_item(row).model_dump(),
        dispatches=[_dispatch(sending) for sending in reversed(sendings)],
        history=[HistoryItem(at=h.at, by=h.by, action=h.action, detail=h.detail) for h in history],
        actions=_actions(row, sendings),
    )


def _actions(row: InvoiceRow, sendings: list[Delivery]) -> list[str]:
    """What a person with the right may do now, for the buttons of a page."""
    if row.state in invoices.UNDER_WAY:
        return []
    if row.state is InvoiceState.WAITING:
        return ["send", "automatic-off"]
    may_join = row.unsent and not sendings
    return ["send", "automatic-on"] if may_join else ["send"]


def _item(row: InvoiceRow) -> InvoiceItem:
    return InvoiceItem(
        invoice_id=row.invoice_id,
        administration=row.administration,
        debtor_id=row.debtor_id,
        number=row.number,
        kind=row.kind,
        source=row.source,
        issue_date=row.issue_date,
        gross=format(row.gross, "f"),
        currency=row.currency,
        customer=row.buyer_name,
        state=row.state,
        label=LABELS[row.state],
        reason=row.reason,
        message=row.message,
        channel=row.channel,
        recipient=row.recipient,
        automatic=row.state is InvoiceState.WAITING,
        run_id=row.run_id,
        changed_at=row.changed_at,
    )


def _dispatch(delivery: Delivery) -> DispatchItem:
    return DispatchItem(
        id=str(delivery.id),
        purpose=str(delivery.context.get("purpose", "")),
        intent=str(delivery.context.get("intent", "")),
        channel=delivery.channel,
        recipient=delivery.recipient,
        state=delivery.state.value,
        message=delivery.message,
        reference=delivery.reference,
        attempts=delivery.attempts,
        file_name=delivery.file_name,
        sha256=delivery.sha256,
        created_at=delivery.created_at,
        changed_at=delivery.changed_at,
    )
