"""Attachments of cards and of the company: looked at, stored, changed, removed, each in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from klokwerk import telemetry
from klokwerk.access import Person, audit
from klokwerk_contracts import new_event_id
from klokwerk_contracts.debtor_changed import DocumentKind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.changes import Changes
from debtor_service.domain.attachments import Scan, StoredAttachment, UnwantedFile, media_type_of, safe_name
from debtor_service.domain.card import Card
from debtor_service.scanning import Infected, Scanner
from debtor_service.store import attachments

log = telemetry.get_logger(__name__)

COMPANY = "company"
"""Name of the company itself in the audit trail of its attachments."""


class NoRoom(Exception):
    """The card, or the company, has as many files or bytes as it may have."""


class AttachedAlready(Exception):
    """The same bytes are attached there already."""

    def __init__(self, present: StoredAttachment) -> None:
        super().__init__(f"the same file is attached already, as {present.name}")
        self.present = present


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be attached.

    Attributes:
        most_bytes: of one file.
        most_files: to one card, or to the company.
        quota_bytes: of all files of one card, or of the company.
    """

    most_bytes: int
    most_files: int
    quota_bytes: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that was looked at and may be stored."""

    name: str
    content: bytes
    media_type: str
    sha256: str
    scan: Scan


@dataclass(frozen=True, slots=True)
class Attaching:
    """Keeps attachments; those of a card stand on its events."""

    changes: Changes
    scanner: Scanner
    limits: Limits

    async def looked_at(self, name: str, content: bytes) -> NewFile:
        """The file, once it is known what it is and that no virus was found; nothing is stored yet.

        Raises:
            UnwantedFile: too large, empty, or nothing that is taken.
            Infected: the scanner found something.
            ScannerAway: nobody can say at the moment.
        """
        if not content:
            raise UnwantedFile("it is empty", "Choose another file.")
        if len(content) > self.limits.most_bytes:
            most = self.limits.most_bytes / 1_000_000
            raise UnwantedFile(f"it has {len(content):,} bytes", f"Attach at most {most:g} MB at a time.")
        media_type = await asyncio.to_thread(media_type_of, content)
        digest = (await asyncio.to_thread(sha256, content)).hexdigest()
        scan = await self.scanner.scan(content)
        return NewFile(safe_name(name, media_type), content, media_type, digest, scan)

    async def attach(
        self,
        connection: AsyncConnection,
        card: Card | None,
        file: NewFile,
        documents: Sequence[DocumentKind],
        person: Person,
    ) -> tuple[StoredAttachment, Card | None]:
        """Attach a file to a locked card, or (none) to the company.

        Raises:
            NoRoom, AttachedAlready: nothing was stored.
        """
        present = await self._present(connection, card)
        self._check_room(present, file)
        stored = StoredAttachment(
            attachment_id=str(new_event_id()),
            debtor_id=card.debtor_id if card else None,
            name=_unlike(file.name, {each.name for each in present}),
            media_type=file.media_type,
            size=len(file.content),
            sha256=file.sha256,
            documents=_in_order(documents),
            revision=1,
            uploaded_at=self.changes.clock.now(),
            uploaded_by=person.name,
            scan=file.scan,
        )
        await attachments.add(connection, stored, file.content)
        saved = await self._told(
            connection, card, [*present, stored], person, "attachment added", None, stored
        )
        return stored, saved

    async def change(
        self,
        connection: AsyncConnection,
        card: Card | None,
        old: StoredAttachment,
        name: str | None,
        documents: Sequence[DocumentKind] | None,
        person: Person,
    ) -> StoredAttachment:
        """Give a locked attachment another name, or other documents to go along with (D-19)."""
        new = replace(
            old,
            name=old.name if name is None else safe_name(name, old.media_type),
            documents=old.documents if documents is None else _in_order(documents),
        )
        if new == old:
            return old
        new = replace(new, revision=old.revision + 1)
        await attachments.save(connection, new)
        present = await self._present(connection, card)
        await self._told(connection, card, present, person, "attachment changed", old, new)
        return new

    async def remove(
        self, connection: AsyncConnection, card: Card | None, old: StoredAttachment, person: Person
    ) -> None:
        """Take a locked attachment away; the bytes go with the last one that has them."""
        await attachments.remove(connection, old, self.changes.clock.now(), person.name)
        present = await self._present(connection, card)
        await self._told(connection, card, present, person, "attachment removed", old, None)

    async def note_infected(
        self, connection: AsyncConnection, debtor_id: str | None, name: str, found: Infected, person: Person
    ) -> None:
        """Keep who tried to attach what, for whoever looks into it."""
        at = self.changes.clock.now()
        log.warning(
            "infected_file_refused", card=debtor_id or COMPANY, signature=found.signature, by=person.name
        )
        new = {"name": name, "signature": found.signature}
        entity = "debtor" if debtor_id else COMPANY
        await audit(connection, person, at, "infected file refused", entity, debtor_id or COMPANY, new=new)

    async def _present(self, connection: AsyncConnection, card: Card | None) -> list[StoredAttachment]:
        return await (
            attachments.of_card(connection, card.debtor_id) if card else attachments.of_company(connection)
        )

    def _check_room(self, present: Sequence[StoredAttachment], file: NewFile) -> None:
        for each in present:
            if each.sha256 == file.sha256:
                raise AttachedAlready(each)
        if len(present) >= self.limits.most_files:
            raise NoRoom(
                f"There are {len(present)} files already; at most {self.limits.most_files} are kept."
            )
        total = sum(each.size for each in present) + len(file.content)
        if total > self.limits.quota_bytes:
            raise NoRoom(
                f"Together they would have {total:,} bytes; at most {self.limits.quota_bytes:,} are kept."
            )

    async def _told(
        self,
        connection: AsyncConnection,
        card: Card | None,
        present: Sequence[StoredAttachment],
        person: Person,
        action: str,
        old: StoredAttachment | None,
        new: StoredAttachment | None,
    ) -> Card | None:
        if card is not None:
            told = tuple(each.told() for each in present)
            return await self.changes.attach(connection, card, told, person, action)
        await audit(
            connection,
            person,
            self.changes.clock.now(),
            action,
            COMPANY,
            COMPANY,
            old=_plain(old),
            new=_plain(new),
        )
        return None


def _plain(attachment: StoredAttachment | None) -> dict[str, Any] | None:
    return None if attachment is None else attachment.told().model_dump(mode="json")


def _in_order(documents: Sequence[DocumentKind]) -> tuple[DocumentKind, ...]:
    return tuple(kind for kind in DocumentKind if kind in documents)


def _unlike(name: str, taken: set[str]) -> str:
    """`name`, with a number where another file is called the same."""
    stem, _, ending = name.rpartition(".")
    number, wanted = 1, name
    while wanted in taken:
        number += 1
        wanted = f"{stem} ({number}).{ending}"
    return wanted
