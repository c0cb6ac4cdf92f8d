"""EKTs into a folder that the customer's software or another program collects from."""

import asyncio
import errno
import hashlib
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from klokwerk.deliveries import Delivery, Outcome, not_there, refused, sent, temporary

from ekt_service.domain.ekt import EktFile

FilesOf = Callable[[UUID], Awaitable[Sequence[EktFile]]]
"""Loads the kept files of an EKT."""

_LATER = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ENOENT, errno.EAGAIN, errno.EBUSY}
)


@dataclass(frozen=True, slots=True)
class FolderChannel:
    """Writes files below `root`, each under a temporary name first, so that nobody reads half a file.

    Args:
        root: folder of all customers; a debtor's folder is one level below it.
        files_of: where the bytes come from.
    """

    root: Path
    files_of: FilesOf

    async def send(self, delivery: Delivery) -> Outcome:
        """Write every file of the EKT; a file that is there with the same bytes is left alone."""
        files = await self.files_of(UUID(delivery.subject))
        target = self.root / delivery.recipient
        if not files or target.parent != self.root or delivery.recipient in ("", ".", ".."):
            return refused(f"{delivery.recipient!r} is no folder below the one for EKT files.")
        try:
            for file in files:
                other = await asyncio.to_thread(_write, target, file)
                if other:
                    return refused(
                        f"{file.name} is there already in {delivery.recipient} with other content."
                    )
        except OSError as trouble:
            words = f"{target}: {trouble.strerror or trouble}"
            return temporary(words) if trouble.errno in _LATER else refused(words)
        names = files[0].name if len(files) == 1 else f"{len(files)} files"
        return sent(f"Written to folder {delivery.recipient}: {names}.")

    async def ask(self, delivery: Delivery) -> Outcome:
        """Whether every file is there with the bytes that were to be written."""
        files = await self.files_of(UUID(delivery.subject))
        target = self.root / delivery.recipient
        missing = [file.name for file in files if not await asyncio.to_thread(_is_there, target, file)]
        if missing:
            return not_there(f"{missing[0]} is not in folder {delivery.recipient}.")
        return sent(f"The files are in folder {delivery.recipient}.")


def _is_there(target: Path, file: EktFile) -> bool:
    try:
        return hashlib.sha256((target / file.name).read_bytes()).hexdigest() == file.sha256
    except OSError:
        return False


def _write(target: Path, file: EktFile) -> bool:
    """Write one file so that it appears whole; True when another file has its name."""
    target.mkdir(exist_ok=True)
    if (target / file.name).exists():
        return not _is_there(target, file)
    draft = target / f".{file.name}.{file.sha256[:8]}.part"
    with draft.open("wb") as stream:
        stream.write(file.content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(target / file.name)
    return False
