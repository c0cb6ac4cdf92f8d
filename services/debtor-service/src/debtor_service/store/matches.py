"""Cards that lines of a list may be doubles of, for many lines at once.

What makes a double is the rule of `domain.duplicates`, the same as while typing; only a name alone, without the
postal code, is no sign here, since whole lines would be left out for it. Numbers are looked up where they are unique.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
import sqlalchemy as sa
from klokwerk_contracts.debtor_changed import Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.duplicates import Reason, Typed, judge, plain_name
from debtor_service.store import cards

MOST_MATCHES = 5
"""Cards that are shown for one line."""

NUMBER, CUSTOMER_NUMBER = "number", "customer_number"
ORDER = (CUSTOMER_NUMBER, NUMBER, *(reason.value for reason in Reason))
"""Signs by which a double is recognised, the strongest first."""

_EXACT = ("vat:", "chamber:", "email:")
_ALIKE_AT_ALL = 0.25
"""Likeness below which the database does not even bring a card; `domain.duplicates` decides."""

_LIVE = "state in ('active', 'blocked')"
_BY_KEY = sa.text(
    f"select {cards.READ}, keys from card where keys && cast(:keys as text[]) and {_LIVE} order by debtor_id"  # noqa: S608
)
_HAS_TRIGRAMS = sa.text(
    "select to_regprocedure('similarity(text, text)') is not null, "
    "set_config('plan_cache_mode', 'force_custom_plan', true)"
)
_NEARBY = (
    f"select w.n, {cards.READ} from jsonb_to_recordset(cast(:lines as jsonb)) "  # noqa: S608
    f"as w(n integer, called text, codes text[], names text[]) join card on keys && w.codes where {_LIVE} and "
)
_NEARBY_ALIKE = sa.text(f"{_NEARBY} similarity(plain_name, w.called) >= {_ALIKE_AT_ALL}")
_NEARBY_SAME = sa.text(f"{_NEARBY} keys && w.names")
_BY_NUMBER = sa.text(
    "select n.administration, n.kind, n.number, n.debtor_id from card_number n "
    "join jsonb_to_recordset(cast(:numbers as jsonb)) as w(administration text, kind text, number text) "
    "using (administration, kind, number)"
)
_BY_CUSTOMER_NUMBER = sa.text(
    "select customer_number, debtor_id from card where customer_number = any(cast(:numbers as text[]))"
)

Number = tuple[str, Kind, str]
"""Administration, kind and number."""


@dataclass(frozen=True, slots=True)
class Match:
    """A card that may be the same as a line's, and the strongest sign for it, one of `ORDER`."""

    card: Card
    by: str

    def plain(self) -> dict[str, str]:
        """As it is kept with the line."""
        card = self.card
        number = card.customer_number or card.debtor_number or card.creditor_number
        return {"debtor_id": card.debtor_id, "name": card.content.name, "number": number, "by": self.by}


def typed_of(content: CardContent) -> Typed:
    """A card to be as the rule of doubles looks at it."""
    return Typed(
        name=content.name,
        country=content.country,
        vat_number=content.vat_number,
        chamber_number=content.chamber_number,
        emails=(*(e.address for e in content.emails), *(c.email for c in content.contact_persons if c.email)),
        postal_codes=tuple(address.postal_code for address in content.addresses),
    )


def keys_within(typed: Typed) -> list[str]:
    """What lines of one file are compared by: exact registrations and addresses, and a name at a postal code."""
    keys = [key for key in typed.keys if key.startswith(_EXACT)]
    names = [key for key in typed.keys if key.startswith("name:")]
    codes = [key for key in typed.keys if key.startswith("postal:")]
    return keys + [f"name_and_postal_code:{name}:{code}" for name in names for code in codes]


async def by_likeness(connection: AsyncConnection, wanted: Mapping[int, Typed]) -> dict[int, list[Match]]:
    """Cards in use that are the same by the rule of doubles, by the number of the line.

    Args:
        wanted: what stands on each line, by its number.
    """
    exact = {n: [key for key in typed.keys if key.startswith(_EXACT)] for n, typed in wanted.items()}
    found: dict[int, dict[str, Card]] = {number: {} for number in wanted}
    by_key: dict[str, list[Card]] = {}
    every = sorted({key for keys in exact.values() for key in keys})
    for row in (await connection.execute(_BY_KEY, {"keys": every})).mappings():
        card = cards.card_of(row)
        for key in row["keys"]:
            by_key.setdefault(key, []).append(card)
    for number, keys in exact.items():
        found[number] |= {card.debtor_id: card for key in keys for card in by_key.get(key, ())}
    await _nearby(connection, wanted, found)
    return await asyncio.to_thread(_judged, wanted, found)


async def _nearby(
    connection: AsyncConnection, wanted: Mapping[int, Typed], found: dict[int, dict[str, Card]]
) -> None:
    lines = []
    for number, typed in wanted.items():
        codes = [key for key in typed.keys if key.startswith("postal:")]
        names = [key for key in typed.keys if key.startswith("name:")]
        if codes and names:
            lines.append(
                {"n": number, "called": plain_name(typed.name)[:200], "codes": codes, "names": names}
            )
    if not lines:
        return
    alike = (await connection.execute(_HAS_TRIGRAMS)).scalar_one()
    rows = await connection.execute(
        _NEARBY_ALIKE if alike else _NEARBY_SAME, {"lines": orjson.dumps(lines).decode()}
    )
    for row in rows.mappings():
        found[row["n"]].setdefault(row["debtor_id"], cards.card_of(row))


def _judged(wanted: Mapping[int, Typed], found: Mapping[int, Mapping[str, Card]]) -> dict[int, list[Match]]:
    matches: dict[int, list[Match]] = {}
    for number, candidates in found.items():
        for each in judge(wanted[number], candidates.values(), MOST_MATCHES) if candidates else ():
            signs = [reason for reason in each.reasons if reason is not Reason.NAME]
            if signs:
                matches.setdefault(number, []).append(Match(each.card, signs[0].value))
    return matches


async def by_numbers(connection: AsyncConnection, numbers: Sequence[Number]) -> dict[Number, str]:
    """Who has these debtor and creditor numbers, also among merged and anonymised cards."""
    wanted = [{"administration": a, "kind": kind.value, "number": n} for a, kind, n in set(numbers)]
    if not wanted:
        return {}
    rows = await connection.execute(_BY_NUMBER, {"numbers": orjson.dumps(wanted).decode()})
    return {(row.administration, Kind(row.kind), row.number): row.debtor_id for row in rows}


async def by_customer_numbers(connection: AsyncConnection, numbers: Sequence[str]) -> dict[str, str]:
    """Who has these customer numbers, also among merged cards."""
    if not numbers:
        return {}
    rows = await connection.execute(_BY_CUSTOMER_NUMBER, {"numbers": sorted(set(numbers))})
    return {row.customer_number: row.debtor_id for row in rows}


def ranked(found: Sequence[Match]) -> list[Match]:
    """Each card once, by its strongest sign, the likeliest first."""
    best: dict[str, Match] = {}
    for match in sorted(found, key=lambda each: ORDER.index(each.by)):
        best.setdefault(match.card.debtor_id, match)
    return list(best.values())[:MOST_MATCHES]
