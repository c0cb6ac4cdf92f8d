"""Codes of countries, currencies and languages: whether there is such a one."""

from __future__ import annotations

from functools import lru_cache

import pycountry


@lru_cache(maxsize=1024)
def is_country(code: str) -> bool:
    """Whether `code` is one of ISO 3166."""
    return pycountry.countries.get(alpha_2=code) is not None


@lru_cache(maxsize=1024)
def is_currency(code: str) -> bool:
    """Whether `code` is one of ISO 4217."""
    return pycountry.currencies.get(alpha_3=code) is not None


@lru_cache(maxsize=1024)
def is_language(code: str) -> bool:
    """Whether `code` is one of ISO 639."""
    return pycountry.languages.get(alpha_2=code) is not None
