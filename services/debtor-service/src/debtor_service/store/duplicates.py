"""Cards that share a key with what is typed, or are called alike; each way by an index of its own."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.card import Card
from debtor_service.domain.duplicates import ALIKE_ANYWHERE, SHORTEST_NAME, Typed, plain_name
from debtor_service.store import cards

MOST_BY_KEY, MOST_NEARBY, MOST_ALIKE = 20, 50, 20
MOST_COMPARED = 300
"""A name that so many cards are called like says nothing; no more of them are looked at."""

_HAS_TRIGRAMS = sa.text(
    "select to_regprocedure('similarity(text, text)') is not null, "
    "set_config('pg_trgm.similarity_threshold', :threshold, true), "
    "set_config('plan_cache_mode', 'force_custom_plan', true)"
)
_LIVE = "state in ('active', 'blocked') and debtor_id <> :except"
_BY_KEY = (
    f"(select {cards.READ} from card where keys && cast(:keys as text[]) and {_LIVE} limit {MOST_BY_KEY})"  # noqa: S608
)
_NEARBY = f"select {cards.READ} from card where keys && cast(:nearby as text[]) and {_LIVE}"  # noqa: S608
_ALIKE = (
    f"(select {cards.READ} from (select * from card where plain_name % :name and {_LIVE} "  # noqa: S608
    f"limit {MOST_COMPARED}) as alike order by similarity(plain_name, :name) desc limit {MOST_ALIKE})"
)
_WITH_TRIGRAMS = sa.text(
    f"{_BY_KEY} union all ({_NEARBY} order by similarity(plain_name, :name) desc limit {MOST_NEARBY}) "
    f"union all {_ALIKE}"
)
_WITHOUT_TRIGRAMS = sa.text(f"{_BY_KEY} union all ({_NEARBY} limit 20 * {MOST_NEARBY})")


async def candidates(connection: AsyncConnection, typed: Typed, except_id: str) -> list[Card]:
    """Cards in use that may be the one that is typed, for `domain.duplicates.judge`.

    Where the database has no trigrams, names that are spelled differently are found at the same postal code only.
    """
    exact = [key for key in typed.keys if not key.startswith("postal:")]
    nearby = [key for key in typed.keys if key.startswith("postal:")]
    name = plain_name(typed.name)[:200]
    long_enough = len(name) >= SHORTEST_NAME
    if not exact and not (nearby and long_enough):
        return []
    has_trigrams = (await connection.execute(_HAS_TRIGRAMS, {"threshold": str(ALIKE_ANYWHERE)})).scalar_one()
    rows = await connection.execute(
        _WITH_TRIGRAMS if has_trigrams else _WITHOUT_TRIGRAMS,
        {
            "keys": exact,
            "nearby": nearby if long_enough else [],
            "name": name if long_enough else "",
            "except": except_id,
        },
    )
    return list({row["debtor_id"]: cards.card_of(row) for row in rows.mappings()}.values())
