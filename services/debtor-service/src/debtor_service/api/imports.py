"""The import of customer and supplier lists in three steps: hand in, map the columns, check and run (FA-45..FA-47)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from klokwerk import jobs
from klokwerk.access import Person, SignedIn, audit
from klokwerk.clock import Clock
from klokwerk.http import Expected, Once, Page, Problem, check_revision, decode_cursor, encode_cursor, etag
from klokwerk.http import FieldProblem as HttpFieldProblem
from klokwerk.http.problems import not_found
from klokwerk.jobs import NewJob
from klokwerk_contracts.debtor_changed import Kind
from klokwerk_contracts.types import Identifier
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.cards import Editor
from debtor_service.api.import_bodies import (
    DecisionsBody,
    ImportView,
    MappingBody,
    ReadingBody,
    RejectedRowView,
    RowView,
)
from debtor_service.importing import checking, running, taking_back
from debtor_service.importing.guessing import compared
from debtor_service.importing.handing_in import HandedIn, hand_in, read_anew, read_file
from debtor_service.importing.mapping import ColumnMapping, check_mapping
from debtor_service.importing.rejected import rejected_rows
from debtor_service.store import import_rows, imports, own_fields
from debtor_service.store.import_rows import Outcome, Verdict
from debtor_service.store.imports import Import, ImportState, KeptMapping

router = APIRouter(prefix="/imports", tags=["imports"])

ImportId = uuid.UUID


@router.post("", status_code=201)
async def start(
    request: Request,
    person: Editor,
    once: Once,
    file_name: Annotated[str, Query(min_length=1, max_length=200)],
    kind: Kind = Kind.DEBTOR,
    administration: Identifier = "main",
    encoding: str = "",
    delimiter: Annotated[str, Query(max_length=1)] = "",
) -> JSONResponse:
    """Hand in a CSV or XLSX file, the body of the request. Its columns are guessed; nothing is imported yet."""
    body = await request.body()
    table = await read_file(body, encoding, delimiter)
    database, _triggers, _settings = services(request)
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        handed = HandedIn(kind, administration, file_name, body)
        made = await hand_in(connection, handed, table, person, _clock(request).now())
        await _note(connection, request, person, "list handed in", made)
        headers = {"ETag": etag(made.revision), "Location": f"/v1/imports/{made.id}"}
        return await once.keep(connection, await _view(connection, made), headers=headers)


@router.get("")
async def page(
    request: Request, _: SignedIn, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> Page[ImportView]:
    """Imports, newest first."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        found = await imports.page(connection, _after(cursor), limit + 1)
        views = []
        for each in found[:limit]:
            job = await jobs.get(connection, each.job_id) if each.job_id else None
            counts = await import_rows.counts(connection, each.id)
            views.append(ImportView.of(each, job=job, counts=counts))
    last = found[limit - 1] if len(found) > limit else None
    return Page(
        items=views, next=encode_cursor([last.created_at.isoformat(), str(last.id)]) if last else None
    )


@router.get("/{import_id}")
async def read(import_id: ImportId, request: Request, _: SignedIn) -> JSONResponse:
    """One import, with its columns, counts and the step in hand."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        each = _found(await imports.get(connection, import_id), import_id)
        return JSONResponse(
            (await _view(connection, each)).model_dump(mode="json"), headers={"ETag": etag(each.revision)}
        )


@router.delete("/{import_id}", status_code=204)
async def throw_away(import_id: ImportId, request: Request, person: Editor) -> Response:
    """Throw an import away with all its lines. Its cards stay; it can't be taken back any more."""
    database, _triggers, _settings = services(request)
    async with database.transaction() as connection:
        each = _found(await imports.lock(connection, import_id), import_id)
        await _not_under_way(connection, each)
        await imports.delete(connection, import_id)
        await _note(connection, request, person, "import thrown away", each)
    return Response(status_code=204)


@router.put("/{import_id}/reading")
async def read_with(
    import_id: ImportId, body: ReadingBody, request: Request, expected: Expected, person: Editor
) -> JSONResponse:
    """Read the file with another encoding or delimiter; the mapping is guessed anew."""
    database, _triggers, _settings = services(request)
    async with database.transaction() as connection:
        each = await _editable(connection, import_id, expected)
        content = await imports.content_of(connection, import_id)
        if content is None:
            raise Problem(409, "The file is not kept any more", "Hand it in again.")
        table = await read_file(content, body.encoding, body.delimiter)
        changed = await read_anew(connection, each, table, _clock(request).now())
        if changed.state is not ImportState.MAPPING:
            changed = await imports.move(connection, import_id, ImportState.MAPPING, _clock(request).now())
        await _note(connection, request, person, "list read anew", changed)
        return await _answer(connection, changed)


@router.put("/{import_id}/mapping")
async def map_columns(
    import_id: ImportId, body: MappingBody, request: Request, expected: Expected, person: Editor
) -> JSONResponse:
    """Save what the columns are, and start the dry run. The mapping is kept for the next list with these columns."""
    database, _triggers, _settings = services(request)
    clock = _clock(request)
    async with database.transaction() as connection:
        each = await _editable(connection, import_id, expected)
        own = await own_fields.definitions(connection)
        mapping = ColumnMapping(body.fields, body.constants, body.empty_cells)
        if problems := check_mapping(mapping, each.headings, [definition.column for definition in own]):
            raise Problem(
                422,
                "The columns can't be read this way",
                "See errors.",
                errors=[HttpFieldProblem(field=p.field, message=p.message, cure=p.cure) for p in problems],
            )
        constants = {name: text for name, text in body.constants.items() if text.strip()}
        await imports.save_mapping(
            connection, import_id, body.fields, constants, body.empty_cells.value, clock.now()
        )
        fields = {compared(h): f for h, f in reversed(list(zip(each.headings, body.fields, strict=True)))}
        kept = KeptMapping(fields, constants, body.empty_cells.value, clock.now(), person.name)
        await imports.keep_mapping(connection, each.header_key, each.kind, kept)
        moved = await _begin(
            connection, request, each, checking.KIND, ImportState.CHECKING, each.row_count, person
        )
        return await _answer(connection, moved)


@router.get("/{import_id}/rows")
async def rows(
    import_id: ImportId,
    request: Request,
    _: SignedIn,
    verdict: Verdict | None = None,
    outcome: Outcome | None = None,
    taken_back: Annotated[str | None, Query(pattern="^(removed|restored|left)$")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[RowView]:
    """The lines of the file with what was found, decided and done."""
    after = decode_cursor(cursor, 1)
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        each = _found(await imports.get(connection, import_id), import_id)
        found = await import_rows.page(
            connection,
            import_id,
            after=int(after[0]) if after else 0,
            limit=limit + 1,
            verdict=verdict,
            outcome=outcome,
            taken_back=taken_back,
        )
    more = encode_cursor([found[limit - 1].number]) if len(found) > limit else None
    return Page(items=[RowView.of(row, each) for row in found[:limit]], next=more)


@router.get("/{import_id}/rejected")
async def rejected(
    import_id: ImportId,
    request: Request,
    _: SignedIn,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> Page[RejectedRowView]:
    """The rejected lines as they stood in the file, in its order, each reason apart."""
    after = decode_cursor(cursor, 1)
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        each = _found(await imports.get(connection, import_id), import_id)
        found = await import_rows.rejected(connection, import_id, int(after[0]) if after else 0, limit + 1)
    more = encode_cursor([found[limit - 1].number]) if len(found) > limit else None
    return Page(items=[RejectedRowView.of(row, each) for row in found[:limit]], next=more)


@router.get("/{import_id}/errors.csv")
async def errors(
    import_id: ImportId,
    request: Request,
    _: SignedIn,
    language: Annotated[str, Query(pattern="^[a-z]{2}$")] = "nl",
) -> Response:
    """The rejected lines as they stood in the file, with the reason; to be mended and handed in again."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        each = _found(await imports.get(connection, import_id), import_id)
    return rejected_rows(database, each, language)


@router.put("/{import_id}/decisions")
async def decide(import_id: ImportId, body: DecisionsBody, request: Request, person: Editor) -> JSONResponse:
    """Decide on doubles: skip, update or new, for all and line by line; null takes a decision back."""
    database, _triggers, _settings = services(request)
    async with database.transaction() as connection:
        each = _found(await imports.lock(connection, import_id), import_id)
        if each.state is not ImportState.CHECKED:
            raise Problem(409, "There is nothing to decide", f"The import is {each.state.value}.")
        if body.default is not None and body.default is not each.duplicates:
            each = await imports.set_default(connection, import_id, body.default, _clock(request).now())
        decided = await import_rows.decide(
            connection,
            import_id,
            [
                {"number": d.number, "decision": d.decision and d.decision.value, "target": d.debtor_id}
                for d in body.rows
            ],
        )
        if missing := sorted({d.number for d in body.rows} - decided):
            raise Problem(
                422,
                "Some lines can't be decided on",
                f"Lines {', '.join(map(str, missing[:20]))} are no doubles.",
            )
        await _note(connection, request, person, "doubles decided on", each)
        return await _answer(connection, each)


@router.post("/{import_id}/run", status_code=202)
async def run(import_id: ImportId, request: Request, expected: Expected, person: Editor) -> JSONResponse:
    """Import the lines that are right; also goes on with an import that was stopped."""
    database, _triggers, _settings = services(request)
    async with database.transaction() as connection:
        each = _found(await imports.lock(connection, import_id), import_id)
        _seen(expected, each)
        await _not_under_way(connection, each)
        if each.state not in (ImportState.CHECKED, ImportState.RUNNING):
            raise Problem(409, "The import can't be run", f"It is {each.state.value}; check its lines first.")
        counts = await import_rows.counts(connection, import_id)
        done = sum(counts["outcome"].values())
        total = sum(n for verdict, n in counts["verdict"].items() if verdict != Verdict.WRONG.value) - done
        if not total:
            raise Problem(
                409, "There is nothing to import", "No line is right. Mend the list and hand it in again."
            )
        moved = await _begin(connection, request, each, running.KIND, ImportState.RUNNING, total, person)
        return await _answer(connection, moved, status=202)


@router.post("/{import_id}/take-back", status_code=202)
async def take_back(
    import_id: ImportId, request: Request, expected: Expected, person: Editor
) -> JSONResponse:
    """Take the import back as far as its cards are untouched since; the others are left and listed."""
    database, _triggers, _settings = services(request)
    async with database.transaction() as connection:
        each = _found(await imports.lock(connection, import_id), import_id)
        _seen(expected, each)
        await _not_under_way(connection, each)
        if each.state not in (ImportState.DONE, ImportState.RUNNING, ImportState.TAKING_BACK):
            raise Problem(409, "There is nothing to take back", f"The import is {each.state.value}.")
        counts = await import_rows.counts(connection, import_id)
        total = sum(counts["outcome"].get(name, 0) for name in ("created", "updated"))
        total -= sum(counts["taken_back"].values())
        moved = await _begin(
            connection, request, each, taking_back.KIND, ImportState.TAKING_BACK, total, person
        )
        return await _answer(connection, moved, status=202)


async def _begin(
    connection: AsyncConnection, request: Request, each: Import, kind: str, state: ImportState, total: int,
    person: Person,
) -> Import:  # fmt: skip
    clock = _clock(request)
    new = NewJob(kind=kind, title=each.file_name, input={"import_id": str(each.id)}, total=total)
    job = await jobs.start(connection, clock, new, person)
    await _note(connection, request, person, f"import {state.value}", each)
    return await imports.move(connection, each.id, state, clock.now(), job.id)


async def _editable(connection: AsyncConnection, import_id: uuid.UUID, expected: int) -> Import:
    each = _found(await imports.lock(connection, import_id), import_id)
    _seen(expected, each)
    await _not_under_way(connection, each)
    if each.state not in (ImportState.MAPPING, ImportState.CHECKING, ImportState.CHECKED):
        raise Problem(409, "The import was run", "Hand the list in again to import it in another way.")
    return each


async def _not_under_way(connection: AsyncConnection, each: Import) -> None:
    if each.job_id is not None:
        job = await jobs.get(connection, each.job_id)
        if job is not None and not job.state.final:
            raise Problem(409, "The import is under way", "Wait for it, or stop it first.")


def _after(cursor: str | None) -> tuple[datetime, uuid.UUID] | None:
    values = decode_cursor(cursor, 2)
    try:
        return None if values is None else (datetime.fromisoformat(str(values[0])), uuid.UUID(str(values[1])))
    except ValueError:
        raise Problem(400, "The page can't be found", "Leave the cursor out to begin anew.") from None


def _seen(expected: int, each: Import) -> None:
    check_revision(
        expected,
        each.revision,
        changed_by=each.created_by_name,
        changed_at=each.changed_at.isoformat("T", "seconds"),
    )


def _found(each: Import | None, import_id: uuid.UUID) -> Import:
    if each is None:
        raise not_found("import", import_id)
    return each


async def _view(connection: AsyncConnection, each: Import) -> ImportView:
    return ImportView.of(
        each,
        counts=await import_rows.counts(connection, each.id),
        job=await jobs.get(connection, each.job_id) if each.job_id else None,
        kept=await imports.kept_mapping(connection, each.header_key, each.kind),
        own=await own_fields.definitions(connection),
    )


async def _answer(connection: AsyncConnection, each: Import, status: int = 200) -> JSONResponse:
    view = await _view(connection, each)
    return JSONResponse(view.model_dump(mode="json"), status, headers={"ETag": etag(each.revision)})


async def _note(
    connection: AsyncConnection, request: Request, person: Person, action: str, each: Import
) -> None:
    facts: dict[str, Any] = {"file_name": each.file_name, "kind": each.kind.value, "lines": each.row_count}
    await audit(connection, person, _clock(request).now(), action, "import", str(each.id), new=facts)


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock
