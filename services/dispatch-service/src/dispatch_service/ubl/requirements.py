"""What a document must hold before it can be a Peppol invoice, judged on the event and without a validator.

The official rules would refuse the same documents; these texts name the field and the cure in the words of
the person who has to mend it, and they hold where the validation extra is not installed.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceKind, InvoiceLine, VatCategory

CENT = Decimal("0.01")
LINE_TOLERANCE = Decimal("0.02")

Group = tuple[VatCategory, Decimal]


class NotWritable(ValueError):
    """The document can't become a valid e-invoice as it was issued; `problems` says what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def to_cent(amount: Decimal) -> Decimal:
    """Round half up to two decimals, as tax offices do."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def group_of(line: InvoiceLine) -> Group:
    """The VAT group a line belongs to."""
    return line.vat_category, line.vat_percent.normalize()


def problems_of(invoice: InvoiceCreated) -> list[str]:
    """Everything that keeps `invoice` from being a valid e-invoice, in words; empty when nothing does."""
    return [*_amount_problems(invoice), *_party_problems(invoice), *_reference_problems(invoice)]


def _amount_problems(invoice: InvoiceCreated) -> list[str]:
    found = []
    taxable: dict[Group, Decimal] = defaultdict(Decimal)
    for line in invoice.lines:
        taxable[group_of(line)] += line.net_amount
        if line.net_amount != to_cent(line.net_amount):
            found.append(f"line {line.line_id}: net_amount {line.net_amount} must be rounded to cents")
        expected = line.quantity * line.price / line.base_quantity if line.base_quantity else None
        if expected is None or abs(expected - line.net_amount) > LINE_TOLERANCE:
            found.append(
                f"line {line.line_id}: net_amount {line.net_amount} is not quantity {line.quantity} x price "
                f"{line.price} per {line.base_quantity}"
            )
    groups = {(total.category, total.percent.normalize()): total for total in invoice.vat}
    for group, base in taxable.items():
        total = groups.get(group)
        name = f"VAT group {group[0]} {group[1]:f}%"
        if total is None:
            found.append(f"{name}: lines use it, but it is missing in vat")
            continue
        if total.taxable != base:
            found.append(f"{name}: taxable is {total.taxable}, the lines add up to {base}")
        tax = to_cent(total.taxable * total.percent / 100)
        if total.tax != tax:
            found.append(f"{name}: tax is {total.tax}, {total.percent}% of {total.taxable} rounds to {tax}")
    found += [
        f"VAT group {category} {percent:f}%: no line uses it"
        for category, percent in groups
        if (category, percent) not in taxable
    ]
    totals = invoice.totals
    sums = (
        ("totals.net", totals.net, sum(taxable.values(), Decimal(0))),
        ("totals.vat", totals.vat, sum((total.tax for total in invoice.vat), Decimal(0))),
        ("totals.gross", totals.gross, totals.net + totals.vat),
        ("totals.payable", totals.payable, totals.gross - totals.prepaid),
    )
    found += [f"{name} is {stated}, it should be {due}" for name, stated, due in sums if stated != due]
    return found


def _party_problems(invoice: InvoiceCreated) -> list[str]:
    found = []
    categories = {total.category for total in invoice.vat}
    if not invoice.seller.vat_number and categories - {VatCategory.OUTSIDE}:
        found.append("seller.vat_number is missing: fill in the company's VAT number")
    for category in sorted(categories & {VatCategory.REVERSE_CHARGE, VatCategory.INTRA_COMMUNITY}):
        if not invoice.buyer.vat_number:
            found.append(
                f"buyer.vat_number is missing: VAT category {category} needs the customer's VAT number"
            )
    for role, party in (("seller", invoice.seller), ("buyer", invoice.buyer)):
        address = party.address
        if invoice.seller.address.country == "NL" and address.country == "NL":
            missing = [
                name
                for name, value in (
                    ("street", "".join(address.lines).strip()),
                    ("postal code", address.postal_code.strip()),
                    ("city", address.city.strip()),
                )
                if not value
            ]
            if missing:
                found.append(f"{role}.address: {', '.join(missing)} missing, asked for between Dutch parties")
            if not party.chamber_number and not party.consumer:
                found.append(f"{role}.chamber_number is missing: Dutch parties need a KvK number")
    return found


def _reference_problems(invoice: InvoiceCreated) -> list[str]:
    found = []
    if invoice.kind is InvoiceKind.CREDIT_NOTE and not invoice.corrects:
        found.append("corrects is missing: a credit note names the invoice that it corrects")
    uses_k = any(total.category is VatCategory.INTRA_COMMUNITY for total in invoice.vat)
    if uses_k and invoice.delivered_on is None and invoice.order_day is None:
        found.append("delivered_on is missing: an intra-community supply needs its delivery date")
    if invoice.totals.payable > 0 and not invoice.payment.iban and invoice.kind is InvoiceKind.INVOICE:
        found.append("payment.iban is missing: say where the invoice is to be paid")
    return found
