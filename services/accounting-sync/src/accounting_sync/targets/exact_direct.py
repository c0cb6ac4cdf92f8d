"""Exact Online by direct calls: one relation at a time, found again by its code.

Exact keeps codes right-aligned in 18 positions. `Code` goes along with an insert only: in an update it is
answered with "Gegeven bestaat reeds". The address fields of an account are its visit address; other
addresses and the bank accounts are entities of their own that follow the account.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Address, AddressType, Kind, RelationData
from accounting_sync.targets.answers import Refused
from accounting_sync.targets.direct import Remember, Sending
from accounting_sync.targets.exact_answers import ALREADY_THERE
from accounting_sync.targets.exact_connection import ExactConnection

ACCOUNTS = "crm/Accounts"
BANK_ACCOUNTS = "crm/BankAccounts"
ADDRESSES = "crm/Addresses"
ADDRESS_NUMBERS = {
    AddressType.VISIT: 1,
    AddressType.POSTAL: 2,
    AddressType.INVOICE: 3,
    AddressType.DELIVERY: 4,
}
RECOGNISED_BY = (
    "Name",
    "Email",
    "Phone",
    "VATNumber",
    "ChamberOfCommerce",
    "City",
    "Postcode",
    "AddressLine1",
)
EMPTIED = {
    "search_code": ("SearchCode",),
    "phone": ("Phone",),
    "email": ("Email",),
    "website": ("Website",),
    "vat_number": ("VATNumber",),
    "chamber_number": ("ChamberOfCommerce",),
    "addresses": ("AddressLine1", "AddressLine2", "Postcode", "City"),
}
"""The fields over there that are emptied with a field of ours; bank accounts are entities of their own."""


def padded(code: str) -> str:
    """The code as Exact stores it: right-aligned in 18 positions."""
    return code.rjust(18)


def account_body(sending: Sending) -> dict[str, Any]:
    """The fields of an account without its code; what is empty is left out unless it has to be emptied."""
    data = sending.data
    main = main_address(data)
    debtor = sending.kind is Kind.DEBTORS
    fields: dict[str, Any] = {
        "Name": data.name,
        "SearchCode": data.search_code,
        "Phone": data.phone,
        "Email": data.email,
        "Website": data.website,
        "Language": data.language,
        "VATNumber": data.vat_number,
        "ChamberOfCommerce": data.chamber_number,
        "SalesCurrency" if debtor else "PurchaseCurrency": data.currency,
        "PaymentConditionSales" if debtor else "PaymentConditionPurchase": data.payment_condition,
        "SalesVATCode" if debtor else "PurchaseVATCode": data.vat_code,
    }
    if main is not None:
        fields |= _address_fields(main)
    body = {name: value for name, value in fields.items() if value}
    body |= {theirs: None for ours in sending.cleared for theirs in EMPTIED.get(ours, ())}
    body["Blocked"] = data.blocked
    if debtor:
        body["Status"] = "C"
    else:
        body["IsSupplier"] = True
    return body


def main_address(data: RelationData) -> Address | None:
    """The address that stands on the account itself: the visit address, else the first there is."""
    visit = next((item for item in data.addresses if item.type is AddressType.VISIT), None)
    return visit or next(iter(data.addresses), None)


def has_details(data: RelationData) -> bool:
    """Whether calls follow the account: further addresses or bank accounts."""
    return bool(data.bank_accounts) or len(data.addresses) > 1


@dataclass(frozen=True, slots=True)
class Detail:
    """What follows an account; `condition` finds the one that is there already."""

    endpoint: str
    condition: str
    body: dict[str, Any]


def details(data: RelationData) -> Iterator[Detail]:
    """Further addresses and bank accounts, in the order in which they are sent."""
    main = main_address(data)
    for address in data.addresses:
        if address is main:
            continue
        number = ADDRESS_NUMBERS[address.type]
        fields = {name: value for name, value in _address_fields(address).items() if value}
        yield Detail(ADDRESSES, f"Type eq {number}", {"Type": number, **fields})
    for place, item in enumerate(data.bank_accounts):
        body: dict[str, Any] = {"BankAccount": item.iban, "Main": place == 0}
        if item.bic:
            body["BICCode"] = item.bic
        yield Detail(BANK_ACCOUNTS, f"BankAccount eq '{_quoted(item.iban)}'", body)


def calls_of(sending: Sending) -> list[dict[str, Any]]:
    """What one relation comes to in calls, for people to read: `find` is what is looked up before, `else` is
    for what is not found."""
    account = account_body(sending)
    code = padded(sending.data.code or "")
    first: dict[str, Any] = {
        "endpoint": ACCOUNTS,
        "method": "PUT",
        "find": f"Code eq '{code}'",
        "body": account,
    }
    if sending.action is Action.INSERT:
        first = {"endpoint": ACCOUNTS, "method": "POST", "body": {"Code": code, **account}}
    following = [
        {
            "endpoint": each.endpoint,
            "method": "PUT",
            "find": each.condition,
            "else": "POST",
            "body": each.body,
        }
        for each in details(sending.data)
    ]
    return [first, *following]


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """What a look-up gave: the GUID and the fields that recognise a relation."""

    id: str
    fields: dict[str, Any]

    def is_what_we_sent(self, sending: Sending) -> bool:
        """Whether this is the account that an insert of `sending` would have made."""
        body = account_body(sending)
        return all((self.fields.get(name) or None) == body.get(name) for name in RECOGNISED_BY)


class ExactAccounts:
    """Relations in one division."""

    def __init__(self, connection: ExactConnection) -> None:
        self._connection = connection

    async def check(self) -> str:
        """Make one harmless call and say whom the connection belongs to."""
        document = await self._connection.call("GET", "Me", params={"$select": "CurrentDivision,FullName"})
        person = document["results"][0]
        return f"signed in as {person.get('FullName') or 'unknown'}, division {person['CurrentDivision']}"

    async def find(self, code: str) -> FoundAccount | None:
        """Look up by code; None if Exact has no such relation."""
        document = await self._connection.call(
            "GET",
            ACCOUNTS,
            params={
                "$select": "ID,Code," + ",".join(RECOGNISED_BY),
                "$top": "1",
                "$filter": f"Code eq '{_quoted(padded(code))}'",
            },
        )
        rows = document.get("results", [])
        return FoundAccount(rows[0]["ID"], rows[0]) if rows else None

    async def sent_before(self, sending: Sending) -> str | None:
        """The GUID of what an insert of `sending` has made; none where there is no such or another account."""
        found = await self.find(sending.data.code or "")
        return found.id if found is not None and found.is_what_we_sent(sending) else None

    def complete_at_once(self, sending: Sending) -> bool:
        """Whether no further addresses or bank accounts follow the account."""
        return not has_details(sending.data)

    async def put_through(self, sending: Sending, known: str | None, remember: Remember) -> str:
        """Insert or update one relation with all that belongs to it; returns its GUID.

        Raises:
            Refused, Temporary, Lost, ConsentNeeded.
        """
        if not sending.data.code:
            raise ValueError("a relation without a number must not leave (D-05)")
        if sending.action is Action.INSERT and known is None:
            account = await self._insert(sending)
        else:
            account = await self._update(sending, known)
        if account != known and has_details(sending.data):
            await remember(account)
        await self._details(account, sending.data)
        return account

    async def _insert(self, sending: Sending) -> str:
        data = sending.data
        body = {"Code": padded(data.code or ""), **account_body(sending)}
        try:
            document = await self._connection.call("POST", ACCOUNTS, body=body)
        except Refused as refusal:
            if ALREADY_THERE in refusal.message:
                raise Refused(
                    f"{refusal.message}: the accounting system has a relation with number {data.code} "
                    "already; change the status of this line to Update if it is the same one",
                    refusal.status,
                ) from refusal
            raise
        return str(document["ID"])

    async def _update(self, sending: Sending, known: str | None) -> str:
        body = account_body(sending)
        if known is not None:
            try:
                await self._connection.call("PUT", ACCOUNTS, key=known, body=body)
            except Refused as refusal:
                if refusal.status != 404:
                    raise
            else:
                return known
        found = await self.find(sending.data.code or "")
        if found is None:
            raise Refused(
                f"the accounting system has no relation with number {sending.data.code}; change the status of "
                "this line to Insert",
                404,
            )
        await self._connection.call("PUT", ACCOUNTS, key=found.id, body=body)
        return found.id

    async def _details(self, account: str, data: RelationData) -> None:
        for each in details(data):
            await self._child(each.endpoint, account, each.condition, each.body)

    async def _child(self, endpoint: str, account: str, condition: str, body: dict[str, Any]) -> None:
        document = await self._connection.call(
            "GET",
            endpoint,
            params={"$select": "ID", "$top": "1", "$filter": f"Account eq guid'{account}' and {condition}"},
        )
        rows = document.get("results", [])
        if rows:
            await self._connection.call("PUT", endpoint, key=rows[0]["ID"], body=body)
        else:
            await self._connection.call("POST", endpoint, body={"Account": account, **body})


def _address_fields(address: Address) -> dict[str, str | None]:
    return {
        "AddressLine1": address.line1,
        "AddressLine2": address.line2,
        "Postcode": address.postal_code,
        "City": address.city,
        "Country": address.country,
    }


def _quoted(text: str) -> str:
    """A string inside an OData filter: quotes doubled."""
    return text.replace("'", "''")
