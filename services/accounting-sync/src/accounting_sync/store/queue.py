"""The sync queue: relations that changed, and the lines that a fetch made of them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from klokwerk_contracts.envelope import new_event_id
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.lines import Action, Origin
from accounting_sync.domain.mapping import Mapped
from accounting_sync.domain.relation import Kind, RelationData, data_from_json, fingerprint, to_json
from accounting_sync.store.json import to_text


class LineState(StrEnum):
    """Where a line stands: waiting for a person, in a file being written, on its way, refused."""

    LISTED = "listed"
    EXPORTING = "exporting"
    SENDING = "sending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Changed:
    """A relation that changed since it was last looked at, with the line it may have already."""

    debtor_id: str
    revision: int
    source: dict[str, Any] | None
    merged_into: str | None
    next_action: Action | None
    synced: str | None
    line_id: uuid.UUID | None
    line_state: LineState | None
    line_action: Action | None
    by_hand: bool
    delivery_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the queue; `data` is exactly what would be sent."""

    id: uuid.UUID
    administration: str
    kind: Kind
    debtor_id: str
    revision: int
    version: int
    number: str | None
    name: str
    data: RelationData
    fingerprint: str
    missing: tuple[str, ...]
    merged_into: str | None
    action: Action
    by_hand: bool
    state: LineState
    message: str
    message_origin: Origin | None
    export_id: uuid.UUID | None
    delivery_id: uuid.UUID | None
    remote_id: str | None
    attempted: bool
    failures: int
    retry_at: datetime | None
    fetched_at: datetime
    changed_at: datetime
    synced_at: datetime | None
    synced_data: dict[str, Any] | None
    known_remote_id: str | None


@dataclass(frozen=True, slots=True)
class NewLine:
    """What a fetch puts on a line."""

    debtor_id: str
    revision: int
    mapped: Mapped
    merged_into: str | None
    action: Action
    by_hand: bool


# The limits keep the plan in shape: the next marked relations by index, then each one's line by index.
_CHANGED = (
    "select r.debtor_id, r.revision, r.source, r.merged_into, r.next_action, r.synced_fingerprint, "
    "l.id, l.state, l.action, l.by_hand, l.delivery_id from (select * from relation "
    "where administration = :administration and kind = :kind and pending and "
)
_WITH_LINE = (
    ") r left join lateral (select * from line l where l.administration = r.administration "
    "and l.kind = r.kind and l.debtor_id = r.debtor_id limit 1) l on true order by r.debtor_id"
)
_NEXT_CHANGED = sa.text(
    _CHANGED + "debtor_id > :after order by debtor_id limit :limit for update" + _WITH_LINE
)
_ONE_CHANGED = sa.text(_CHANGED + "debtor_id = :debtor for update" + _WITH_LINE)
_LIST = sa.text(
    "insert into line (id, administration, kind, debtor_id, revision, version, number, name, data, fingerprint, "
    "missing, merged_into, action, by_hand, state, message, attempted, failures, fetched_at, changed_at) "
    "select i, :administration, :kind, d, r, 1, b, n, cast(j as jsonb), f, cast(g as jsonb), m, a, h, "
    "'listed', '', false, 0, :now, :now from unnest(cast(:ids as uuid[]), cast(:debtors as text[]), "
    "cast(:revisions as integer[]), cast(:numbers as text[]), cast(:names as text[]), cast(:data as text[]), "
    "cast(:fingerprints as text[]), cast(:missing as text[]), cast(:merged as text[]), "
    "cast(:actions as text[]), cast(:by_hand as boolean[])) as x (i, d, r, b, n, j, f, g, m, a, h) "
    "on conflict (administration, kind, debtor_id) do update set revision = excluded.revision, "
    "number = excluded.number, name = excluded.name, data = excluded.data, fingerprint = excluded.fingerprint, "
    "missing = excluded.missing, merged_into = excluded.merged_into, action = excluded.action, "
    "by_hand = excluded.by_hand, fetched_at = excluded.fetched_at, changed_at = excluded.changed_at, "
    "state = case when line.state = 'sending' then 'failed' else line.state end, delivery_id = null, "
    "retry_at = case when line.state = 'sending' or line.retry_at is not null then :now end "
    "returning (xmax = 0) as is_new"
)
_DROP = sa.text(
    "delete from line using unnest(cast(:debtors as text[])) as x (d) "
    "where line.administration = :administration and line.kind = :kind and line.debtor_id = x.d returning line.id"
)
_LOOKED_AT = sa.text(
    "update relation r set pending = false, next_action = null from unnest(cast(:debtors as text[])) as x (d) "
    "where r.administration = :administration and r.kind = :kind and r.debtor_id = x.d"
)
_LEAVE_EXPORT = sa.text(
    "update export_line set outcome = 'left_out', message = 'nothing to forward any more' "
    "where line_id = any(cast(:ids as uuid[])) and outcome in ('open', 'failed')"
)
_COUNT = sa.text("select count(*) from line where administration = :administration and kind = :kind")

_LINE = (
    "select l.id, l.administration, l.kind, l.debtor_id, l.revision, l.version, l.number, l.name, l.data, "
    "l.fingerprint, l.missing, l.merged_into, l.action, l.by_hand, l.state, l.message, l.message_origin, "
    "l.export_id, l.delivery_id, l.remote_id, l.attempted, l.failures, l.retry_at, l.fetched_at, l.changed_at, "
    "r.synced_at, r.synced_data, r.remote_id as known_remote_id "
    "from line l join relation r using (administration, kind, debtor_id) where "
)
_PAGE = sa.text(
    _LINE + "l.administration = :administration and l.kind = :kind "
    "and (cast(:q as text) is null or l.name ilike :q or l.number ilike :q or l.debtor_id ilike :q) "
    "and (cast(:action as text) is null or l.action = :action) "
    "and (cast(:messages as boolean) is null or (l.message <> '') = :messages) "
    "and (cast(:after_name as text) is null or (l.name, l.id) > (:after_name, cast(:after_id as uuid))) "
    "order by l.name, l.id limit :limit"
)
_BY_IDS = sa.text(_LINE + "l.id = any(cast(:ids as uuid[])) order by l.name, l.id for update of l")
_OF_EXPORT = sa.text(
    _LINE + "l.export_id = :export and l.state = 'exporting' and l.id > :after order by l.id limit :limit"
)
_SENDABLE = sa.text(
    "select id from line where administration = :administration and kind = :kind and delivery_id is null "
    "and state in ('listed', 'failed') and action <> 'Ignore' and merged_into is null "
    "order by id for update"
)
_CLASHES = sa.text(
    "select l.id, l.number, r.kind, r.source ->> 'name' as name from line l join relation r "
    "on r.administration = l.administration and r.source ->> 'number' = l.number "
    "and (r.kind, r.debtor_id) <> (l.kind, l.debtor_id) and r.merged_into is null "
    "where l.id = any(cast(:ids as uuid[])) order by l.id, r.kind, name"
)
_SET_ACTION = sa.text(
    "update line set action = :action, by_hand = true, remote_id = null, attempted = false, "
    "retry_at = case when :action = 'Ignore' then null else retry_at end, changed_at = :now "
    "where administration = :administration and kind = :kind and id = any(cast(:ids as uuid[])) "
    "and state in ('listed', 'failed') returning id"
)
_STATES = sa.text(
    "select id, name, state, merged_into, action from line where administration = :administration "
    "and kind = :kind and id = any(cast(:ids as uuid[]))"
)


async def changed(
    connection: AsyncConnection, administration: str, kind: Kind, after: str, limit: int
) -> list[Changed]:
    """The next relations that changed, locked, in order of debtor id."""
    values = {"administration": administration, "kind": kind.value, "after": after, "limit": limit}
    return [_changed_of(row) for row in await connection.execute(_NEXT_CHANGED, values)]


async def changed_one(
    connection: AsyncConnection, administration: str, kind: Kind, debtor_id: str
) -> Changed | None:
    """One relation, locked, if it changed."""
    values = {"administration": administration, "kind": kind.value, "debtor": debtor_id}
    row = (await connection.execute(_ONE_CHANGED, values)).one_or_none()
    return _changed_of(row) if row else None


async def put(
    connection: AsyncConnection, administration: str, kind: Kind, lines: Sequence[NewLine], now: datetime
) -> int:
    """List relations, or bring their lines up to date; returns how many lines are new.

    A line keeps its message until the next attempt (EP-53). One that waited in direct mode is due now, since
    its relation changed (D-07).
    """
    if not lines:
        return 0
    rows = await connection.execute(
        _LIST,
        {
            "administration": administration,
            "kind": kind.value,
            "now": now,
            "ids": [new_event_id() for _ in lines],
            "debtors": [line.debtor_id for line in lines],
            "revisions": [line.revision for line in lines],
            "numbers": [line.mapped.data.code for line in lines],
            "names": [line.mapped.data.name or "" for line in lines],
            "data": [to_text(to_json(line.mapped.data)) for line in lines],
            "fingerprints": [fingerprint(line.mapped.data) for line in lines],
            "missing": [to_text(line.mapped.missing) for line in lines],
            "merged": [line.merged_into for line in lines],
            "actions": [line.action.value for line in lines],
            "by_hand": [line.by_hand for line in lines],
        },
    )
    return sum(1 for row in rows if row.is_new)


async def drop(connection: AsyncConnection, administration: str, kind: Kind, debtors: Sequence[str]) -> int:
    """Take lines away that have nothing to forward any more; returns how many there were."""
    values = {"administration": administration, "kind": kind.value, "debtors": list(debtors)}
    gone = [row.id for row in await connection.execute(_DROP, values)]
    if gone:
        await connection.execute(_LEAVE_EXPORT, {"ids": gone})
    return len(gone)


async def looked_at(
    connection: AsyncConnection, administration: str, kind: Kind, debtors: Sequence[str]
) -> None:
    """Nothing new about these relations until their next change."""
    values = {"administration": administration, "kind": kind.value, "debtors": list(debtors)}
    await connection.execute(_LOOKED_AT, values)


async def count(connection: AsyncConnection, administration: str, kind: Kind) -> int:
    """Lines in the queue."""
    values = {"administration": administration, "kind": kind.value}
    return int((await connection.execute(_COUNT, values)).scalar_one())


@dataclass(frozen=True, slots=True)
class LineFilter:
    """What a list of lines shows; None means everything."""

    search: str | None = None
    action: Action | None = None
    with_message: bool | None = None


async def page(
    connection: AsyncConnection,
    administration: str,
    kind: Kind,
    filters: LineFilter,
    after: tuple[str, str] | None,
    limit: int,
) -> list[Line]:
    """Up to `limit` lines in order of name, those after `after` (name, id)."""
    search = (
        filters.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        if filters.search
        else None
    )
    rows = await connection.execute(
        _PAGE,
        {
            "administration": administration,
            "kind": kind.value,
            "q": f"%{search}%" if search else None,
            "action": filters.action.value if filters.action else None,
            "messages": filters.with_message,
            "after_name": after[0] if after else None,
            "after_id": after[1] if after else None,
            "limit": limit,
        },
    )
    return [_line_of(row) for row in rows.mappings()]


async def lock(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> list[Line]:
    """Lines by id, locked; those that are gone are left out."""
    return [_line_of(row) for row in (await connection.execute(_BY_IDS, {"ids": list(ids)})).mappings()]


async def of_export(
    connection: AsyncConnection, export_id: uuid.UUID, after: uuid.UUID, limit: int
) -> list[Line]:
    """Lines that a file export has claimed, in order of id."""
    values = {"export": export_id, "after": after, "limit": limit}
    return [_line_of(row) for row in (await connection.execute(_OF_EXPORT, values)).mappings()]


async def sendable(connection: AsyncConnection, administration: str, kind: Kind) -> list[uuid.UUID]:
    """Ids of all lines an export without a selection takes (EP-42), locked: neither ignored nor merged."""
    values = {"administration": administration, "kind": kind.value}
    return [row.id for row in await connection.execute(_SENDABLE, values)]


async def clashes(connection: AsyncConnection, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Of these lines, those whose number another relation of the administration has too, with the message.

    The accounting system matches by number, so the later of the two would overwrite the earlier.
    """
    found: dict[uuid.UUID, str] = {}
    for row in await connection.execute(_CLASHES, {"ids": list(ids)}):
        found.setdefault(
            row.id,
            f"number {row.number} is also the {Kind(row.kind).one} number of {row.name}; every relation needs "
            "a number of its own",
        )
    return found


async def set_action(
    connection: AsyncConnection,
    administration: str,
    kind: Kind,
    ids: Sequence[uuid.UUID],
    action: Action,
    now: datetime,
) -> set[uuid.UUID]:
    """Change the status of lines by hand (EP-28, EP-29); returns those that could be changed."""
    rows = await connection.execute(
        _SET_ACTION,
        {
            "administration": administration,
            "kind": kind.value,
            "ids": list(ids),
            "action": action.value,
            "now": now,
        },
    )
    return {row.id for row in rows}


async def states(
    connection: AsyncConnection, administration: str, kind: Kind, ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, Any]:
    """Name, state, action and merge of lines, by id."""
    values = {"administration": administration, "kind": kind.value, "ids": list(ids)}
    return {row.id: row for row in await connection.execute(_STATES, values)}


def _changed_of(row: Any) -> Changed:
    debtor, revision, source, merged, next_action, synced, line, state, action, by_hand, delivery = row
    return Changed(
        debtor_id=debtor,
        revision=revision,
        source=source,
        merged_into=merged,
        next_action=Action(next_action) if next_action else None,
        synced=synced,
        line_id=line,
        line_state=LineState(state) if state else None,
        line_action=Action(action) if action else None,
        by_hand=bool(by_hand),
        delivery_id=delivery,
    )


def _line_of(row: Any) -> Line:
    values = dict(row)
    return Line(
        **{
            **values,
            "kind": Kind(values["kind"]),
            "data": data_from_json(values["data"]),
            "missing": tuple(values["missing"]),
            "action": Action(values["action"]),
            "state": LineState(values["state"]),
            "message_origin": Origin(values["message_origin"]) if values["message_origin"] else None,
        }
    )
