"""Completed distributions as known here: the newest revision of each debtor and order day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from klokwerk_contracts import SaleCompleted
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.ekt import SaleKey

_UPSERT = sa.text(
    "insert into sale (administration, debtor_id, order_day, owner_id, revision, body, completed_at, received_at) "
    "select *, cast(:now as timestamptz) from unnest(cast(:administrations as text[]), cast(:debtors as text[]), "
    "cast(:days as date[]), cast(:owners as text[]), cast(:revisions as int[]), cast(:bodies as jsonb[]), "
    "cast(:completed as timestamptz[])) "
    "on conflict (administration, debtor_id, order_day) do update set revision = excluded.revision, "
    "body = excluded.body, completed_at = excluded.completed_at, received_at = excluded.received_at "
    "where sale.revision < excluded.revision "
    "returning administration, debtor_id, order_day, (xmax = 0) as is_new"
)
_LOAD = sa.text(
    "select administration, debtor_id, order_day, owner_id, cast(body as text) as body from sale where "
    "(administration, debtor_id, order_day) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:debtors as text[]), cast(:days as date[])))"
)
_OF_OWNERS = sa.text(
    "select distinct on (s.administration, s.owner_id, s.order_day) s.administration, s.owner_id as asked_id, "
    "s.debtor_id, s.order_day, s.owner_id, cast(s.body as text) as body from sale s "
    "where (s.administration, s.owner_id, s.order_day) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:debtors as text[]), cast(:days as date[]))) "
    "order by s.administration, s.owner_id, s.order_day, (s.debtor_id = s.owner_id) desc, s.completed_at desc"
)

_DAYS_OF_OWNER = sa.text(
    "select debtor_id, order_day, revision, completed_at, jsonb_array_length(body -> 'lines') as lines from sale "
    "where administration = :administration and owner_id = :owner order by order_day, debtor_id"
)


@dataclass(frozen=True, slots=True)
class StoredSale:
    """A distribution and who it belongs to now."""

    owner_id: str
    sale: SaleCompleted


def key_of(sale: SaleCompleted) -> SaleKey:
    """Administration, debtor and order day of an event."""
    return SaleKey(sale.administration, sale.debtor_id, sale.order_day)


async def upsert(
    connection: AsyncConnection, sales: Sequence[SaleCompleted], owner_ids: Sequence[str], now: datetime
) -> dict[SaleKey, bool]:
    """Keep the sales whose revision is higher than what is held; at most one for each key.

    Returns:
        The sales that changed, each with whether it is the first one known for that day.
    """
    rows = await connection.execute(
        _UPSERT,
        {
            "administrations": [sale.administration for sale in sales],
            "debtors": [sale.debtor_id for sale in sales],
            "days": [sale.order_day for sale in sales],
            "owners": list(owner_ids),
            "revisions": [sale.revision for sale in sales],
            "bodies": [sale.model_dump_json() for sale in sales],
            "completed": [sale.completed_at for sale in sales],
            "now": now,
        },
    )
    return {SaleKey(row.administration, row.debtor_id, row.order_day): row.is_new for row in rows}


async def load(connection: AsyncConnection, keys: Iterable[SaleKey]) -> dict[SaleKey, StoredSale]:
    """The newest known distribution under each key.

    A key that has none of its own gets the one that a merged debtor brought along for that day.
    """
    wanted = sorted(set(keys), key=lambda key: (key.administration, key.debtor_id, key.order_day))
    found = await _load(connection, _LOAD, wanted)
    left = [key for key in wanted if key not in found]
    if left:
        found.update(await _load(connection, _OF_OWNERS, left))
    return found


async def days_of_owner(connection: AsyncConnection, owner: tuple[str, str]) -> list[dict[str, Any]]:
    """Which days' sales of a debtor are kept, without their lines."""
    values = {"administration": owner[0], "owner": owner[1]}
    return [dict(row) for row in (await connection.execute(_DAYS_OF_OWNER, values)).mappings()]


async def _load(
    connection: AsyncConnection, statement: sa.TextClause, keys: Sequence[SaleKey]
) -> dict[SaleKey, StoredSale]:
    if not keys:
        return {}
    rows = await connection.execute(
        statement,
        {
            "administrations": [key.administration for key in keys],
            "debtors": [key.debtor_id for key in keys],
            "days": [key.order_day for key in keys],
        },
    )
    return {
        SaleKey(row.administration, getattr(row, "asked_id", row.debtor_id), row.order_day): StoredSale(
            row.owner_id, SaleCompleted.model_validate_json(row.body)
        )
        for row in rows
    }
