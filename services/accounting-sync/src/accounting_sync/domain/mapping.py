"""Mapping tables of an administration: our values to the codes that exist in its accounting system.

A payment term of 30 days is "30" in one set of books and "0030" in the next; a code that does not exist
there fails the import of the whole relation. So what must be mapped and is not becomes a message on the line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from accounting_sync.domain.relation import RelationData, RelationSource
from accounting_sync.domain.targets import Codes, TargetRules, Use


@dataclass(frozen=True, slots=True)
class MappingTables:
    """Per table: our value to the code over there. `payment_terms` is keyed by days, as text."""

    payment_terms: Mapping[str, str] = field(default_factory=dict)
    vat_regimes: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)

    def of(self, codes: Codes) -> Mapping[str, str]:
        """One table by its name."""
        table: Mapping[str, str] = getattr(self, codes.value)
        return table


@dataclass(frozen=True, slots=True)
class Mapped:
    """What would be sent, and what the tables lack for it."""

    data: RelationData
    missing: tuple[str, ...] = ()


def apply(source: RelationSource, tables: MappingTables, administration: str, rules: TargetRules) -> Mapped:
    """Map one relation for one administration; every gap is named with its cure."""
    missing: list[str] = []

    def code(codes: Codes, value: str | None, what: str, as_is: str | None = None) -> str | None:
        """The code over there; `as_is` is how a value is written that passes without one."""
        use, table = rules.codes[codes], tables.of(codes)
        if value is None or use is Use.UNUSED or (use is Use.GIVEN and not table):
            return None
        if value in table:
            return table[value]
        if use is Use.PASSED:
            return as_is or value
        missing.append(
            f'{what} has no code in {rules.system}: add "{value}" to the table "{codes}" '
            f"of administration {administration}"
        )
        return None

    days = None if source.payment_days is None else str(source.payment_days)
    condition = code(Codes.PAYMENT_TERMS, days, f"payment term of {days} days")
    vat_code = code(Codes.VAT_REGIMES, source.vat_regime, f"VAT regime {source.vat_regime}")
    currency = code(Codes.CURRENCIES, source.currency, f"currency {source.currency}")
    language = source.language.upper() if source.language else None
    data = RelationData(
        code=source.number,
        name=source.name,
        search_code=source.search_code,
        phone=source.phone,
        email=source.email,
        website=source.website,
        language=code(Codes.LANGUAGES, source.language or None, "", language),
        blocked=source.blocked,
        addresses=tuple(
            replace(address, country=code(Codes.COUNTRIES, address.country or None, "") or "")
            for address in rules.chosen(source.addresses)
        ),
        bank_accounts=source.bank_accounts[: rules.bank_accounts],
        vat_number=source.vat_number,
        chamber_number=source.chamber_number,
        currency=currency,
        payment_condition=condition,
        vat_code=vat_code,
    )
    if rules.left_out:
        unused: dict[str, Any] = {name: False if name == "blocked" else None for name in rules.left_out}
        data = replace(data, **unused)
    return Mapped(data, tuple(missing))
