"""EKTs into a folder that the customer's software or another program collects from."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from klokwerk.deliveries import Delivery, Outcome, refused

from ekt_service.channels import placing
from ekt_service.channels.placing import Handovers, ShelfBusyError, ShelfRefusedError
from ekt_service.domain.ekt import EktFile

FilesOf = Callable[[UUID], Awaitable[Sequence[EktFile]]]
"""Loads the kept files of an EKT."""
T = TypeVar("T")

_LATER = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ENOENT, errno.EAGAIN, errno.EBUSY}
)


@dataclass(frozen=True, slots=True)
class LocalShelf:
    """A folder on this machine or mounted on it.

    Args:
        label: its name, for people.
    """

    path: Path
    label: str

    async def read(self, name: str, size: int) -> bytes | None:
        """The first bytes of a file."""
        return await self._done(lambda: _read(self.path / name, size))

    async def write(self, name: str, content: bytes) -> None:
        """Write a file and its folder's entry through to the disk."""
        await self._done(lambda: _write(self.path / name, content))

    async def rename(self, old: str, new: str) -> None:
        """Give a file its name; a link first, since renaming would replace another file."""
        await self._done(lambda: _rename(self.path / old, self.path / new))

    async def _done(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as trouble:
            words = f"Folder {self.label}: {trouble.strerror or trouble}."
            raise (ShelfBusyError if trouble.errno in _LATER else ShelfRefusedError)(words) from trouble


@dataclass(frozen=True, slots=True)
class FolderChannel:
    """Writes files below `root`.

    Args:
        root: folder of all customers; a debtor's folder is one level below it.
        files_of: where the bytes come from.
    """

    root: Path
    files_of: FilesOf
    handovers: Handovers

    async def send(self, delivery: Delivery) -> Outcome:
        """Write every file of the EKT; a file that is there with the same bytes is left alone."""
        files = await self.files_of(UUID(delivery.subject))
        target = self.root / delivery.recipient
        if not files or target.parent != self.root or delivery.recipient in ("", ".", ".."):
            return refused(f"{delivery.recipient!r} is no folder below the one for EKT files.")
        shelf = LocalShelf(target, delivery.recipient)
        return await placing.place(shelf, files, self.handovers, delivery.id, shelf_name(delivery))

    async def ask(self, delivery: Delivery) -> Outcome:
        """Whether every file is there with the bytes that were to be written."""
        if not await self.handovers.noted(delivery.id):
            return placing.never_shown()
        files = await self.files_of(UUID(delivery.subject))
        shelf = LocalShelf(self.root / delivery.recipient, delivery.recipient)
        return await placing.ask(shelf, files, shelf_name(delivery))


def shelf_name(delivery: Delivery) -> str:
    """The folder in words."""
    return f"folder {delivery.recipient}"


def _read(file: Path, size: int) -> bytes | None:
    try:
        with file.open("rb") as stream:
            return stream.read(size + 1)
    except FileNotFoundError:
        return None


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _rename(old: Path, new: Path) -> None:
    try:
        new.hardlink_to(old)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as a mounted share
        old.rename(new)
        return
    old.unlink()
