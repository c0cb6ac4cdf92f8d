"""Attachments of cards and of the company, kept by the debtor service (FA-63, FA-65)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from pydantic import TypeAdapter

from back_office.clients.shapes import Page, Shape, Words, at
from back_office.clients.transport import Caller, Download

UPLOAD_SECONDS = 40.0
"""How long an upload may take: the virus scanner has to look at it."""

NOTHING: TypeAdapter[None] = TypeAdapter(None)


class StoredFile(Shape):
    """An attachment.

    Attributes:
        documents: kinds of document that it goes along with (D-19).
        scan: ``clean``, or ``not_scanned`` where no virus scanner is set up.
    """

    attachment_id: str
    debtor_id: Words = ""
    name: str
    media_type: Words = ""
    size: int = 0
    documents: tuple[str, ...] = ()
    scan: Words = "not_scanned"
    revision: int = 1
    uploaded_at: datetime | None = None
    uploaded_by: Words = ""


class AttachmentClient:
    """Uploads, lists and gives back files."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def of(self, debtor_id: str) -> tuple[StoredFile, ...]:
        """The attachments of a card; of the company itself where the id is empty."""
        return (await self._caller.get(_place(debtor_id), Page[StoredFile])).value.items

    async def upload(
        self, debtor_id: str, name: str, content: bytes, documents: Sequence[str], once: str
    ) -> StoredFile:
        """Attach a file to a card, or (with an empty id) to the company."""
        params = {"name": name, "documents": list(documents)}
        return await self._caller.hand_in(
            _place(debtor_id), StoredFile, content, params=params, once=once, seconds=UPLOAD_SECONDS
        )

    async def change(
        self, attachment_id: str, name: str, documents: Sequence[str], revision: str
    ) -> StoredFile:
        """Change the name, or with which documents it goes along."""
        body = {"name": name, "documents": list(documents)}
        path = at("attachments", attachment_id)
        return (await self._caller.send("PATCH", path, StoredFile, body, revision=revision)).value

    async def remove(self, attachment_id: str, revision: str) -> None:
        """Take it away."""
        await self._caller.send("DELETE", at("attachments", attachment_id), NOTHING, revision=revision)

    def download(self, attachment_id: str) -> AbstractAsyncContextManager[Download]:
        """The bytes."""
        return self._caller.download(at("attachments", attachment_id))


def _place(debtor_id: str) -> str:
    return at("debtors", debtor_id, "attachments") if debtor_id else "/v1/company-attachments"
