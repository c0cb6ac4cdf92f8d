"""Imports of lists: what was handed in, how it is read, how far it is; and mappings kept for the next list."""

# ruff: noqa: S608 - statements are put together from this module's own column list only
from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
import sqlalchemy as sa
from klokwerk.database import advisory_key
from klokwerk_contracts.debtor_changed import Kind
from sqlalchemy.ext.asyncio import AsyncConnection


class ImportState(StrEnum):
    """How far an import is; what is under way is a job beside it."""

    MAPPING = "mapping"
    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    TAKING_BACK = "taking_back"
    TAKEN_BACK = "taken_back"


class Decision(StrEnum):
    """What becomes of a line whose card may be here already."""

    SKIP = "skip"
    UPDATE = "update"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Import:
    """A list under way.

    Attributes:
        size: of the file, in bytes.
        headings: first line of the file.
        header_key: the same for lists with the same columns.
        guesses: for each column a field with how sure it is, and sample cells.
        fields, constants, empty_cells: the mapping, see `importing.mapping`.
        duplicates: what becomes of doubles that nobody decided on one by one.
        job_id: the job that does the step in hand, or did the last one.
    """

    id: uuid.UUID
    kind: Kind
    administration: str
    file_name: str
    size: int
    encoding: str
    delimiter: str
    headings: tuple[str, ...]
    header_key: str
    guesses: list[dict[str, Any]]
    fields: tuple[str, ...]
    constants: dict[str, str]
    empty_cells: str
    duplicates: Decision
    state: ImportState
    row_count: int
    job_id: uuid.UUID | None
    revision: int
    created_at: datetime
    created_by: str
    created_by_name: str
    changed_at: datetime
    ran_at: datetime | None


_COLUMNS = ", ".join(Import.__slots__)
_INSERT = sa.text(
    f"insert into card_import ({_COLUMNS}, content) values (:id, :kind, :administration, :file_name, :size, "
    ":encoding, :delimiter, cast(:headings as text[]), :header_key, cast(:guesses as jsonb), "
    "cast(:fields as text[]), cast(:constants as jsonb), :empty_cells, :duplicates, :state, :row_count, null, 1, "
    ":now, :by, :by_name, :now, null, :content)"
)
_GET = sa.text(f"select {_COLUMNS} from card_import where id = :id")
_LOCK = sa.text(f"select {_COLUMNS} from card_import where id = :id for update")
_ALONE = sa.text("select pg_advisory_xact_lock(:key)")
_CONTENT = sa.text("select content from card_import where id = :id")
_PAGE = sa.text(
    f"select {_COLUMNS} from card_import where (cast(:after_at as timestamptz) is null "
    "or (created_at, id) < (:after_at, :after_id)) order by created_at desc, id desc limit :limit"
)
_READ_ANEW = sa.text(
    "update card_import set encoding = :encoding, delimiter = :delimiter, headings = cast(:headings as text[]), "
    "header_key = :header_key, guesses = cast(:guesses as jsonb), fields = cast(:fields as text[]), "
    "constants = cast(:constants as jsonb), empty_cells = :empty_cells, row_count = :row_count, "
    f"revision = revision + 1, changed_at = :now where id = :id returning {_COLUMNS}"
)
_MAP = sa.text(
    "update card_import set fields = cast(:fields as text[]), constants = cast(:constants as jsonb), "
    "empty_cells = :empty_cells, revision = revision + 1, changed_at = :now "
    f"where id = :id returning {_COLUMNS}"
)
_MOVE = sa.text(
    "update card_import set state = :state, job_id = coalesce(:job_id, job_id), revision = revision + 1, "
    "ran_at = case when :state = 'running' then coalesce(ran_at, cast(:now as timestamptz)) else ran_at end, "
    "content = case when :state = 'running' then null else content end, "
    f"changed_at = :now where id = :id returning {_COLUMNS}"
)
_DEFAULT = sa.text(
    "update card_import set duplicates = :duplicates, revision = revision + 1, changed_at = :now "
    f"where id = :id returning {_COLUMNS}"
)
_DELETE = sa.text("delete from card_import where id = :id")
_OLD = sa.text(
    "delete from card_import where changed_at < :before and state not in ('checking', 'running', 'taking_back')"
)
_KEEP_MAPPING = sa.text(
    "insert into import_mapping (header_key, kind, fields, constants, empty_cells, used_at, used_by) "
    "values (:header_key, :kind, cast(:fields as jsonb), cast(:constants as jsonb), :empty_cells, :now, :by) "
    "on conflict (header_key, kind) do update set fields = excluded.fields, constants = excluded.constants, "
    "empty_cells = excluded.empty_cells, used_at = excluded.used_at, used_by = excluded.used_by"
)
_MAPPING = sa.text(
    "select fields, constants, empty_cells, used_at, used_by from import_mapping "
    "where header_key = :header_key and kind = :kind"
)


@dataclass(frozen=True, slots=True)
class KeptMapping:
    """How a list with the same columns was read the last time; fields by compared heading."""

    fields: dict[str, str]
    constants: dict[str, str]
    empty_cells: str
    used_at: datetime
    used_by: str


async def insert(connection: AsyncConnection, new: Import, content: bytes) -> None:
    """Keep a list that was handed in."""
    await connection.execute(_INSERT, _reading(new) | {
        "kind": new.kind.value, "administration": new.administration, "file_name": new.file_name,
        "size": new.size, "duplicates": new.duplicates.value, "state": new.state.value, "content": content,
        "by": new.created_by, "by_name": new.created_by_name, "now": new.created_at,
    })  # fmt: skip


async def get(connection: AsyncConnection, import_id: uuid.UUID) -> Import | None:
    """One import."""
    return _one((await connection.execute(_GET, {"id": import_id})).mappings().one_or_none())


async def lock(connection: AsyncConnection, import_id: uuid.UUID) -> Import | None:
    """One import, that nobody else moves until the transaction ends."""
    return _one((await connection.execute(_LOCK, {"id": import_id})).mappings().one_or_none())


async def one_at_a_time(connection: AsyncConnection, import_id: uuid.UUID) -> None:
    """Let nobody else work on the lines of an import until the transaction ends; whoever looks at it may."""
    await connection.execute(_ALONE, {"key": advisory_key(f"card-import:{import_id}")})


async def content_of(connection: AsyncConnection, import_id: uuid.UUID) -> bytes | None:
    """The file as it was handed in; none once its rows were run."""
    found = (await connection.execute(_CONTENT, {"id": import_id})).scalar_one_or_none()
    return None if found is None else bytes(found)


async def page(
    connection: AsyncConnection, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[Import]:
    """Imports, newest first."""
    at, import_id = after or (None, None)
    rows = await connection.execute(_PAGE, {"after_at": at, "after_id": import_id, "limit": limit})
    return [import_of(row) for row in rows.mappings()]


async def read_anew(connection: AsyncConnection, changed: Import, now: datetime) -> Import:
    """Store how a locked import's file was read with another encoding or delimiter."""
    row = await connection.execute(_READ_ANEW, _reading(changed) | {"now": now})
    return import_of(row.mappings().one())


async def save_mapping(
    connection: AsyncConnection, import_id: uuid.UUID, fields: Sequence[str], constants: Mapping[str, str],
    empty_cells: str, now: datetime,
) -> Import:  # fmt: skip
    """Store the mapping of a locked import."""
    values = {
        "id": import_id,
        "fields": list(fields),
        "constants": _json(dict(constants)),
        "empty_cells": empty_cells,
        "now": now,
    }
    return import_of((await connection.execute(_MAP, values)).mappings().one())


async def move(
    connection: AsyncConnection,
    import_id: uuid.UUID,
    state: ImportState,
    now: datetime,
    job_id: uuid.UUID | None = None,
) -> Import:
    """Let a locked import enter another state; with the run the file itself is let go, its rows stay."""
    values = {"id": import_id, "state": state.value, "job_id": job_id, "now": now}
    return import_of((await connection.execute(_MOVE, values)).mappings().one())


async def set_default(
    connection: AsyncConnection, import_id: uuid.UUID, duplicates: Decision, now: datetime
) -> Import:
    """Store what becomes of doubles that nobody decides on."""
    values = {"id": import_id, "duplicates": duplicates.value, "now": now}
    return import_of((await connection.execute(_DEFAULT, values)).mappings().one())


async def delete(connection: AsyncConnection, import_id: uuid.UUID) -> None:
    """Throw an import away with its rows; the cards stay."""
    await connection.execute(_DELETE, {"id": import_id})


async def delete_older(connection: AsyncConnection, before: datetime) -> int:
    """Throw away what nobody touched since; gives how many."""
    return (await connection.execute(_OLD, {"before": before})).rowcount


async def keep_mapping(connection: AsyncConnection, header_key: str, kind: Kind, kept: KeptMapping) -> None:
    """Remember how a list was read, for the next one with the same columns."""
    await connection.execute(_KEEP_MAPPING, {
        "header_key": header_key, "kind": kind.value, "fields": _json(kept.fields),
        "constants": _json(kept.constants), "empty_cells": kept.empty_cells, "now": kept.used_at, "by": kept.used_by,
    })  # fmt: skip


async def kept_mapping(connection: AsyncConnection, header_key: str, kind: Kind) -> KeptMapping | None:
    """How a list with the same columns was read the last time."""
    row = (
        (await connection.execute(_MAPPING, {"header_key": header_key, "kind": kind.value}))
        .mappings()
        .one_or_none()
    )
    return None if row is None else KeptMapping(**row)


def _reading(each: Import) -> dict[str, Any]:
    return {
        "id": each.id,
        "encoding": each.encoding,
        "delimiter": each.delimiter,
        "headings": list(each.headings),
        "header_key": each.header_key,
        "guesses": _json(each.guesses),
        "fields": list(each.fields),
        "constants": _json(each.constants),
        "empty_cells": each.empty_cells,
        "row_count": each.row_count,
    }


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _one(row: Any) -> Import | None:
    return None if row is None else import_of(row)


def import_of(row: Any) -> Import:
    """A row with the columns of `Import` as one."""
    values = {name: row[name] for name in Import.__slots__}
    values |= {
        "kind": Kind(row["kind"]),
        "headings": tuple(row["headings"]),
        "fields": tuple(row["fields"]),
        "duplicates": Decision(row["duplicates"]),
        "state": ImportState(row["state"]),
    }
    return Import(**values)
