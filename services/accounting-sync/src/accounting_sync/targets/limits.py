"""The longest values Exact Online takes, in characters: one table, to be changed here only.

Its schema states no lengths; these are what its screens and its REST interface accept.
"""

from types import MappingProxyType

EXACT_LIMITS = MappingProxyType(
    {
        "code": 18,
        "name": 50,
        "search_code": 20,
        "phone": 50,
        "email": 128,
        "website": 256,
        "address line": 100,
        "postal code": 20,
        "city": 100,
        "bank account": 50,
        "BIC": 11,
        "VAT number": 30,
        "chamber of commerce number": 30,
        "payment condition": 20,
        "currency": 3,
        "language": 10,
    }
)
