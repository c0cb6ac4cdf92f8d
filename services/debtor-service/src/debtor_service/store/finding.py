"""Pages of a list of cards, fast however often the words that are searched for occur among 100,000 of them.

A search is answered in the order that people expect: cards whose name starts with the first word, then the others,
each by name. Rare words are looked up in the trigram index and sorted; frequent ones are met soon when reading by
name, and sorting all of them would take longer than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.store.cards import READ, CardFilter, conditions, json_of

MOST_SORTED = 3000
"""Up to so many cards a search is answered by sorting all that it finds."""

STARTS_WITH, OTHERS = 0, 1

_PLAN_EACH = sa.text("select set_config('plan_cache_mode', 'force_custom_plan', true)")
"""A plan that was made for a rare word is the wrong one for a frequent one, so none is kept."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: `rank` says whether names that start with the first word were still being listed."""

    rank: int
    sort_name: str
    debtor_id: str


async def page(
    connection: AsyncConnection, wanted: CardFilter, after: Position | None, limit: int
) -> list[dict[str, Any]]:
    """Up to `limit` cards as plain JSON, with ``sort_name`` and ``rank``, after the position given."""
    await connection.execute(_PLAN_EACH)
    if not wanted.words:
        return await _by_name(connection, wanted, OTHERS, after, limit)
    rows: list[dict[str, Any]] = []
    if after is None or after.rank == STARTS_WITH:
        rows = await _by_name(connection, wanted, STARTS_WITH, after, limit)
        after = None
    if len(rows) < limit:
        rest = await _few(connection, wanted, after, limit - len(rows))
        rows += (
            rest if rest is not None else await _by_name(connection, wanted, OTHERS, after, limit - len(rows))
        )
    return rows


async def _by_name(
    connection: AsyncConnection, wanted: CardFilter, rank: int, after: Position | None, limit: int
) -> list[dict[str, Any]]:
    where, values = _where(wanted, rank, after)
    statement = sa.text(
        f"select sort_name, {READ} from card where {where} "  # noqa: S608
        "order by sort_name, debtor_id limit :limit"
    )
    rows = await connection.execute(statement, {**values, "limit": limit})
    return [_plain(row, rank) for row in rows.mappings()]


async def _few(
    connection: AsyncConnection, wanted: CardFilter, after: Position | None, limit: int
) -> list[dict[str, Any]] | None:
    """The page where the words are rare; none where they are not."""
    where, values = _where(wanted, OTHERS, after)
    found = sa.text(
        f"with found as materialized (select sort_name, debtor_id from card where {where} limit :most) "  # noqa: S608
        "select count(*) as number, (array_agg(debtor_id order by sort_name, debtor_id))[1:cast(:limit as int)] as ids "
        "from found"
    )
    row = (await connection.execute(found, {**values, "most": MOST_SORTED + 1, "limit": limit})).one()
    if row.number > MOST_SORTED:
        return None
    rows = await connection.execute(_THESE, {"ids": list(row.ids or ())})
    return [_plain(each, OTHERS) for each in rows.mappings()]


_THESE = sa.text(
    f"select sort_name, {READ} from card where debtor_id = any(cast(:ids as text[])) "  # noqa: S608
    "order by sort_name, debtor_id"
)


def _where(wanted: CardFilter, rank: int, after: Position | None) -> tuple[str, dict[str, Any]]:
    where, values = conditions(wanted)
    if wanted.words:
        where.append("sort_name like :start" if rank == STARTS_WITH else "sort_name not like :start")
        values["start"] = f"{wanted.words[0]}%"
    if after is not None:
        where.append("(sort_name, debtor_id) > (:after_name, :after_id)")
        values |= {"after_name": after.sort_name, "after_id": after.debtor_id}
    return " and ".join(where), values


def _plain(row: sa.RowMapping, rank: int) -> dict[str, Any]:
    return json_of(row) | {"sort_name": row["sort_name"], "rank": rank}
