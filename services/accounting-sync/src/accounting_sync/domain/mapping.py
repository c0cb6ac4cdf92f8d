"""Mapping tables of an administration: our values to the codes that exist in its accounting system.

A payment term of 30 days is "30" in one set of books and "0030" in the next; a code that does not exist
there fails the import of the whole relation. So payment terms and currencies must be mapped, and what is
missing becomes a message on the line. Languages and countries are standard codes that pass as they are
unless the table says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from accounting_sync.domain.relation import RelationData, RelationSource


@dataclass(frozen=True, slots=True)
class MappingTables:
    """Per table: our value to the code over there. `payment_terms` is keyed by days, as text."""

    payment_terms: Mapping[str, str] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapped:
    """What would be sent, and what the tables lack for it."""

    data: RelationData
    missing: tuple[str, ...] = ()


def apply(source: RelationSource, tables: MappingTables, administration: str) -> Mapped:
    """Map one relation for one administration; every gap is named with its cure."""
    missing: list[str] = []

    def mapped(table: Mapping[str, str], name: str, what: str, value: str | None) -> str | None:
        if value is None:
            return None
        if value not in table:
            missing.append(
                f'{what} has no code in the accounting system: add "{value}" to the table "{name}" '
                f"of administration {administration}"
            )
            return None
        return table[value]

    days = None if source.payment_days is None else str(source.payment_days)
    condition = mapped(tables.payment_terms, "payment_terms", f"payment term of {days} days", days)
    currency = mapped(tables.currencies, "currencies", f"currency {source.currency}", source.currency)
    language = source.language.upper() if source.language else None
    data = RelationData(
        code=source.number,
        name=source.name,
        search_code=source.search_code,
        phone=source.phone,
        email=source.email,
        website=source.website,
        language=tables.languages.get(source.language or "", language),
        blocked=source.blocked,
        addresses=tuple(
            replace(address, country=tables.countries.get(address.country or "", address.country or ""))
            for address in source.addresses
        ),
        bank_accounts=source.bank_accounts,
        vat_number=source.vat_number,
        chamber_number=source.chamber_number,
        currency=currency,
        payment_condition=condition,
    )
    return Mapped(data, tuple(missing))
