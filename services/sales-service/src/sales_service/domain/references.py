"""Payment references: what the payer repeats, so that the payment finds its invoice by itself."""

from __future__ import annotations

import re


def payment_reference(seller_country: str, invoice_number: str) -> str:
    """Reference for `invoice_number` in the form of the seller's country.

    Belgium: structured communication ``+++ddd/dddd/ddddd+++`` (last two digits modulo 97). Finland:
    viitenumero (weights 7, 3, 1). Sweden: OCR number (Luhn). Elsewhere, and for a number without
    digits: the invoice number itself as free text.
    """
    digits = re.sub(r"\D", "", invoice_number).lstrip("0")
    if not digits:
        return invoice_number
    if seller_country == "BE":
        return _belgian(digits[-10:])
    if seller_country == "FI":
        return digits[-19:] + _finnish_check(digits[-19:])
    if seller_country == "SE":
        return digits[-24:] + _luhn_check(digits[-24:])
    return invoice_number


def _belgian(digits: str) -> str:
    check = int(digits) % 97 or 97
    text = f"{int(digits):010d}{check:02d}"
    return f"+++{text[:3]}/{text[3:7]}/{text[7:]}+++"


def _finnish_check(digits: str) -> str:
    weighed = sum(int(digit) * (7, 3, 1)[position % 3] for position, digit in enumerate(reversed(digits)))
    return str(-weighed % 10)


def _luhn_check(digits: str) -> str:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2 if position % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)
