"""Exact Online's XML file of relations, written as a stream.

One `<Account>` at a time is built and let go, so memory stays flat however many relations there are. The
order of the elements is the schema's; empty elements are left out unless they empty what was told before, and so
is `<Contact>`, for without a stable number each import would make a new contact. The file says nothing about
Insert or Update: the import matches by code.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Any, Self

from lxml import etree

from accounting_sync.domain.relation import Address, AddressType, BankAccount, Kind, RelationData

XSI = "http://www.w3.org/2001/XMLSchema-instance"
ADDRESS_CODES = {
    AddressType.VISIT: "VIS",
    AddressType.POSTAL: "POS",
    AddressType.INVOICE: "INV",
    AddressType.DELIVERY: "DEL",
}
ROOT = {f"{{{XSI}}}noNamespaceSchemaLocation": "eExact-XML.xsd"}


class ExactXmlFile:
    """One file of relations of one kind; a context manager, `add` a relation at a time.

    What the schema or Exact can't hold (control characters, lengths) is refused by the pre-flight checks
    before a line gets here.
    """

    def __init__(self, out: IO[bytes], kind: Kind) -> None:
        self._out = out
        self._kind = kind
        self._open = ExitStack()
        self._file: Any = None
        self.count = 0

    def __enter__(self) -> Self:
        self._file = self._open.enter_context(etree.xmlfile(self._out, encoding="utf-8"))
        self._file.write_declaration()
        self._open.enter_context(self._file.element("eExact", ROOT, nsmap={"xsi": XSI}))
        return self

    def add(self, relation: RelationData, cleared: Sequence[str] = ()) -> None:
        """Write one relation and forget it; fields named in `cleared` are emptied over there."""
        if not self.count:  # an <Accounts> needs at least one account, so an empty file has none
            self._open.enter_context(self._file.element("Accounts"))
        self._file.write(account_element(self._kind, relation, cleared))
        self.count += 1

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._open.close()


def account_element(kind: Kind, data: RelationData, cleared: Sequence[str] = ()) -> etree._Element:
    """One relation as an `<Account>`, its elements in the schema's order."""
    account = etree.Element("Account")
    if data.code:
        account.set("code", data.code)
    if data.search_code:
        account.set("searchcode", data.search_code)
    debtor = kind is Kind.DEBTORS
    if debtor:
        account.set("status", "C")
    _text(account, "Name", data.name)
    _text(account, "Phone", data.phone, empty="phone" in cleared)
    _text(account, "Email", data.email, empty="email" in cleared)
    _text(account, "HomePage", data.website, empty="website" in cleared)
    _coded(account, "Language", data.language)
    _text(account, "IsSupplier", "0" if debtor else "1")
    _text(account, "IsBlocked", "1" if data.blocked else "0")
    _text(account, "IsSales" if debtor else "IsPurchase", "1")
    for address in data.addresses:
        _address(account, address)
    for number, bank_account in enumerate(data.bank_accounts):
        _bank_account(account, bank_account, default=number == 0)
    _coded(account, "VATSales" if debtor else "VATPurchase", data.vat_code)
    _text(account, "VATNumber", data.vat_number, empty="vat_number" in cleared)
    _text(account, "ChamberOfCommerce", data.chamber_number, empty="chamber_number" in cleared)
    _coded(account, "SalesCurrency" if debtor else "PurchaseCurrency", data.currency)
    _coded(account, "SalesPaymentCondition" if debtor else "PurchasePaymentCondition", data.payment_condition)
    return account


def _address(account: etree._Element, address: Address) -> None:
    element = etree.SubElement(account, "Address", {"type": ADDRESS_CODES[address.type], "default": "1"})
    _text(element, "AddressLine1", address.line1)
    _text(element, "AddressLine2", address.line2)
    _text(element, "PostalCode", address.postal_code)
    _text(element, "City", address.city)
    _coded(element, "Country", address.country)


def _bank_account(account: etree._Element, bank_account: BankAccount, *, default: bool) -> None:
    element = etree.SubElement(
        account, "BankAccount", {"code": bank_account.iban, "default": "1" if default else "0"}
    )
    _text(element, "BICCode", bank_account.bic)
    _text(element, "IBAN", bank_account.iban)


def _text(parent: etree._Element, name: str, value: str | None, *, empty: bool = False) -> None:
    if value:
        etree.SubElement(parent, name).text = value
    elif empty:
        etree.SubElement(parent, name)


def _coded(parent: etree._Element, name: str, code: str | None) -> None:
    if code:
        etree.SubElement(parent, name, {"code": code})
