"""Filters of lists that users saved under a name: the table and every query on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

MOST = 20
"""So many a user may keep for one list; the oldest makes room."""
LONGEST_NAME = 60
LONGEST_QUERY = 2000


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """One filter of one list; `query` as it stands in the address of the page."""

    name: str
    query: str


_ALL = sa.text(
    "select name, query from saved_filters where user_id = :user_id and path = :path order by lower(name), name"
)
_SAVE = sa.text(
    """
    insert into saved_filters (user_id, path, name, query, saved_at)
    values (:user_id, :path, :name, :query, :now)
    on conflict (user_id, path, name) do update set query = excluded.query, saved_at = excluded.saved_at
    """
)
_MAKE_ROOM = sa.text(
    """
    delete from saved_filters where user_id = :user_id and path = :path and name in (
        select name from saved_filters where user_id = :user_id and path = :path
        order by saved_at desc, name offset :most
    )
    """
)
_FORGET = sa.text("delete from saved_filters where user_id = :user_id and path = :path and name = :name")


async def all_of(connection: AsyncConnection, user_id: UUID, path: str) -> tuple[SavedFilter, ...]:
    """What a user saved for a list, by name."""
    rows = await connection.execute(_ALL, {"user_id": user_id, "path": path})
    return tuple(SavedFilter(row.name, row.query) for row in rows)


async def save(
    connection: AsyncConnection, user_id: UUID, path: str, saved: SavedFilter, now: datetime
) -> None:
    """Save a filter; one of that name is replaced."""
    values = {"user_id": user_id, "path": path, "name": saved.name, "query": saved.query, "now": now}
    await connection.execute(_SAVE, values)
    await connection.execute(_MAKE_ROOM, {"user_id": user_id, "path": path, "most": MOST})


async def forget(connection: AsyncConnection, user_id: UUID, path: str, name: str) -> None:
    """Forget one."""
    await connection.execute(_FORGET, {"user_id": user_id, "path": path, "name": name})
