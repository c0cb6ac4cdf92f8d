"""The accounting systems: which way to them, what each takes of a relation, and which codes it wants.

What a system has no place for is left out before a line is listed, so that the line shows exactly what will
be sent (EP-31) and a change that would not be sent brings nobody up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from accounting_sync.domain import limits
from accounting_sync.domain.relation import Address, AddressType


class Target(StrEnum):
    """The accounting system and the way to it."""

    EXACT_XML = "exact-xml"
    EXACT_DIRECT = "exact-direct"
    KING_XML = "king-xml"
    MONEYBIRD = "moneybird"
    CSV = "csv"


class Mode(StrEnum):
    """Whole files for a person to import, or calls line by line."""

    FILE = "file"
    DIRECT = "direct"


class Use(StrEnum):
    """What a system does with a mapping table.

    ``REQUIRED``: a value without a code holds the relation back. ``GIVEN``: the same, but an empty table means
    that nothing is sent. ``PASSED``: a value without a code goes as it is. ``UNUSED``: it has no such field.
    """

    REQUIRED = "required"
    GIVEN = "given"
    PASSED = "passed"
    UNUSED = "unused"


class Codes(StrEnum):
    """The mapping tables."""

    PAYMENT_TERMS = "payment_terms"
    VAT_REGIMES = "vat_regimes"
    CURRENCIES = "currencies"
    LANGUAGES = "languages"
    COUNTRIES = "countries"


_EACH_ADDRESS = tuple((kind,) for kind in AddressType)
_OWN_CODES: Mapping[Codes, Use] = {
    Codes.PAYMENT_TERMS: Use.REQUIRED,
    Codes.VAT_REGIMES: Use.GIVEN,
    Codes.CURRENCIES: Use.REQUIRED,
    Codes.LANGUAGES: Use.PASSED,
    Codes.COUNTRIES: Use.PASSED,
}


@dataclass(frozen=True, slots=True)
class TargetRules:
    """What one accounting system takes.

    Attributes:
        system: its name, for messages and pages.
        shared_numbers: a creditor with a debtor's number overwrites that debtor.
        limits: longest values, in characters.
        codes: what it does with each mapping table.
        numeric: tables whose codes are numbers, with the highest one.
        left_out: fields of a relation that it has no place for.
        addresses: its places for addresses, each with the kinds that may fill it, best first.
        bank_accounts: how many it keeps.
    """

    system: str
    mode: Mode
    shared_numbers: bool
    limits: Mapping[str, int]
    codes: Mapping[Codes, Use] = field(default_factory=lambda: _OWN_CODES)
    numeric: Mapping[Codes, int] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    addresses: tuple[tuple[AddressType, ...], ...] = _EACH_ADDRESS
    bank_accounts: int = 20

    def chosen(self, given: tuple[Address, ...]) -> tuple[Address, ...]:
        """The addresses that have a place there, each once."""
        by_type = {address.type: address for address in given}
        found = (next((by_type[kind] for kind in place if kind in by_type), None) for place in self.addresses)
        return tuple(address for address in found if address is not None)


RULES: Mapping[Target, TargetRules] = {
    Target.EXACT_XML: TargetRules("Exact Online", Mode.FILE, shared_numbers=True, limits=limits.EXACT),
    Target.EXACT_DIRECT: TargetRules("Exact Online", Mode.DIRECT, shared_numbers=True, limits=limits.EXACT),
    Target.KING_XML: TargetRules(
        "King",
        Mode.FILE,
        shared_numbers=False,
        limits=limits.KING,
        numeric={Codes.PAYMENT_TERMS: 999, Codes.VAT_REGIMES: 999},
        addresses=(
            (AddressType.VISIT,),
            (AddressType.INVOICE, AddressType.POSTAL),
            (AddressType.DELIVERY,),
        ),
    ),
    Target.MONEYBIRD: TargetRules(
        "Moneybird",
        Mode.DIRECT,
        shared_numbers=True,
        limits=limits.MONEYBIRD,
        codes=dict.fromkeys(Codes, Use.UNUSED) | {Codes.COUNTRIES: Use.PASSED},
        left_out=frozenset({"search_code", "website", "blocked"}),
        addresses=((AddressType.INVOICE, AddressType.POSTAL, AddressType.VISIT, AddressType.DELIVERY),),
        bank_accounts=1,
    ),
    Target.CSV: TargetRules(
        "the accounting system",
        Mode.FILE,
        shared_numbers=False,
        limits=limits.CSV,
        codes=dict.fromkeys(Codes, Use.PASSED),
    ),
}
"""What holds for each target."""
