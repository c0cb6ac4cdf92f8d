"""Debtor cards as known here, and who took over whom."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from klokwerk.database import advisory_key
from klokwerk_contracts import DebtorChanged
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.debtor import Debtor, debtor_of
from ekt_service.domain.search import words_of

DebtorKey = tuple[str, str]
"""Administration and debtor id."""

_LOCK_SLOTS = 4096
_MOST_MERGES = 20

_LOCK = sa.text(
    "select pg_advisory_xact_lock(:space, slot) from unnest(cast(:slots as int[])) with ordinality as t (slot, n) "
    "order by n"
)
_UPSERT = sa.text(
    "insert into debtor (administration, debtor_id, revision, merged_into, card, words) "
    "select * from unnest(cast(:administrations as text[]), cast(:ids as text[]), cast(:revisions as int[]), "
    "cast(:merged as text[]), cast(:cards as jsonb[]), cast(:words as text[])) "
    "on conflict (administration, debtor_id) do update set revision = excluded.revision, "
    "merged_into = excluded.merged_into, card = excluded.card, words = excluded.words "
    "where debtor.revision < excluded.revision "
    "returning administration, debtor_id"
)
_LOAD = sa.text(
    "select administration, debtor_id, cast(card as text) as card from debtor where (administration, debtor_id) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:ids as text[])))"
)
_CARDS = sa.text(
    "select card from debtor where (administration, debtor_id) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:ids as text[]))) order by debtor_id"
)
_MERGED = sa.text(
    "select administration, debtor_id, merged_into from debtor where merged_into is not null "
    "and (administration, debtor_id) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:ids as text[])))"
)
_REPOINT_SALES = sa.text(
    "update sale set owner_id = :target where administration = :administration and owner_id = :source"
)
_REPOINT_EKTS = sa.text(
    "update ekt set debtor_id = :target where administration = :administration and debtor_id = :source"
)
_REPOINT_NUMBERS = sa.text(
    "update line_number n set owner_id = :target where administration = :administration and owner_id = :source "
    "and not exists (select 1 from line_number t where t.administration = n.administration "
    "and t.owner_id = :target and t.order_day = n.order_day and t.line_id = n.line_id)"
)


async def lock(connection: AsyncConnection, keys: Iterable[DebtorKey]) -> None:
    """Keep other transactions away from these debtors until this one ends.

    What waits for a card and the card itself may arrive in two processes at once; without the lock each could
    miss the other. The slots are taken in ascending order, so two transactions never wait in a circle.
    """
    slots = sorted(
        {advisory_key(f"{administration}/{debtor}") % _LOCK_SLOTS for administration, debtor in keys}
    )
    if slots:
        await connection.execute(_LOCK, {"space": advisory_key("ekt-debtor") % 2**31, "slots": slots})


async def upsert(connection: AsyncConnection, cards: Sequence[DebtorChanged]) -> list[DebtorKey]:
    """Keep the cards whose revision is higher than what is held; at most one card for each debtor.

    Returns:
        The debtors that changed.
    """
    rows = await connection.execute(
        _UPSERT,
        {
            "administrations": [card.administration for card in cards],
            "ids": [card.debtor_id for card in cards],
            "revisions": [card.revision for card in cards],
            "merged": [debtor_of(card).merged_into for card in cards],
            "cards": [card.model_dump_json() for card in cards],
            "words": [words_of(card.name, card.debtor_number, card.debtor_id) for card in cards],
        },
    )
    return [(row.administration, row.debtor_id) for row in rows]


async def load(connection: AsyncConnection, keys: Iterable[DebtorKey]) -> dict[DebtorKey, Debtor]:
    """The cards that are known, a merged one as its own tombstone."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    rows = await connection.execute(
        _LOAD, {"administrations": [key[0] for key in wanted], "ids": [key[1] for key in wanted]}
    )
    return {
        (row.administration, row.debtor_id): debtor_of(DebtorChanged.model_validate_json(row.card))
        for row in rows
    }


async def cards(connection: AsyncConnection, keys: Iterable[DebtorKey]) -> list[dict[str, Any]]:
    """The cards as they are kept, whole."""
    wanted = list(keys)
    values = {"administrations": [key[0] for key in wanted], "ids": [key[1] for key in wanted]}
    return [row.card for row in await connection.execute(_CARDS, values)]


async def owners(connection: AsyncConnection, keys: Iterable[DebtorKey]) -> dict[DebtorKey, DebtorKey]:
    """For each debtor, who it is after all merges; itself when it was never merged or isn't known."""
    wanted = set(keys)
    targets: dict[DebtorKey, DebtorKey] = {}
    unseen = wanted
    for _ in range(_MOST_MERGES):
        found = await _merged(connection, unseen)
        if not found:
            break
        targets |= found
        unseen = set(found.values()) - targets.keys()
    return {key: _end_of(key, targets) for key in wanted}


async def _merged(connection: AsyncConnection, keys: Iterable[DebtorKey]) -> dict[DebtorKey, DebtorKey]:
    """Those of `keys` that were merged, with whom each was merged into."""
    wanted = sorted(keys)
    if not wanted:
        return {}
    rows = await connection.execute(
        _MERGED, {"administrations": [key[0] for key in wanted], "ids": [key[1] for key in wanted]}
    )
    return {(row.administration, row.debtor_id): (row.administration, row.merged_into) for row in rows}


def _end_of(key: DebtorKey, targets: Mapping[DebtorKey, DebtorKey]) -> DebtorKey:
    for _ in range(_MOST_MERGES):
        if key not in targets:
            break
        key = targets[key]
    return key


async def repoint(connection: AsyncConnection, source: DebtorKey, target_id: str) -> None:
    """Hand everything of a merged debtor to its target; numbers of lines stay with the lines."""
    names = {"administration": source[0], "source": source[1], "target": target_id}
    for statement in (_REPOINT_SALES, _REPOINT_EKTS, _REPOINT_NUMBERS):
        await connection.execute(statement, names)
