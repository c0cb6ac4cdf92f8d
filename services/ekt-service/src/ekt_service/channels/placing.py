"""Puts files into a folder that somebody else collects from, so that each appears whole, once, or not at all.

Every file is first written under a temporary name. Before the first one gets its own name, that is noted in our
database: from then on the other side may have seen it. If the connection or this process breaks off, the note and
what lies in the folder together say what happened. A file that was given its name and is gone again was collected,
or somebody removed it; such a sending is never repeated by itself.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from klokwerk.deliveries import Outcome, not_there, refused, sent, temporary, unknown

from ekt_service.domain.ekt import EktFile


class ShelfError(Exception):
    """Something did not work in the folder; the text is for people, with the other side's words."""


class ShelfRefusedError(ShelfError):
    """It never will work as it is."""


class ShelfBusyError(ShelfError):
    """It may work later."""


class ShelfLostError(ShelfError):
    """The connection broke off, so the last call may have worked or not."""


class Shelf(Protocol):
    """A folder of somebody else, opened."""

    async def read(self, name: str, size: int) -> bytes | None:
        """The first `size` + 1 bytes of a file; none when there is none of that name.

        A folder that lets nobody read gives the right number of zero bytes, see `BLIND`.
        """
        ...

    async def write(self, name: str, content: bytes) -> None:
        """Write a file whole, over another of that name, and have it kept safe where that can be asked for."""
        ...

    async def rename(self, old: str, new: str) -> None:
        """Give a file its name, never over another."""
        ...


class Handovers(Protocol):
    """Where it is noted that the other side may have seen something of a delivery."""

    async def noted(self, delivery: UUID) -> bool:
        """Whether an earlier attempt got that far."""
        ...

    async def note(self, delivery: UUID) -> None:
        """Note it, safely, before the step itself."""
        ...

    async def forget(self, delivery: UUID) -> None:
        """The other side said that it did not take anything."""
        ...


class Unreadable(bytes):
    """Stands for the contents of a file that may not be read; its length is the file's."""


class _Place(StrEnum):
    THERE = "there"
    OTHER = "other"
    DRAFT = "draft"
    GONE = "gone"


def draft_name(file: EktFile) -> str:
    """The temporary name of a file: different contents of one name never share it."""
    return f"{file.name}.{file.sha256[:8]}.part"


async def place(
    shelf: Shelf, files: Sequence[EktFile], handovers: Handovers, delivery: UUID, where: str
) -> Outcome:
    """Put every file of a delivery into the folder.

    Args:
        where: the folder in words, as in "Written to ...".
    """
    try:
        places = [await _look(shelf, file) for file in files]
        if taken := _first(files, places, _Place.OTHER):
            return refused(_other(taken, where))
        before = await handovers.noted(delivery)
        if before and (gone := _first(files, places, _Place.GONE)):
            return unknown(_collected(gone, where))
        left = [file for file, found in zip(files, places, strict=True) if found is not _Place.THERE]
        for file in left:
            await shelf.write(draft_name(file), file.content)
    except ShelfRefusedError as words:
        return refused(str(words))
    except (ShelfBusyError, ShelfLostError) as words:
        return temporary(f"{words} Nothing of it has appeared there yet; it is tried again.")
    if left:
        await handovers.note(delivery)
    return await _make_visible(shelf, files, left, where)


async def _make_visible(
    shelf: Shelf, files: Sequence[EktFile], left: Sequence[EktFile], where: str
) -> Outcome:
    for number, file in enumerate(left):
        shown = len(files) - len(left) + number
        try:
            await shelf.rename(draft_name(file), file.name)
        except ShelfLostError as words:
            return unknown(
                f"{words} It broke off while {file.name} got its name, so the folder is looked at again."
            )
        except ShelfBusyError as words:
            return temporary(f"{words} {shown} of {len(files)} files are there; the others are tried again.")
        except ShelfRefusedError as words:
            return refused(f"{words} {shown} of {len(files)} files are there.")
    return sent(f"Written to {where}: {_named(files)}.")


async def ask(shelf: Shelf, files: Sequence[EktFile], where: str) -> Outcome:
    """What became of files that were about to get their names."""
    try:
        places = [await _look(shelf, file) for file in files]
    except ShelfError as words:
        return unknown(f"It can't be looked up whether the files arrived: {words}")
    if all(found is _Place.THERE for found in places):
        return sent(f"The files are in {where}: {_named(files)}.")
    if taken := _first(files, places, _Place.OTHER):
        return refused(_other(taken, where))
    if gone := _first(files, places, _Place.GONE):
        return unknown(_collected(gone, where))
    missing = _first(files, places, _Place.DRAFT)
    return not_there(f"{missing.name if missing else 'A file'} has not got its name in {where} yet.")


def never_shown() -> Outcome:
    """Answer to asking when no attempt came so far that the other side could have seen anything."""
    return not_there("The sending broke off before anything of it appeared on the other side.")


async def _look(shelf: Shelf, file: EktFile) -> _Place:
    content = await shelf.read(file.name, len(file.content))
    if content is None:
        draft = await shelf.read(draft_name(file), len(file.content))
        return _Place.GONE if draft is None else _Place.DRAFT
    if isinstance(content, Unreadable):
        return _Place.THERE if len(content) == len(file.content) else _Place.OTHER
    return _Place.THERE if hashlib.sha256(content).hexdigest() == file.sha256 else _Place.OTHER


def _first(files: Sequence[EktFile], places: Sequence[_Place], wanted: _Place) -> EktFile | None:
    return next((file for file, found in zip(files, places, strict=True) if found is wanted), None)


def _named(files: Sequence[EktFile]) -> str:
    return files[0].name if len(files) == 1 else f"{len(files)} files"


def _other(file: EktFile, where: str) -> str:
    return (
        f"{file.name} is there already in {where} with other content, and is not overwritten. Have it collected, "
        "or put {reference} in the file name pattern, and send the EKT again."
    )


def _collected(file: EktFile, where: str) -> str:
    return (
        f"{file.name} was about to get its name in {where} when the sending broke off, and is not there now: the "
        "customer's software may have collected it. Ask the customer, then settle it here; it is not sent again "
        "by itself."
    )
