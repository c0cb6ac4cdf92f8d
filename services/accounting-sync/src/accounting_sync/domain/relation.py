"""The relation as accounting knows it: taken from the card, mapped for one administration.

Two stages, because they change for different reasons. A `RelationSource` is the part of the card that
accounting could ever be told; it changes when the card does. `RelationData` is what leaves the house: the
source after the administration's mapping tables. Both have a fingerprint, so that "changed since" is one
comparison of 64 characters.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any

import orjson


class Kind(StrEnum):
    """The role in which a relation is forwarded; both go through the same procedure (EP-18)."""

    DEBTORS = "debtors"
    CREDITORS = "creditors"

    @property
    def one(self) -> str:
        """The word for one of them: "debtor" or "creditor"."""
        return self.value[:-1]

    @property
    def other(self) -> "Kind":
        """The kind that shares the number space."""
        return Kind.CREDITORS if self is Kind.DEBTORS else Kind.DEBTORS


class AddressType(StrEnum):
    """What an address is for."""

    VISIT = "visit"
    POSTAL = "postal"
    INVOICE = "invoice"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class Address:
    """One address; `country` is an ISO 3166 alpha-2 code."""

    type: AddressType
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class BankAccount:
    """One bank account; `iban` without blanks."""

    iban: str
    bic: str | None = None


@dataclass(frozen=True, slots=True)
class RelationSource:
    """What the card says, in the card's own words (`payment_days` are days, `currency` is ISO 4217)."""

    name: str | None = None
    search_code: str | None = None
    number: str | None = None
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    language: str | None = None
    blocked: bool = False
    addresses: tuple[Address, ...] = ()
    bank_accounts: tuple[BankAccount, ...] = ()
    vat_number: str | None = None
    chamber_number: str | None = None
    currency: str | None = None
    payment_days: int | None = None
    vat_regime: str | None = None


@dataclass(frozen=True, slots=True)
class RelationData:
    """What is sent, exactly (EP-31): every value as the accounting system will get it."""

    code: str | None = None
    name: str | None = None
    search_code: str | None = None
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    language: str | None = None
    blocked: bool = False
    addresses: tuple[Address, ...] = ()
    bank_accounts: tuple[BankAccount, ...] = ()
    vat_number: str | None = None
    chamber_number: str | None = None
    currency: str | None = None
    payment_condition: str | None = None
    vat_code: str | None = None


def to_json(value: RelationData) -> dict[str, Any]:
    """The value as plain JSON types, empty fields left out, so that a field added later changes nothing for
    relations that don't use it."""
    document: dict[str, Any] = {
        name: item for name, item in zip(_NAMES[RelationData], _DATA_ITEMS(value), strict=True) if item
    }
    if value.addresses:
        document["addresses"] = [
            dict(zip(_NAMES[Address], _ADDRESS_ITEMS(each), strict=True)) for each in value.addresses
        ]
    if value.bank_accounts:
        document["bank_accounts"] = [{"iban": each.iban, "bic": each.bic} for each in value.bank_accounts]
    return document


def canonical(document: Mapping[str, Any]) -> bytes:
    """A document with sorted keys: equal ones, and only those, give equal bytes."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def fingerprint_of(document: bytes) -> str:
    """SHA-256 over what `canonical` gave."""
    return hashlib.sha256(document).hexdigest()


_NAMES: dict[type, tuple[str, ...]] = {
    model: tuple(field.name for field in fields(model))
    for model in (RelationSource, RelationData, Address, BankAccount)
}
_DATA_ITEMS: Callable[[RelationData], tuple[Any, ...]] = attrgetter(*_NAMES[RelationData])
_ADDRESS_ITEMS: Callable[[Address], tuple[Any, ...]] = attrgetter(*_NAMES[Address])


def source_from_json(document: Mapping[str, Any]) -> RelationSource:
    """Read back what was kept of a card; unknown fields of a newer version are left aside."""
    return RelationSource(**_known(document, RelationSource))


def data_from_json(document: Mapping[str, Any]) -> RelationData:
    """Read back what `to_json` wrote; unknown fields of a newer version are left aside."""
    return RelationData(**_known(document, RelationData))


def _known(document: Mapping[str, Any], model: type[RelationSource] | type[RelationData]) -> dict[str, Any]:
    values = {name: document[name] for name in _NAMES[model] if name in document}
    values["addresses"] = tuple(
        Address(**{**address, "type": AddressType(address["type"])})
        for address in document.get("addresses", ())
    )
    values["bank_accounts"] = tuple(BankAccount(**account) for account in document.get("bank_accounts", ()))
    return values
