"""From the card in `debtor.changed` to what accounting could ever be told of it."""

from klokwerk_contracts.debtor_changed import AddressKind, CardAddress, CardState, DebtorChanged, DocumentKind
from klokwerk_contracts.debtor_changed import Kind as CardKind

from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationSource

CARD_KIND = {Kind.DEBTORS: CardKind.DEBTOR, Kind.CREDITORS: CardKind.CREDITOR}
"""Which kind on the card makes it a debtor or a creditor here."""

ADDRESS_TYPE = {
    AddressKind.VISIT: AddressType.VISIT,
    AddressKind.POSTAL: AddressType.POSTAL,
    AddressKind.INVOICE: AddressType.INVOICE,
    AddressKind.DELIVERY: AddressType.DELIVERY,
}


TYPES = tuple(AddressType)


def source_for(kind: Kind, card: DebtorChanged) -> RelationSource | None:
    """The card in one role, None if it doesn't have that role (EP-18: both roles go the same way)."""
    if CARD_KIND[kind] not in card.kinds:
        return None
    number = card.debtor_number if kind is Kind.DEBTORS else card.creditor_number
    if card.state is CardState.ANONYMISED:  # whatever the event still holds, nothing personal is kept here
        return RelationSource(name=card.name, number=number or None, blocked=True)
    return RelationSource(
        name=card.name,
        search_code=card.search_name or None,
        number=number or None,
        phone=card.phones[0] if card.phones else None,
        email=card.email_for(DocumentKind.INVOICE) or None,
        website=card.website or None,
        language=card.language,
        blocked=card.state is CardState.BLOCKED,
        addresses=_addresses(card.addresses),
        bank_accounts=tuple(
            BankAccount(iban=account.iban.replace(" ", ""), bic=account.bic or None)
            for account in card.bank_accounts
        ),
        vat_number=card.vat_number.replace(" ", "").replace(".", "") or None,
        chamber_number=card.chamber_number or None,
        currency=card.currency,
        payment_days=card.payment_term_days,
        vat_regime=card.vat_regime or None,
    )


def _addresses(addresses: tuple[CardAddress, ...]) -> tuple[Address, ...]:
    """The first address of each use: accounting keeps one default per type."""
    chosen: dict[AddressType, Address] = {}
    for address in addresses:
        kind = ADDRESS_TYPE[address.kind]
        chosen.setdefault(
            kind,
            Address(
                type=kind,
                line1=address.lines[0] if address.lines else None,
                line2=", ".join(address.lines[1:]) or None,
                postal_code=address.postal_code or None,
                city=address.city or None,
                country=address.country,
            ),
        )
    return tuple(chosen[kind] for kind in TYPES if kind in chosen)
