"""What is possible for one customer, read from the card as it stands at dispatch time (D-23, NV-15..NV-21)."""

from __future__ import annotations

from dataclasses import dataclass

from klokwerk_contracts.debtor_changed import (
    AddressKind,
    CardAddress,
    CardState,
    DebtorChanged,
    DocumentKind,
    Party,
)
from klokwerk_contracts.invoice_created import InvoiceCreated
from klokwerk_contracts.types import Address, ElectronicAddress
from stdnum import ean, luhn
from stdnum.be import vat as belgian_vat

from dispatch_service.domain.cascade import Capabilities, Channel

POSTAL_ORDER = (AddressKind.INVOICE, AddressKind.POSTAL, AddressKind.VISIT)
"""Which address of the card an invoice goes to, first match wins."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A customer's addresses for an invoice, and what stands in the way of each channel."""

    name: str
    language: str
    electronic: ElectronicAddress | None
    email: str
    postal: Address | None
    capabilities: Capabilities

    def recipient(self, channel: Channel) -> str:
        """The address that `channel` would use, as one line for people."""
        if channel is Channel.E_INVOICE:
            return f"{self.electronic.scheme}:{self.electronic.identifier}" if self.electronic else ""
        if channel is Channel.EMAIL:
            return self.email
        return one_line(self.name, self.postal) if self.postal else ""


def one_line(name: str, address: Address) -> str:
    """A postal address on one line."""
    parts = (name, *address.lines, f"{address.postal_code} {address.city}".strip(), address.country)
    return ", ".join(part for part in parts if part)


def reach_of(debtor: DebtorChanged, *, consumer_einvoicing: bool) -> Reach:
    """Judge each channel for `debtor`.

    Args:
        debtor: the card as it stands now.
        consumer_einvoicing: whether the seller's bank agreement for consumer e-invoices is on (NV-17).
    """
    if debtor.state is CardState.ANONYMISED:
        gone = Capabilities(dict.fromkeys(Channel, "the customer's card was anonymised"))
        return Reach(debtor.name, debtor.language, None, "", None, gone)
    postal = _postal_address(debtor)
    email = debtor.email_for(DocumentKind.INVOICE)
    delivery = debtor.invoice_delivery
    return Reach(
        name=debtor.name,
        language=debtor.language,
        electronic=delivery.electronic,
        email=email,
        postal=postal,
        capabilities=Capabilities(
            {
                Channel.E_INVOICE: _e_invoice_obstacle(
                    debtor, postal, consumer_einvoicing=consumer_einvoicing
                ),
                Channel.EMAIL: _email_obstacle(email, allowed=delivery.email_allowed),
                Channel.PRINT: _print_obstacle(postal, allowed=delivery.print_allowed),
            }
        ),
    )


def must_be_structured(invoice: InvoiceCreated, *, belgian_rule: bool) -> bool:
    """Whether only an e-invoice discharges the duty: Belgian seller to Belgian business, since 2026."""
    return (
        belgian_rule
        and invoice.seller.address.country == "BE"
        and invoice.buyer.address.country == "BE"
        and not invoice.buyer.consumer
    )


def _postal_address(debtor: DebtorChanged) -> CardAddress | None:
    for kind in POSTAL_ORDER:
        for address in debtor.addresses:
            if address.kind is kind:
                return address
    return None


def missing_in(address: Address | None) -> list[str]:
    """What an address lacks to be complete, in words; an empty list when nothing."""
    if address is None:
        return ["the whole address"]
    missing = []
    if not any(line.strip() for line in address.lines):
        missing.append("street and number")
    if not address.postal_code.strip() and address.country not in COUNTRIES_WITHOUT_POSTAL_CODE:
        missing.append("postal code")
    if not address.city.strip():
        missing.append("city")
    return missing


COUNTRIES_WITHOUT_POSTAL_CODE = frozenset({"AE", "HK", "QA", "AO", "AW", "BZ", "CW", "FJ", "SR"})


def _e_invoice_obstacle(
    debtor: DebtorChanged, postal: Address | None, *, consumer_einvoicing: bool
) -> str | None:
    electronic = debtor.invoice_delivery.electronic
    if electronic is None:
        return "the customer has no e-invoice address"
    if (wrong := wrong_participant(electronic)) is not None:
        return wrong
    if missing := missing_in(postal):
        return f"the customer's address is not complete: {', '.join(missing)} missing"
    if debtor.party is Party.PERSON:
        if not consumer_einvoicing:
            return "e-invoicing to consumers is not enabled in the settings"
        if not debtor.invoice_delivery.consumer_chose_einvoice:
            return "the customer has not chosen this company in the online bank"
    return None


def _email_obstacle(email: str, *, allowed: bool) -> str | None:
    if not allowed:
        return "the customer does not take invoices by e-mail"
    return None if email else "the customer has no e-mail address"


def _print_obstacle(postal: Address | None, *, allowed: bool) -> str | None:
    if not allowed:
        return "the customer does not take invoices on paper"
    if missing := missing_in(postal):
        return f"the customer has no usable postal address: {', '.join(missing)} missing"
    return None


def wrong_participant(address: ElectronicAddress) -> str | None:
    """Why an e-invoice address can't be right; None when its check digits hold or are unknown to us.

    The receivers' network refuses these outright (Peppol COMMON rules), so that they are caught before
    anything is sent.
    """
    scheme, identifier = address.scheme, address.identifier
    checks = {
        "0007": lambda: len(identifier) == 10 and luhn.is_valid(identifier),
        "0088": lambda: len(identifier) == 13 and ean.is_valid(identifier),
        "0106": lambda: len(identifier) == 8 and identifier.isdigit(),
        "0208": lambda: len(identifier) == 10 and belgian_vat.is_valid(identifier),
    }
    if scheme == "0037":
        return "e-invoice addresses of scheme 0037 are no longer accepted; use 0216"
    check = checks.get(scheme)
    if check is not None and not check():
        return f"the e-invoice address {scheme}:{identifier} is not valid, check its digits"
    return None
