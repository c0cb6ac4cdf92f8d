"""The queue: fetch, show, export, trial export; the same for debtors and creditors (EP-18)."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from klokwerk import jobs
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import Column, Once, Page, csv_response, decode_cursor, xlsx_response
from klokwerk.http.pages import page_of
from starlette.background import BackgroundTask

from accounting_sync import fetching, trial
from accounting_sync.api.exports import shown_export
from accounting_sync.api.models import (
    Code,
    CountOut,
    ExportIn,
    ExportOut,
    FetchedOut,
    FilterIn,
    FilterQuery,
    LineOut,
)
from accounting_sync.checking import objections
from accounting_sync.domain.relation import Kind
from accounting_sync.domain.targets import Mode
from accounting_sync.exporting import Order
from accounting_sync.parts import Accounting, accounting, administration_of
from accounting_sync.store import lines as queue
from accounting_sync.store import queue as fetch_queue
from accounting_sync.store.exports import ExportState
from accounting_sync.store.lines import Line, LineFilter

router = APIRouter(prefix="/{administration}/{kind}", tags=["queue"])
Parts = Annotated[Accounting, Depends(accounting)]
EXPORT_WAIT = 2.0
"""Seconds that an answer waits for a file to be written; a longer export goes on in the background."""


def _filters(asked: Annotated[FilterQuery, Query()]) -> LineFilter:
    return asked.as_domain()


Filters = Annotated[LineFilter, Depends(_filters)]
COLUMNS: list[Column[Line]] = [
    Column("number", lambda line: line.number),
    Column("name", lambda line: line.name),
    Column("action", lambda line: line.action.value),
    Column("state", lambda line: line.state.value),
    Column("message", lambda line: line.message),
    Column("message_origin", lambda line: line.message_origin.value if line.message_origin else ""),
    Column("email", lambda line: line.data.email),
    Column("vat_number", lambda line: line.data.vat_number),
    Column("chamber_number", lambda line: line.data.chamber_number),
    Column("payment_condition", lambda line: line.data.payment_condition),
    Column("debtor_id", lambda line: line.debtor_id),
]


@router.post("/fetch")
async def fetch_lines(
    administration: Code, kind: Kind, parts: Parts, person: Person = allow("finance")
) -> FetchedOut:
    """List everybody who has to be forwarded; nothing is sent (EP-19, EP-24)."""
    async with parts.database.connect() as connection:
        found = await administration_of(connection, administration)
        marked = await fetch_queue.pending(connection, administration, kind, fetching.AT_ONCE + 1)
    if marked > fetching.AT_ONCE:
        return await _fetch_job(administration, kind, parts, person)
    fetched = await fetching.fetch(parts.database, parts.clock, found, kind)
    result = FetchedOut(
        listed=fetched.listed, updated=fetched.updated, dropped=fetched.dropped, total=fetched.total
    )
    async with parts.database.transaction() as connection:
        await audit(
            connection,
            person,
            parts.clock.now(),
            "fetched",
            "queue",
            f"{administration}/{kind}",
            new=result.model_dump(exclude={"job"}),
        )
    return result


async def _fetch_job(administration: str, kind: Kind, parts: Accounting, person: Person) -> FetchedOut:
    """The fetch of very many, as a job; one that is under way already is the same one."""
    values = {"administration": administration, "kind": kind.value}
    async with parts.database.transaction() as connection:
        found = await jobs.page(connection, [fetching.JOB], limit=20)
        under_way = [job for job in found if job.input == values and not job.state.final]
        if under_way:
            return FetchedOut(job=f"/v1/jobs/{under_way[0].id}")
        new = jobs.NewJob(fetching.JOB, title=f"{administration}: {kind}", input=values)
        job = await jobs.start(connection, parts.clock, new, person)
        await audit(connection, person, parts.clock.now(), "fetch begun", "queue", f"{administration}/{kind}")
    return FetchedOut(job=f"/v1/jobs/{job.id}")


@router.get("/lines")
async def lines(
    administration: Code,
    kind: Kind,
    parts: Parts,
    _: SignedIn,
    filters: Filters,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[LineOut]:
    """The lines by name, with all data exactly as it will be sent (EP-31)."""
    after = decode_cursor(cursor, 2)
    async with parts.database.connect() as connection:
        found = await administration_of(connection, administration)
        rows = await queue.page(
            connection, administration, kind, filters, (after[0], after[1]) if after else None, limit + 1
        )
        wrong = await objections(connection, found, rows)
    shown = [LineOut.of(row, wrong.get(row.id, ())) for row in rows]
    return page_of(shown, limit, lambda line: (line.name, str(line.id)))


@router.get("/lines/count")
async def count_lines(
    administration: Code, kind: Kind, parts: Parts, _: SignedIn, filters: Filters
) -> CountOut:
    """How many lines the filters mean, and which: what a person confirms who does not see them all."""
    async with parts.database.connect() as connection:
        await administration_of(connection, administration)
        counted = await queue.count(connection, administration, kind, filters)
    return CountOut(**counted.lines.model_dump(), exportable=counted.exportable)


@router.get("/lines.csv", response_class=Response)
async def lines_as_csv(
    administration: Code, kind: Kind, parts: Parts, _: SignedIn, filters: Filters
) -> Response:
    """The lines that the filters mean as CSV; cells that look like formulas are defused."""
    name = f"{kind}-{administration}.csv"
    return csv_response(_every_line(parts, administration, kind, filters), COLUMNS, file_name=name)


@router.get("/lines.xlsx", response_class=Response)
async def lines_as_xlsx(
    administration: Code, kind: Kind, parts: Parts, _: SignedIn, filters: Filters
) -> Response:
    """The lines that the filters mean as XLSX; text stays text."""
    name = f"{kind}-{administration}.xlsx"
    return await xlsx_response(_every_line(parts, administration, kind, filters), COLUMNS, file_name=name)


async def _every_line(
    parts: Accounting, administration: str, kind: Kind, filters: LineFilter
) -> AsyncIterator[Line]:
    after: tuple[str, str] | None = None
    while True:
        async with parts.database.connect() as connection:
            rows = await queue.page(connection, administration, kind, filters, after, 500)
        for row in rows:
            yield row
        if len(rows) < 500:
            return
        after = (rows[-1].name, str(rows[-1].id))


@router.post("/export", response_class=Response)
async def export(
    administration: Code,
    kind: Kind,
    parts: Parts,
    once: Once,
    wanted: ExportIn | None = None,
    person: Person = allow("finance"),
) -> Response:
    """Export the selected lines, or all where none is selected (EP-40 to EP-42).

    A file export that is written within a moment answers 201 (look at `state`), a longer one and a direct export
    answer 202; follow those in the history.
    """
    async with parts.database.transaction() as connection:
        found = await administration_of(connection, administration)
        if answer := await once.answered(connection):
            export_id = uuid.UUID(orjson.loads(answer.body)["id"])
            shown = await shown_export(connection, administration, export_id)
            return _answer(shown, {"Idempotent-Replay": "true"})
        filters = (wanted.matching if wanted and wanted.matching else FilterIn()).as_domain()
        selected: list[uuid.UUID] | None = (wanted.line_ids if wanted else None) or None
        told = wanted.pin if wanted and not selected else None
        order = Order(found, kind, selected, person.subject, person.name, filters, told)
        maker = parts.file_export if found.mode is Mode.FILE else parts.direct_export
        export_id = await maker.begin(connection, order)
        shown = await shown_export(connection, administration, export_id)
        await audit(
            connection,
            person,
            parts.clock.now(),
            "exported",
            "export",
            str(export_id),
            new={"kind": kind, "lines": shown.lines},
        )
        await once.keep(connection, {"id": export_id}, 202)
    if shown.state is ExportState.PLANNED:
        task = parts.file_export.finish_soon(export_id)
        await asyncio.wait([task], timeout=EXPORT_WAIT)
        if task.done():
            task.result()
        async with parts.database.connect() as connection:
            shown = await shown_export(connection, administration, export_id)
    return _answer(shown, {})


def _answer(shown: ExportOut, headers: dict[str, str]) -> Response:
    where = {"Location": shown.links["self"]}
    status = 201 if shown.mode is Mode.FILE and shown.over else 202
    return JSONResponse(shown.model_dump(mode="json"), status, headers=headers | where)


@router.post("/trial", response_class=Response)
async def trial_export(
    administration: Code,
    kind: Kind,
    parts: Parts,
    wanted: ExportIn | None = None,
    person: Person = allow("finance", "ops"),
) -> Response:
    """A trial export for support, as a ZIP: what would be sent, the checks, the surroundings, no secrets.

    It changes nothing and is made even when the real export fails (EP-69, EP-70).
    """
    filters = (wanted.matching if wanted and wanted.matching else FilterIn()).as_domain()
    selected = frozenset(wanted.line_ids) if wanted and wanted.line_ids else None
    async with parts.database.connect() as connection:
        found = await administration_of(connection, administration)
        made = await trial.make(connection, parts.clock, found, kind, selected, filters)
    async with parts.database.transaction() as connection:
        await audit(
            connection, person, parts.clock.now(), "trial export", "queue", f"{administration}/{kind}"
        )

    async def body() -> AsyncIterator[bytes]:
        while piece := made.read(256 * 1024):
            yield piece

    name = f"trial-{administration}-{kind}.zip"
    return StreamingResponse(
        body(),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        background=BackgroundTask(made.close),
    )
