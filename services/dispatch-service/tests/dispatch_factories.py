"""Events as other services would publish them, built with small factories."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import count
from typing import Any

from klokwerk_contracts.debtor_changed import (
    AddressKind,
    CardAddress,
    DebtorChanged,
    EmailAddress,
    InvoiceDelivery,
)
from klokwerk_contracts.invoice_created import (
    InvoiceCreated,
    InvoiceLine,
    InvoiceParty,
    InvoiceTotals,
    PaymentMeans,
    VatCategory,
    VatTotal,
)
from klokwerk_contracts.types import Address, ElectronicAddress

NUMBERS = count(1)

NL_SELLER = InvoiceParty(
    name="Bloemhof Export B.V.",
    address=Address(lines=("Legmeerdijk 313",), postal_code="1431 GB", city="Aalsmeer", country="NL"),
    vat_number="NL004495445B01",
    chamber_number="12345678",
    email="facturen@bloemhof.example",
    phone="+31297123456",
)
BE_SELLER = InvoiceParty(
    name="Fleurs de Gand NV",
    address=Address(lines=("Kortrijksesteenweg 12",), postal_code="9000", city="Gent", country="BE"),
    vat_number="BE0403170701",
    chamber_number="0403170701",
)
SE_SELLER = InvoiceParty(
    name="Blomsterhuset AB",
    address=Address(lines=("Storgatan 1",), postal_code="211 42", city="Malmö", country="SE"),
    vat_number="SE556036079301",
    chamber_number="5560360793",
)
DE_SELLER = InvoiceParty(
    name="Blumengroßhandel Krüger GmbH",
    attention="Anna Krüger",
    address=Address(lines=("Hafenstraße 7", "Tor 3"), postal_code="47623", city="Kevelaer", country="DE"),
    vat_number="DE136695976",
    chamber_number="HRB 4711",
    email="rechnung@krueger.example",
    phone="+4928321234",
)
NL_BUYER = InvoiceParty(
    name="Bloemisterij De Roos",
    address=Address(lines=("Dorpsstraat 1",), postal_code="1234 AB", city="Dorp", country="NL"),
    vat_number="NL001234567B01",
    chamber_number="87654321",
)
BE_BUYER = InvoiceParty(
    name="Bloemen Janssens BV",
    address=Address(lines=("Meir 1",), postal_code="2000", city="Antwerpen", country="BE"),
    vat_number="BE0202239951",
    chamber_number="0202239951",
)
SE_BUYER = InvoiceParty(
    name="Rosens Blommor AB",
    address=Address(lines=("Kungsgatan 2",), postal_code="111 43", city="Stockholm", country="SE"),
    vat_number="SE202100548901",
    chamber_number="2021005489",
)
DE_BUYER = InvoiceParty(
    name="Blumen Schmidt",
    address=Address(lines=("Marktplatz 5",), postal_code="40213", city="Düsseldorf", country="DE"),
    vat_number="DE136695976",
)
SELLERS = {"NL": NL_SELLER, "BE": BE_SELLER, "SE": SE_SELLER, "DE": DE_SELLER}
BUYERS = {"NL": NL_BUYER, "BE": BE_BUYER, "SE": SE_BUYER, "DE": DE_BUYER}
ADDRESSES = {
    "NL": ElectronicAddress(scheme="0106", identifier="87654321"),
    "BE": ElectronicAddress(scheme="0208", identifier="0202239951"),
    "SE": ElectronicAddress(scheme="0007", identifier="2021005489"),
    "DE": ElectronicAddress(scheme="9930", identifier="DE136695976"),
}
ACCOUNTS = {
    "NL": PaymentMeans(code="58", iban="NL91ABNA0417164300", bic="ABNANL2A", account_name="Bloemhof"),
    "BE": PaymentMeans(code="30", iban="BE68539007547034", reference="+++000/0000/00101+++"),
    "SE": PaymentMeans(code="30", iban="5050-1055"),
    "DE": PaymentMeans(code="58", iban="DE89370400440532013000"),
}


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def invoice_event(
    *,
    lines: tuple[tuple[str, str, str, str], ...] = (("100", "0.35", "S", "9"),),
    seller: str = "NL",
    buyer: str = "NL",
    **changes: Any,
) -> InvoiceCreated:
    """An invoice with right sums; a line is (quantity, price, VAT category, VAT percentage)."""
    number = next(NUMBERS)
    built = []
    groups: dict[tuple[str, str], Decimal] = {}
    for position, (quantity, price, category, percent) in enumerate(lines, start=1):
        net = _cents(Decimal(quantity) * Decimal(price))
        groups[category, percent] = groups.get((category, percent), Decimal(0)) + net
        built.append(
            InvoiceLine(
                line_id=f"L{position}",
                name=f"Rosa Red Naomi {position}",
                article_number=f"A{position}",
                quantity=Decimal(quantity),
                price=Decimal(price),
                net_amount=net,
                vat_category=VatCategory(category),
                vat_percent=Decimal(percent),
            )
        )
    vat = tuple(
        VatTotal(
            category=VatCategory(category),
            percent=Decimal(percent),
            taxable=taxable,
            tax=_cents(taxable * Decimal(percent) / 100),
        )
        for (category, percent), taxable in groups.items()
    )
    net = sum((group.taxable for group in vat), Decimal(0))
    tax = sum((group.tax for group in vat), Decimal(0))
    values: dict[str, Any] = {
        "invoice_id": f"inv-{number}",
        "invoice_number": f"2026-{number:05d}",
        "debtor_id": "debtor-1",
        "issue_date": date(2026, 3, 2),
        "due_date": date(2026, 3, 16),
        "order_day": date(2026, 3, 2),
        "delivered_on": date(2026, 3, 2),
        "currency": "SEK" if seller == "SE" else "EUR",
        "seller": SELLERS[seller],
        "buyer": BUYERS[buyer],
        "lines": tuple(built),
        "vat": vat,
        "totals": InvoiceTotals(net=net, vat=tax, gross=net + tax, payable=net + tax),
        "payment": ACCOUNTS[seller],
        "created_at": datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
    }
    return InvoiceCreated(**(values | changes))


def debtor_event(
    debtor_id: str = "debtor-1",
    *,
    electronic: ElectronicAddress | None = None,
    email: str = "",
    invoice_email: str = "",
    postal: bool = True,
    delivery: dict[str, Any] | None = None,
    **changes: Any,
) -> DebtorChanged:
    """A customer that can be reached by what is asked for: e-invoice address, e-mail, postal address."""
    emails = []
    if email:
        emails.append(EmailAddress(address=email))
    if invoice_email:
        emails.append(EmailAddress(address=invoice_email, document="invoice"))
    address = CardAddress(
        kind=AddressKind.INVOICE, lines=("Dorpsstraat 1",), postal_code="1234 AB", city="Dorp", country="NL"
    )
    values: dict[str, Any] = {
        "debtor_id": debtor_id,
        "revision": 1,
        "name": "Bloemisterij De Roos",
        "addresses": (address,) if postal else (),
        "emails": tuple(emails),
        "invoice_delivery": InvoiceDelivery(electronic=electronic, **(delivery or {})),
        "changed_at": datetime(2026, 3, 1, 8, 0, tzinfo=UTC),
    }
    return DebtorChanged(**(values | changes))
