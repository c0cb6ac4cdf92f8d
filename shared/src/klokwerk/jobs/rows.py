"""The tables of jobs, and what a service does with them in its own transactions."""

# ruff: noqa: S608 - statements are put together from this module's own column list only
from __future__ import annotations

import uuid
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk.access import Person
from klokwerk.clock import Clock
from klokwerk.jobs.job import Job, JobState, NewJob

SCHEMA_1 = """
create table job (
    id uuid primary key,
    natural_key text unique,
    kind text not null,
    title text not null,
    input jsonb not null,
    state text not null check (state in ('waiting', 'running', 'done', 'failed', 'cancelled')),
    done integer not null,
    total integer,
    position jsonb not null,
    result jsonb not null,
    message text not null,
    attempts integer not null,
    cancel_asked boolean not null default false,
    revision integer not null,
    due_at timestamptz not null,
    lease_until timestamptz,
    leased_by uuid,
    created_by text not null,
    created_by_name text not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    changed_at timestamptz not null
);
create index job_due on job (due_at) where state = 'waiting';
create index job_leased on job (lease_until) where state = 'running';
create index job_newest on job (kind, created_at desc, id desc);
create table job_file (
    job_id uuid not null references job (id) on delete cascade,
    role text not null,
    part integer not null,
    name text not null,
    media_type text not null,
    content bytea not null,
    primary key (job_id, role, part)
);
"""

COLUMNS = ", ".join(Job.__slots__)
PART_BYTES = 1024 * 1024
_START = sa.text(
    "insert into job (id, natural_key, kind, title, input, state, done, total, position, result, message, attempts, "
    "revision, due_at, created_by, created_by_name, created_at, changed_at) values (:id, :natural_key, :kind, "
    ":title, cast(:input as jsonb), 'waiting', 0, :total, '{}', '{}', '', 0, 1, :now, :by, :by_name, :now, :now) "
    f"on conflict (natural_key) do nothing returning {COLUMNS}"
)
_NOTIFY = sa.text("select pg_notify('job', '')")
_GET = sa.text(f"select {COLUMNS} from job where id = :id")
_FIND = sa.text(f"select {COLUMNS} from job where natural_key = :key")
_PAGE = sa.text(
    f"select {COLUMNS} from job where kind = any(cast(:kinds as text[])) "
    "and (cast(:after_at as timestamptz) is null or (created_at, id) < (:after_at, :after_id)) "
    "order by created_at desc, id desc limit :limit"
)
_CANCEL = sa.text(
    "update job set cancel_asked = true, revision = revision + 1, changed_at = :now, "
    "state = case when state = 'waiting' then 'cancelled' else state end, "
    "finished_at = case when state = 'waiting' then cast(:now as timestamptz) end "
    f"where id = :id and state in ('waiting', 'running') returning {COLUMNS}"
)
_KEEP = sa.text(
    "insert into job_file (job_id, role, part, name, media_type, content) "
    "values (:job, :role, :part, :name, :media_type, :content)"
)
_DROP = sa.text("delete from job_file where job_id = :job and role = :role")
_FACTS = sa.text(
    "select role, min(name) as name, min(media_type) as media_type, sum(length(content)) as size from job_file "
    "where job_id = :job group by role order by role"
)
_CONTENT = sa.text("select content from job_file where job_id = :job and role = :role order by part")


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file that belongs to a job: what was uploaded (role ``input``) or what came out (``output``)."""

    role: str
    name: str
    media_type: str
    size: int


async def start(connection: AsyncConnection, clock: Clock, new: NewJob, person: Person) -> Job:
    """Make a job in the caller's transaction; the one that is there under its natural key, if there is one."""
    row = (
        (
            await connection.execute(
                _START,
                {
                    "id": new.id,
                    "natural_key": new.natural_key,
                    "kind": new.kind,
                    "title": new.title,
                    "input": orjson.dumps(dict(new.input), default=str).decode(),
                    "total": new.total,
                    "by": person.subject,
                    "by_name": person.name,
                    "now": clock.now(),
                },
            )
        )
        .mappings()
        .one_or_none()
    )
    if row is not None:
        await connection.execute(_NOTIFY)
        return job_of(row)
    there = await find(connection, new.natural_key or "")
    if there is None:
        raise RuntimeError(f"job {new.natural_key!r} was neither made nor found")
    return there


async def get(connection: AsyncConnection, job_id: uuid.UUID) -> Job | None:
    """One job."""
    row = (await connection.execute(_GET, {"id": job_id})).mappings().one_or_none()
    return job_of(row) if row else None


async def find(connection: AsyncConnection, natural_key: str) -> Job | None:
    """The job under a natural key."""
    row = (await connection.execute(_FIND, {"key": natural_key})).mappings().one_or_none()
    return job_of(row) if row else None


async def page(
    connection: AsyncConnection,
    kinds: Sequence[str],
    *,
    after: tuple[datetime, uuid.UUID] | None = None,
    limit: int = 50,
) -> list[Job]:
    """Jobs of some kinds, newest first, after the one whose moment and id are given."""
    at, job_id = after or (None, None)
    rows = await connection.execute(
        _PAGE, {"kinds": list(kinds), "after_at": at, "after_id": job_id, "limit": limit}
    )
    return [job_of(row) for row in rows.mappings()]


async def ask_to_cancel(connection: AsyncConnection, clock: Clock, job_id: uuid.UUID) -> Job | None:
    """Stop a job: at once if it has not begun, else after the step in hand; none when it is over or unknown."""
    row = (await connection.execute(_CANCEL, {"id": job_id, "now": clock.now()})).mappings().one_or_none()
    return job_of(row) if row else None


async def keep_file(
    connection: AsyncConnection, job_id: uuid.UUID, role: str, name: str, media_type: str, content: bytes
) -> None:
    """Keep a file with a job, instead of one that is there under the same role."""
    await connection.execute(_DROP, {"job": job_id, "role": role})
    about = {"job": job_id, "role": role, "name": name, "media_type": media_type}
    parts = range(0, max(len(content), 1), PART_BYTES)
    await connection.execute(
        _KEEP,
        [
            about | {"part": number, "content": content[at : at + PART_BYTES]}
            for number, at in enumerate(parts)
        ],
    )


async def files_of(connection: AsyncConnection, job_id: uuid.UUID) -> list[JobFile]:
    """Which files belong to a job, without their bytes."""
    return [JobFile(*row) for row in await connection.execute(_FACTS, {"job": job_id})]


async def file_of(connection: AsyncConnection, job_id: uuid.UUID, role: str) -> AsyncIterable[bytes]:
    """The bytes of one of a job's files, part by part; nothing when there is none."""

    async def parts() -> AsyncIterable[bytes]:
        async with connection.stream(_CONTENT, {"job": job_id, "role": role}) as rows:
            async for row in rows:
                yield bytes(row.content)

    return parts()


def job_of(row: Any) -> Job:
    """A row with the columns of `COLUMNS` as a job."""
    return Job(**{name: row[name] for name in Job.__slots__ if name != "state"}, state=JobState(row["state"]))
