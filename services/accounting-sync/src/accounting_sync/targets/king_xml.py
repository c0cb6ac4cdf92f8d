"""King's XML files: one for debtors and one for creditors, each by its official schema, written as a stream.

King knows a relation by its number and has one correspondence address: the invoice address where there is one,
which is then also named as the address for invoices, else the postal one. Codes of payment conditions and VAT
are numbers. Elements may stand in any order; empty ones are left out unless they empty what was told before.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Any, Self

from lxml import etree

from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationData

NAMES = {
    Kind.DEBTORS: ("KING_DEBITEUREN", "DEBITEUREN", "DEBITEUR"),
    Kind.CREDITORS: ("KING_CREDITEUREN", "CREDITEUREN", "CREDITEUR"),
}
BLOCKED = {Kind.DEBTORS: "NAW_BLOKKEERORDERINVOER", Kind.CREDITORS: "NAW_BLOKKERENVOORBESTELLEN"}
CORRESPONDENCE = frozenset({AddressType.INVOICE, AddressType.POSTAL})


class KingXmlFile:
    """One file of relations of one kind; a context manager, `add` a relation at a time."""

    def __init__(self, out: IO[bytes], kind: Kind) -> None:
        self._out = out
        self._kind = kind
        self._open = ExitStack()
        self._file: Any = None
        self.count = 0

    def __enter__(self) -> Self:
        root, many, _ = NAMES[self._kind]
        self._file = self._open.enter_context(etree.xmlfile(self._out, encoding="utf-8"))
        self._file.write_declaration()
        self._open.enter_context(self._file.element(root))
        self._open.enter_context(self._file.element(many))
        return self

    def add(self, relation: RelationData, cleared: Sequence[str] = ()) -> None:
        """Write one relation and forget it; fields named in `cleared` are emptied over there."""
        self._file.write(relation_element(self._kind, relation, cleared))
        self.count += 1

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._open.close()


def relation_element(kind: Kind, data: RelationData, cleared: Sequence[str] = ()) -> etree._Element:
    """One relation as a `<DEBITEUR>` or `<CREDITEUR>`."""
    element = etree.Element(NAMES[kind][2])
    _text(element, "NAW_NUMMER", data.code)
    _text(element, "NAW_ZOEKCODE", data.search_code, empty="search_code" in cleared)
    _text(element, "NAW_BETALINGSCONDITIE", data.payment_condition)
    _text(element, "NAW_VALUTACODE", data.currency)
    _text(element, "NAW_BTWCODE", data.vat_code)
    _text(element, "NAW_TAALCODE", data.language)
    _text(element, "NAW_BTWNUMMER", data.vat_number, empty="vat_number" in cleared)
    _text(element, "NAW_KVKNUMMER", data.chamber_number, empty="chamber_number" in cleared)
    _text(element, "NAW_WEBSITE", data.website, empty="website" in cleared)
    _text(element, BLOCKED[kind], "true" if data.blocked else "false")
    by_type = {address.type: address for address in data.addresses}
    _address(element, "NAW_VESTIGINGADRES", data, by_type.get(AddressType.VISIT), cleared)
    letters = next(
        (by_type[each] for each in AddressType if each in by_type and each in CORRESPONDENCE), None
    )
    if letters is not None:
        _address(element, "NAW_CORRESPONDENTIEADRES", data, letters, cleared)
        if kind is Kind.DEBTORS and letters.type is AddressType.INVOICE:
            _text(element, "NAW_FACTUURADRESSOORT", "COR")
    if (delivery := by_type.get(AddressType.DELIVERY)) is not None:
        _delivery(etree.SubElement(element, "NAW_VERZENDADRESSEN"), data, delivery)
    if data.bank_accounts:
        accounts = etree.SubElement(element, "NAW_BANKREKENINGEN")
        for place, account in enumerate(data.bank_accounts):
            _bank_account(accounts, account, default=place == 0)
    return element


def _address(
    element: etree._Element, name: str, data: RelationData, address: Address | None, cleared: Sequence[str]
) -> None:
    """An address; name, phone and e-mail have no other place in King, so a relation without one has them too."""
    place = etree.SubElement(element, name)
    _text(place, "ADR_NAAM1", data.name)
    if address is not None:
        _lines(place, address)
    _text(place, "ADR_EMAIL", data.email, empty="email" in cleared)
    _text(place, "ADR_TELEFOON", data.phone, empty="phone" in cleared)


def _delivery(addresses: etree._Element, data: RelationData, address: Address) -> None:
    place = etree.SubElement(addresses, "NAW_VERZENDADRES")
    _text(place, "ADR_NUMMER", "1")
    _text(place, "ADR_NAAM1", data.name)
    _lines(place, address)


def _lines(place: etree._Element, address: Address) -> None:
    _text(place, "ADR_NAAM2", address.line2)
    _text(place, "ADR_STRAAT", address.line1)
    _text(place, "ADR_POSTCODE", address.postal_code)
    _text(place, "ADR_WOONPLAATS", address.city)
    _text(place, "ADR_LAND", address.country)


def _bank_account(accounts: etree._Element, account: BankAccount, *, default: bool) -> None:
    element = etree.SubElement(accounts, "NAW_BANKREKENING")
    _text(element, "BANK_REKENINGNUMMER", account.iban)
    _text(element, "BANK_ISDEFAULTREKENING", "true" if default else "false")
    _text(element, "BANK_BIC", account.bic)


def _text(parent: etree._Element, name: str, value: str | None, *, empty: bool = False) -> None:
    if value:
        etree.SubElement(parent, name).text = value
    elif empty:
        etree.SubElement(parent, name)
