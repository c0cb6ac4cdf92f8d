"""A day's sales out of a file and into one: imports as jobs that may be tried first, exports in the same layout."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from klokwerk.access import Person, SignedIn, allow
from klokwerk.http import Once
from klokwerk.http.exports import Column, csv_response, xlsx_response
from klokwerk.jobs import JobView
from pydantic import BaseModel

from sales_service.api.context import Context, Sales
from sales_service.api.handing_in import FileName, Reason, do_anew, hand_in, tried_job
from sales_service.api.sold_filter import Wanted
from sales_service.domain.sale_columns import COLUMNS, SoldLine
from sales_service.entry.body import Body
from sales_service.entry.entering import Mode
from sales_service.entry.importing import KIND
from sales_service.store import sales, sold
from sales_service.store.sales import DayKey
from sales_service.store.sold import SoldFilter

router = APIRouter(tags=["imports"])
DEBTORS_AT_ONCE = 200


class RunBody(Body):
    """How a file that was tried is to be stored.

    Attributes:
        mode: ``all`` stores every row or none; ``each`` stores the good rows.
    """

    mode: Mode = Mode.ALL
    reason: Reason = ""


class ColumnView(BaseModel):
    """One column of the layout."""

    name: str
    heading: str
    also: list[str]
    imported: bool


class ColumnsView(BaseModel):
    """The layout of imports and exports."""

    items: list[ColumnView]


@router.get("/imports/columns")
async def columns(_: SignedIn, language: Literal["nl", "en"] = "en") -> ColumnsView:
    """Every column that a file may have; a debtor (by id or number) and the units must be there."""
    return ColumnsView(
        items=[
            ColumnView(
                name=column.name,
                heading=column.heading(language),
                also=[column.nl, column.en, *column.also],
                imported=bool(column.into),
            )
            for column in COLUMNS
        ]
    )


@router.post("/days/{day}/imports", status_code=202, response_model=JobView)
async def import_file(
    day: date,
    request: Request,
    sales_: Sales,
    once: Once,
    file_name: FileName,
    dry_run: bool = True,
    mode: Mode = Mode.ALL,
    allocate: bool = False,
    encoding: str = "",
    delimiter: str = "",
    reason: Reason = "",
    person: Person = allow("sales"),
) -> Any:
    """Hand in a CSV or XLSX file as the body; it is only tried unless ``dry_run=false``. See ``/v1/jobs/{id}``."""
    wanted = {
        "day": day.isoformat(),
        "dry_run": dry_run,
        "mode": mode.value,
        "allocate": allocate,
        "encoding": encoding,
        "delimiter": delimiter,
        "reason": reason or f"import of {file_name}"[:200],
    }
    return await hand_in(request, sales_, once, person, KIND, file_name, wanted)


@router.post("/imports/{job_id}/run", status_code=202)
async def run_import(
    job_id: uuid.UUID, body: RunBody, sales_: Sales, person: Person = allow("sales")
) -> JobView:
    """Store the rows of a file that was tried; asked twice, it is the same job."""
    async with sales_.database.transaction() as connection:
        tried = await tried_job(connection, KIND, job_id)
        wanted = tried.input | {"dry_run": False, "mode": body.mode.value}
        wanted |= {"reason": body.reason} if body.reason else {}
        key = f"{KIND}/{job_id}/{body.mode.value}"
        return await do_anew(connection, sales_, person, tried, wanted, key)


@router.get("/days/{day}/lines.{suffix}", response_class=Response)
async def export_lines(
    day: date,
    suffix: Literal["csv", "xlsx"],
    sales_: Sales,
    _: SignedIn,
    wanted: Wanted,
    language: Literal["nl", "en"] = "nl",
    ids: Annotated[list[str] | None, Query(max_length=5000)] = None,
) -> Response:
    """The lines of a day, of the debtors of a filter or of those named; the file can be imported again."""
    narrowed = wanted if ids is None else SoldFilter(ids=tuple(ids))
    layout = [Column[SoldLine](column.heading(language), column.write) for column in COLUMNS]
    rows = _sold_lines(sales_, day, narrowed)
    if suffix == "csv":
        return csv_response(rows, layout, file_name=f"sales-{day}.csv", language=language)
    return await xlsx_response(rows, layout, file_name=f"sales-{day}.xlsx")


async def _sold_lines(sales_: Context, day: date, wanted: SoldFilter) -> AsyncIterator[SoldLine]:
    async with sales_.database.connect() as connection:
        found = await sold.per_debtor(connection, day, wanted, limit=None)
    for start in range(0, len(found), DEBTORS_AT_ONCE):
        some = found[start : start + DEBTORS_AT_ONCE]
        async with sales_.database.connect() as connection:
            lines = await sales.lines(connection, [DayKey(row.debtor_id, day) for row in some])
        for row in some:
            for line in lines[DayKey(row.debtor_id, day)]:
                yield SoldLine(row.debtor_id, row.debtor_number, row.name, line)
