"""From a draft to the document as issued: parties, VAT, discount, due date, payment.

`issue` is the one place that makes an `InvoiceCreated`. It is called for the preview of a draft as well,
so what a person sees before finalising is what leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from klokwerk_contracts.debtor_changed import AddressKind, DebtorChanged, DocumentKind, Party
from klokwerk_contracts.invoice_created import (
    InvoiceCreated,
    InvoiceKind,
    InvoiceLine,
    InvoiceParty,
    InvoiceSource,
    InvoiceTotals,
    PaymentMeans,
    VatCategory,
    VatTotal,
)
from klokwerk_contracts.types import (
    Address,
    Country,
    DecimalString,
    ElectronicAddress,
    Identifier,
    LongText,
    Part,
    Text,
    plain,
)
from pydantic import Field, StringConstraints

from sales_service.domain.amounts import Group, Taxed, discounts, line_net, totals
from sales_service.domain.lines import Line, VatClass
from sales_service.domain.references import payment_reference
from sales_service.domain.seller import Fault
from sales_service.domain.vat import VatProblem, rate, reason, treatment

_DISCOUNT = {
    "nl": "Korting",
    "en": "Discount",
    "fr": "Remise",
    "sv": "Rabatt",
    "de": "Rabatt",
    "fi": "Alennus",
}
_PACKING = {
    "nl": "Emballage",
    "en": "Packing",
    "fr": "Emballage",
    "sv": "Emballage",
    "de": "Verpackung",
    "fi": "Pakkaus",
}
MOST_AMOUNT = Decimal(1_000_000_000)
"""Net amount from which on a line is taken for a typing error."""
_ADDRESS_ORDER = (AddressKind.INVOICE, AddressKind.POSTAL, AddressKind.VISIT, AddressKind.DELIVERY)
_DELIVERY_ORDER = (AddressKind.DELIVERY, AddressKind.VISIT, AddressKind.POSTAL, AddressKind.INVOICE)


class InvoiceProblem(Exception):
    """The document can't be issued as it is; `faults` names every field and its cure."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = tuple(faults)


class Seller(Part):
    """Our own company as it stands on documents, and the company-wide payment term.

    Attributes:
        invoice_series: prefix of invoice numbers; each series counts from 1 each year.
        credit_series: prefix of the numbers of credit notes; may be the same series.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    address: Address
    vat_number: Annotated[str, StringConstraints(max_length=20)] = ""
    chamber_number: Annotated[str, StringConstraints(max_length=50)] = ""
    electronic: ElectronicAddress | None = None
    email: Annotated[str, StringConstraints(max_length=254)] = ""
    phone: Annotated[str, StringConstraints(max_length=50)] = ""
    iban: Annotated[str, StringConstraints(max_length=50)] = ""
    bic: Annotated[str, StringConstraints(max_length=11)] = ""
    payment_term_days: Annotated[int, Field(ge=0, le=365)] = 14
    invoice_series: Annotated[str, StringConstraints(pattern=r"^[A-Z]{0,5}$")] = "F"
    credit_series: Annotated[str, StringConstraints(pattern=r"^[A-Z]{0,5}$")] = "C"


class Contact(Part):
    """Who the document is for the attention of (FA-41); an own `address` overrides the customer's (FA-42)."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    address: Address | None = None


class DraftLine(Part):
    """One line of a draft.

    Attributes:
        quantity: in `unit`; negative for what is taken back.
        price: of `base_quantity` units, without VAT.
        vat_class: rate of the goods; the document's treatment decides whether it is charged.
        sale_line_id: sale line of the draft's order day that this line bills; billed once only.
        vat_category, vat_percent: fixed tax, on a credit note taken from its invoice; else none.
    """

    line_id: Identifier
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: LongText = ""
    quantity: DecimalString
    unit: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")] = "C62"
    price: DecimalString
    base_quantity: DecimalString = Decimal(1)
    vat_class: VatClass = VatClass.REDUCED
    order_day: date | None = None
    article_number: Annotated[str, StringConstraints(max_length=35)] = ""
    country_of_origin: Country | None = None
    sale_line_id: Identifier | None = None
    vat_category: VatCategory | None = None
    vat_percent: DecimalString | None = None


class Draft(Part):
    """What is decided about a document before it is issued; everything else is read when it is issued.

    Attributes:
        issue_date: none means the day of finalising.
        vat_regime: overrides the customer's, for this document only (FA-15, FA-16).
        payment_term_days: overrides the customer's and the company's.
        discount_percent: overrides the customer's discount.
        buyer, seller: parties as issued, on a credit note taken from its invoice; else none.
        corrects_id: id of the invoice that a credit note corrects.
    """

    debtor_id: Identifier
    kind: InvoiceKind = InvoiceKind.INVOICE
    source: InvoiceSource = InvoiceSource.MANUAL
    issue_date: date | None = None
    order_day: date | None = None
    delivered_on: date | None = None
    deliver_to: Address | None = None
    vat_regime: Text | None = None
    payment_term_days: Annotated[int, Field(ge=0, le=365)] | None = None
    discount_percent: Annotated[DecimalString, Field(ge=0, le=100)] | None = None
    attention: Contact | None = None
    buyer_reference: Text = ""
    order_reference: Text = ""
    note: LongText = ""
    lines: Annotated[tuple[DraftLine, ...], Field(max_length=5000)] = ()
    automatic_dispatch: bool = True
    factoring_notice: bool = False
    direct_payment: bool = False
    corrects: Text = ""
    corrects_date: date | None = None
    corrects_id: Identifier | None = None
    buyer: InvoiceParty | None = None
    seller: InvoiceParty | None = None


def lines_from_sale(sold: Sequence[Line], order_day: date, language: str) -> tuple[DraftLine, ...]:
    """Draft lines that bill a complete distribution: the goods, then the packing by code and price."""
    goods = [
        DraftLine(
            line_id=line.line_id,
            name=line.name,
            quantity=Decimal(line.pieces),
            price=line.price or Decimal(0),
            vat_class=line.vat_class,
            order_day=order_day,
            article_number=line.article_number,
            country_of_origin=line.country_of_origin,
            sale_line_id=line.line_id,
        )
        for line in sold
    ]
    packing: dict[tuple[str, Decimal, VatClass], int] = {}
    for line in sold:
        if line.packing_price:
            key = (line.packing_code, line.packing_price, line.vat_class)
            packing[key] = packing.get(key, 0) + line.units
    word = _PACKING.get(language, _PACKING["en"])
    return (
        *goods,
        *(
            DraftLine(
                line_id=f"packing-{position}",
                name=f"{word} {code}",
                quantity=Decimal(units),
                price=price,
                vat_class=goods_class,
                order_day=order_day,
            )
            for position, ((code, price, goods_class), units) in enumerate(packing.items(), start=1)
        ),
    )


def credit_of(invoice: InvoiceCreated) -> Draft:
    """A draft that credits `invoice` in full: its parties, lines and taxes as issued."""
    return Draft(
        debtor_id=invoice.debtor_id,
        kind=InvoiceKind.CREDIT_NOTE,
        source=invoice.source,
        order_day=invoice.order_day,
        delivered_on=invoice.delivered_on,
        deliver_to=invoice.deliver_to,
        discount_percent=Decimal(0),
        buyer_reference=invoice.buyer_reference,
        order_reference=invoice.order_reference,
        lines=tuple(
            DraftLine(
                line_id=line.line_id,
                name=line.name,
                description=line.description,
                quantity=line.quantity,
                unit=line.unit,
                price=line.price,
                base_quantity=line.base_quantity,
                order_day=line.order_day,
                article_number=line.article_number,
                country_of_origin=line.country_of_origin,
                vat_category=line.vat_category,
                vat_percent=line.vat_percent,
            )
            for line in invoice.lines
        ),
        corrects=invoice.invoice_number,
        corrects_date=invoice.issue_date,
        corrects_id=invoice.invoice_id,
        buyer=invoice.buyer,
        seller=invoice.seller,
    )


def due_date(issued: date, *terms: int | None) -> date:
    """Issue date + the first of `terms` (days) that is set: the document's, customer's, company's (FA-22)."""
    for term in terms:
        if term is not None:
            return issued + timedelta(days=term)
    return issued


def buyer_of(debtor: DebtorChanged, attention: Contact | None) -> InvoiceParty:
    """The customer as printed on the document.

    The address is the contact's own where there is one (FA-42), else the customer's (FA-43): invoice
    before postal before visit.
    """
    address = attention.address if attention and attention.address else _address(debtor, _ADDRESS_ORDER)
    return InvoiceParty(
        name=debtor.name,
        attention=attention.name if attention else "",
        address=address,
        vat_number=debtor.vat_number,
        chamber_number=debtor.chamber_number,
        electronic=debtor.invoice_delivery.electronic,
        email=debtor.email_for(DocumentKind.INVOICE),
        phone=debtor.phones[0] if debtor.phones else "",
        consumer=debtor.party is Party.PERSON,
    )


def _address(debtor: DebtorChanged, order: tuple[AddressKind, ...]) -> Address:
    for kind in order:
        for entry in debtor.addresses:
            if entry.kind is kind:
                return Address(**entry.model_dump(exclude={"kind"}))
    return Address(country=debtor.country)


def _seller_party(seller: Seller) -> InvoiceParty:
    return InvoiceParty(**seller.model_dump(include=set(InvoiceParty.model_fields)))


def _tax(line: DraftLine, category: VatCategory, seller_country: str, day: date) -> Group:
    if line.vat_category is not None:
        return Group(line.vat_category, line.vat_percent or Decimal(0))
    if category is not VatCategory.STANDARD:
        return Group(category, Decimal(0))
    percent = rate(seller_country, line.vat_class, day)
    return Group(VatCategory.STANDARD if percent else VatCategory.ZERO, percent)


def _line_faults(draft: Draft) -> list[Fault]:
    faults = []
    if not draft.lines:
        faults.append(Fault("lines", "the document has no lines", "add at least one line"))
    seen: set[str] = set()
    for position, line in enumerate(draft.lines):
        field = f"lines[{position}]"
        if line.line_id in seen:
            faults.append(Fault(f"{field}.line_id", f"line id {line.line_id} occurs twice", "make it unique"))
        seen.add(line.line_id)
        if line.price < 0:
            faults.append(
                Fault(f"{field}.price", "the price is below zero", "write the quantity negative instead")
            )
        if line.base_quantity <= 0:
            faults.append(Fault(f"{field}.base_quantity", "it is not above zero", "write 1 or more"))
        elif abs(line.quantity * line.price / line.base_quantity) >= MOST_AMOUNT:
            faults.append(Fault(f"{field}.quantity", "the amount is too large", "check quantity and price"))
    return faults


def issue(
    draft: Draft,
    *,
    seller: Seller,
    debtor: DebtorChanged,
    administration: str,
    invoice_id: str,
    invoice_number: str,
    today: date,
    created_at: datetime,
) -> InvoiceCreated:
    """The document that `draft` becomes with the master data as it stands now.

    Args:
        today: issue date of a draft that names none.
        invoice_number: its number, or a stand-in for a preview.

    Raises:
        InvoiceProblem: it can't be issued; every field that is wrong is named.
    """
    if faults := _line_faults(draft):
        raise InvoiceProblem(faults)
    issued = draft.issue_date or today
    seller_party = draft.seller or _seller_party(seller)
    buyer = draft.buyer or buyer_of(debtor, draft.attention)
    delivered = draft.delivered_on or draft.order_day or issued
    country = seller_party.address.country
    try:
        category = (
            VatCategory.STANDARD
            if all(line.vat_category for line in draft.lines)
            else treatment(
                seller_country=country,
                seller_vat=seller_party.vat_number,
                buyer_country=debtor.country,
                buyer_vat=buyer.vat_number,
                regime=draft.vat_regime or debtor.vat_regime,
            ).category
        )
        groups = [_tax(line, category, country, delivered) for line in draft.lines]
    except VatProblem as problem:
        raise InvoiceProblem([Fault(problem.field, str(problem), problem.cure)]) from problem
    language = debtor.language
    taxed = [
        Taxed(group, line_net(line.quantity, line.price, line.base_quantity))
        for line, group in zip(draft.lines, groups, strict=True)
    ]
    lines = [_line(line, entry) for line, entry in zip(draft.lines, taxed, strict=True)]
    percent = draft.discount_percent if draft.discount_percent is not None else debtor.discount_percent
    for position, cut in enumerate(discounts(taxed, percent or Decimal(0)), start=1):
        taxed.append(cut)
        lines.append(_discount_line(position, cut, percent or Decimal(0), language))
    sums = totals(taxed)
    if sums.gross < 0:
        raise InvoiceProblem(
            [Fault("lines", "the total is below zero", "make a credit note with positive quantities")]
        )
    untaxed_delivery = any(entry.group.category is VatCategory.INTRA_COMMUNITY for entry in sums.groups)
    deliver_to = draft.deliver_to
    if deliver_to is None and untaxed_delivery:
        deliver_to = _address(debtor, _DELIVERY_ORDER)
    return InvoiceCreated(
        administration=administration,
        invoice_id=invoice_id,
        invoice_number=invoice_number,
        kind=draft.kind,
        source=draft.source,
        debtor_id=debtor.debtor_id,
        issue_date=issued,
        due_date=due_date(
            issued, draft.payment_term_days, debtor.payment_term_days, seller.payment_term_days
        ),
        delivered_on=delivered,
        order_day=draft.order_day,
        language=language,
        seller=seller_party,
        buyer=buyer,
        deliver_to=deliver_to,
        buyer_reference=draft.buyer_reference
        or ("" if draft.order_reference else debtor.debtor_number or debtor.debtor_id),
        order_reference=draft.order_reference,
        corrects=draft.corrects,
        corrects_date=draft.corrects_date,
        note=draft.note or debtor.note_for_documents,
        lines=tuple(lines),
        vat=tuple(
            VatTotal(
                category=entry.group.category,
                percent=entry.group.percent,
                taxable=entry.taxable,
                tax=entry.tax,
                reason=reason(entry.group.category, language),
            )
            for entry in sums.groups
        ),
        totals=InvoiceTotals(net=sums.net, vat=sums.vat, gross=sums.gross, payable=sums.gross),
        payment=PaymentMeans(
            iban=seller.iban,
            bic=seller.bic,
            account_name=seller.name,
            reference=payment_reference(country, invoice_number),
        ),
        automatic_dispatch=draft.automatic_dispatch,
        factoring_notice=draft.factoring_notice,
        direct_payment=draft.direct_payment,
        created_at=created_at,
    )


def _line(line: DraftLine, taxed: Taxed) -> InvoiceLine:
    return InvoiceLine(
        line_id=line.line_id,
        name=line.name,
        description=line.description,
        quantity=line.quantity,
        unit=line.unit,
        price=line.price,
        base_quantity=line.base_quantity,
        net_amount=taxed.net,
        vat_category=taxed.group.category,
        vat_percent=taxed.group.percent,
        order_day=line.order_day,
        article_number=line.article_number,
        country_of_origin=line.country_of_origin,
    )


def _discount_line(position: int, cut: Taxed, percent: Decimal, language: str) -> InvoiceLine:
    word = _DISCOUNT.get(language, _DISCOUNT["en"])
    return InvoiceLine(
        line_id=f"discount-{position}",
        name=f"{word} {plain(percent.normalize())}%",
        quantity=Decimal(-1 if cut.net < 0 else 1),
        price=abs(cut.net),
        net_amount=cut.net,
        vat_category=cut.group.category,
        vat_percent=cut.group.percent,
    )
