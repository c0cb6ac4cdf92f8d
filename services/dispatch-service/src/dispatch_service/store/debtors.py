"""Customers as `debtor.changed` tells of them; only what is needed to reach them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import sqlalchemy as sa
from klokwerk_contracts.debtor_changed import DebtorChanged
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_MERGES = 10
"""How many merges are followed from a card to the one that stands now."""

_UPSERT = sa.text(
    "insert into debtor (debtor_id, administration, revision, merged_into, name, number, card) "
    "select debtor_id, administration, revision, merged_into, name, number, card "
    "from jsonb_to_recordset(cast(:rows as jsonb)) as r(debtor_id text, administration text, revision integer, "
    "merged_into text, name text, number text, card jsonb) "
    "on conflict (debtor_id) do update set revision = excluded.revision, merged_into = excluded.merged_into, "
    "name = excluded.name, number = excluded.number, card = excluded.card, "
    "administration = excluded.administration "
    "where debtor.revision < excluded.revision returning debtor_id"
)
_KNOWN = sa.text("select debtor_id from debtor where debtor_id = any(cast(:ids as text[]))")
_ONE = sa.text("select merged_into, card from debtor where debtor_id = :id")


async def upsert(connection: AsyncConnection, cards: Sequence[DebtorChanged]) -> list[str]:
    """Keep the newest revision of each card; returns the ids that changed."""
    newest: dict[str, DebtorChanged] = {}
    for card in cards:
        if card.debtor_id not in newest or newest[card.debtor_id].revision < card.revision:
            newest[card.debtor_id] = card
    rows = [
        {
            "debtor_id": card.debtor_id,
            "administration": card.administration,
            "revision": card.revision,
            "merged_into": card.merged_into,
            "name": card.name,
            "number": card.debtor_number,
            "card": card.model_dump(mode="json"),
        }
        for card in sorted(newest.values(), key=lambda card: card.debtor_id)
    ]
    changed = await connection.execute(_UPSERT, {"rows": orjson.dumps(rows).decode()})
    return [row[0] for row in changed]


async def known(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Which of `ids` are here."""
    return {row[0] for row in await connection.execute(_KNOWN, {"ids": list(ids)})}


async def card_of(connection: AsyncConnection, debtor_id: str) -> DebtorChanged | None:
    """The card as it stands now, following merges (D-17); none when it never came."""
    wanted = debtor_id
    for _ in range(MOST_MERGES):
        row = (await connection.execute(_ONE, {"id": wanted})).mappings().one_or_none()
        if row is None:
            return None
        if row["merged_into"] is None or row["merged_into"] == wanted:
            return DebtorChanged.model_validate(row["card"])
        wanted = row["merged_into"]
    return None
