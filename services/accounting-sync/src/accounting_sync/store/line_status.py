"""Changing the status of lines by hand: of some, of all that a filter means, or fixing those that a job changes."""

# ruff: noqa: S608 - statements are put together from constants of this package only
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from klokwerk.jobs.items import KEEP
from klokwerk.pinned import Pin, pin, pin_of
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind
from accounting_sync.store.lines import AT_REST, FROM, KEY, WHERE, LineFilter

_PUT = (
    "set action = :wanted, by_hand = true, remote_id = null, attempted = false, "
    "retry_at = case when :wanted = 'Ignore' then null else retry_at end, changed_at = :now "
)
_SET_ACTION = sa.text(
    "update line " + _PUT + "where id in (select l.id from line l where l.administration = :administration "
    "and l.kind = :kind and "
    + AT_REST
    + "and l.id = any(cast(:ids as uuid[])) order by l.id for update) returning id"
)
_SET_ACTION_OLD = sa.text(
    "select action, count(*) as lines from line where administration = :administration and kind = :kind "
    "and id = any(cast(:ids as uuid[])) group by action"
)
_SET_ALL = sa.text(
    "with chosen as materialized (select l.id, l.action, " + AT_REST + "as free, " + KEY + " as key " + FROM + WHERE
    + "order by l.id for update of l), "
    "put as (update line l " + _PUT + "from chosen where l.id = chosen.id and chosen.free returning l.id) "
    "select " + pin("key") + ", (select count(*) from put) as changed, (select jsonb_object_agg(action, lines) "
    "from (select action, count(*) as lines from chosen group by action) b) as before from chosen"
)  # fmt: skip
_KEEP_ALL = sa.text(
    "with chosen as materialized (select l.id, " + KEY + " as key " + FROM + WHERE + "), kept as ("
    + KEEP + "cast(id as text) from chosen) select " + pin("key") + "from chosen"
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
    ids: Sequence[uuid.UUID],
    action: Action,
    now: datetime,
) -> ActionsSet:
    """Change the status of the lines named, by hand (EP-28, EP-29); those that are being exported stay."""
    values = {
        "administration": administration,
        "kind": kind.value,
        "ids": list(ids),
        "wanted": action.value,
        "now": now,
    }
    before = {row.action: row.lines for row in await connection.execute(_SET_ACTION_OLD, values)}
    rows = await connection.execute(_SET_ACTION, values)
    return ActionsSet(frozenset(row.id for row in rows), before)


@dataclass(frozen=True, slots=True)
class AllSet:
    """What a change of all lines of a filter did: which there were, how many changed, how many had which action."""

    lines: Pin
    changed: int
    before: dict[str, int]


async def set_all(
    connection: AsyncConnection,
    administration: str,
    kind: Kind,
    filters: LineFilter,
    action: Action,
    now: datetime,
) -> AllSet:
    """The same for all lines that a filter means (EP-37)."""
    values = {"administration": administration, "kind": kind.value, **filters.values()}
    row = (await connection.execute(_SET_ALL, {**values, "wanted": action.value, "now": now})).one()
    return AllSet(pin_of(row), row.changed, row.before or {})


async def keep_all(
    connection: AsyncConnection, administration: str, kind: Kind, filters: LineFilter, job_id: uuid.UUID
) -> Pin:
    """Fix the lines that a filter means now as what a job has to do; returns which those are."""
    values = {"administration": administration, "kind": kind.value, **filters.values(), "job": job_id}
    return pin_of((await connection.execute(_KEEP_ALL, values)).one())


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
