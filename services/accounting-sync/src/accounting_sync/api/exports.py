"""Export history: what was exported, its file, and what to do when the import of it went wrong."""

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import Page, Problem, decode_cursor
from klokwerk.http.pages import page_of
from klokwerk.http.problems import not_found
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.api.models import (
    Code,
    ExportDetail,
    ExportLineOut,
    ExportOut,
    ImportFailedIn,
    ReturnedOut,
)
from accounting_sync.domain.relation import Kind
from accounting_sync.domain.targets import Mode, Target
from accounting_sync.parts import Accounting, accounting, administration_of
from accounting_sync.store import export_files, export_lines, exports
from accounting_sync.store.exports import Export, ExportState
from accounting_sync.targets.exact_messages import RefusedRelation, UnreadableResult, read_refusals
from accounting_sync.targets.files import FORMATS

router = APIRouter(prefix="/{administration}/exports", tags=["export history"])
Parts = Annotated[Accounting, Depends(accounting)]
LONGEST_WAIT = 20.0
LOOK_SECONDS = 0.25
IN_MEMORY = 4 * 1024 * 1024
PIECE = 256 * 1024


async def export_of(connection: AsyncConnection, administration: str, export_id: uuid.UUID) -> Export:
    """One entry of the history.

    Raises:
        Problem: 404.
    """
    found = await exports.find(connection, administration, export_id)
    if found is None:
        raise not_found("export", export_id)
    return found


async def shown_export(connection: AsyncConnection, administration: str, export_id: uuid.UUID) -> ExportOut:
    """One entry of the history, as it is shown.

    Raises:
        Problem: 404.
    """
    return ExportOut.of(await export_of(connection, administration, export_id))


@router.get("")
async def history(
    administration: Code,
    parts: Parts,
    _: SignedIn,
    kind: Kind | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[ExportOut]:
    """Exports, newest first: when, who, kind, mode, lines, outcome, download (EP-57, EP-68)."""
    after = decode_cursor(cursor, 2)
    try:
        start = (datetime.fromisoformat(after[0]), str(uuid.UUID(after[1]))) if after else None
    except (ValueError, TypeError) as error:
        raise Problem(400, "The cursor is not valid", "Take it from `next` of the page before.") from error
    async with parts.database.connect() as connection:
        await administration_of(connection, administration)
        rows = await exports.page(connection, administration, kind, start, limit + 1)
    shown = [ExportOut.of(row) for row in rows]
    return page_of(shown, limit, lambda row: (row.created_at.isoformat(), str(row.id)))


@router.get("/{export_id}")
async def one_export(
    administration: Code,
    export_id: uuid.UUID,
    parts: Parts,
    _: SignedIn,
    after: Annotated[str | None, Query(max_length=100)] = None,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0,
) -> ExportDetail:
    """One export with what became of its lines; with `after` (its `mark`), once it has moved on or `wait` is over."""
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        async with parts.database.connect() as connection:
            shown = await shown_export(connection, administration, export_id)
            moved = after is None or shown.mark != after or shown.over
            if moved or asyncio.get_running_loop().time() >= deadline:
                entries = await export_lines.lines_of(connection, export_id, 1000)
                break
        await asyncio.sleep(LOOK_SECONDS)
    return ExportDetail(**shown.model_dump(), entries=[ExportLineOut.of(each) for each in entries])


@router.get("/{export_id}/file")
async def file(administration: Code, export_id: uuid.UUID, parts: Parts, _: SignedIn) -> StreamingResponse:
    """The file as it was written; that of a failed export contains no data (EP-59).

    A file that held somebody who was anonymised since is made anew without them.
    """
    async with parts.database.connect() as connection:
        found = await export_of(connection, administration, export_id)
    if found.sha256 is None:
        raise Problem(404, "No file", "This export has no file: it is direct, or not finished yet.")
    headers = {"Content-Disposition": f'attachment; filename="{found.file_name}"'}
    if not found.kept_without_persons:
        headers |= {"Content-Length": str(found.size), "ETag": f'"{found.sha256}"'}
    return StreamingResponse(
        _made_anew(parts, found) if found.kept_without_persons else _kept(parts, export_id),
        media_type=FORMATS[found.target].media_type,
        headers=headers,
    )


async def _kept(parts: Accounting, export_id: uuid.UUID) -> AsyncIterator[bytes]:
    number = 0
    while True:
        async with parts.database.connect() as connection:
            piece = await export_files.part(connection, export_id, number)
        if piece is None:
            return
        yield piece
        number += 1


async def _made_anew(parts: Accounting, export: Export) -> AsyncIterator[bytes]:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as out:
        async with parts.database.connect() as connection:
            await parts.file_export.made_anew(connection, export, out)
        out.seek(0)
        while piece := out.read(PIECE):
            yield piece


@router.post("/{export_id}/import-failed")
async def import_failed(
    administration: Code,
    export_id: uuid.UUID,
    parts: Parts,
    given: ImportFailedIn | None = None,
    person: Person = allow("finance"),
) -> ReturnedOut:
    """Record that the import of a file went wrong: all its relations come up at the next fetch with the same
    action (EP-66, EP-67)."""
    note = given.note if given else ""
    return await _bring_back(parts, administration, export_id, person, note, None)


@router.post("/{export_id}/import-result")
async def import_result(
    administration: Code,
    export_id: uuid.UUID,
    parts: Parts,
    request: Request,
    person: Person = allow("finance"),
) -> ReturnedOut:
    """Record what Exact Online's own result file says (the request's body): only the relations that it
    refused come back."""
    async with parts.database.connect() as connection:
        found = await export_of(connection, administration, export_id)
    if found.target is not Target.EXACT_XML:
        raise Problem(
            409,
            "There is no result file to be read",
            "Only Exact Online gives one. Record the import as failed; then all relations of the export come back.",
        )
    try:
        refusals = await asyncio.to_thread(read_refusals, await request.body())
    except UnreadableResult as error:
        raise Problem(422, "The result can't be read", f"{error}.") from error
    if not refusals:
        return ReturnedOut(returned=0)
    if not all(refusal.names for refusal in refusals):
        nameless = next(refusal for refusal in refusals if not refusal.names)
        raise Problem(
            422,
            "The result names no relation",
            f"Exact Online says: {nameless.message or 'error'}, without saying of which relation. Record "
            "the import as failed instead; then all relations of the export come back.",
        )
    return await _bring_back(parts, administration, export_id, person, "", refusals)


async def _bring_back(
    parts: Accounting,
    administration: str,
    export_id: uuid.UUID,
    person: Person,
    note: str,
    refusals: list[RefusedRelation] | None,
) -> ReturnedOut:
    async with parts.database.transaction() as connection:
        shown = await shown_export(connection, administration, export_id)
        state = await exports.lock(connection, export_id)
        if shown.mode is not Mode.FILE or state is not ExportState.DONE:
            raise Problem(
                409,
                "There is no import to be recorded as failed",
                f"This {shown.mode} export is {state}; only a finished file is imported by hand, and only once "
                "recorded as failed.",
            )
        now = parts.clock.now()
        said: dict[str, str] | None = None
        unknown: list[str] = []
        if refusals is not None:
            said, unknown = await _told_of(connection, export_id, refusals)
            note = "; ".join(f"{number}: {text}" for number, text in said.items())[:2000]
        count = await export_lines.bring_back(connection, export_id, said)
        await exports.import_failed(connection, export_id, by=person.name, note=note, now=now)
        await audit(
            connection, person, now, "import failed", "export", str(export_id), new={"returned": count}
        )
    return ReturnedOut(returned=count, refused=shown.lines if said is None else len(said), unknown=unknown)


async def _told_of(
    connection: AsyncConnection, export_id: uuid.UUID, refusals: list[RefusedRelation]
) -> tuple[dict[str, str], list[str]]:
    """What was said of each relation of the export, by its number, and who else is named.

    Raises:
        Problem: 422 where none of them is in this export, so that a result of another one records nothing.
    """
    named = [name for refusal in refusals for name in refusal.names]
    numbers = await export_lines.numbers_among(connection, export_id, named)
    said: dict[str, str] = {}
    unknown: list[str] = []
    for refusal in refusals:
        number = refusal.number_among(numbers)
        if number is None:
            unknown.append(refusal.names[-1])
        else:
            said[number] = f"{said[number]}; {refusal.message}" if number in said else refusal.message
    if not said:
        raise Problem(
            422,
            "The result is not of this export",
            f"It refuses {', '.join(unknown[:5])}, and no relation of this export has such a number. Upload it at "
            "the export that it belongs to, or record the import as failed; then all relations come back.",
        )
    return said, unknown[:100]
