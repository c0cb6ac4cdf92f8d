"""Invoice and credit note as UBL 2.1 in the Peppol BIS Billing 3.0 profile, from the event as issued.

Only the receiver's electronic address comes from the card as it stands at dispatch time (D-23); all else is
what was issued, so that sending the same invoice again gives the same document (LS-25).
"""

from __future__ import annotations

from decimal import Decimal

from klokwerk_contracts.invoice_created import (
    InvoiceCreated,
    InvoiceKind,
    InvoiceLine,
    VatCategory,
    VatTotal,
)
from klokwerk_contracts.types import ElectronicAddress

from dispatch_service.ubl.elements import Node
from dispatch_service.ubl.parties import add_address, add_party, electronic_address
from dispatch_service.ubl.requirements import NotWritable, problems_of, to_cent

CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"

EXEMPTION_CODES = {
    VatCategory.REVERSE_CHARGE: "VATEX-EU-AE",
    VatCategory.INTRA_COMMUNITY: "VATEX-EU-IC",
    VatCategory.EXPORT: "VATEX-EU-G",
    VatCategory.OUTSIDE: "VATEX-EU-O",
}
EXEMPTION_TEXTS = {
    VatCategory.REVERSE_CHARGE: "Reverse charge",
    VatCategory.INTRA_COMMUNITY: "Intra-community supply",
    VatCategory.EXPORT: "Export outside the EU",
    VatCategory.OUTSIDE: "Not subject to VAT",
    VatCategory.EXEMPT: "Exempt from VAT",
}
BANKGIRO = "SE:BANKGIRO"


def write_ubl(invoice: InvoiceCreated, receiver: ElectronicAddress) -> bytes:
    """Write the document.

    Args:
        invoice: the invoice or credit note as issued.
        receiver: the customer's e-invoice address as it stands now.

    Raises:
        NotWritable: something that Peppol asks for is missing or the amounts don't add up.
    """
    sender = electronic_address(invoice.seller)
    problems = problems_of(invoice)
    if sender is None:
        problems.append("seller: no e-invoice address, KvK, enterprise or VAT number to send from")
    if problems or sender is None:
        raise NotWritable(problems)
    credit = invoice.kind is InvoiceKind.CREDIT_NOTE
    # A credit note states what is given back as positive amounts, however it was booked.
    sign = Decimal(-1 if credit and invoice.totals.gross < 0 else 1)
    root = Node.root("CreditNote" if credit else "Invoice")
    _header(root, invoice, credit=credit)
    add_party(root.group("AccountingSupplierParty"), invoice.seller, sender, seller=True)
    add_party(root.group("AccountingCustomerParty"), invoice.buyer, receiver, seller=False)
    _delivery(root, invoice)
    _payment(root, invoice, credit=credit)
    _tax(root, invoice, sign)
    _totals(root, invoice, sign)
    for position, line in enumerate(invoice.lines, start=1):
        _line(root, invoice, line, position, credit=credit, sign=sign)
    return root.to_bytes()


def _header(root: Node, invoice: InvoiceCreated, *, credit: bool) -> None:
    root.value("CustomizationID", CUSTOMIZATION)
    root.value("ProfileID", PROFILE)
    root.value("ID", invoice.invoice_number)
    root.value("IssueDate", invoice.issue_date.isoformat())
    if credit:
        root.value("CreditNoteTypeCode", "381")
    else:
        if invoice.due_date is not None:
            root.value("DueDate", invoice.due_date.isoformat())
        root.value("InvoiceTypeCode", "380")
    root.value("Note", invoice.note)
    root.value("DocumentCurrencyCode", invoice.currency)
    root.value(
        "BuyerReference", invoice.buyer_reference or ("" if invoice.order_reference else invoice.debtor_id)
    )
    if invoice.order_reference:
        root.group("OrderReference").value("ID", invoice.order_reference)
    if invoice.corrects:
        reference = root.group("BillingReference").group("InvoiceDocumentReference")
        reference.value("ID", invoice.corrects)
        if invoice.corrects_date is not None:
            reference.value("IssueDate", invoice.corrects_date.isoformat())


def _delivery(root: Node, invoice: InvoiceCreated) -> None:
    delivered = invoice.delivered_on or invoice.order_day
    if delivered is None and invoice.deliver_to is None:
        return
    delivery = root.group("Delivery")
    if delivered is not None:
        delivery.value("ActualDeliveryDate", delivered.isoformat())
    address = invoice.deliver_to or invoice.buyer.address
    add_address(delivery.group("DeliveryLocation").group("Address"), address)


def _payment(root: Node, invoice: InvoiceCreated, *, credit: bool) -> None:
    payment = invoice.payment
    if payment.iban:
        means = root.group("PaymentMeans")
        account = payment.iban.replace(" ", "")
        bankgiro = account[:2].isdigit() and invoice.seller.address.country == "SE"
        means.value("PaymentMeansCode", "30" if bankgiro else payment.code)
        means.value("PaymentID", payment.reference or invoice.invoice_number)
        node = means.group("PayeeFinancialAccount")
        node.value("ID", account.replace("-", ""))
        node.value("Name", payment.account_name)
        branch = BANKGIRO if bankgiro else payment.bic
        if branch:
            node.group("FinancialInstitutionBranch").value("ID", branch)
    if credit or invoice.due_date is None:
        terms = "Settled with the invoice it corrects" if credit else "Payable on receipt"
        root.group("PaymentTerms").value("Note", terms)


def _money(node: Node, name: str, amount: Decimal, currency: str) -> None:
    node.value(name, format(to_cent(amount), "f"), currencyID=currency)


def _tax(root: Node, invoice: InvoiceCreated, sign: Decimal) -> None:
    total = root.group("TaxTotal")
    _money(total, "TaxAmount", sign * invoice.totals.vat, invoice.currency)
    for group in invoice.vat:
        subtotal = total.group("TaxSubtotal")
        _money(subtotal, "TaxableAmount", sign * group.taxable, invoice.currency)
        _money(subtotal, "TaxAmount", sign * group.tax, invoice.currency)
        _tax_category(subtotal.group("TaxCategory"), group)


def _tax_category(node: Node, group: VatTotal) -> None:
    node.value("ID", group.category)
    if group.category is not VatCategory.OUTSIDE:
        node.value("Percent", _plain(group.percent))
    if group.category in EXEMPTION_TEXTS:
        node.value("TaxExemptionReasonCode", EXEMPTION_CODES.get(group.category, ""))
        node.value("TaxExemptionReason", group.reason or EXEMPTION_TEXTS[group.category])
    node.group("TaxScheme").value("ID", "VAT")


def _totals(root: Node, invoice: InvoiceCreated, sign: Decimal) -> None:
    totals, currency = invoice.totals, invoice.currency
    node = root.group("LegalMonetaryTotal")
    _money(node, "LineExtensionAmount", sign * totals.net, currency)
    _money(node, "TaxExclusiveAmount", sign * totals.net, currency)
    _money(node, "TaxInclusiveAmount", sign * totals.gross, currency)
    if totals.prepaid:
        _money(node, "PrepaidAmount", sign * totals.prepaid, currency)
    _money(node, "PayableAmount", sign * totals.payable, currency)


def _line(
    root: Node, invoice: InvoiceCreated, line: InvoiceLine, position: int, *, credit: bool, sign: Decimal
) -> None:
    # A negative price is forbidden (BR-27); the same amount with the sign on the quantity is not.
    turned = Decimal(-1 if line.price < 0 else 1)
    node = root.group("CreditNoteLine" if credit else "InvoiceLine")
    node.value("ID", str(position))
    quantity = _plain(sign * turned * line.quantity)
    node.value("CreditedQuantity" if credit else "InvoicedQuantity", quantity, unitCode=line.unit)
    _money(node, "LineExtensionAmount", sign * line.net_amount, invoice.currency)
    item = node.group("Item")
    item.value("Description", line.description)
    item.value("Name", line.name)
    if line.article_number:
        item.group("SellersItemIdentification").value("ID", line.article_number)
    if line.country_of_origin:
        item.group("OriginCountry").value("IdentificationCode", line.country_of_origin)
    category = item.group("ClassifiedTaxCategory")
    category.value("ID", line.vat_category)
    if line.vat_category is not VatCategory.OUTSIDE:
        category.value("Percent", _plain(line.vat_percent))
    category.group("TaxScheme").value("ID", "VAT")
    price = node.group("Price")
    price.value("PriceAmount", _plain(abs(line.price)), currencyID=invoice.currency)
    if line.base_quantity != 1:
        price.value("BaseQuantity", _plain(line.base_quantity), unitCode=line.unit)


def _plain(number: Decimal) -> str:
    return format(number, "f")
