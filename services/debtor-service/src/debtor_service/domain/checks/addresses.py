"""E-mail addresses, bank accounts and e-invoice addresses: what each must look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email
from klokwerk_contracts.types import ElectronicAddress
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from stdnum import ean, luhn
from stdnum.be import vat as belgian
from stdnum.exceptions import ValidationError
from stdnum.fi import ytunnus

from debtor_service.domain.checks.registrations import BadNumber

_PLAIN_EMAIL = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@([A-Za-z0-9.-]+)")
_LONGEST_EMAIL = 254


def clean_email(address: str) -> str:
    """The address in its normal form; no look-up is made.

    Raises:
        BadNumber: it can't be an e-mail address.
    """
    address = address.strip()
    plain = _PLAIN_EMAIL.fullmatch(address)
    domain = _domain(plain[1]) if plain is not None and len(address) <= _LONGEST_EMAIL else ""
    if plain is not None and domain and domain.isascii():
        return address[: plain.start(1)] + domain  # nothing in it but the domain has another form
    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise BadNumber(str(error).rstrip(".")) from error


@lru_cache(maxsize=16_384)
def _domain(domain: str) -> str:
    """The domain in its normal form, kept since a list of customers names few of them often; empty: it is wrong."""
    try:
        return validate_email(f"a@{domain}", check_deliverability=False).domain
    except EmailNotValidError:
        return ""


def clean_iban(iban: str) -> str:
    """The IBAN without blanks.

    Raises:
        BadNumber: country, length or check digits are wrong.
    """
    try:
        return str(IBAN(iban))
    except SchwiftyException as error:
        raise BadNumber(str(error).rstrip(".")) from error


def clean_bic(bic: str) -> str:
    """The BIC in upper case.

    Raises:
        BadNumber: it has another form than 8 or 11 characters.
    """
    try:
        return str(BIC(bic))
    except SchwiftyException as error:
        raise BadNumber(str(error).rstrip(".")) from error


def clean_participant(address: ElectronicAddress) -> ElectronicAddress:
    """The e-invoice address without blanks and dots where its scheme has digits.

    Raises:
        BadNumber: the scheme is no longer accepted, or the check digits are wrong.
    """
    if address.scheme == "0037":
        raise BadNumber("scheme 0037 is no longer accepted; use 0216")
    rule = _SCHEMES.get(address.scheme)
    if rule is None:
        return address
    what, validate = rule
    try:
        return ElectronicAddress(scheme=address.scheme, identifier=validate(address.identifier))
    except ValidationError as error:
        raise BadNumber(f"with scheme {address.scheme} it must be a {what}") from error


def _digits(length: int) -> Callable[[str], str]:
    def validate(value: str) -> str:
        compact = "".join(c for c in value if c not in " .-")
        if not (compact.isascii() and compact.isdigit() and len(compact) == length):
            raise ValidationError
        return compact

    return validate


def _swedish(value: str) -> str:
    return str(luhn.validate(_digits(10)(value)))


def _gln(value: str) -> str:
    return str(ean.validate(_digits(13)(value)))


def _belgian(value: str) -> str:
    return str(belgian.validate(_digits(10)(value)))


def _finnish(value: str) -> str:
    return value if value.startswith("003") else str(ytunnus.validate(value))


_SCHEMES: dict[str, tuple[str, Callable[[str], str]]] = {
    "0007": ("Swedish organisation number of 10 digits", _swedish),
    "0088": ("GLN of 13 digits", _gln),
    "0106": ("KvK number of 8 digits", _digits(8)),
    "0190": ("OIN of 20 digits", _digits(20)),
    "0208": ("Belgian enterprise number of 10 digits", _belgian),
    "0216": ("Finnish OVT code or business id", _finnish),
}
