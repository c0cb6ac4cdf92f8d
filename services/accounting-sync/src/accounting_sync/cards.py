"""From the card in `debtor.changed` to what accounting could ever be told of it.

What comes out is a plain document, the one that `source_from_json` reads: a card comes in far more often than it
is fetched, and nothing is decided on the way in.
"""

from typing import Any

from klokwerk_contracts import narrowed
from klokwerk_contracts.debtor_changed import AddressKind, CardAddress, CardState, DebtorChanged, DocumentKind
from klokwerk_contracts.debtor_changed import Kind as CardKind

from accounting_sync.domain.relation import AddressType, Kind

CARD_KIND = {Kind.DEBTORS: CardKind.DEBTOR, Kind.CREDITORS: CardKind.CREDITOR}
"""Which kind on the card makes it a debtor or a creditor here."""

ADDRESS_TYPE = {
    AddressKind.VISIT: AddressType.VISIT.value,
    AddressKind.POSTAL: AddressType.POSTAL.value,
    AddressKind.INVOICE: AddressType.INVOICE.value,
    AddressKind.DELIVERY: AddressType.DELIVERY.value,
}
TYPES = tuple(kind.value for kind in AddressType)
CardAsRead = narrowed(
    DebtorChanged,
    "administration",
    "debtor_id",
    "revision",
    "state",
    "merged_into",
    "kinds",
    "name",
    "search_name",
    "debtor_number",
    "creditor_number",
    "addresses",
    "vat_number",
    "chamber_number",
    "vat_regime",
    "emails",
    "phones",
    "website",
    "language",
    "currency",
    "payment_term_days",
    "bank_accounts",
)
"""The card as far as accounting knows it; what stands elsewhere on it never keeps it from here."""


def source_document(kind: Kind, card: DebtorChanged) -> dict[str, Any] | None:
    """The card in one role as the JSON of a `RelationSource`, empty fields left out.

    Returns:
        None if the card doesn't have that role (EP-18: both roles go the same way).
    """
    if CARD_KIND[kind] not in card.kinds:
        return None
    number = card.debtor_number if kind is Kind.DEBTORS else card.creditor_number
    if card.state is CardState.ANONYMISED:  # whatever the event still holds, nothing personal is kept here
        return _filled({"name": card.name, "number": number, "blocked": True})
    document = _filled(
        {
            "name": card.name,
            "search_code": card.search_name,
            "number": number,
            "phone": card.phones[0] if card.phones else "",
            "email": card.email_for(DocumentKind.INVOICE),
            "website": card.website,
            "language": card.language,
            "blocked": card.state is CardState.BLOCKED,
            "addresses": _addresses(card.addresses),
            "bank_accounts": [
                {"iban": account.iban.replace(" ", ""), "bic": account.bic or None}
                for account in card.bank_accounts
            ],
            "vat_number": card.vat_number.replace(" ", "").replace(".", ""),
            "chamber_number": card.chamber_number,
            "currency": card.currency,
            "vat_regime": card.vat_regime,
        }
    )
    if card.payment_term_days is not None:  # 0 days is a term, not an empty field
        document["payment_days"] = card.payment_term_days
    return document


def _filled(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value}


def _addresses(addresses: tuple[CardAddress, ...]) -> list[dict[str, str | None]]:
    """The first address of each use: accounting keeps one default per type."""
    chosen: dict[str, dict[str, str | None]] = {}
    for address in addresses:
        kind = ADDRESS_TYPE[address.kind]
        if kind not in chosen:
            lines = address.lines
            chosen[kind] = {
                "type": kind,
                "line1": lines[0] if lines else None,
                "line2": ", ".join(lines[1:]) or None,
                "postal_code": address.postal_code or None,
                "city": address.city or None,
                "country": address.country,
            }
    return [chosen[kind] for kind in TYPES if kind in chosen]
