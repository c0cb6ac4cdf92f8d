"""Changing the status of lines by hand: of some, of all that a filter means, or of very many step by step."""

# ruff: noqa: S608 - statements are put together from constants of this package only
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind
from accounting_sync.store.lines import AT_REST, FROM, WHERE, LineFilter

_PUT = (
    "set action = :wanted, by_hand = true, remote_id = null, attempted = false, "
    "retry_at = case when :wanted = 'Ignore' then null else retry_at end, changed_at = :now "
)
_SET_ACTION = sa.text(
    "update line "
    + _PUT
    + "where id in (select l.id "
    + FROM
    + WHERE
    + "and "
    + AT_REST
    + "and (cast(:ids as uuid[]) is null or l.id = any(cast(:ids as uuid[]))) order by l.id for update of l) "
    "returning id"
)
_SET_ACTION_OLD = sa.text(
    "select l.action, count(*) as lines " + FROM + WHERE
    + "and (cast(:ids as uuid[]) is null or l.id = any(cast(:ids as uuid[]))) group by l.action"
)  # fmt: skip
_SET_NEXT = sa.text(
    "with next as materialized (select l.id, " + AT_REST + "as free " + FROM + WHERE
    + "and l.id > :after order by l.id limit :limit for update of l), "
    "put as (update line l " + _PUT + "from next where l.id = next.id and next.free returning l.id) "
    "select (select count(*) from next) as looked_at, (select count(*) from put) as changed, "
    "(select id from next order by id desc limit 1) as last"
)  # fmt: skip
_BUSY = sa.text(
    "select l.id, l.name, count(*) over () as lines " + FROM + WHERE + "and not " + AT_REST
    + "order by l.name, l.id limit :limit"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActionsSet:
    """What a change of status did: the lines it changed, and how many had which action before."""

    ids: frozenset[uuid.UUID]
    before: dict[str, int]


async def set_action(
    connection: AsyncConnection,
    administration: str,
    kind: Kind,
    ids: Sequence[uuid.UUID] | None,
    filters: LineFilter,
    action: Action,
    now: datetime,
) -> ActionsSet:
    """Change the status of lines by hand (EP-28, EP-29): those of `ids`, or all that `filters` mean."""
    values = {
        "administration": administration,
        "kind": kind.value,
        **filters.values(),
        "ids": None if ids is None else list(ids),
    }
    before = {row.action: row.lines for row in await connection.execute(_SET_ACTION_OLD, values)}
    rows = await connection.execute(_SET_ACTION, {**values, "wanted": action.value, "now": now})
    return ActionsSet(frozenset(row.id for row in rows), before)


@dataclass(frozen=True, slots=True)
class Busy:
    """Lines of a filter that can't be changed now: how many, and the first of them as (id, name)."""

    lines: int
    first: tuple[tuple[uuid.UUID, str], ...]


async def busy(
    connection: AsyncConnection, administration: str, kind: Kind, filters: LineFilter, most: int
) -> Busy:
    """The lines of a filter that are being exported at this moment, at most `most` of them by name."""
    values = {"administration": administration, "kind": kind.value, **filters.values(), "limit": most}
    rows = (await connection.execute(_BUSY, values)).all()
    return Busy(rows[0].lines if rows else 0, tuple((row.id, row.name) for row in rows))


@dataclass(frozen=True, slots=True)
class Part:
    """What was done with the next lines of a filter; `last` is where the ones after them begin."""

    looked_at: int
    changed: int
    last: uuid.UUID | None


async def set_next_actions(
    connection: AsyncConnection,
    administration: str,
    kind: Kind,
    filters: LineFilter,
    action: Action,
    now: datetime,
    *,
    after: uuid.UUID,
    limit: int,
) -> Part:
    """Change the status of the next `limit` lines of a filter, in order of id; busy ones stay as they are."""
    row = (
        await connection.execute(
            _SET_NEXT,
            {
                "administration": administration,
                "kind": kind.value,
                **filters.values(),
                "wanted": action.value,
                "now": now,
                "after": after,
                "limit": limit,
            },
        )
    ).one()
    return Part(row.looked_at, row.changed, row.last)
