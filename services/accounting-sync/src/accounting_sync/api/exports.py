"""Export history: what was exported, its file, and what to do when the import of it went wrong."""

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
from accounting_sync.domain.administration import Mode
from accounting_sync.domain.relation import Kind
from accounting_sync.parts import Accounting, accounting, administration_of
from accounting_sync.store import exports
from accounting_sync.store.exports import ExportState
from accounting_sync.targets.exact_messages import RefusedRelation, UnreadableResult, read_refusals

router = APIRouter(prefix="/{administration}/exports", tags=["export history"])
Parts = Annotated[Accounting, Depends(accounting)]


async def shown_export(connection: AsyncConnection, administration: str, export_id: uuid.UUID) -> ExportOut:
    """One entry of the history.

    Raises:
        Problem: 404.
    """
    found = await exports.find(connection, administration, export_id)
    if found is None:
        raise not_found("export", export_id)
    return ExportOut.of(found)


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
async def one_export(administration: Code, export_id: uuid.UUID, parts: Parts, _: SignedIn) -> ExportDetail:
    """One export with what became of its lines."""
    async with parts.database.connect() as connection:
        shown = await shown_export(connection, administration, export_id)
        entries = await exports.lines_of(connection, export_id, 1000)
    return ExportDetail(**shown.model_dump(), entries=[ExportLineOut.of(each) for each in entries])


@router.get("/{export_id}/file")
async def file(administration: Code, export_id: uuid.UUID, parts: Parts, _: SignedIn) -> StreamingResponse:
    """The file as it was written; that of a failed export contains no data (EP-59)."""
    async with parts.database.connect() as connection:
        shown = await shown_export(connection, administration, export_id)
    if shown.sha256 is None:
        raise Problem(404, "No file", "This export has no file: it is direct, or not finished yet.")

    async def body() -> AsyncIterator[bytes]:
        part = 0
        while True:
            async with parts.database.connect() as connection:
                piece = await exports.file_part(connection, export_id, part)
            if piece is None:
                return
            yield piece
            part += 1

    return StreamingResponse(
        body(),
        media_type="application/xml",
        headers={
            "Content-Disposition": f'attachment; filename="{shown.file_name}"',
            "Content-Length": str(shown.size),
            "ETag": f'"{shown.sha256}"',
        },
    )


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
    try:
        refusals = read_refusals(await request.body())
    except UnreadableResult as error:
        raise Problem(422, "The result can't be read", f"{error}.") from error
    if not refusals:
        return ReturnedOut(returned=0)
    if any(refusal.number is None for refusal in refusals):
        raise Problem(
            422,
            "The result names no relation",
            f"Exact Online says: {refusals[0].message or 'error'}, without saying of which relation. Record "
            "the import as failed instead; then all relations of the export come back.",
        )
    note = "; ".join(f"{each.number}: {each.message}" for each in refusals)[:2000]
    return await _bring_back(parts, administration, export_id, person, note, refusals)


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
        numbers = None if refusals is None else [each.number for each in refusals if each.number]
        count = await exports.bring_back(
            connection, export_id, numbers=numbers, by=person.name, note=note, now=now
        )
        await audit(
            connection, person, now, "import failed", "export", str(export_id), new={"returned": count}
        )
    return ReturnedOut(returned=count)
