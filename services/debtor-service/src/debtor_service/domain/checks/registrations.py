"""VAT and chamber-of-commerce numbers: form and check digits per country, by python-stdnum."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stdnum import get_cc_module
from stdnum.be import vat as belgian
from stdnum.de import handelsregisternummer
from stdnum.eu import vat as european
from stdnum.exceptions import ValidationError
from stdnum.fi import ytunnus
from stdnum.se import orgnr

LONGEST_VAT = 20
"""Characters of a VAT number, prefix included."""

_PREFIX = re.compile(r"^[A-Z]{2}")
_NOISE = re.compile(r"[\s.\-/]")


class BadNumber(ValueError):
    """The number can't be right; the text says why and what it should look like."""


def clean_vat(number: str, country: str) -> str:
    """The VAT number with its country prefix, upper case, without blanks and dots.

    A number without prefix gets the prefix of `country`. Numbers of countries whose form is not known are
    kept as they are.

    Raises:
        BadNumber: form or check digits are wrong for its country.
    """
    compact = _NOISE.sub("", number).upper()
    prefix = compact[:2] if _PREFIX.match(compact) else ""
    if not prefix or not _known_prefix(prefix):
        prefix = "EL" if country == "GR" else country
        compact = compact if compact.startswith(prefix) else prefix + compact
    if prefix.lower() in european.MEMBER_STATES or prefix == "EL":
        return _valid(european.validate, compact, f"VAT number of {prefix}")
    module = get_cc_module(prefix.lower(), "vat")
    if module is None:
        if len(compact) > LONGEST_VAT:
            raise BadNumber(f"a VAT number has at most {LONGEST_VAT} characters")
        return compact
    return prefix + _valid(module.validate, compact, f"VAT number of {prefix}").removeprefix(prefix)


def _known_prefix(prefix: str) -> bool:
    return (
        prefix == "EL"
        or prefix.lower() in european.MEMBER_STATES
        or get_cc_module(prefix.lower(), "vat") is not None
    )


def clean_chamber_number(number: str, country: str) -> str:
    """The registration number of `country` in its plain form; other countries' numbers are only trimmed.

    Raises:
        BadNumber: form or check digits are wrong.
    """
    check = _CHAMBERS.get(country)
    return check(number) if check is not None else " ".join(number.split())


def _dutch(number: str) -> str:
    compact = _NOISE.sub("", number)
    if not (compact.isascii() and compact.isdigit() and len(compact) == 8):
        raise BadNumber("a KvK number has 8 digits")
    return compact


def _belgian(number: str) -> str:
    return _valid(belgian.validate, number, "Belgian enterprise number (10 digits that start with 0 or 1)")


def _swedish(number: str) -> str:
    return _valid(orgnr.validate, number, "Swedish organisation number (10 digits)")


def _german(number: str) -> str:
    return _valid(handelsregisternummer.validate, number, 'German register number ("Köln HRB 12345")')


def _finnish(number: str) -> str:
    return _valid(ytunnus.validate, number, "Finnish business id (1234567-8)")


_CHAMBERS: dict[str, Callable[[str], str]] = {
    "NL": _dutch,
    "BE": _belgian,
    "SE": _swedish,
    "DE": _german,
    "FI": _finnish,
}


def _valid(validate: Callable[[str], Any], number: str, what: str) -> str:
    try:
        return str(validate(number))
    except ValidationError as error:
        raise BadNumber(f"it is no {what}: {str(error).rstrip('.').lower()}") from error
