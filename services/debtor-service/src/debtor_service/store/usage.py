"""Which cards were sold to or billed, as events told; and numbers that become free when an import is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson
import sqlalchemy as sa
from klokwerk_contracts.debtor_changed import Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.card import Card

_NOTE = sa.text(
    "insert into card_use (debtor_id, what, first_at) select id, :what, :at from unnest(cast(:ids as text[])) as id "
    "order by id on conflict do nothing"
)
_USED = sa.text(
    "select debtor_id, string_agg(what, ', ' order by what) as what from card_use "
    "where debtor_id = any(cast(:ids as text[])) group by debtor_id"
)
_FREE = sa.text(
    "delete from card_number n using jsonb_to_recordset(cast(:gone as jsonb)) as g(debtor_id text, kind text) "
    "where n.debtor_id = g.debtor_id and n.kind = g.kind and not n.issued"
)


async def note(connection: AsyncConnection, debtor_ids: Iterable[str], what: str, at: datetime) -> None:
    """Remember that cards are in use; the first time counts."""
    ids = sorted(set(debtor_ids))
    if ids:
        await connection.execute(_NOTE, {"ids": ids, "what": what, "at": at})


async def used(connection: AsyncConnection, debtor_ids: Sequence[str]) -> dict[str, str]:
    """Which of the cards are in use, and by what."""
    rows = await connection.execute(_USED, {"ids": list(debtor_ids)})
    return {row.debtor_id: row.what for row in rows}


async def free_typed_numbers(connection: AsyncConnection, changed: Sequence[tuple[Card, Card]]) -> None:
    """Let go of numbers that cards have and will not have; only those typed in, never issued ones."""
    gone = [
        {"debtor_id": before.debtor_id, "kind": kind.value}
        for before, after in changed
        for kind in Kind
        if before.number_of(kind) and not after.number_of(kind)
    ]
    if gone:
        await connection.execute(_FREE, {"gone": orjson.dumps(gone).decode()})
