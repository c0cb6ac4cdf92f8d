"""The bytes of exported files, kept in parts so that neither side ever holds a whole file."""

import uuid

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_ADD = sa.text("insert into export_file (export_id, part, body) values (:export, :part, :body)")
_DROP = sa.text("delete from export_file where export_id = :export")
_PART = sa.text("select body from export_file where export_id = :export and part = :part")


async def add(connection: AsyncConnection, export_id: uuid.UUID, part: int, body: bytes) -> None:
    """Keep one part of the file, counted from 0."""
    await connection.execute(_ADD, {"export": export_id, "part": part, "body": body})


async def drop(connection: AsyncConnection, export_id: uuid.UUID) -> None:
    """Forget the parts kept so far."""
    await connection.execute(_DROP, {"export": export_id})


async def part(connection: AsyncConnection, export_id: uuid.UUID, number: int) -> bytes | None:
    """One part of the file, counted from 0; none after the last."""
    row = (await connection.execute(_PART, {"export": export_id, "part": number})).one_or_none()
    return bytes(row.body) if row else None
