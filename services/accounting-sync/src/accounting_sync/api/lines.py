"""The queue: fetch, show, change status, export, trial export; the same for debtors and creditors (EP-18)."""

import uuid
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import (
    Column,
    FieldProblem,
    Once,
    Page,
    Problem,
    csv_response,
    decode_cursor,
    xlsx_response,
)
from klokwerk.http.pages import page_of

from accounting_sync import trial
from accounting_sync.api.exports import shown_export
from accounting_sync.api.models import Code, ExportIn, ExportOut, FetchedOut, LineOut, StatusIn, StatusOut
from accounting_sync.checking import objections
from accounting_sync.domain.administration import Mode
from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind
from accounting_sync.exporting import Order
from accounting_sync.fetching import fetch
from accounting_sync.parts import Accounting, accounting, administration_of
from accounting_sync.store import queue
from accounting_sync.store.exports import ExportState
from accounting_sync.store.queue import Line, LineFilter, LineState

router = APIRouter(prefix="/{administration}/{kind}", tags=["queue"])
Parts = Annotated[Accounting, Depends(accounting)]
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
    fetched = await fetch(parts.database, parts.clock, found, kind)
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
            new=result.model_dump(),
        )
    return result


@router.get("/lines")
async def lines(
    administration: Code,
    kind: Kind,
    parts: Parts,
    _: SignedIn,
    q: Annotated[str | None, Query(max_length=200)] = None,
    action: Action | None = None,
    with_message: bool | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[LineOut]:
    """The lines by name, with all data exactly as it will be sent (EP-31)."""
    after = decode_cursor(cursor, 2)
    filters = LineFilter(search=q, action=action, with_message=with_message)
    async with parts.database.connect() as connection:
        found = await administration_of(connection, administration)
        rows = await queue.page(
            connection, administration, kind, filters, (after[0], after[1]) if after else None, limit + 1
        )
        wrong = await objections(connection, found, rows)
    shown = [LineOut.of(row, wrong.get(row.id, ())) for row in rows]
    return page_of(shown, limit, lambda line: (line.name, str(line.id)))


@router.get("/lines.csv", response_class=Response)
async def lines_as_csv(administration: Code, kind: Kind, parts: Parts, _: SignedIn) -> Response:
    """All lines as CSV; cells that look like formulas are defused."""
    name = f"{kind}-{administration}.csv"
    return csv_response(_every_line(parts, administration, kind), COLUMNS, file_name=name)


@router.get("/lines.xlsx", response_class=Response)
async def lines_as_xlsx(administration: Code, kind: Kind, parts: Parts, _: SignedIn) -> Response:
    """All lines as XLSX; text stays text."""
    name = f"{kind}-{administration}.xlsx"
    return await xlsx_response(_every_line(parts, administration, kind), COLUMNS, file_name=name)


async def _every_line(parts: Accounting, administration: str, kind: Kind) -> AsyncIterator[Line]:
    after: tuple[str, str] | None = None
    while True:
        async with parts.database.connect() as connection:
            rows = await queue.page(connection, administration, kind, LineFilter(), after, 500)
        for row in rows:
            yield row
        if len(rows) < 500:
            return
        after = (rows[-1].name, str(rows[-1].id))


@router.post("/lines/status")
async def change_status(
    administration: Code, kind: Kind, wanted: StatusIn, parts: Parts, person: Person = allow("finance")
) -> StatusOut:
    """Change the action of one or many lines by hand (EP-28, EP-29); all of them or none."""
    async with parts.database.transaction() as connection:
        await administration_of(connection, administration)
        before = await queue.states(connection, administration, kind, wanted.line_ids)
        now = parts.clock.now()
        done = await queue.set_action(connection, administration, kind, wanted.line_ids, wanted.action, now)
        errors = [
            FieldProblem(
                field=f"line_ids.{position}",
                message=_why_not(before.get(line_id)),
                cure="load the list again and select anew",
            )
            for position, line_id in enumerate(wanted.line_ids)
            if line_id not in done
        ]
        if errors:
            raise Problem(409, "The status can't be changed", errors[0].message, errors=errors)
        await audit(
            connection,
            person,
            now,
            "status changed",
            "queue",
            f"{administration}/{kind}",
            old={str(line_id): row.action for line_id, row in before.items()},
            new={"action": wanted.action, "lines": len(done)},
        )
    return StatusOut(changed=len(done))


def _why_not(row: object) -> str:
    state = getattr(row, "state", None)
    if state is None:
        return "this line is not in the list any more"
    if state in (LineState.EXPORTING, LineState.SENDING):
        return f"{getattr(row, 'name', 'this line')} is being exported at this moment"
    return "this line can't be changed now"


@router.post("/export", response_model=ExportOut, status_code=201, responses={202: {"model": ExportOut}})
async def export(
    administration: Code,
    kind: Kind,
    parts: Parts,
    once: Once,
    wanted: ExportIn | None = None,
    person: Person = allow("finance"),
) -> Response:
    """Export the selected lines, or all (EP-40 to EP-42).

    A file export answers 201 when it is over, also when it failed: see `state` and `message`. A direct export
    answers 202 as soon as its lines are handed over; follow it in the history.
    """
    async with parts.database.transaction() as connection:
        found = await administration_of(connection, administration)
        status = 201 if found.mode is Mode.FILE else 202
        if answer := await once.answered(connection):
            export_id = uuid.UUID(orjson.loads(answer.body)["id"])
            shown = await shown_export(connection, administration, export_id)
            return _answer(shown, status, {"Idempotent-Replay": "true"})
        selected: list[uuid.UUID] | None = (wanted.line_ids if wanted else None) or None
        order = Order(found, kind, selected, person.subject, person.name)
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
        await once.keep(connection, {"id": export_id}, status)
    if shown.state is ExportState.PLANNED:
        await parts.file_export.finish(export_id, administration)
        async with parts.database.connect() as connection:
            shown = await shown_export(connection, administration, export_id)
    return _answer(shown, status, {})


def _answer(shown: ExportOut, status: int, headers: dict[str, str]) -> Response:
    where = {"Location": shown.links["self"]}
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
    async with parts.database.connect() as connection:
        found = await administration_of(connection, administration)
        selected: list[uuid.UUID] | None = (wanted.line_ids if wanted else None) or None
        body = await trial.make(connection, parts.clock, found, kind, selected)
    async with parts.database.transaction() as connection:
        await audit(
            connection, person, parts.clock.now(), "trial export", "queue", f"{administration}/{kind}"
        )
    name = f"trial-{administration}-{kind}.zip"
    return Response(
        body,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
