"""Codes that cards choose from, in the order in which a flower trader meets them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

from babel import Locale
from babel.numbers import get_currency_name, get_territory_currencies

from back_office.texts.catalogue import Translator
from back_office.web.components.table import Option

USUAL_COUNTRIES = ("NL", "BE", "DE", "SE", "FR", "DK", "FI", "AT", "LU", "PL", "GB", "CH", "NO", "IT", "ES")
USUAL_CURRENCIES = ("EUR", "SEK", "GBP", "DKK", "NOK", "CHF", "PLN", "USD")
NO_COUNTRIES = frozenset(
    {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
)
"""Two letters that name a territory or a group, and no country of ISO 3166."""
NO_CURRENCIES = frozenset({"BGN"})
"""Currencies that went over into another one since the list of territories was made."""
VAT_REGIMES = ("standard", "reduced", "zero", "exempt", "reverse_charge", "intra_community", "export")
DOCUMENTS = ("ekt", "invoice", "reminder", "quote", "delivery_note", "purchase_order")
"""Kinds of document that may have an e-mail address, or an attachment, of their own (FA-25, D-19)."""


def with_present(codes: Iterable[str], present: str) -> tuple[str, ...]:
    """The codes; one that is chosen already is always among them."""
    known = tuple(codes)
    return known if present in known or not present else (*known, present)


def countries(t: Translator, present: str = "") -> tuple[Option, ...]:
    """Every country by its name: the usual ones, then the others in order of the alphabet."""
    return _with(_countries(t.language), present)


def currencies(t: Translator, present: str = "") -> tuple[Option, ...]:
    """Every currency that is in use somewhere, by its code and name: the usual ones first."""
    return _with(_currencies(t.language), present)


@cache
def _countries(language: str) -> tuple[Option, ...]:
    names = {str(code): str(name) for code, name in Locale.parse(language).territories.items()}
    known = {code for code in names if len(code) == 2 and code.isalpha()} - NO_COUNTRIES
    others = sorted(known.difference(USUAL_COUNTRIES), key=lambda code: _letters(names[code]))
    return tuple(Option(code, names[code]) for code in (*USUAL_COUNTRIES, *others))


@cache
def _currencies(language: str) -> tuple[Option, ...]:
    in_use = {
        currency
        for option in _countries(language)
        for currency in get_territory_currencies(option.value)
        if currency not in (*USUAL_CURRENCIES, *NO_CURRENCIES)
    }
    codes = (*USUAL_CURRENCIES, *sorted(in_use))
    return tuple(Option(code, f"{code} ({get_currency_name(code, locale=language)})") for code in codes)


def _letters(name: str) -> str:
    """What a name is sorted by: its letters without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()


def _with(options: tuple[Option, ...], present: str) -> tuple[Option, ...]:
    known = not present or any(option.value == present for option in options)
    return options if known else (*options, Option(present, present))


def named(codes: Iterable[str], prefix: str, t: Translator, present: str = "") -> tuple[Option, ...]:
    """Codes to choose from, shown by the text of ``prefix + code`` where there is one."""
    return tuple(Option(code, t.either(prefix + code, code)) for code in with_present(codes, present))
