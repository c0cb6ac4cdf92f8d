"""Drafts and payments as they come in over HTTP."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from klokwerk_contracts.invoice_created import InvoiceSource
from klokwerk_contracts.types import Address, Country, DecimalString, Identifier, LongText, Text
from pydantic import Field, StringConstraints

from sales_service.domain.invoices import Contact, Draft, DraftLine
from sales_service.domain.lines import VatClass
from sales_service.entry.body import Body

Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2200, 1, 1))]
"""A day that a document may bear."""


class InvoiceLineBody(Body):
    """One line of a draft; quantity times price, VAT by the class of the goods."""

    line_id: Identifier | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: LongText = ""
    quantity: DecimalString
    unit: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")] = "C62"
    price: Annotated[DecimalString, Field(ge=0, le=1_000_000_000)]
    base_quantity: Annotated[DecimalString, Field(gt=0, le=1_000_000)] = Decimal(1)
    vat_class: VatClass = VatClass.REDUCED
    order_day: date | None = None
    article_number: Annotated[str, StringConstraints(max_length=35)] = ""
    country_of_origin: Country | None = None
    sale_line_id: Identifier | None = None


class InvoiceBody(Body):
    """A draft.

    Attributes:
        order_day: with no `lines`, every line of that day that is not billed yet is taken.
        source: how it came to be; kept from here on (NV-13).
        issue_date: none means the day of finalising.
        vat_regime: for this document only (FA-15, FA-16).
        attention: a contact person, whose own address is used where there is one (FA-41..FA-43).
    """

    debtor_id: Identifier
    source: InvoiceSource = InvoiceSource.MANUAL
    issue_date: Day | None = None
    order_day: date | None = None
    delivered_on: Day | None = None
    deliver_to: Address | None = None
    vat_regime: Text | None = None
    payment_term_days: Annotated[int, Field(ge=0, le=365)] | None = None
    discount_percent: Annotated[DecimalString, Field(ge=0, le=100)] | None = None
    attention: Contact | None = None
    buyer_reference: Text = ""
    order_reference: Text = ""
    note: LongText = ""
    lines: Annotated[list[InvoiceLineBody], Field(max_length=5000, default_factory=list)]
    automatic_dispatch: bool = True
    factoring_notice: bool = False
    direct_payment: bool = False

    def draft(self) -> Draft:
        """The draft that this asks for; lines without an id are numbered."""
        values = self.model_dump(exclude={"lines", "attention", "deliver_to"})
        lines = [
            DraftLine(**{**line.model_dump(), "line_id": line.line_id or str(position)})
            for position, line in enumerate(self.lines, start=1)
        ]
        return Draft(**values, lines=tuple(lines), attention=self.attention, deliver_to=self.deliver_to)


class PaymentBody(Body):
    """What may change on an issued invoice (LS-26, LS-27, LS-31)."""

    payment_status: Literal["paid", "not_paid"] | None = None
    paid_on: date | None = None
    delivery_time: Annotated[str, StringConstraints(max_length=200)] | None = None


class ReverseBody(Body):
    """Why a payment is taken back (D-13)."""

    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)]
