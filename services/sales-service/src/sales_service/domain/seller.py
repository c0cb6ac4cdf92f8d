"""The selling company: what stands on its documents, and the checks on it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stdnum import exceptions, iban, luhn
from stdnum.be import vat as belgian_vat
from stdnum.eu import vat as eu_vat
from stdnum.se import orgnr


@dataclass(frozen=True, slots=True)
class Fault:
    """A field of the seller that is wrong, with the cure."""

    field: str
    message: str
    cure: str


def seller_faults(
    *,
    country: str,
    vat_number: str,
    chamber_number: str,
    iban_number: str,
    electronic_scheme: str = "",
    electronic_identifier: str = "",
) -> tuple[Fault, ...]:
    """Everything that is wrong with the seller's numbers; empty ones are not judged."""
    found: list[Fault] = []
    if vat_number and not _vat_is_valid(vat_number, country):
        found.append(
            Fault(
                "vat_number",
                f"{vat_number} is not a VAT number of {country}",
                f"write it as on the registration, country code first, e.g. {country}...",
            )
        )
    if chamber_number and not _chamber_is_valid(chamber_number, country):
        found.append(
            Fault(
                "chamber_number",
                f"{chamber_number} is not a company registration number of {country}",
                "a KvK number has 8 digits; a Belgian or Swedish one 10 with a check digit",
            )
        )
    if iban_number and not iban.is_valid(iban_number):
        found.append(Fault("iban", f"{iban_number} is not a valid IBAN", "copy it from the bank statement"))
    if electronic_identifier and not electronic_is_valid(electronic_scheme, electronic_identifier):
        found.append(
            Fault(
                "electronic.identifier",
                f"{electronic_identifier} does not fit scheme {electronic_scheme}",
                "0106: KvK number of 8 digits; 0208: Belgian enterprise number; 0007: Swedish "
                "organisation number; 0088: GLN of 13 digits",
            )
        )
    return tuple(found)


def _vat_is_valid(number: str, country: str) -> bool:
    prefix = "EL" if country == "GR" else country
    compact = re.sub(r"[\s.-]", "", number).upper()
    if not compact.startswith(prefix):
        return False
    try:
        return bool(eu_vat.is_valid(compact))
    except exceptions.ValidationError:  # pragma: no cover - is_valid of one country module leaks it
        return False


def _chamber_is_valid(number: str, country: str) -> bool:
    compact = re.sub(r"[\s.-]", "", number)
    if country == "NL":
        return bool(re.fullmatch(r"[0-9]{8}", compact))
    if country == "BE":
        return bool(belgian_vat.is_valid(compact))
    if country == "SE":
        return bool(orgnr.is_valid(compact))
    return True  # other registers have forms of their own, e.g. HRB 4711 with the name of the court


def electronic_is_valid(scheme: str, identifier: str) -> bool:
    """Whether `identifier` is a participant of the e-invoice scheme (EAS code) `scheme`."""
    if scheme == "0106":
        return bool(re.fullmatch(r"[0-9]{8}", identifier))
    if scheme == "0208":
        return bool(re.fullmatch(r"[0-9]{10}", identifier)) and bool(belgian_vat.is_valid(identifier))
    if scheme == "0007":
        return bool(re.fullmatch(r"[0-9]{10}", identifier)) and bool(luhn.is_valid(identifier))
    if scheme == "0088":
        return bool(re.fullmatch(r"[0-9]{13}", identifier)) and _gln_is_valid(identifier)
    return bool(re.fullmatch(r"[A-Za-z0-9:._-]{1,50}", identifier))


def _gln_is_valid(digits: str) -> bool:
    weighed = sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(digits[:-1]))
    return -weighed % 10 == int(digits[-1])
