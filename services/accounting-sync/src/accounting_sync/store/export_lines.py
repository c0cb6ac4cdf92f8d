"""What an export holds, line by line: claimed from the queue, forwarded, refused, or brought back."""

# ruff: noqa: S608 - statements are put together from constants of this package only
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from klokwerk.pinned import Pin, pin, pin_of
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.lines import Message
from accounting_sync.domain.relation import Kind, RelationData, data_from_json
from accounting_sync.store.lines import AT_REST, GOES_WITH_ALL, KEY, WHERE, LineFilter


@dataclass(frozen=True, slots=True)
class ExportLine:
    """What an export did with one line."""

    line_id: uuid.UUID
    debtor_id: str
    number: str | None
    name: str
    action: str
    outcome: str
    message: str
    message_origin: str | None


@dataclass(frozen=True, slots=True)
class Written:
    """One relation as a file gets it."""

    data: RelationData
    cleared: tuple[str, ...]


SENDABLE = (
    "l.delivery_id is null and "
    + AT_REST
    + "and (cast(:ids as uuid[]) is not null or ("
    + GOES_WITH_ALL
    + ")) "
    "and (cast(:ids as uuid[]) is null or l.id = any(cast(:ids as uuid[]))) "
)
"""Lines that an export takes: the selected ones, else all that are neither ignored nor merged (EP-41, EP-42)."""
_CHOSEN = (
    "select l.id, " + KEY + " as key from line l join relation r using (administration, kind, debtor_id) where "
    + WHERE + "and " + SENDABLE + "order by l.id for update of l"
)  # fmt: skip
_COPY = (
    "insert into export_line (export_id, line_id, debtor_id, revision, number, name, action, data, fingerprint, "
    "cleared, outcome, message) "
)
_CLAIM = sa.text(
    "with chosen as materialized (" + _CHOSEN + "), taken as (update line set state = 'exporting', "
    "export_id = :export, message = '', message_origin = null, changed_at = :now from chosen "
    "where line.id = chosen.id) select " + pin("key") + "from chosen"
)
_CLAIMED = sa.text(
    "select id from line where export_id = :export and state = 'exporting' order by id limit :limit "
    "for update skip locked"
)
_REMEMBER_CLAIMED = sa.text(
    _COPY + "select :export, id, debtor_id, revision, number, name, action, data, fingerprint, cleared, "
    "'open', '' from line where export_id = :export and state = 'exporting'"
)
_REMEMBER = sa.text(
    _COPY
    + "select :export, id, debtor_id, revision, number, name, action, data, fingerprint, cleared, 'open', '' "
    "from line where id = any(cast(:ids as uuid[])) on conflict (export_id, line_id) do update set "
    "revision = excluded.revision, number = excluded.number, name = excluded.name, action = excluded.action, "
    "data = excluded.data, fingerprint = excluded.fingerprint, cleared = excluded.cleared, outcome = 'open', "
    "message = '', message_origin = null"
)
_LINE_MESSAGES = sa.text(
    "update line set message = x.m, message_origin = x.o, changed_at = :now "
    "from unnest(cast(:ids as uuid[]), cast(:messages as text[]), cast(:origins as text[])) as x (i, m, o) "
    "where line.id = x.i"
)
_OUTCOMES = sa.text(
    "update export_line set outcome = 'failed', message = x.m, message_origin = x.o "
    "from unnest(cast(:ids as uuid[]), cast(:messages as text[]), cast(:origins as text[])) as x (i, m, o) "
    "where export_line.export_id = :export and export_line.line_id = x.i"
)
_RELEASE = sa.text(
    "update line set state = 'listed', export_id = null, changed_at = :now "
    "where export_id = :export and state = 'exporting'"
)
_LEFT_OUT = sa.text(
    "update export_line set outcome = 'left_out', message = :message where export_id = :export and outcome = 'open'"
)
_DATA = sa.text(
    "select data, cleared from export_line where export_id = :export and data <> '{}' "
    "and outcome in ('open', 'synced', 'returned') order by coalesce(number, ''), line_id"
)
_FORWARDED = (
    ", export as materialized (select id, administration, kind from export where id = :export), "
    "previous as (update export_line e set previous = jsonb_build_object('fingerprint', r.synced_fingerprint, "
    "'data', r.synced_data, 'revision', r.synced_revision, 'at', r.synced_at, 'export', r.synced_export), "
    "outcome = 'synced', message = '', message_origin = null from given n, export x, relation r "
    "where e.export_id = :export and e.line_id = n.line and r.administration = x.administration "
    "and r.kind = x.kind and r.debtor_id = e.debtor_id), "
    "gone as (delete from line l using given n where l.id = n.line) "
    "update relation r set synced_fingerprint = e.fingerprint, synced_data = e.data, "
    "synced_revision = e.revision, synced_at = :now, synced_export = :export, "
    "remote_id = coalesce(nullif(n.remote, ''), r.remote_id) from given n, export x, export_line e "
    "where e.export_id = :export and e.line_id = n.line and r.administration = x.administration "
    "and r.kind = x.kind and r.debtor_id = e.debtor_id"
)
"""One statement sees the relations as they were, so what is kept of them is what is overwritten."""
_LINES_FORWARDED = sa.text(
    "with given as (select * from unnest(cast(:lines as uuid[]), cast(:remotes as text[])) as n (line, remote))"
    + _FORWARDED
)
_ALL_FORWARDED = sa.text(
    "with given as (select line_id as line, '' as remote from export_line where export_id = :export)"
    + _FORWARDED
)
_LINES = sa.text(
    "select line_id, debtor_id, number, name, action, outcome, message, message_origin from export_line "
    "where export_id = :export order by (outcome = 'failed') desc, name, line_id limit :limit"
)
_BRING_BACK = sa.text(
    "update relation r set synced_fingerprint = e.previous ->> 'fingerprint', "
    "synced_data = nullif(e.previous -> 'data', 'null'), "
    "synced_revision = cast(e.previous ->> 'revision' as integer), "
    "synced_at = cast(e.previous ->> 'at' as timestamptz), "
    "synced_export = cast(e.previous ->> 'export' as uuid), pending = true, next_action = e.action "
    "from export_line e join export x on x.id = e.export_id where e.export_id = :export "
    "and r.administration = x.administration and r.kind = x.kind and r.debtor_id = e.debtor_id "
    "and r.synced_export = :export and e.outcome = 'synced' "
    "and (cast(:numbers as text[]) is null or e.number = any(cast(:numbers as text[]))) returning e.line_id, "
    "r.debtor_id, e.action"
)
_NUMBERS = sa.text(
    "select distinct number from export_line where export_id = :export and number = any(cast(:numbers as text[]))"
)
_RETURN_LINE = sa.text(
    "update line l set action = e.action, by_hand = true from export_line e join export x on x.id = e.export_id "
    "where e.export_id = :export and e.line_id = any(cast(:lines as uuid[])) "
    "and l.administration = x.administration and l.kind = x.kind and l.debtor_id = e.debtor_id "
    "and l.state in ('listed', 'failed')"
)
_RETURNED = sa.text(
    "update export_line set outcome = 'returned' where export_id = :export and line_id = any(cast(:lines as uuid[]))"
)
_REFUSED = sa.text(
    "update export_line e set message = x.m, message_origin = 'accounting' "
    "from unnest(cast(:numbers as text[]), cast(:messages as text[])) as x (n, m) "
    "where e.export_id = :export and e.number = x.n and e.outcome = 'returned'"
)
_NEXT_MESSAGES = sa.text(
    "update relation r set next_message = e.message from export_line e join export x on x.id = e.export_id "
    "where e.export_id = :export and e.outcome = 'returned' and e.message_origin = 'accounting' "
    "and r.administration = x.administration and r.kind = x.kind and r.debtor_id = e.debtor_id and r.pending"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which lines an export takes: those of `ids`, or all that `filters` mean when `ids` is None."""

    administration: str
    kind: Kind
    ids: Sequence[uuid.UUID] | None
    filters: LineFilter

    def values(self) -> dict[str, Any]:
        """As parameters of a statement."""
        ids = None if self.ids is None else list(self.ids)
        return {
            "administration": self.administration,
            "kind": self.kind.value,
            "ids": ids,
            **self.filters.values(),
        }


async def claim(connection: AsyncConnection, export_id: uuid.UUID, choice: Choice, now: datetime) -> Pin:
    """Give the lines chosen to an export; nothing else changes them until it is done with them.

    Their old messages are gone with that (EP-53). Returns which those are.
    """
    values = {**choice.values(), "export": export_id, "now": now}
    return pin_of((await connection.execute(_CLAIM, values)).one())


async def claimed(connection: AsyncConnection, export_id: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Lines that an export has claimed and nobody else has in hand, locked."""
    rows = await connection.execute(_CLAIMED, {"export": export_id, "limit": limit})
    return [row.id for row in rows]


async def remember_claimed(connection: AsyncConnection, export_id: uuid.UUID) -> int:
    """Keep in an export what its lines hold: that is what is sent. Returns how many there are."""
    return (await connection.execute(_REMEMBER_CLAIMED, {"export": export_id})).rowcount


async def remember(connection: AsyncConnection, export_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> None:
    """Keep what lines hold that a direct export takes up again: that is what is sent."""
    await connection.execute(_REMEMBER, {"export": export_id, "ids": list(ids)})


async def release(connection: AsyncConnection, export_id: uuid.UUID, now: datetime) -> None:
    """Put the lines of a failed file export back into the queue as they were."""
    await connection.execute(_RELEASE, {"export": export_id, "now": now})


async def leave_out(connection: AsyncConnection, export_id: uuid.UUID, why: str) -> None:
    """Say of all lines of a failed export that were right why they didn't go."""
    await connection.execute(_LEFT_OUT, {"export": export_id, "message": why})


async def set_messages(
    connection: AsyncConnection,
    export_id: uuid.UUID | None,
    messages: Mapping[uuid.UUID, Message],
    now: datetime,
) -> None:
    """Fill the message of lines (EP-51), and of their entries in an export."""
    if not messages:
        return
    values = {
        "ids": list(messages),
        "messages": [message.text for message in messages.values()],
        "origins": [message.origin.value for message in messages.values()],
    }
    await connection.execute(_LINE_MESSAGES, {**values, "now": now})
    if export_id is not None:
        await connection.execute(_OUTCOMES, {**values, "export": export_id})


async def data(
    connection: AsyncConnection, export_id: uuid.UUID, batch: int
) -> AsyncIterator[Sequence[Written]]:
    """What an export holds, by number, `batch` relations at a time through a cursor, so that memory stays flat."""
    async with connection.stream(_DATA, {"export": export_id}) as rows:
        async for part in rows.partitions(batch):
            yield [Written(data_from_json(row.data), tuple(row.cleared)) for row in part]


async def mark_synced(
    connection: AsyncConnection,
    export_id: uuid.UUID,
    now: datetime,
    remote: Mapping[uuid.UUID, str] | None = None,
) -> None:
    """The lines of an export are with the accounting system: they leave the queue (EP-44, EP-67).

    What was known as synced before is kept in the export, so that a failed import can be taken back. `remote`
    limits it to the lines of a direct export, each with the id it has over there; None means all. Its cost
    follows the lines, not the size of the export.
    """
    values: dict[str, object] = {"export": export_id, "now": now}
    if remote is None:
        await connection.execute(_ALL_FORWARDED, values)
    else:
        given = {"lines": list(remote), "remotes": list(remote.values())}
        await connection.execute(_LINES_FORWARDED, values | given)


async def lines_of(connection: AsyncConnection, export_id: uuid.UUID, limit: int) -> list[ExportLine]:
    """What became of each line, the failed ones first."""
    rows = await connection.execute(_LINES, {"export": export_id, "limit": limit})
    return [ExportLine(**row) for row in rows.mappings()]


async def numbers_among(
    connection: AsyncConnection, export_id: uuid.UUID, numbers: Sequence[str]
) -> set[str]:
    """Those of the numbers that relations of an export have."""
    rows = await connection.execute(_NUMBERS, {"export": export_id, "numbers": list(numbers)})
    return {row.number for row in rows}


async def bring_back(
    connection: AsyncConnection, export_id: uuid.UUID, refusals: Mapping[str, str] | None
) -> int:
    """The import of a file went wrong: its relations come up at the next fetch with the same action.

    `refusals` are the numbers that were refused with the accounting system's words; None means all. A
    relation that a later export has forwarded since is left as it is. Returns how many come back (EP-66, EP-67).
    """
    numbers = None if refusals is None else list(refusals)
    values = {"export": export_id, "numbers": numbers}
    lines = [row.line_id for row in await connection.execute(_BRING_BACK, values)]
    await connection.execute(_RETURN_LINE, {"export": export_id, "lines": lines})
    await connection.execute(_RETURNED, {"export": export_id, "lines": lines})
    if refusals:
        words = {"numbers": list(refusals), "messages": list(refusals.values())}
        await connection.execute(_REFUSED, {"export": export_id, **words})
        await connection.execute(_NEXT_MESSAGES, {"export": export_id})
    return len(lines)
