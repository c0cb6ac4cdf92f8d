"""Attachments and their bytes, which are stored once, however many cards have them, and go with the last one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from klokwerk.database import advisory_key
from klokwerk_contracts.debtor_changed import DocumentKind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.attachments import Scan, StoredAttachment

PIECE = 256 * 1024

_READ = (
    "select a.attachment_id, a.debtor_id, a.name, a.sha256, a.size, a.media_type, a.documents, a.revision, "
    "a.uploaded_at, a.uploaded_by, b.scan from attachment a join blob b using (sha256) where a.removed_at is null "
)
_OF_CARD = sa.text(_READ + "and a.debtor_id = :debtor_id order by a.uploaded_at, a.attachment_id")
_OF_COMPANY = sa.text(_READ + "and a.debtor_id is null order by a.uploaded_at, a.attachment_id")
_ONE = sa.text(_READ + "and a.attachment_id = :id")
_LOCK = sa.text(_READ + "and a.attachment_id = :id for update of a")
_LOCK_BYTES = sa.text("select pg_advisory_xact_lock(:key)")
_LOCK_COMPANY = sa.text("select pg_advisory_xact_lock(:key)")
_HAS_BYTES = sa.text("select scan from blob where sha256 = :sha256")
_STORE_BYTES = sa.text(
    "insert into blob (sha256, size, media_type, scan, scanned_at, stored_at) "
    "values (:sha256, :size, :media_type, :scan, :scanned_at, :at)"
)
_SCANNED = sa.text("update blob set scan = :scan, scanned_at = :at where sha256 = :sha256")
_STORE_PIECE = sa.text("insert into blob_piece (sha256, number, bytes) values (:sha256, :number, :bytes)")
_PIECE = sa.text("select bytes from blob_piece where sha256 = :sha256 and number = :number")
_ADD = sa.text(
    "insert into attachment (attachment_id, debtor_id, name, sha256, size, media_type, documents, revision, "
    "uploaded_at, uploaded_by) values (:attachment_id, :debtor_id, :name, :sha256, :size, :media_type, "
    "cast(:documents as text[]), :revision, :uploaded_at, :uploaded_by)"
)
_SAVE = sa.text(
    "update attachment set name = :name, documents = cast(:documents as text[]), revision = :revision "
    "where attachment_id = :attachment_id"
)
_REMOVE = sa.text(
    "update attachment set removed_at = :at, removed_by = :by where attachment_id = :id and removed_at is null"
)
_FORGET_BYTES = sa.text(
    "delete from blob where sha256 = :sha256 "
    "and not exists (select 1 from attachment where sha256 = :sha256 and removed_at is null)"
)


async def of_card(connection: AsyncConnection, debtor_id: str) -> list[StoredAttachment]:
    """The attachments of one card, oldest first."""
    return [_stored(row) for row in (await connection.execute(_OF_CARD, {"debtor_id": debtor_id})).mappings()]


async def of_company(connection: AsyncConnection) -> list[StoredAttachment]:
    """The attachments of the company itself (FA-65)."""
    return [_stored(row) for row in (await connection.execute(_OF_COMPANY)).mappings()]


async def get(connection: AsyncConnection, attachment_id: str) -> StoredAttachment | None:
    """One that was not removed."""
    row = (await connection.execute(_ONE, {"id": attachment_id})).mappings().first()
    return None if row is None else _stored(row)


async def lock(connection: AsyncConnection, attachment_id: str) -> StoredAttachment | None:
    """One, for changing it; the caller holds the lock of its card first."""
    row = (await connection.execute(_LOCK, {"id": attachment_id})).mappings().first()
    return None if row is None else _stored(row)


async def lock_company(connection: AsyncConnection) -> None:
    """Let nobody else change the company's attachments until the transaction ends."""
    await connection.execute(_LOCK_COMPANY, {"key": advisory_key("company-attachments")})


async def add(connection: AsyncConnection, attachment: StoredAttachment, content: bytes) -> None:
    """Store an attachment, and its bytes unless they are there already.

    The bytes are guarded while this transaction runs, so that nobody forgets them at the same moment.
    """
    await connection.execute(_LOCK_BYTES, {"key": _key(attachment.sha256)})
    present = (await connection.execute(_HAS_BYTES, {"sha256": attachment.sha256})).scalar_one_or_none()
    scanned_at = attachment.uploaded_at if attachment.scan is Scan.CLEAN else None
    if present is None:
        values = {
            "sha256": attachment.sha256,
            "size": attachment.size,
            "media_type": attachment.media_type,
            "scan": attachment.scan.value,
            "scanned_at": scanned_at,
            "at": attachment.uploaded_at,
        }
        await connection.execute(_STORE_BYTES, values)
        for number, start in enumerate(range(0, len(content), PIECE)):
            piece = {"sha256": attachment.sha256, "number": number, "bytes": content[start : start + PIECE]}
            await connection.execute(_STORE_PIECE, piece)
    elif present != attachment.scan.value and attachment.scan is Scan.CLEAN:
        await connection.execute(
            _SCANNED, {"sha256": attachment.sha256, "scan": attachment.scan.value, "at": scanned_at}
        )
    await connection.execute(_ADD, _row(attachment))


async def save(connection: AsyncConnection, attachment: StoredAttachment) -> None:
    """Store another name or other documents for a locked attachment."""
    await connection.execute(_SAVE, _row(attachment))


async def remove(connection: AsyncConnection, attachment: StoredAttachment, at: datetime, by: str) -> None:
    """Take a locked attachment away. Its row stays, for who asks later; its bytes go if nobody else has them."""
    await connection.execute(_LOCK_BYTES, {"key": _key(attachment.sha256)})
    await connection.execute(_REMOVE, {"id": attachment.attachment_id, "at": at, "by": by})
    await connection.execute(_FORGET_BYTES, {"sha256": attachment.sha256})


async def piece(connection: AsyncConnection, attachment: StoredAttachment, number: int) -> bytes | None:
    """One piece of the bytes; none when they were removed."""
    found = await connection.execute(_PIECE, {"sha256": attachment.sha256, "number": number})
    content = found.scalar_one_or_none()
    return None if content is None else bytes(content)


def piece_count(attachment: StoredAttachment) -> int:
    """In how many pieces the bytes are kept."""
    return (attachment.size + PIECE - 1) // PIECE


def _key(sha256: str) -> int:
    return advisory_key(f"attachment-bytes:{sha256}")


def _row(attachment: StoredAttachment) -> dict[str, Any]:
    return {
        "attachment_id": attachment.attachment_id,
        "debtor_id": attachment.debtor_id,
        "name": attachment.name,
        "sha256": attachment.sha256,
        "size": attachment.size,
        "media_type": attachment.media_type,
        "documents": [document.value for document in attachment.documents],
        "revision": attachment.revision,
        "uploaded_at": attachment.uploaded_at,
        "uploaded_by": attachment.uploaded_by,
    }


def _stored(row: sa.RowMapping) -> StoredAttachment:
    return StoredAttachment(
        attachment_id=row["attachment_id"],
        debtor_id=row["debtor_id"],
        name=row["name"],
        media_type=row["media_type"],
        size=row["size"],
        sha256=row["sha256"],
        documents=tuple(DocumentKind(document) for document in row["documents"]),
        revision=row["revision"],
        uploaded_at=row["uploaded_at"],
        uploaded_by=row["uploaded_by"],
        scan=Scan(row["scan"]),
    )
