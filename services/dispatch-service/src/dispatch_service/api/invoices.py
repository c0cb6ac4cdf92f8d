"""One invoice: detail with history, documents as sent, sending and removing by hand."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Response
from klokwerk import deliveries
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.deliveries import Delivery
from klokwerk.http.idempotency import Once
from klokwerk.http.problems import Problem, not_found
from klokwerk_contracts.invoice_dispatch_changed import DispatchPurpose
from klokwerk_contracts.outcomes import DeliveryState
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.api.context import INVOICE_ROLES, In
from dispatch_service.api.invoice_views import LABELS, InvoiceDetail, detail_of, dispatch_of
from dispatch_service.by_hand import ENTITY, ByHand
from dispatch_service.consumers import REMOVED_TEXT, WAITING_TEXT
from dispatch_service.dispatcher import NotPossible, automatic_key, dispatch_id
from dispatch_service.documents import PDF, UBL
from dispatch_service.domain.cascade import Channel
from dispatch_service.outcomes import KIND
from dispatch_service.store import invoices
from dispatch_service.store.invoices import HistoryEntry, InvoiceRow, InvoiceState

router = APIRouter(tags=["invoices"])

InvoiceId = Annotated[str, Path(max_length=64)]


class SendBody(BaseModel):
    """What a person asks for; without a channel the first possible one is taken."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel | None = None


class AutomaticBody(BaseModel):
    """Whether automatic dispatch is to take this invoice."""

    model_config = ConfigDict(extra="forbid")

    on: bool


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
        try:
            made = await ByHand(service.clock, service.dispatcher).send(connection, row, wanted, person)
        except NotPossible as error:
            raise Problem(409, "The invoice can't be sent this way", error.why) from error
        return await once.keep(connection, dispatch_of(made), 202)


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
                f"Its dispatch is already {LABELS[row.state].lower()}; only one that still waits can be taken out.",
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
    return detail_of(row, sendings, await invoices.history(connection, invoice_id))
