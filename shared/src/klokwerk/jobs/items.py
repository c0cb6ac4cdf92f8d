"""What a job still has to do, where that is a set fixed when it was begun: the rows that a person confirmed.

The rows are written in the transaction that makes the job (``insert into job_item (job_id, ref) select ...``), so the
job does those and no others, whatever its filter says of them later. Each step takes the next ones away in its own
transaction: one that breaks off gives them back.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

SCHEMA_2 = """
create table job_item (
    job_id uuid not null references job (id) on delete cascade,
    ref text not null,
    primary key (job_id, ref)
);
"""
KEEP = "insert into job_item (job_id, ref) select :job, "
"""How a statement begins that fixes what a job has to do; what follows is the reference of a row and where from."""

_TAKE = sa.text(
    "delete from job_item where job_id = :job and ref in "
    "(select ref from job_item where job_id = :job order by ref limit :limit) returning ref"
)
_LEFT = sa.text("select count(*) from job_item where job_id = :job")
_ADD = sa.text(f"{KEEP}unnest(cast(:refs as text[])) on conflict do nothing")


async def add(connection: AsyncConnection, job_id: uuid.UUID, refs: list[str]) -> int:
    """Fix what a job has to do by name; returns how many things that are."""
    return (await connection.execute(_ADD, {"job": job_id, "refs": refs})).rowcount


async def take(connection: AsyncConnection, job_id: uuid.UUID, limit: int) -> list[str]:
    """The next `limit` things to do, taken off the list; none when all is done."""
    rows = await connection.execute(_TAKE, {"job": job_id, "limit": limit})
    return sorted(rows.scalars())


async def left(connection: AsyncConnection, job_id: uuid.UUID) -> int:
    """How many things are still to be done."""
    return int((await connection.execute(_LEFT, {"job": job_id})).scalar_one())
