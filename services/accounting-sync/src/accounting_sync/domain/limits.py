"""The longest values each accounting system takes, in characters: one place, to be changed here only.

Exact Online's schema states no lengths; these are what its screens and its REST interface accept. King's are
those of its official schema. Moneybird documents none for most fields; these keep within what it shows.
"""

from collections.abc import Mapping
from types import MappingProxyType

EXACT: Mapping[str, int] = MappingProxyType(
    {
        "code": 18,
        "name": 50,
        "search_code": 20,
        "phone": 50,
        "email": 128,
        "website": 256,
        "address line": 100,
        "second address line": 100,
        "postal code": 20,
        "city": 100,
        "country": 2,
        "bank account": 50,
        "BIC": 11,
        "VAT number": 30,
        "chamber of commerce number": 30,
        "payment condition": 20,
        "VAT code": 20,
        "currency": 3,
        "language": 10,
    }
)
KING: Mapping[str, int] = MappingProxyType(
    {
        "code": 10,
        "name": 40,
        "search_code": 10,
        "phone": 25,
        "email": 80,
        "website": 250,
        "address line": 40,
        "second address line": 40,
        "postal code": 40,
        "city": 40,
        "country": 3,
        "bank account": 34,
        "BIC": 11,
        "VAT number": 15,
        "chamber of commerce number": 40,
        "payment condition": 3,
        "VAT code": 3,
        "currency": 3,
        "language": 3,
    }
)
MONEYBIRD: Mapping[str, int] = MappingProxyType(
    {
        **EXACT,
        "name": 255,
        "email": 255,
        "address line": 255,
        "second address line": 255,
        "city": 255,
        "VAT number": 30,
    }
)
CSV: Mapping[str, int] = MappingProxyType(dict.fromkeys(EXACT, 500) | {"code": 18, "country": 40})
