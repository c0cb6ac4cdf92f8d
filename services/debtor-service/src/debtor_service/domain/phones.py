"""Telephone numbers: whether one is possible, and the forms in which people look for it."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

_CUT = str.maketrans("", "", " ()-./+")


def possible(phone: str, country: str) -> bool:
    """Whether it can be a telephone number; one without a prefix is read as a number of `country`."""
    number = _parsed(phone, country)
    return number is not None and phonenumbers.is_possible_number(number)


def digits_of(phone: str, country: str) -> tuple[str, ...]:
    """The number as dialled from abroad and at home, digits only: ``31715550111``, ``0715550111``."""
    number = _parsed(phone, country)
    if number is None:
        return (phone.translate(_CUT),)
    abroad = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    home = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return abroad, "".join(c for c in home if c.isdigit())


@lru_cache(maxsize=1024)  # a number is checked, then its card made findable: twice within one chunk
def _parsed(phone: str, country: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return None
