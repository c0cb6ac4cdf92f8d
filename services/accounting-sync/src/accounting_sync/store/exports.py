"""Export history: what was exported, when, by whom, how it ended, and the file (EP-57, EP-68)."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.relation import Kind
from accounting_sync.domain.targets import Mode, Target


class ExportState(StrEnum):
    """How far an export is."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    IMPORT_FAILED = "import_failed"


@dataclass(frozen=True, slots=True)
class Export:
    """One entry of the history; `open`, `synced` and `failed` count its lines, `written` those in the file so far.

    `kept_without_persons`: its file held somebody who was anonymised since, and is made anew without them.
    """

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
    kept_without_persons: bool
    open: int
    synced: int
    failed: int
    written: int


_CREATE = sa.text(
    "insert into export (id, administration, kind, mode, target, state, lines, message, folder, file_name, "
    "created_by, created_by_name, created_at) values (:id, :administration, :kind, :mode, :target, :state, "
    "0, '', :folder, :file_name, :by, :by_name, :now)"
)
_COUNTED = sa.text("update export set lines = :lines where id = :export")
_FAIL = sa.text(
    "update export set state = 'failed', message = :message, finished_at = :now, sha256 = :sha256, size = :size, "
    "refused = :refused where id = :export"
)
_DONE = sa.text(
    "update export set state = 'done', finished_at = :now, sha256 = :sha256, size = :size where id = :export"
)
_SETTLE = sa.text(
    "update export set state = 'done', finished_at = :now where state = 'running' "
    "and (cast(:export as uuid) is null or id = :export) "
    "and not exists (select 1 from export_line e where e.export_id = export.id and e.outcome = 'open')"
)
_IMPORT_FAILED = sa.text(
    "update export set state = 'import_failed', returned_by = :by, returned_at = :now, returned_note = :note "
    "where id = :export"
)
_PROGRESS = sa.text(
    "insert into export_progress (export_id, written) values (:export, :written) "
    "on conflict (export_id) do update set written = excluded.written"
)
_EXPORT = (
    "select x.id, x.administration, x.kind, x.mode, x.target, x.state, x.lines, x.message, x.folder, "
    "x.file_name, x.sha256, x.size, x.created_by, x.created_by_name, x.created_at, x.finished_at, "
    "x.returned_by, x.returned_at, x.returned_note, x.kept_without_persons, c.open, "
    "case when x.mode = 'direct' then c.synced when x.state in ('done', 'import_failed') then x.lines else 0 end "
    "as synced, case when x.mode = 'direct' then c.failed else x.refused end as failed, "
    "case when x.state = 'planned' then coalesce(p.written, 0) when x.sha256 is null or x.state = 'failed' then 0 "
    "else x.lines end as written from export x left join export_progress p on p.export_id = x.id "
    "cross join lateral (select count(*) filter (where e.outcome = 'open') as open, count(*) filter "
    "(where e.outcome in ('synced', 'returned')) as synced, count(*) filter (where e.outcome = 'failed') as failed "
    "from export_line e where e.export_id = x.id and x.mode = 'direct') c where "
)
_ONE = sa.text(_EXPORT + "x.administration = :administration and x.id = :id")
_LOCK = sa.text("select state from export where id = :id for no key update")
_PAGE = sa.text(
    _EXPORT + "x.administration = :administration and (cast(:kind as text) is null or x.kind = :kind) "
    "and (cast(:after_at as timestamptz) is null or (x.created_at, x.id) < (:after_at, cast(:after_id as uuid))) "
    "order by x.created_at desc, x.id desc limit :limit"
)
_PREPARED = sa.text("update export set prepared = true where id = :id")
_STANDING = sa.text(
    "select administration, kind, target, state, prepared from export where id = :id for no key update"
)
_PLANNED = sa.text("select id from export where state = 'planned' order by created_at")


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


async def begin(connection: AsyncConnection, new: NewExport, state: ExportState, now: datetime) -> None:
    """Write the history row, before anything leaves."""
    await connection.execute(
        _CREATE,
        {
            "id": new.id,
            "administration": new.administration,
            "kind": new.kind.value,
            "mode": new.mode.value,
            "target": new.target.value,
            "state": state.value,
            "folder": new.folder,
            "file_name": new.file_name,
            "by": new.by,
            "by_name": new.by_name,
            "now": now,
        },
    )


async def counted(connection: AsyncConnection, export_id: uuid.UUID, lines: int) -> None:
    """Say how many lines the export has."""
    await connection.execute(_COUNTED, {"export": export_id, "lines": lines})


async def fail(
    connection: AsyncConnection,
    export_id: uuid.UUID,
    message: str,
    now: datetime,
    *,
    sha256: str | None = None,
    size: int | None = None,
    refused: int = 0,
) -> None:
    """Close an export as failed; its history stays, with what was wrong and how many lines were."""
    values = {"export": export_id, "message": message, "now": now, "sha256": sha256, "size": size}
    await connection.execute(_FAIL, {**values, "refused": refused})


async def finish_file(
    connection: AsyncConnection, export_id: uuid.UUID, sha256: str, size: int, now: datetime
) -> None:
    """A file export is done."""
    await connection.execute(_DONE, {"export": export_id, "sha256": sha256, "size": size, "now": now})


async def settle(connection: AsyncConnection, export_id: uuid.UUID | None, now: datetime) -> None:
    """Close direct exports (one, or all) that have no line under way any more."""
    await connection.execute(_SETTLE, {"export": export_id, "now": now})


async def import_failed(
    connection: AsyncConnection, export_id: uuid.UUID, *, by: str, note: str, now: datetime
) -> None:
    """Record who said that the import went wrong, and why (EP-66)."""
    await connection.execute(_IMPORT_FAILED, {"export": export_id, "by": by, "note": note, "now": now})


async def progress(connection: AsyncConnection, export_id: uuid.UUID, written: int) -> None:
    """Say how many relations are in the file so far; in a transaction of its own, so that others see it."""
    await connection.execute(_PROGRESS, {"export": export_id, "written": written})


async def find(connection: AsyncConnection, administration: str, export_id: uuid.UUID) -> Export | None:
    """One entry of the history."""
    values = {"administration": administration, "id": export_id}
    row = (await connection.execute(_ONE, values)).mappings().one_or_none()
    return _of(row) if row else None


async def lock(connection: AsyncConnection, export_id: uuid.UUID) -> ExportState | None:
    """Lock one entry and say how far it is."""
    state = (await connection.execute(_LOCK, {"id": export_id})).scalar_one_or_none()
    return ExportState(state) if state else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a file export is; `prepared` once its lines were checked and are kept in it."""

    administration: str
    kind: Kind
    target: Target
    state: ExportState
    prepared: bool


async def standing(connection: AsyncConnection, export_id: uuid.UUID) -> Standing | None:
    """Lock one entry and say how far it is."""
    row = (await connection.execute(_STANDING, {"id": export_id})).one_or_none()
    if row is None:
        return None
    return Standing(
        row.administration, Kind(row.kind), Target(row.target), ExportState(row.state), row.prepared
    )


async def prepared(connection: AsyncConnection, export_id: uuid.UUID) -> None:
    """The lines of an export were checked, and what they hold is kept."""
    await connection.execute(_PREPARED, {"id": export_id})


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


async def planned(connection: AsyncConnection) -> list[uuid.UUID]:
    """File exports that were begun and not finished, the oldest first."""
    return [row.id for row in await connection.execute(_PLANNED)]


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
