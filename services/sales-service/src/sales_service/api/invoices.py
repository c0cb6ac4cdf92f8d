"""One invoice or credit note: draft, finalising, credit note, payment status, delivery time."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from klokwerk.access import Person, SignedIn, allow, audit, trail
from klokwerk.http import Expected, Once, Problem, check_revision, etag
from klokwerk_contracts.types import Identifier

from sales_service.api.context import Sales
from sales_service.api.errors import as_problems
from sales_service.api.invoice_bodies import InvoiceBody, PaymentBody, ReverseBody
from sales_service.api.invoice_views import ENTITY, InvoiceView, audit_invoice, found, locked, view
from sales_service.store import invoices
from sales_service.store.invoices import FINAL, NOT_PAID, PAID

router = APIRouter(tags=["invoices"])


@router.get("/invoices/{invoice_id}")
async def get_invoice(invoice_id: Identifier, sales_: Sales, _: SignedIn, response: Response) -> InvoiceView:
    """One invoice: as issued, or as the draft would be issued now."""
    async with sales_.database.connect() as connection:
        with as_problems():
            invoice = await found(connection, invoice_id)
            shown = await view(connection, sales_, invoice)
    response.headers["ETag"] = etag(invoice.revision)
    return shown


@router.get("/invoices/{invoice_id}/history")
async def history(invoice_id: Identifier, sales_: Sales, _: SignedIn) -> dict[str, Any]:
    """Who did what with this invoice, newest first."""
    async with sales_.database.connect() as connection:
        return {"items": await trail(connection, ENTITY, invoice_id), "next": None}


@router.post("/invoices", status_code=201, response_model=InvoiceView)
async def add_draft(
    body: InvoiceBody, sales_: Sales, once: Once, person: Person = allow("sales", "finance")
) -> Any:
    """Make a draft; it gives no number and publishes nothing (EP-08)."""
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        with as_problems():
            invoice = await sales_.invoicing.draft(
                connection, body.draft(), from_sale=body.order_day is not None and not body.lines
            )
            shown = await view(connection, sales_, invoice)
        await audit_invoice(connection, sales_, person, "drafted", invoice)
        return await once.keep(connection, shown, 201, {"ETag": etag(invoice.revision)})


@router.put("/invoices/{invoice_id}")
async def change_draft(
    invoice_id: Identifier,
    body: InvoiceBody,
    sales_: Sales,
    expected: Expected,
    response: Response,
    person: Person = allow("sales", "finance"),
) -> InvoiceView:
    """Change a draft; an issued document is never changed (LS-09, LS-10)."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            known = await locked(connection, invoice_id)
            if known.state != FINAL:
                check_revision(expected, known.revision)
            changed = await sales_.invoicing.edit(connection, known, body.draft())
            shown = await view(connection, sales_, changed)
        await audit_invoice(connection, sales_, person, "draft changed", changed, before=known)
    response.headers["ETag"] = etag(changed.revision)
    return shown


@router.delete("/invoices/{invoice_id}", status_code=204)
async def delete_draft(
    invoice_id: Identifier, sales_: Sales, person: Person = allow("sales", "finance")
) -> None:
    """Throw a draft away; an issued document stays in the books (LS-14)."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            known = await locked(connection, invoice_id)
            if not await invoices.delete_draft(connection, invoice_id):
                raise Problem(
                    409,
                    "An issued document never changes",
                    f"{known.kind} {known.number} stays in the books; make a credit note instead.",
                )
        await audit(connection, person, sales_.clock.now(), "draft deleted", ENTITY, invoice_id)


@router.post("/invoices/{invoice_id}/finalise")
async def finalise(
    invoice_id: Identifier,
    sales_: Sales,
    response: Response,
    person: Person = allow("sales", "finance"),
) -> InvoiceView:
    """Issue a draft: number, frozen contents, event. A second time answers with what the first one did."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            known = await locked(connection, invoice_id)
            issued = await sales_.invoicing.finalise(connection, known)
            shown = await view(connection, sales_, issued)
        if known.state != FINAL:
            await audit_invoice(connection, sales_, person, "finalised", issued, before=known)
    response.headers["ETag"] = etag(issued.revision)
    return shown


@router.post("/invoices/{invoice_id}/credit", status_code=201, response_model=InvoiceView)
async def credit(
    invoice_id: Identifier, sales_: Sales, once: Once, person: Person = allow("sales", "finance")
) -> Any:
    """A draft credit note for the whole of an issued invoice."""
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        with as_problems():
            note = await sales_.invoicing.credit(connection, await locked(connection, invoice_id))
            shown = await view(connection, sales_, note)
        await audit_invoice(connection, sales_, person, "credit note drafted", note)
        return await once.keep(connection, shown, 201, {"ETag": etag(note.revision)})


@router.patch("/invoices/{invoice_id}")
async def change_payment(
    invoice_id: Identifier,
    body: PaymentBody,
    sales_: Sales,
    expected: Expected,
    response: Response,
    person: Person = allow("sales", "finance"),
) -> InvoiceView:
    """Mark as paid, or tell a delivery time; nothing else on the invoice changes (LS-31)."""
    async with sales_.database.transaction() as connection:
        with as_problems():
            known = await locked(connection, invoice_id)
            check_revision(expected, known.revision)
            status, paid_on = known.payment_status, known.paid_on
            if body.payment_status is not None:
                status, paid_on = sales_.invoicing.payment(
                    known, status=body.payment_status, paid_on=body.paid_on
                )
            delivery = known.delivery_time if body.delivery_time is None else body.delivery_time
            await invoices.set_payment(
                connection, invoice_id, payment_status=status, paid_on=paid_on, delivery_time=delivery
            )
            changed = await found(connection, invoice_id)
            shown = await view(connection, sales_, changed)
        await audit_invoice(
            connection, sales_, person, "payment or delivery time changed", changed, before=known
        )
    response.headers["ETag"] = etag(changed.revision)
    return shown


@router.post("/invoices/{invoice_id}/reverse-payment")
async def reverse_payment(
    invoice_id: Identifier, body: ReverseBody, sales_: Sales, person: Person = allow("finance")
) -> InvoiceView:
    """Take a payment back, with a reason that is logged (D-13)."""
    async with sales_.database.transaction() as connection:
        known = await locked(connection, invoice_id)
        if known.state != FINAL or known.payment_status != PAID:
            raise Problem(409, "There is no payment to reverse", "The invoice is not paid.")
        await invoices.set_payment(
            connection,
            invoice_id,
            payment_status=NOT_PAID,
            paid_on=None,
            delivery_time=known.delivery_time,
        )
        changed = await found(connection, invoice_id)
        await audit(
            connection,
            person,
            sales_.clock.now(),
            "payment reversed",
            ENTITY,
            invoice_id,
            old={"payment_status": PAID, "paid_on": known.paid_on},
            new={"payment_status": NOT_PAID, "reason": body.reason},
        )
        return await view(connection, sales_, changed)
