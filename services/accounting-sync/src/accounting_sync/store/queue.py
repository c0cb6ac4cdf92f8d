"""What a fetch works on: relations that changed, and the lines that come of them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from klokwerk.database import raw
from klokwerk_contracts.envelope import new_event_id
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.lines import Action, cleared_fields
from accounting_sync.domain.mapping import Mapped
from accounting_sync.domain.relation import Kind
from accounting_sync.store.json import to_text
from accounting_sync.store.lines import LineState


@dataclass(frozen=True, slots=True)
class Changed:
    """A relation that changed since it was last looked at, with the line it may have already.

    `source` is what accounting could be told of it, as JSON; none for a card that has not this role any more.
    """

    debtor_id: str
    revision: int
    source: str | None
    merged_into: str | None
    anonymised: bool
    next_action: Action | None
    synced: str | None
    synced_fields: tuple[str, ...]
    line_id: uuid.UUID | None
    line_state: LineState | None
    line_action: Action | None
    by_hand: bool
    delivery_id: uuid.UUID | None
    next_message: str | None


@dataclass(frozen=True, slots=True)
class NewLine:
    """What a fetch puts on a line; `document` and `fingerprint` are of the mapped data."""

    debtor_id: str
    revision: int
    mapped: Mapped
    document: bytes
    fingerprint: str
    merged_into: str | None
    action: Action
    by_hand: bool
    synced_fields: tuple[str, ...] = ()
    message: str = ""


# Locked first and read afterwards, in a statement with a view of its own: one that has waited for the lock would see
# the newest relation beside the card as it was before, and take the news off the list without having read it.
_LOCK_NEXT = sa.text(
    "select debtor_id from relation where administration = :administration and kind = :kind and pending "
    "and debtor_id > :after order by debtor_id limit :limit for update"
)
_LOCK_ONE = sa.text(
    "select debtor_id from relation where administration = :administration and kind = :kind and pending "
    "and debtor_id = :debtor for update"
)
# The limits keep the plan in shape: each relation, its card and its line by index.
_CHANGED = sa.text(
    "select r.debtor_id, c.revision, case r.kind when 'debtors' then c.as_debtor else c.as_creditor end, "
    "c.merged_into, c.anonymised, r.next_action, "
    "r.synced_fingerprint, array(select jsonb_object_keys(r.synced_data)), "
    "l.id, l.state, l.action, l.by_hand, l.delivery_id, r.next_message "
    "from unnest(cast(:debtors as text[])) as x (d) "
    "join lateral (select * from relation where administration = :administration and kind = :kind "
    "and debtor_id = x.d and pending limit 1) r on true "
    "join administration a on a.code = r.administration "
    "join lateral (select * from card c where c.administration = a.source and c.debtor_id = r.debtor_id limit 1) "
    "c on true left join lateral (select * from line l where l.administration = r.administration "
    "and l.kind = r.kind and l.debtor_id = r.debtor_id limit 1) l on true order by r.debtor_id"
)
_NEWS = sa.text(
    "create temporary table if not exists line_news (id uuid, debtor_id text, revision integer, number text, "
    "name text, data text, fingerprint text, missing text, merged_into text, action text, by_hand boolean, "
    "cleared text, message text) on commit delete rows"
)
_NO_NEWS = sa.text("delete from line_news")
_COLUMNS = (
    "id", "debtor_id", "revision", "number", "name", "data", "fingerprint", "missing", "merged_into", "action",
    "by_hand", "cleared", "message",
)  # fmt: skip
_LIST = sa.text(
    "with put as (insert into line (id, administration, kind, debtor_id, revision, version, number, name, data, "
    "fingerprint, missing, merged_into, action, by_hand, cleared, state, message, message_origin, attempted, "
    "failures, fetched_at, changed_at) select id, :administration, :kind, debtor_id, revision, 1, number, name, "
    "cast(data as jsonb), fingerprint, cast(missing as jsonb), merged_into, action, by_hand, "
    "string_to_array(cleared, ','), 'listed', message, case when message <> '' then 'accounting' end, false, 0, "
    "cast(:now as timestamptz), cast(:now as timestamptz) from line_news "
    "on conflict (administration, kind, debtor_id) do update set revision = excluded.revision, "
    "number = excluded.number, name = excluded.name, data = excluded.data, fingerprint = excluded.fingerprint, "
    "missing = excluded.missing, merged_into = excluded.merged_into, action = excluded.action, "
    "by_hand = excluded.by_hand, cleared = excluded.cleared, fetched_at = excluded.fetched_at, "
    "changed_at = excluded.changed_at, "
    "message = case when excluded.message <> '' then excluded.message else line.message end, "
    "message_origin = case when excluded.message <> '' then excluded.message_origin else line.message_origin end, "
    "state = case when line.state = 'sending' then 'failed' else line.state end, delivery_id = null, "
    "retry_at = case when line.state = 'sending' or line.retry_at is not null "
    "then cast(:now as timestamptz) end returning (xmax = 0) as is_new) "
    "select count(*) filter (where is_new) from put"
)
_DROP = sa.text(
    "delete from line using unnest(cast(:debtors as text[])) as x (d) "
    "where line.administration = :administration and line.kind = :kind and line.debtor_id = x.d returning line.id"
)
_LOOKED_AT = sa.text(
    "update relation r set pending = false, next_action = null, next_message = null "
    "from unnest(cast(:debtors as text[])) as x (d) "
    "where r.administration = :administration and r.kind = :kind and r.debtor_id = x.d"
)
_LEAVE_EXPORT = sa.text(
    "update export_line set outcome = 'left_out', message = 'nothing to forward any more' "
    "where line_id = any(cast(:ids as uuid[])) and outcome in ('open', 'failed')"
)
_COUNT = sa.text("select count(*) from line where administration = :administration and kind = :kind")
_PENDING = sa.text(
    "select count(*) from (select from relation where administration = :administration and kind = :kind "
    "and pending limit :limit) as marked"
)


async def changed(
    connection: AsyncConnection, administration: str, kind: Kind, after: str, limit: int
) -> list[Changed]:
    """The next relations that changed, locked, in order of debtor id."""
    values = {"administration": administration, "kind": kind.value, "after": after, "limit": limit}
    return await _changed(connection, values, _LOCK_NEXT)


async def changed_one(
    connection: AsyncConnection, administration: str, kind: Kind, debtor_id: str
) -> Changed | None:
    """One relation, locked, if it changed."""
    values = {"administration": administration, "kind": kind.value, "debtor": debtor_id}
    return next(iter(await _changed(connection, values, _LOCK_ONE)), None)


async def _changed(connection: AsyncConnection, values: dict[str, Any], lock: sa.TextClause) -> list[Changed]:
    debtors = list((await connection.execute(lock, values)).scalars())
    if not debtors:
        return []
    rows = await connection.execute(_CHANGED, values | {"debtors": debtors})
    return [_changed_of(row) for row in rows]


async def pending(connection: AsyncConnection, administration: str, kind: Kind, at_most: int) -> int:
    """How many relations changed; counts no further than `at_most`."""
    values = {"administration": administration, "kind": kind.value, "limit": at_most}
    return int((await connection.execute(_PENDING, values)).scalar_one())


async def put(
    connection: AsyncConnection, administration: str, kind: Kind, lines: Sequence[NewLine], now: datetime
) -> int:
    """List relations, or bring their lines up to date; returns how many lines are new.

    A line keeps its message until the next attempt (EP-53). One that waited in direct mode is due now, since
    its relation changed (D-07).
    """
    if not lines:
        return 0
    await connection.execute(_NEWS)
    driver = await raw(connection)
    await driver.copy_records_to_table("line_news", records=map(_record, lines), columns=_COLUMNS)
    values = {"administration": administration, "kind": kind.value, "now": now}
    new = int((await connection.execute(_LIST, values)).scalar_one())
    await connection.execute(_NO_NEWS)  # another call in this transaction must not list these again
    return new


def _record(line: NewLine) -> tuple[object, ...]:
    """A row of `line_news`."""
    data = line.mapped.data
    return (
        new_event_id(),
        line.debtor_id,
        line.revision,
        data.code,
        data.name or "",
        line.document.decode(),
        line.fingerprint,
        to_text(line.mapped.missing),
        line.merged_into,
        line.action.value,
        line.by_hand,
        ",".join(cleared_fields(data, line.synced_fields)),
        line.message,
    )


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


def _changed_of(row: Any) -> Changed:
    (debtor, revision, source, merged, anonymised, next_action, synced, synced_fields,
     line, state, action, by_hand, delivery, next_message) = row  # fmt: skip
    return Changed(
        debtor_id=debtor,
        revision=revision,
        source=source,
        merged_into=merged,
        anonymised=anonymised,
        next_action=Action(next_action) if next_action else None,
        synced=synced,
        synced_fields=tuple(synced_fields),
        line_id=line,
        line_state=LineState(state) if state else None,
        line_action=Action(action) if action else None,
        by_hand=bool(by_hand),
        delivery_id=delivery,
        next_message=next_message,
    )
