"""Things that wait for data still to come, and are woken when it comes.

Order between topics is never assumed: an event that needs something not yet here is parked under the name of
what it waits for, in the same transaction that would have handled it. Whoever stores the awaited thing wakes
what waits for it in its own transaction, so nothing is woken early.

Nothing is forgotten either, if the parking side keeps to three steps: look the data up; for what is missing
call `guard` and look once more; park what is still missing. Without the guard, data that is being stored in a
parallel transaction would be invisible to the look-up and its wake-up call would come before the parking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk.database import advisory_key

SCHEMA_1 = """
create table parked (
    id bigint generated always as identity primary key,
    natural_key text not null unique,
    waits_for text not null,
    kind text not null,
    body jsonb not null,
    reason text not null,
    parked_at timestamptz not null
);
create index parked_waits_for on parked (waits_for, id);
"""

_PARK = sa.text(
    "insert into parked (natural_key, waits_for, kind, body, reason, parked_at) "
    "values (:natural_key, :waits_for, :kind, cast(:body as jsonb), :reason, :parked_at) "
    "on conflict (natural_key) do update set waits_for = excluded.waits_for, body = excluded.body, "
    "reason = excluded.reason"
)
_WAKE = sa.text(
    "with woken as (delete from parked where waits_for = any(cast(:names as text[])) returning *) "
    "select * from woken order by id"
)
_GUARD = sa.text(
    "select pg_advisory_xact_lock(key) from unnest(cast(:keys as bigint[])) with ordinality as t (key, n) order by n"
)
_LIST = sa.text("select * from parked where id > :after order by id limit :limit")
_COUNT = sa.text("select count(*) from parked")


@dataclass(frozen=True, slots=True)
class Parked:
    """Something that waits.

    Attributes:
        natural_key: identity of the thing; parking it twice keeps one.
        waits_for: name of what it needs, e.g. ``debtor:17``.
        kind: what it is, by which its waker knows how to go on.
        body: all that is needed to go on.
        reason: in words, for the person who looks.
    """

    natural_key: str
    waits_for: str
    kind: str
    body: dict[str, Any]
    reason: str
    parked_at: datetime
    id: int = 0


async def guard(connection: AsyncConnection, names: Iterable[str]) -> None:
    """Hold off `wake` for `names` until this transaction ends. Call it, then look the data up once more."""
    keys = sorted({advisory_key(f"parked:{name}") for name in names})
    if keys:
        await connection.execute(_GUARD, {"keys": keys})


async def park(connection: AsyncConnection, *items: Parked) -> None:
    """Put `items` aside in the caller's transaction; one that is parked already is brought up to date."""
    if items:
        await connection.execute(
            _PARK,
            [
                {
                    "natural_key": item.natural_key,
                    "waits_for": item.waits_for,
                    "kind": item.kind,
                    "body": orjson.dumps(item.body, default=str).decode(),
                    "reason": item.reason,
                    "parked_at": item.parked_at,
                }
                for item in items
            ],
        )


async def wake(connection: AsyncConnection, names: Sequence[str]) -> list[Parked]:
    """Take out everything that waits for one of `names`, oldest first; the caller goes on with each."""
    if not names:
        return []
    await guard(connection, names)
    rows = await connection.execute(_WAKE, {"names": list(names)})
    return [_of(row) for row in rows.mappings()]


async def waiting(connection: AsyncConnection, *, after: int = 0, limit: int = 100) -> list[Parked]:
    """What waits now, oldest first; `after` is the id of the last one seen."""
    rows = await connection.execute(_LIST, {"after": after, "limit": limit})
    return [_of(row) for row in rows.mappings()]


async def waiting_count(connection: AsyncConnection) -> int:
    """How many things wait."""
    return int((await connection.execute(_COUNT)).scalar_one())


def _of(row: Any) -> Parked:
    return Parked(
        row["natural_key"],
        row["waits_for"],
        row["kind"],
        row["body"],
        row["reason"],
        row["parked_at"],
        row["id"],
    )
