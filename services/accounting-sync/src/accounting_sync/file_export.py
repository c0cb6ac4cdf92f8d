"""Export to a file: all or nothing, whatever breaks (EP-54 to EP-60).

In this order: the history row with all lines is committed; the file is written under a temporary name and
synced to disk; then, in one transaction, the file goes into the history, the relations are marked and the
lines leave the queue, and the file gets its name just before the commit. A process that dies anywhere in
between leaves a row in state "planned", and whoever looks next finishes it from what that row holds: the same
bytes under the same name. So there is either a whole file and its history, or nothing left the queue.
"""

import asyncio
import hashlib
import io
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database, advisory_key
from klokwerk_contracts.envelope import new_event_id
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.checking import messages
from accounting_sync.domain.administration import Administration, Mode
from accounting_sync.domain.lines import Message
from accounting_sync.domain.relation import Kind
from accounting_sync.exporting import Order, choose
from accounting_sync.store import exports, queue
from accounting_sync.store.exports import Export, ExportState, NewExport
from accounting_sync.targets.exact_xml import ExactXmlFile

log = telemetry.get_logger(__name__)

CHUNK = 1000
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

    async def begin(self, connection: AsyncConnection, order: Order) -> uuid.UUID:
        """Check and plan an export in the caller's transaction; `finish` it after the commit.

        Returns the id of the history entry, which has failed already where a line is wrong.

        Raises:
            Problem: there is nothing to export, or a selected line can't be chosen.
        """
        export_id = new_event_id()
        ids = await choose(connection, order)
        now = self._clock.now()
        await exports.begin(connection, self._new(export_id, order), ids, ExportState.PLANNED, now)
        await exports.claim(connection, export_id, ids, now)
        wrong = await self._objections(connection, order.administration, export_id)
        if wrong:
            await self._refuse(connection, export_id, order.kind, wrong)
        return export_id

    async def finish(self, export_id: uuid.UUID, administration: str, *, only_if_free: bool = False) -> None:
        """Bring a planned export to its end; does nothing where somebody else has or is doing so."""
        try:
            async with self._database.transaction() as connection:
                key = {"key": advisory_key(f"accounting-sync: export {export_id}")}
                statement = _ALONE_IF_FREE if only_if_free else _ALONE
                if (await connection.execute(statement, key)).scalar() is False:
                    return
                if await exports.lock(connection, export_id) is not ExportState.PLANNED:
                    return
                export = await exports.find(connection, administration, export_id)
                if export is not None:
                    await self._write(connection, export)
        except OSError as error:
            await self._give_up(export_id, error)

    async def recover(self) -> int:
        """Finish what a process that died has left; returns how many exports were looked at."""
        async with self._database.connect() as connection:
            left = await exports.planned(connection)
        for export_id, administration in left:
            await self.finish(export_id, administration, only_if_free=True)
        return len(left)

    def _new(self, export_id: uuid.UUID, order: Order) -> NewExport:
        administration = order.administration
        stamp = self._clock.now().astimezone(self._clock.zone).strftime("%Y%m%d-%H%M%S")
        return NewExport(
            id=export_id,
            administration=administration.code,
            kind=order.kind,
            mode=Mode.FILE,
            target=administration.target,
            by=order.by,
            by_name=order.by_name,
            folder=administration.folder or str(self._own_folder.resolve() / administration.code),
            file_name=f"{order.kind}-{administration.code}-{stamp}-{export_id.hex[-8:]}.xml",
        )

    async def _objections(
        self, connection: AsyncConnection, administration: Administration, export_id: uuid.UUID
    ) -> dict[uuid.UUID, Message]:
        wrong: dict[uuid.UUID, Message] = {}
        after = uuid.UUID(int=0)
        while lines := await queue.of_export(connection, export_id, after, CHUNK):
            wrong |= await messages(connection, administration, lines)
            after = lines[-1].id
        return wrong

    async def _refuse(
        self, connection: AsyncConnection, export_id: uuid.UUID, kind: Kind, wrong: dict[uuid.UUID, Message]
    ) -> None:
        """One wrong line fails all (EP-58); what is kept contains no data (EP-59)."""
        now = self._clock.now()
        empty = io.BytesIO()
        with ExactXmlFile(empty, kind):
            pass
        body = empty.getvalue()
        await exports.set_messages(connection, export_id, wrong, now)
        await exports.store_file(connection, export_id, [body], 0)
        await exports.fail(
            connection,
            export_id,
            f"{len(wrong)} of the lines can't be exported; see their messages, or export the others only",
            now,
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
            why_left_out=LEFT_OUT,
        )
        await exports.release(connection, export_id, now)

    async def _write(self, connection: AsyncConnection, export: Export) -> None:
        folder, name = Path(export.folder or ""), export.file_name or ""
        draft = folder / f".{name}.part"
        await asyncio.to_thread(self._make_folder, folder)
        try:
            with draft.open("wb") as out:
                with ExactXmlFile(out, export.kind) as file:
                    async for relation in exports.data(connection, export.id):
                        file.add(relation)
                await asyncio.to_thread(_to_disk, out.fileno())
            digest, size = await self._keep(connection, export.id, draft)
            now = self._clock.now()
            await exports.mark_synced(connection, export.id, now)
            await exports.finish_file(connection, export.id, digest, size, now)
            await asyncio.to_thread(_give_name, draft, folder / name)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        log.info("file_exported", export=str(export.id), relations=file.count, file=str(folder / name))

    def _make_folder(self, folder: Path) -> None:
        """The service's own folder is made; a configured one must be there but for its last part, so that a
        share that is not mounted is noticed."""
        folder.mkdir(parents=folder.is_relative_to(self._own_folder.resolve()), exist_ok=True)

    async def _keep(self, connection: AsyncConnection, export_id: uuid.UUID, draft: Path) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        await exports.drop_file(connection, export_id)
        for number, part in enumerate(_parts(draft)):
            digest.update(part)
            size += len(part)
            await exports.store_file(connection, export_id, [part], number)
        return digest.hexdigest(), size

    async def _give_up(self, export_id: uuid.UUID, error: OSError) -> None:
        """The folder can't take the file: nothing has left, everything is back in the queue."""
        log.warning("file_export_failed", export=str(export_id), error=repr(error))
        where = f" ({error.filename})" if error.filename else ""
        async with self._database.transaction() as connection:
            if await exports.lock(connection, export_id) is not ExportState.PLANNED:
                return
            now = self._clock.now()
            text = f"the file can't be written: {error.strerror or error}{where}; mend the folder and export again"
            await exports.fail(connection, export_id, text, now, why_left_out=text)
            await exports.release(connection, export_id, now)


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part


def _to_disk(descriptor: int) -> None:
    os.fsync(descriptor)


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
