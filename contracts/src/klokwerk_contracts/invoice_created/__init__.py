"""``invoice.created``: an invoice or credit note as issued; it never changes afterwards."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from klokwerk_contracts.types import (
    Address,
    Country,
    Currency,
    DecimalString,
    ElectronicAddress,
    Event,
    Identifier,
    Instant,
    Language,
    LongText,
    Part,
    Text,
)


class InvoiceKind(StrEnum):
    """Invoice (UNTDID 380) or credit note (381)."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceSource(StrEnum):
    """How the invoice came to be (NV-08..NV-11, NV-13)."""

    CONTRACT = "contract"
    MANUAL = "manual"
    REBILLED = "rebilled"
    INTERFACE = "interface"


class InvoiceStatus(StrEnum):
    """Status at creation; only an unsent invoice is dispatched by itself (NV-47..NV-49)."""

    UNSENT = "unsent"
    OPEN = "open"
    PAID = "paid"


class VatCategory(StrEnum):
    """UNCL5305: standard, zero, exempt, reverse charge, intra-community, export, outside scope."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE = "O"


class InvoiceParty(Part):
    """Seller or buyer as printed on the invoice."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    attention: Text = ""
    address: Address
    vat_number: Annotated[str, StringConstraints(max_length=20)] = ""
    chamber_number: Annotated[str, StringConstraints(max_length=50)] = ""
    electronic: ElectronicAddress | None = None
    email: Annotated[str, StringConstraints(max_length=254)] = ""
    phone: Annotated[str, StringConstraints(max_length=50)] = ""
    consumer: bool = False


class InvoiceLine(Part):
    """One line; `net_amount` is without VAT, in the invoice's currency.

    Attributes:
        unit: UN/ECE recommendation 20 code, e.g. ``C62`` (piece), ``H87``.
        base_quantity: `price` is for this many units.
    """

    line_id: Identifier
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: LongText = ""
    quantity: DecimalString
    unit: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")] = "C62"
    price: DecimalString
    base_quantity: DecimalString = Decimal(1)
    net_amount: DecimalString
    vat_category: VatCategory = VatCategory.STANDARD
    vat_percent: DecimalString
    order_day: date | None = None
    article_number: Annotated[str, StringConstraints(max_length=35)] = ""
    country_of_origin: Country | None = None


class VatTotal(Part):
    """One group of (category, percentage): VAT is rounded here, never by the line."""

    category: VatCategory
    percent: DecimalString
    taxable: DecimalString
    tax: DecimalString
    reason: Text = ""


class InvoiceTotals(Part):
    """Sums in the invoice's currency."""

    net: DecimalString
    vat: DecimalString
    gross: DecimalString
    prepaid: DecimalString = Decimal(0)
    payable: DecimalString


class PaymentMeans(Part):
    """How to pay: `code` from UNCL4461, 30 credit transfer or 58 SEPA."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")] = "58"
    iban: Annotated[str, StringConstraints(max_length=50)] = ""
    bic: Annotated[str, StringConstraints(max_length=11)] = ""
    account_name: Text = ""
    reference: Annotated[str, StringConstraints(max_length=50)] = ""


class InvoiceCreated(Event):
    """The document as issued.

    Attributes:
        invoice_id: id of the document.
        invoice_number: gapless per series, given at finalisation.
        debtor_id: who is billed; also the Kafka key.
        source: how it came to be, kept from creation (NV-13).
        status: its status at creation.
        buyer_reference: asked for by Peppol when there is no order reference.
        corrects: number of the invoice that a credit note corrects.
        delivered_on: delivery date, asked for by category K.
        automatic_dispatch: false when taken out of the automatic run at creation.
        factoring_notice: a factoring notice goes along (NV-43).
        direct_payment: paid by direct payment, which asks for a prenotification (NV-44).
    """

    TOPIC: ClassVar[str] = "invoice.created"

    invoice_id: Identifier
    invoice_number: Annotated[str, StringConstraints(min_length=1, max_length=35)]
    kind: InvoiceKind = InvoiceKind.INVOICE
    source: InvoiceSource = InvoiceSource.MANUAL
    status: InvoiceStatus = InvoiceStatus.UNSENT
    debtor_id: Identifier
    issue_date: date
    due_date: date | None = None
    delivered_on: date | None = None
    order_day: date | None = None
    currency: Currency = "EUR"
    language: Language = "nl"
    seller: InvoiceParty
    buyer: InvoiceParty
    deliver_to: Address | None = None
    buyer_reference: Text = ""
    order_reference: Text = ""
    corrects: Annotated[str, StringConstraints(max_length=35)] = ""
    corrects_date: date | None = None
    note: LongText = ""
    lines: Annotated[tuple[InvoiceLine, ...], Field(min_length=1, max_length=5000)]
    vat: Annotated[tuple[VatTotal, ...], Field(min_length=1)]
    totals: InvoiceTotals
    payment: PaymentMeans = PaymentMeans()
    automatic_dispatch: bool = True
    factoring_notice: bool = False
    direct_payment: bool = False
    created_at: Instant

    @property
    def key(self) -> str:
        """Order is kept for each debtor."""
        return self.debtor_id
