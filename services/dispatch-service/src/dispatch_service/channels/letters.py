"""Subject and text of the mail that carries an invoice, by language."""

from __future__ import annotations

from dataclasses import dataclass

from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceKind


@dataclass(frozen=True, slots=True)
class MailText:
    """What stands around the attachment."""

    subject: str
    text: str


_INVOICE = {
    "en": ("Invoice {number} from {seller}", "Please find attached our invoice {number}."),
    "nl": ("Factuur {number} van {seller}", "Bijgaand ontvangt u onze factuur {number}."),
    "sv": ("Faktura {number} från {seller}", "Bifogat finner du vår faktura {number}."),
    "fr": ("Facture {number} de {seller}", "Veuillez trouver ci-joint notre facture {number}."),
    "de": ("Rechnung {number} von {seller}", "Anbei erhalten Sie unsere Rechnung {number}."),
}
_CREDIT_NOTE = {
    "en": ("Credit note {number} from {seller}", "Please find attached our credit note {number}."),
    "nl": ("Creditnota {number} van {seller}", "Bijgaand ontvangt u onze creditnota {number}."),
    "sv": ("Kreditfaktura {number} från {seller}", "Bifogat finner du vår kreditfaktura {number}."),
    "fr": ("Note de crédit {number} de {seller}", "Veuillez trouver ci-joint notre note de crédit {number}."),
    "de": ("Gutschrift {number} von {seller}", "Anbei erhalten Sie unsere Gutschrift {number}."),
}


def mail_text(invoice: InvoiceCreated) -> MailText:
    """The mail for `invoice` in the document's language; English where that one is not known."""
    texts = _CREDIT_NOTE if invoice.kind is InvoiceKind.CREDIT_NOTE else _INVOICE
    subject, first = texts.get(invoice.language, texts["en"])
    values = {"number": invoice.invoice_number, "seller": invoice.seller.name}
    lines = [first.format(**values), "", invoice.seller.name]
    lines += [line for line in (invoice.seller.phone, invoice.seller.email) if line]
    return MailText(subject.format(**values), "\n".join(lines) + "\n")


def factoring_text(invoice: InvoiceCreated) -> MailText:
    """The mail that tells the factoring company of `invoice`."""
    totals = invoice.totals
    lines = [
        f"Invoice {invoice.invoice_number} of {invoice.seller.name}, dated {invoice.issue_date.isoformat()}, "
        "was issued under the factoring agreement.",
        "",
        f"Customer: {invoice.buyer.name}",
        f"Amount: {totals.payable} {invoice.currency}",
        f"Due: {invoice.due_date.isoformat() if invoice.due_date else 'on receipt'}",
    ]
    return MailText(f"Factoring notice for invoice {invoice.invoice_number}", "\n".join(lines) + "\n")
