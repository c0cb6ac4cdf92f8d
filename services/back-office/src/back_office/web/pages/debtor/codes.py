"""Codes that cards choose from, in the order in which a flower trader meets them."""

from __future__ import annotations

from collections.abc import Iterable

from back_office.texts.catalogue import Translator
from back_office.web.components.table import Option

COUNTRIES = ("NL", "BE", "DE", "SE", "FR", "DK", "FI", "AT", "LU", "PL", "GB", "CH", "NO", "IT", "ES")
CURRENCIES = ("EUR", "SEK", "GBP", "DKK", "NOK", "CHF", "PLN", "USD")
VAT_REGIMES = ("standard", "reduced", "zero", "exempt", "reverse_charge", "intra_community", "export")
DOCUMENTS = ("ekt", "invoice", "reminder", "quote", "delivery_note", "purchase_order")
"""Kinds of document that may have an e-mail address, or an attachment, of their own (FA-25, D-19)."""


def with_present(codes: Iterable[str], present: str) -> tuple[str, ...]:
    """The codes; one that is chosen already is always among them."""
    known = tuple(codes)
    return known if present in known or not present else (*known, present)


def coded(codes: Iterable[str], present: str = "") -> tuple[Option, ...]:
    """Codes to choose from, shown as they are."""
    return tuple(Option(code, code) for code in with_present(codes, present))


def named(codes: Iterable[str], prefix: str, t: Translator, present: str = "") -> tuple[Option, ...]:
    """Codes to choose from, shown by the text of ``prefix + code`` where there is one."""
    return tuple(Option(code, t.either(prefix + code, code)) for code in with_present(codes, present))
