"""Export history: what was exported, when, by whom, how it ended, and the file (EP-57, EP-68)."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.administration import Mode, Target
from accounting_sync.domain.lines import Message
from accounting_sync.domain.relation import Kind, RelationData, data_from_json
from accounting_sync.store import statistics


class ExportState(StrEnum):
    """How far an export is."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    IMPORT_FAILED = "import_failed"


@dataclass(frozen=True, slots=True)
class Export:
    """One entry of the history; `open`, `synced` and `failed` count its lines."""

    id: uuid.UUID
    administration: str
    kind: Kind
    mode: Mode
    target: Target
    state: ExportState
    lines: int
    message: str
    folder: str | None
    file_name: str | None
    sha256: str | None
    size: int | None
    created_by: str
    created_by_name: str
    created_at: datetime
    finished_at: datetime | None
    returned_by: str | None
    returned_at: datetime | None
    returned_note: str | None
    open: int
    synced: int
    failed: int


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


_CREATE = sa.text(
    "insert into export (id, administration, kind, mode, target, state, lines, message, folder, file_name, "
    "created_by, created_by_name, created_at) values (:id, :administration, :kind, :mode, :target, :state, "
    ":lines, '', :folder, :file_name, :by, :by_name, :now)"
)
_CLAIM = sa.text(
    "update line set state = 'exporting', export_id = :export, message = '', message_origin = null, "
    "changed_at = :now where id = any(cast(:ids as uuid[]))"
)
_REMEMBER = sa.text(
    "insert into export_line (export_id, line_id, debtor_id, revision, number, name, action, data, fingerprint, "
    "outcome, message) select :export, id, debtor_id, revision, number, name, action, data, fingerprint, "
    "'open', '' from line where id = any(cast(:ids as uuid[])) on conflict (export_id, line_id) do update set "
    "revision = excluded.revision, number = excluded.number, name = excluded.name, action = excluded.action, "
    "data = excluded.data, fingerprint = excluded.fingerprint, outcome = 'open', message = '', "
    "message_origin = null"
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
_FAIL = sa.text(
    "update export set state = 'failed', message = :message, finished_at = :now, sha256 = :sha256, size = :size "
    "where id = :export"
)
_DATA = sa.text(
    "select line_id, number, data from export_line where export_id = :export "
    "and (cast(:after_number as text) is null or (coalesce(number, ''), line_id) > (:after_number, :after)) "
    "order by coalesce(number, ''), line_id limit :limit"
)
_PREVIOUS = sa.text(
    "update export_line e set previous = jsonb_build_object('fingerprint', r.synced_fingerprint, 'data', "
    "r.synced_data, 'revision', r.synced_revision, 'at', r.synced_at, 'export', r.synced_export), "
    "outcome = 'synced', message = '', message_origin = null "
    "from export x join relation r on r.administration = x.administration and r.kind = x.kind "
    "where e.export_id = :export and x.id = :export and r.debtor_id = e.debtor_id "
    "and (cast(:lines as uuid[]) is null or e.line_id = any(cast(:lines as uuid[])))"
)
_SYNCED = sa.text(
    "update relation r set synced_fingerprint = e.fingerprint, synced_data = e.data, "
    "synced_revision = e.revision, synced_at = :now, synced_export = :export, "
    "remote_id = coalesce(l.remote_id, r.remote_id) "
    "from export_line e join export x on x.id = e.export_id left join line l on l.id = e.line_id "
    "where e.export_id = :export and r.administration = x.administration and r.kind = x.kind "
    "and r.debtor_id = e.debtor_id "
    "and (cast(:lines as uuid[]) is null or e.line_id = any(cast(:lines as uuid[])))"
)
_GONE = sa.text(
    "delete from line l using export_line e where e.export_id = :export and l.id = e.line_id "
    "and (cast(:lines as uuid[]) is null or e.line_id = any(cast(:lines as uuid[])))"
)
_DONE = sa.text(
    "update export set state = 'done', finished_at = :now, sha256 = :sha256, size = :size where id = :export"
)
_SETTLE = sa.text(
    "update export set state = 'done', finished_at = :now where state = 'running' "
    "and (cast(:export as uuid) is null or id = :export) "
    "and not exists (select 1 from export_line e where e.export_id = export.id and e.outcome = 'open')"
)
_ADD_PART = sa.text("insert into export_file (export_id, part, body) values (:export, :part, :body)")
_DROP_PARTS = sa.text("delete from export_file where export_id = :export")
_PART = sa.text("select body from export_file where export_id = :export and part = :part")

_EXPORT = (
    "select x.id, x.administration, x.kind, x.mode, x.target, x.state, x.lines, x.message, x.folder, "
    "x.file_name, x.sha256, x.size, x.created_by, x.created_by_name, x.created_at, x.finished_at, "
    "x.returned_by, x.returned_at, x.returned_note, c.open, c.synced, c.failed from export x cross join lateral "
    "(select count(*) filter (where e.outcome = 'open') as open, count(*) filter (where e.outcome in "
    "('synced', 'returned')) as synced, count(*) filter (where e.outcome = 'failed') as failed "
    "from export_line e where e.export_id = x.id) c where "
)
_ONE = sa.text(_EXPORT + "x.administration = :administration and x.id = :id")
_LOCK = sa.text("select state from export where id = :id for update")
_PAGE = sa.text(
    _EXPORT + "x.administration = :administration and (cast(:kind as text) is null or x.kind = :kind) "
    "and (cast(:after_at as timestamptz) is null or (x.created_at, x.id) < (:after_at, cast(:after_id as uuid))) "
    "order by x.created_at desc, x.id desc limit :limit"
)
_LINES = sa.text(
    "select line_id, debtor_id, number, name, action, outcome, message, message_origin from export_line "
    "where export_id = :export order by (outcome = 'failed') desc, name, line_id limit :limit"
)
_PLANNED = sa.text("select id, administration from export where state = 'planned' order by created_at")
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
_RETURN_LINE = sa.text(
    "update line l set action = e.action, by_hand = true from export_line e join export x on x.id = e.export_id "
    "where e.export_id = :export and e.line_id = any(cast(:lines as uuid[])) "
    "and l.administration = x.administration and l.kind = x.kind and l.debtor_id = e.debtor_id "
    "and l.state in ('listed', 'failed')"
)
_RETURNED = sa.text(
    "update export_line set outcome = 'returned' where export_id = :export and line_id = any(cast(:lines as uuid[]))"
)
_IMPORT_FAILED = sa.text(
    "update export set state = 'import_failed', returned_by = :by, returned_at = :now, returned_note = :note "
    "where id = :export"
)


@dataclass(frozen=True, slots=True)
class NewExport:
    """What is known of an export when it begins."""

    id: uuid.UUID
    administration: str
    kind: Kind
    mode: Mode
    target: Target
    by: str
    by_name: str
    folder: str | None = None
    file_name: str | None = None


async def begin(
    connection: AsyncConnection, new: NewExport, ids: Sequence[uuid.UUID], state: ExportState, now: datetime
) -> None:
    """Write the history row and what it will hold, before anything leaves."""
    await connection.execute(
        _CREATE,
        {
            "id": new.id,
            "administration": new.administration,
            "kind": new.kind.value,
            "mode": new.mode.value,
            "target": new.target.value,
            "state": state.value,
            "lines": len(ids),
            "folder": new.folder,
            "file_name": new.file_name,
            "by": new.by,
            "by_name": new.by_name,
            "now": now,
        },
    )
    await remember(connection, new.id, ids)
    await statistics.refresh(connection, len(ids), "export_line")


async def remember(connection: AsyncConnection, export_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> None:
    """Keep what the lines hold at this moment: that is what is sent."""
    await connection.execute(_REMEMBER, {"export": export_id, "ids": list(ids)})


async def claim(
    connection: AsyncConnection, export_id: uuid.UUID, ids: Sequence[uuid.UUID], now: datetime
) -> None:
    """Give locked lines to a file export; their old messages are gone with that (EP-53)."""
    await connection.execute(_CLAIM, {"export": export_id, "ids": list(ids), "now": now})


async def release(connection: AsyncConnection, export_id: uuid.UUID, now: datetime) -> None:
    """Put the lines of a failed file export back into the queue as they were."""
    await connection.execute(_RELEASE, {"export": export_id, "now": now})


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


async def fail(
    connection: AsyncConnection,
    export_id: uuid.UUID,
    message: str,
    now: datetime,
    *,
    sha256: str | None = None,
    size: int | None = None,
    why_left_out: str = "",
) -> None:
    """Close an export as failed; its history stays, with what was wrong."""
    await connection.execute(_LEFT_OUT, {"export": export_id, "message": why_left_out})
    values = {"export": export_id, "message": message, "now": now, "sha256": sha256, "size": size}
    await connection.execute(_FAIL, values)


async def data(connection: AsyncConnection, export_id: uuid.UUID) -> AsyncIterator[RelationData]:
    """What an export holds, by number, read in pieces so that memory stays flat."""
    number: str | None = None
    after = uuid.UUID(int=0)
    while True:
        values = {"export": export_id, "after_number": number, "after": after, "limit": 2000}
        rows = (await connection.execute(_DATA, values)).all()
        for row in rows:
            yield data_from_json(row.data)
        if len(rows) < 2000:
            return
        number, after = rows[-1].number or "", rows[-1].line_id


async def mark_synced(
    connection: AsyncConnection, export_id: uuid.UUID, now: datetime, lines: Sequence[uuid.UUID] | None = None
) -> None:
    """The lines of an export are with the accounting system: they leave the queue (EP-44, EP-67).

    What was known as synced before is kept in the export, so that a failed import can be taken back.
    """
    values = {"export": export_id, "lines": None if lines is None else list(lines)}
    await connection.execute(_PREVIOUS, values)
    await connection.execute(_SYNCED, {**values, "now": now})
    await connection.execute(_GONE, values)


async def finish_file(
    connection: AsyncConnection, export_id: uuid.UUID, sha256: str, size: int, now: datetime
) -> None:
    """A file export is done."""
    await connection.execute(_DONE, {"export": export_id, "sha256": sha256, "size": size, "now": now})


async def settle(connection: AsyncConnection, export_id: uuid.UUID | None, now: datetime) -> None:
    """Close direct exports (one, or all) that have no line under way any more."""
    await connection.execute(_SETTLE, {"export": export_id, "now": now})


async def store_file(
    connection: AsyncConnection, export_id: uuid.UUID, parts: Sequence[bytes], first: int
) -> None:
    """Add parts of the file to the history; `first` is the number of the first one."""
    rows = [{"export": export_id, "part": first + at, "body": body} for at, body in enumerate(parts)]
    if rows:
        await connection.execute(_ADD_PART, rows)


async def drop_file(connection: AsyncConnection, export_id: uuid.UUID) -> None:
    """Forget the parts stored so far, before they are stored anew."""
    await connection.execute(_DROP_PARTS, {"export": export_id})


async def file_part(connection: AsyncConnection, export_id: uuid.UUID, part: int) -> bytes | None:
    """One part of the file, counted from 0; none after the last."""
    body: bytes | None = (
        await connection.execute(_PART, {"export": export_id, "part": part})
    ).scalar_one_or_none()
    return body


async def find(connection: AsyncConnection, administration: str, export_id: uuid.UUID) -> Export | None:
    """One entry of the history."""
    values = {"administration": administration, "id": export_id}
    row = (await connection.execute(_ONE, values)).mappings().one_or_none()
    return _of(row) if row else None


async def lock(connection: AsyncConnection, export_id: uuid.UUID) -> ExportState | None:
    """Lock one entry and say how far it is."""
    state = (await connection.execute(_LOCK, {"id": export_id})).scalar_one_or_none()
    return ExportState(state) if state else None


async def page(
    connection: AsyncConnection,
    administration: str,
    kind: Kind | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Export]:
    """The history, newest first."""
    rows = await connection.execute(
        _PAGE,
        {
            "administration": administration,
            "kind": kind.value if kind else None,
            "after_at": after[0] if after else None,
            "after_id": after[1] if after else None,
            "limit": limit,
        },
    )
    return [_of(row) for row in rows.mappings()]


async def lines_of(connection: AsyncConnection, export_id: uuid.UUID, limit: int) -> list[ExportLine]:
    """What became of each line, the failed ones first."""
    rows = await connection.execute(_LINES, {"export": export_id, "limit": limit})
    return [ExportLine(**row) for row in rows.mappings()]


async def planned(connection: AsyncConnection) -> list[tuple[uuid.UUID, str]]:
    """File exports that were begun and not finished, with their administration."""
    return [(row.id, row.administration) for row in await connection.execute(_PLANNED)]


async def bring_back(
    connection: AsyncConnection,
    export_id: uuid.UUID,
    *,
    numbers: Sequence[str] | None,
    by: str,
    note: str,
    now: datetime,
) -> int:
    """Record that the import went wrong: its relations come up at the next fetch with the same action.

    `numbers` limits it to these, None means all. A relation that a later export has forwarded since is left
    as it is. Returns how many come back (EP-66, EP-67).
    """
    values = {"export": export_id, "numbers": None if numbers is None else list(numbers)}
    lines = [row.line_id for row in await connection.execute(_BRING_BACK, values)]
    await connection.execute(_RETURN_LINE, {"export": export_id, "lines": lines})
    await connection.execute(_RETURNED, {"export": export_id, "lines": lines})
    await connection.execute(_IMPORT_FAILED, {"export": export_id, "by": by, "note": note, "now": now})
    return len(lines)


def _of(row: Any) -> Export:
    values = dict(row)
    return Export(
        **{
            **values,
            "kind": Kind(values["kind"]),
            "mode": Mode(values["mode"]),
            "target": Target(values["target"]),
            "state": ExportState(values["state"]),
        }
    )
