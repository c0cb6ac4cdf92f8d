"""Pre-flight: everything that would go wrong with a line, said at once, before anything is sent.

An accounting system names its objections one at a time and in its own words; here all of them are found
together and each says what to change (EP-50). All messages have origin "own".
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from stdnum import bic, iban
from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from accounting_sync.domain.administration import Administration
from accounting_sync.domain.relation import Address, Kind, RelationData
from accounting_sync.domain.targets import TargetRules

NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
COUNTRY = re.compile(r"^[A-Z]{2}$")
KVK = re.compile(r"^\d{8}$")

EU_PREFIX = re.compile(
    r"^(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)", re.IGNORECASE
)
"""Countries whose VAT numbers have a form that can be checked."""


def preflight(
    kind: Kind,
    data: RelationData,
    administration: Administration,
    *,
    missing: Iterable[str] = (),
    merged_into: str | None = None,
) -> tuple[str, ...]:
    """All reasons why this line can't be exported, empty if there is none.

    `missing` are the gaps the mapping tables left; `merged_into` names the card that took this one over
    (then that is the only reason, D-18).
    """
    if merged_into is not None:
        return (f"merged into {merged_into}",)
    rules = administration.rules
    return (
        *_number(kind, data, administration),
        *_texts(data, rules),
        *_addresses(data.addresses, rules),
        *_registrations(data),
        *missing,
    )


def _number(kind: Kind, data: RelationData, administration: Administration) -> Iterator[str]:
    if not data.code:
        yield f"no {kind.one} number"
        return
    if not (data.code.isascii() and data.code.isdigit()):
        yield f'{kind.one} number "{data.code}" has other characters than digits; give it a number of digits'
        return
    rules = administration.rules
    if len(data.code) > rules.limits["code"]:
        return  # told as a length
    foreign = administration.ranges.get(kind.other)
    if rules.shared_numbers and foreign is not None and int(data.code) in foreign:
        yield (
            f"{kind.one} number {data.code} lies in the range of the {kind.other.value} ({foreign}) and "
            f"would overwrite one of them; give the relation a {kind.one} number of its own range"
        )


def _texts(data: RelationData, rules: TargetRules) -> Iterator[str]:
    if not (data.name or "").strip():
        yield "no name; fill in the name of the relation"
    values = [
        ("code", data.code),
        ("name", data.name),
        ("search_code", data.search_code),
        ("phone", data.phone),
        ("email", data.email),
        ("website", data.website),
        ("VAT number", data.vat_number),
        ("chamber of commerce number", data.chamber_number),
        ("payment condition", data.payment_condition),
        ("VAT code", data.vat_code),
        ("currency", data.currency),
        ("language", data.language),
    ]
    for account in data.bank_accounts:
        values += [("bank account", account.iban), ("BIC", account.bic)]
    for name, value in values:
        if value is not None:
            yield from _text(name, value, rules)


def _text(name: str, value: str | None, rules: TargetRules, label: str = "") -> Iterator[str]:
    if value is None:
        return
    if NOT_XML.search(value):
        yield f"{label or name} holds a control character; type it again without pasting"
    if len(value) > rules.limits[name]:
        yield (
            f"{label or name} has {len(value)} characters, {rules.system} takes {rules.limits[name]} at most; "
            "shorten it"
        )


def _addresses(addresses: Iterable[Address], rules: TargetRules) -> Iterator[str]:
    for address in addresses:
        where = f"{address.type} address"
        yield from _text("address line", address.line1, rules, f"{where}, first line")
        yield from _text("second address line", address.line2, rules, f"{where}, second line")
        yield from _text("postal code", address.postal_code, rules, f"{where}, postal code")
        yield from _text("city", address.city, rules, f"{where}, city")
        if not address.line1:
            yield f"{where} has no street; fill in street and number"
        if not address.country:
            yield f"{where} has no country; choose one"
        elif rules.limits["country"] == 2 and not COUNTRY.match(address.country):
            yield f'{where} has country "{address.country}"; choose a country of two letters, such as NL'
        else:
            yield from _text("country", address.country, rules, f"{where}, code of the country")


def _registrations(data: RelationData) -> Iterator[str]:
    if data.vat_number and EU_PREFIX.match(data.vat_number) and not _is_vat_number(data.vat_number):
        yield f'VAT number "{data.vat_number}" is not a valid one; check it with the relation'
    if data.chamber_number and _home(data) == "NL" and not KVK.match(data.chamber_number):
        yield f'chamber of commerce number "{data.chamber_number}" must have eight digits'
    for account in data.bank_accounts:
        try:
            iban.validate(account.iban)
        except ValidationError:
            yield f'bank account "{account.iban}" is not a valid IBAN; check it with the relation'
        if account.bic and not bic.is_valid(account.bic):
            yield f'BIC "{account.bic}" is not a valid one; check it with the relation'


@lru_cache(maxsize=20_000)
def _is_vat_number(number: str) -> bool:
    """A line is checked when it is fetched, shown and exported, and this is the dearest of its checks."""
    return bool(vat.is_valid(number))


def _home(data: RelationData) -> str | None:
    return next((address.country for address in data.addresses if address.country), None)
