"""Export to a file: all or nothing, whatever breaks (EP-54 to EP-60).

In this order: the history row is committed with its lines claimed; the lines are checked, and what they hold is
kept in the history; the file is written under a temporary name and synced to disk; then, in one transaction, the
file goes into the history, the relations are marked and the lines leave the queue, and the file gets its name just
before the commit. A process that dies anywhere in between leaves a row in state "planned", and whoever looks next
finishes it from what that row holds: the same bytes under the same name. So there is either a whole file and its
history, or nothing left the queue.

No step holds more than a batch of relations, and the file is written in a thread, so that a slow share stops
nobody else.
"""

import asyncio
import hashlib
import io
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database, advisory_key
from klokwerk_contracts.envelope import new_event_id
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.checking import messages
from accounting_sync.domain.relation import Kind
from accounting_sync.domain.targets import Mode, Target
from accounting_sync.exporting import Order, check_chosen, check_selection
from accounting_sync.store import (
    administrations,
    export_files,
    export_lines,
    exports,
    lines,
    statistics,
)
from accounting_sync.store.export_lines import Written
from accounting_sync.store.exports import Export, ExportState, NewExport, Standing
from accounting_sync.targets.files import FORMATS, RelationFile

log = telemetry.get_logger(__name__)

CHUNK = 1000
TOLD_EACH = 10_000
"""After how many relations those who watch an export are told how far it is."""
PART_BYTES = 1024 * 1024
LEFT_OUT = "not exported, because other lines in the export could not be"

_ALONE = sa.text("select pg_advisory_xact_lock(:key)")
_ALONE_IF_FREE = sa.text("select pg_try_advisory_xact_lock(:key)")


class FileExport:
    """Makes and finishes file exports; `own_folder` serves administrations without a folder (EP-56)."""

    def __init__(self, database: Database, clock: Clock, own_folder: Path) -> None:
        self._database = database
        self._clock = clock
        self._own_folder = own_folder
        self._under_way: set[asyncio.Task[None]] = set()

    async def begin(self, connection: AsyncConnection, order: Order) -> uuid.UUID:
        """Plan an export in the caller's transaction and claim its lines; `finish` it after the commit.

        Returns the id of the history entry.

        Raises:
            Problem: there is nothing to export, or a selected line can't be chosen.
        """
        export_id, now = new_event_id(), self._clock.now()
        await check_selection(connection, order)
        await exports.begin(connection, self._new(export_id, order), ExportState.PLANNED, now)
        taken = await export_lines.claim(connection, export_id, order.choice, now)
        check_chosen(order, taken)
        count = taken.count
        await exports.counted(connection, export_id, count)
        return export_id

    async def finish(self, export_id: uuid.UUID, *, only_if_free: bool = False) -> None:
        """Bring a planned export to its end; does nothing where somebody else has or is doing so.

        It ends as failed where a line is wrong (EP-58) or the folder can't take the file.
        """
        try:
            for step in (self._prepare, self._write):
                async with self._database.transaction() as connection:
                    key = {"key": advisory_key(f"accounting-sync: export {export_id}")}
                    statement = _ALONE_IF_FREE if only_if_free else _ALONE
                    if (await connection.execute(statement, key)).scalar() is False:
                        return
                    found = await exports.standing(connection, export_id)
                    if found is None or found.state is not ExportState.PLANNED:
                        return
                    await step(connection, export_id, found)
        except OSError as error:
            await self._give_up(export_id, error)

    def finish_soon(self, export_id: uuid.UUID) -> "asyncio.Task[None]":
        """`finish` in the background; what breaks it off is finished by `recover`."""
        task = asyncio.create_task(self.finish(export_id), name=f"export {export_id}")
        self._under_way.add(task)
        task.add_done_callback(self._landed)
        return task

    async def close(self) -> None:
        """Break off what is being written; whoever looks next writes it."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _landed(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("file_export_broke_off", task=task.get_name(), error=repr(error))

    async def recover(self) -> int:
        """Finish what a process that died has left; returns how many exports were looked at."""
        async with self._database.connect() as connection:
            left = await exports.planned(connection)
        for export_id in left:
            await self.finish(export_id, only_if_free=True)
        return len(left)

    def own_file(self, export: Export) -> Path | None:
        """Where the file of an export lies in the service's own folder; none where it went elsewhere."""
        path = Path(export.folder or "") / (export.file_name or "")
        return path if export.file_name and path.is_relative_to(self._own_folder.resolve()) else None

    def _new(self, export_id: uuid.UUID, order: Order) -> NewExport:
        administration = order.administration
        stamp = self._clock.now().astimezone(self._clock.zone).strftime("%Y%m%d-%H%M%S")
        suffix = FORMATS[administration.target].suffix
        return NewExport(
            id=export_id,
            administration=administration.code,
            kind=order.kind,
            mode=Mode.FILE,
            target=administration.target,
            by=order.by,
            by_name=order.by_name,
            folder=administration.folder or str(self._own_folder.resolve() / administration.code),
            file_name=f"{order.kind}-{administration.code}-{stamp}-{export_id.hex[-8:]}.{suffix}",
        )

    async def _prepare(self, connection: AsyncConnection, export_id: uuid.UUID, found: Standing) -> None:
        """Check every line and keep what it holds; one wrong line fails all (EP-58)."""
        if found.prepared:
            return
        administration = await administrations.find(connection, found.administration)
        if administration is None:
            return
        count = await export_lines.remember_claimed(connection, export_id)
        await statistics.refresh(connection, count, "line", "export_line")
        wrong, after = 0, uuid.UUID(int=0)
        while checked := await lines.of_export(connection, export_id, after, CHUNK):
            said = await messages(connection, administration, checked)
            await export_lines.set_messages(connection, export_id, said, self._clock.now())
            wrong += len(said)
            after = checked[-1].id
        if wrong:
            text = f"{wrong} of the lines can't be exported; see their messages, or export the others only"
            await self._fail(connection, export_id, found, text, left_out=LEFT_OUT, refused=wrong)
        else:
            await exports.prepared(connection, export_id)

    async def _fail(
        self,
        connection: AsyncConnection,
        export_id: uuid.UUID,
        found: Standing,
        text: str,
        *,
        left_out: str,
        refused: int = 0,
    ) -> None:
        """Nothing left, everything is back in the queue; what is kept contains no data (EP-59)."""
        now = self._clock.now()
        body = empty_file(found.target, found.kind)
        digest = hashlib.sha256(body).hexdigest()
        await export_files.add(connection, export_id, 0, body)
        await export_lines.leave_out(connection, export_id, left_out)
        await exports.fail(connection, export_id, text, now, sha256=digest, size=len(body), refused=refused)
        await export_lines.release(connection, export_id, now)

    async def _write(self, connection: AsyncConnection, export_id: uuid.UUID, found: Standing) -> None:
        export = await exports.find(connection, found.administration, export_id)
        if export is None:
            return
        folder, name = Path(export.folder or ""), export.file_name or ""
        draft = folder / f".{name}.part"
        await asyncio.to_thread(self._make_folder, folder)
        try:
            count = await self._fill(connection, export, draft)
            digest, size = await self._keep(connection, export.id, draft)
            now = self._clock.now()
            await export_lines.mark_synced(connection, export.id, now)
            await exports.finish_file(connection, export.id, digest, size, now)
            await asyncio.to_thread(_give_name, draft, folder / name)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        log.info("file_exported", export=str(export.id), relations=count, file=str(folder / name))

    async def _fill(self, connection: AsyncConnection, export: Export, draft: Path) -> int:
        told = 0
        with await asyncio.to_thread(draft.open, "wb") as out:
            with FORMATS[export.target].open(out, export.kind) as file:
                async for batch in export_lines.data(connection, export.id, CHUNK):
                    await asyncio.to_thread(_add, file, batch)
                    if file.count >= told + TOLD_EACH:
                        told = file.count
                        await self._tell(export.id, told)
            await asyncio.to_thread(_to_disk, out)
        return file.count

    async def made_anew(self, connection: AsyncConnection, export: Export, out: IO[bytes]) -> None:
        """Write the file of an export once more, without whoever was anonymised since."""
        with FORMATS[export.target].open(out, export.kind) as file:
            async for batch in export_lines.data(connection, export.id, CHUNK):
                await asyncio.to_thread(_add, file, batch)

    async def _tell(self, export_id: uuid.UUID, written: int) -> None:
        async with self._database.transaction() as connection:
            await exports.progress(connection, export_id, written)

    def _make_folder(self, folder: Path) -> None:
        """The service's own folder is made; a configured one must be there but for its last part, so that a
        share that is not mounted is noticed."""
        folder.mkdir(parents=folder.is_relative_to(self._own_folder.resolve()), exist_ok=True)

    async def _keep(self, connection: AsyncConnection, export_id: uuid.UUID, draft: Path) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        await export_files.drop(connection, export_id)
        for number, part in enumerate(_parts(draft)):
            digest.update(part)
            size += len(part)
            await export_files.add(connection, export_id, number, part)
        return digest.hexdigest(), size

    async def _give_up(self, export_id: uuid.UUID, error: OSError) -> None:
        """The folder can't take the file."""
        log.warning("file_export_failed", export=str(export_id), error=repr(error))
        where = f" ({error.filename})" if error.filename else ""
        async with self._database.transaction() as connection:
            found = await exports.standing(connection, export_id)
            if found is None or found.state is not ExportState.PLANNED:
                return
            text = f"the file can't be written: {error.strerror or error}{where}; mend the folder and export again"
            await self._fail(connection, export_id, found, text, left_out=text)


def empty_file(target: Target, kind: Kind) -> bytes:
    """The file of a failed export: well-formed and without data (EP-59)."""
    out = io.BytesIO()
    with FORMATS[target].open(out, kind):
        pass
    return out.getvalue()


def _add(file: RelationFile, batch: Sequence[Written]) -> None:
    for each in batch:
        file.add(each.data, each.cleared)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part


def _to_disk(out: io.BufferedWriter) -> None:
    out.flush()
    os.fsync(out.fileno())


def _give_name(draft: Path, final: Path) -> None:
    draft.replace(final)
    try:
        descriptor = os.open(final.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        final.unlink(missing_ok=True)  # the export fails, so there must be no file either
        raise
