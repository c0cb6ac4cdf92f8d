"""Cards that lines of a list may be doubles of, for many lines at once.

What makes a double is the rule of `domain.duplicates`, the same as while typing; only a name alone, without the
postal code, is no sign here, since whole lines would be left out for it. Numbers are looked up where they are unique.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

MOST_SHARING = 50
"""Cards with the same registration or mailbox that are compared with a line, the oldest first."""

MOST_AT_ONE_CODE = 2000
"""Cards at one postal code whose names are compared with those of the lines there, the oldest first."""

MOST_NEARBY = 20
"""Cards at the postal code of a line that are compared with it, those called most like it first."""

_LIVE = "state in ('active', 'blocked')"
PLANNED = sa.text(
    "select to_regprocedure('similarity(text, text)') is not null, "
    "set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', :seqscan, true)"
)
"""By the statistics a table that is being filled looks smaller than it is, and reading all of it, for each line or for
each chunk, looks cheap. So while cards are looked up by their keys they are read along the index."""

SHARING = sa.text(
    "with hits as materialized ("  # noqa: S608
    f"select debtor_id, keys from card where keys && cast(:keys as text[]) and {_LIVE}), "
    "placed as (select key, debtor_id, row_number() over (partition by key order by debtor_id) as place "
    "from hits, unnest(keys) as key where key = any(cast(:keys as text[]))) "
    f"select key, debtor_id from placed where place <= {MOST_SHARING}"
)
_NEARBY = (
    "with wanted as materialized (select n, called, names, unnest(codes) as code from "  # noqa: S608
    "jsonb_to_recordset(cast(:lines as jsonb)) as w(n integer, called text, codes text[], names text[])), "
    "living as materialized (select debtor_id, plain_name, keys, code, "
    "row_number() over (partition by code order by debtor_id) as place from card, unnest(keys) as code "
    f"where keys && cast(:codes as text[]) and code = any(cast(:codes as text[])) and {_LIVE}), "
    f"near as (select debtor_id, plain_name, keys, code from living where place <= {MOST_AT_ONE_CODE}), "
    "alike as (select distinct wanted.n, near.debtor_id, {likeness} as likeness from wanted join near using (code) "
    "where {enough}), "
    "placed as (select n, debtor_id, row_number() over (partition by n order by likeness desc, debtor_id) as place "
    "from alike) "
    f"select n, debtor_id from placed where place <= {MOST_NEARBY}"
)
NEARBY_ALIKE = sa.text(
    _NEARBY.format(
        likeness="similarity(plain_name, called)", enough=f"similarity(plain_name, called) >= {_ALIKE_AT_ALL}"
    )
)
_NEARBY_SAME = sa.text(_NEARBY.format(likeness="1", enough="keys && names"))
_BY_NUMBER = sa.text(
    "select n.administration, n.kind, n.number, n.debtor_id from card_number n "
    "join jsonb_to_recordset(cast(:numbers as jsonb)) as w(administration text, kind text, number text) "
    "using (administration, kind, number)"
)
_BY_CUSTOMER_NUMBER = sa.text(
    "select customer_number, debtor_id from card where customer_number = any(cast(:numbers as text[])) "
    "and customer_number <> ''"
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
    keys = typed.keys
    exact, codes, names = _exact(keys), _starting("postal:", keys), _starting("name:", keys)
    return exact + [f"name_and_postal_code:{name}:{code}" for name in names for code in codes]


async def by_likeness(connection: AsyncConnection, wanted: Mapping[int, Typed]) -> dict[int, list[Match]]:
    """Cards in use that are the same by the rule of doubles, by the number of the line.

    Args:
        wanted: what stands on each line, by its number.
    """
    keys = await asyncio.to_thread(lambda: {number: typed.keys for number, typed in wanted.items()})
    planned = await connection.execute(PLANNED, {"seqscan": "off"})
    sharing = await _sharing(connection, keys)
    nearby = await _nearby(connection, wanted, keys, trigrams=planned.scalar_one())
    await connection.execute(PLANNED, {"seqscan": "on"})
    candidates = {n: sharing.get(n, set()) | nearby.get(n, set()) for n in wanted}
    found = await cards.find(connection, {debtor_id for ids in candidates.values() for debtor_id in ids})
    return await asyncio.to_thread(_judged, wanted, candidates, found)


async def _sharing(connection: AsyncConnection, keys: Mapping[int, Sequence[str]]) -> dict[int, set[str]]:
    exact = {number: _exact(each) for number, each in keys.items()}
    every = sorted({key for each in exact.values() for key in each})
    if not every:
        return {}
    holders: dict[str, set[str]] = {}
    for row in await connection.execute(SHARING, {"keys": every}):
        holders.setdefault(row.key, set()).add(row.debtor_id)
    return {n: {i for key in each for i in holders.get(key, ())} for n, each in exact.items()}


async def _nearby(
    connection: AsyncConnection,
    wanted: Mapping[int, Typed],
    keys: Mapping[int, Sequence[str]],
    *,
    trigrams: bool,
) -> dict[int, set[str]]:
    lines: list[dict[str, Any]] = []
    for number, each in keys.items():
        codes, names = _starting("postal:", each), _starting("name:", each)
        if codes and names:
            called = plain_name(wanted[number].name)[:200]
            lines.append({"n": number, "called": called, "codes": codes, "names": names})
    if not lines:
        return {}
    values = {
        "lines": orjson.dumps(lines).decode(),
        "codes": sorted({code for line in lines for code in line["codes"]}),
    }
    found: dict[int, set[str]] = {}
    for row in await connection.execute(NEARBY_ALIKE if trigrams else _NEARBY_SAME, values):
        found.setdefault(row.n, set()).add(row.debtor_id)
    return found


def _exact(keys: Sequence[str]) -> list[str]:
    return [key for key in keys if key.startswith(_EXACT)]


def _starting(kind: str, keys: Sequence[str]) -> list[str]:
    return [key for key in keys if key.startswith(kind)]


def _judged(
    wanted: Mapping[int, Typed], candidates: Mapping[int, set[str]], found: Mapping[str, Card]
) -> dict[int, list[Match]]:
    matches: dict[int, list[Match]] = {}
    for number, ids in candidates.items():
        those = [found[debtor_id] for debtor_id in sorted(ids) if debtor_id in found]
        for each in judge(wanted[number], those, MOST_MATCHES) if those else ():
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
