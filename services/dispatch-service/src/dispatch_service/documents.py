"""What leaves by each channel: the bytes, their name, and what the channel needs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceKind

from dispatch_service.channels.letters import factoring_text, mail_text
from dispatch_service.domain.cascade import Channel
from dispatch_service.domain.reachability import Reach
from dispatch_service.pdf.render import Addressee, render_invoice, render_prenotification
from dispatch_service.ubl.document import write_ubl
from dispatch_service.ubl.parties import electronic_address
from dispatch_service.ubl.validation import UblValidator

PDF = "application/pdf"
UBL = "application/xml"


class ContentRefused(Exception):
    """The document can't be made for this channel; the text says what to mend."""


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes ready to leave.

    Attributes:
        recipient: address in the channel's own form.
        context: what the channel needs beside the bytes.
    """

    recipient: str
    payload: bytes
    media_type: str
    file_name: str
    context: Mapping[str, Any]


async def prepare(
    invoice: InvoiceCreated,
    channel: Channel,
    reach: Reach,
    validator: UblValidator | None,
    original: bytes | None = None,
) -> Document:
    """Make what leaves by `channel`.

    Args:
        invoice: the document as issued.
        reach: the customer as it stands now.
        validator: checks an e-invoice by the official rules; none where it is not installed.
        original: the PDF as it was sent before; a resend sends these bytes again (LS-25).

    Raises:
        ContentRefused: the invoice can't become a valid e-invoice.
    """
    if channel is Channel.E_INVOICE:
        return await _e_invoice(invoice, reach, validator)
    addressee = Addressee(reach.name, reach.postal, invoice.buyer.attention) if reach.postal else None
    payload = original if original else await asyncio.to_thread(render_invoice, invoice, addressee)
    if channel is Channel.EMAIL:
        text = mail_text(invoice)
        context: dict[str, object] = {
            "subject": text.subject,
            "text": text.text,
            "language": invoice.language,
            "reply_to": invoice.seller.email,
        }
        return Document(reach.email, payload, PDF, file_name(invoice, "pdf"), context)
    home = invoice.seller.address.country
    seller = Addressee(invoice.seller.name, invoice.seller.address)
    context = {
        "address_lines": addressee.lines(home) if addressee else [],
        "return_lines": seller.lines(home),
        "number": invoice.invoice_number,
    }
    return Document(reach.recipient(Channel.PRINT), payload, PDF, file_name(invoice, "pdf"), context)


async def prepare_prenotification(invoice: InvoiceCreated, reach: Reach) -> Document:
    """The letter that announces a direct payment."""
    if reach.postal is None:
        raise ContentRefused("The customer has no postal address.")
    addressee = Addressee(reach.name, reach.postal)
    home = invoice.seller.address.country
    payload = await asyncio.to_thread(render_prenotification, invoice, addressee)
    context = {
        "address_lines": addressee.lines(home),
        "return_lines": Addressee(invoice.seller.name, invoice.seller.address).lines(home),
        "number": f"{invoice.invoice_number} prenotification",
    }
    name = f"prenotification-{file_name(invoice, 'pdf')}"
    return Document(reach.recipient(Channel.PRINT), payload, PDF, name, context)


async def prepare_factoring_notice(invoice: InvoiceCreated, address: str) -> Document:
    """The mail with the invoice to the factoring company."""
    payload = await asyncio.to_thread(render_invoice, invoice)
    text = factoring_text(invoice)
    context = {"subject": text.subject, "text": text.text, "reply_to": invoice.seller.email}
    return Document(address, payload, PDF, file_name(invoice, "pdf"), context)


async def _e_invoice(invoice: InvoiceCreated, reach: Reach, validator: UblValidator | None) -> Document:
    sender = electronic_address(invoice.seller)
    if reach.electronic is None or sender is None:
        raise ContentRefused("No e-invoice address of the seller or the customer is known.")
    try:
        payload = await asyncio.to_thread(write_ubl, invoice, reach.electronic)
    except ValueError as error:
        raise ContentRefused(f"The invoice can't be sent as e-invoice: {error}.") from error
    if validator is not None:
        fatal = [str(finding) for finding in await validator.check(payload) if finding.fatal]
        if fatal:
            raise ContentRefused(f"The e-invoice breaks {len(fatal)} rules: {' | '.join(fatal[:5])}")
    context = {"sender": f"{sender.scheme}:{sender.identifier}", "number": invoice.invoice_number}
    return Document(reach.recipient(Channel.E_INVOICE), payload, UBL, file_name(invoice, "xml"), context)


def file_name(invoice: InvoiceCreated, ending: str) -> str:
    """A name for the file, safe on every system."""
    kind = "credit-note" if invoice.kind is InvoiceKind.CREDIT_NOTE else "invoice"
    number = "".join(c if c.isalnum() or c in "-_" else "-" for c in invoice.invoice_number)
    return f"{kind}-{number}.{ending}"
