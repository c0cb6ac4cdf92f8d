"""Articles out of a file and into one (FA-48): imports as jobs that are tried first, exports in the same layout."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from klokwerk.access import Person, SignedIn, allow
from klokwerk.http import FieldProblem, Once, Problem
from klokwerk.http.exports import Column, csv_response, xlsx_response
from klokwerk.jobs import JobView
from pydantic import BaseModel, Field, StringConstraints

from sales_service.api.context import Context, Sales, Words
from sales_service.api.handing_in import FileName, Reason, do_anew, hand_in, tried_job
from sales_service.domain.article_columns import COLUMNS, column_named
from sales_service.domain.articles import Article
from sales_service.entry.article_entering import Existing
from sales_service.entry.article_importing import COLUMNS as COLUMNS_PART
from sales_service.entry.article_importing import KIND
from sales_service.entry.body import Body
from sales_service.entry.entering import Mode
from sales_service.store import articles

router = APIRouter(tags=["article files"])
ROWS_AT_ONCE = 2000
ColumnName = Annotated[str, StringConstraints(max_length=40)]
Columns = Annotated[list[ColumnName], Field(max_length=500)]


class ArticleColumnView(BaseModel):
    """One column of the layout; `also` are other headings by which it is known."""

    name: str
    heading: str
    also: list[str]


class ArticleColumnsView(BaseModel):
    """The layout of imports and exports of articles."""

    items: list[ArticleColumnView]


class TryBody(Body):
    """How a file is to be tried anew.

    Attributes:
        columns: the name of each column of the file, in its order; empty for one that is left out. A type of
            characteristic such as ``K01`` is a name too.
    """

    columns: Columns
    existing: Existing = Existing.UPDATE


class RunArticlesBody(Body):
    """How a file that was tried is to be stored.

    Attributes:
        mode: ``all`` stores every row or none; ``each`` stores the good rows.
    """

    mode: Mode = Mode.ALL
    reason: Reason = ""


@router.get("/article-imports/columns")
async def columns(_: SignedIn, language: Literal["nl", "en"] = "en") -> ArticleColumnsView:
    """Every column that a file may have; the article number must be there, and the name of a new article."""
    return ArticleColumnsView(
        items=[
            ArticleColumnView(
                name=column.name,
                heading=column.heading(language),
                also=[column.nl, column.en, *column.also],
            )
            for column in COLUMNS
        ]
    )


@router.post("/article-imports", status_code=202, response_model=JobView)
async def import_articles(
    request: Request,
    sales_: Sales,
    once: Once,
    file_name: FileName,
    dry_run: bool = True,
    mode: Mode = Mode.ALL,
    existing: Existing = Existing.UPDATE,
    column: Annotated[list[ColumnName] | None, Query(max_length=500)] = None,
    encoding: str = "",
    delimiter: str = "",
    reason: Reason = "",
    person: Person = allow("sales"),
) -> Any:
    """Hand in a CSV or XLSX file as the body; it is only tried unless ``dry_run=false``. See ``/v1/jobs/{id}``.

    The columns are known by their headings, unless ``column`` names each of them in its order.
    """
    _check_columns(column or ())
    wanted = {
        "dry_run": dry_run,
        "mode": mode.value,
        "existing": existing.value,
        COLUMNS_PART: column,
        "encoding": encoding,
        "delimiter": delimiter,
        "reason": reason or f"import of {file_name}"[:200],
    }
    return await hand_in(request, sales_, once, person, KIND, file_name, wanted)


@router.post("/article-imports/{job_id}/try", status_code=202)
async def try_anew(
    job_id: uuid.UUID, body: TryBody, sales_: Sales, person: Person = allow("sales")
) -> JobView:
    """Try a file once more with its columns named; asked twice, it is the same job."""
    _check_columns(body.columns)
    async with sales_.database.transaction() as connection:
        tried = await tried_job(connection, KIND, job_id)
        wanted = tried.input | {COLUMNS_PART: body.columns, "existing": body.existing.value}
        asked = "\n".join([body.existing.value, *body.columns])
        key = f"{KIND}/{job_id}/try/{hashlib.sha256(asked.encode()).hexdigest()[:24]}"
        return await do_anew(connection, sales_, person, tried, wanted, key)


@router.post("/article-imports/{job_id}/run", status_code=202)
async def run_import(
    job_id: uuid.UUID, body: RunArticlesBody, sales_: Sales, person: Person = allow("sales")
) -> JobView:
    """Store the rows of a file that was tried; asked twice, it is the same job."""
    async with sales_.database.transaction() as connection:
        tried = await tried_job(connection, KIND, job_id)
        wanted = tried.input | {"dry_run": False, "mode": body.mode.value}
        wanted |= {"reason": body.reason} if body.reason else {}
        # What the person saw is what is stored, also when more headings are known by then.
        found = tried.result.get(COLUMNS_PART)
        wanted |= {COLUMNS_PART: [one["name"] for one in found]} if found else {}
        key = f"{KIND}/{job_id}/{body.mode.value}"
        return await do_anew(connection, sales_, person, tried, wanted, key)


@router.get("/articles.{suffix}", response_class=Response)
async def export_articles(
    suffix: Literal["csv", "xlsx"],
    sales_: Sales,
    _: SignedIn,
    q: Words = "",
    language: Literal["nl", "en"] = "nl",
) -> Response:
    """The articles of a search, or all of them; the file can be imported again and changes nothing."""
    layout = [Column[Article](column.heading(language), column.write) for column in COLUMNS]
    rows = _all(sales_, q)
    if suffix == "csv":
        return csv_response(rows, layout, file_name="articles.csv", language=language)
    return await xlsx_response(rows, layout, file_name="articles.xlsx")


async def _all(sales_: Context, words: str) -> AsyncIterator[Article]:
    after = ""
    while True:
        async with sales_.database.connect() as connection:
            rows = await articles.page(connection, words=words, after=after, limit=ROWS_AT_ONCE)
        for row in rows:
            yield row
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].number


def _check_columns(names: Sequence[str]) -> None:
    """Refuse names that mean no column, or the same one twice, or that leave out the number."""
    errors: list[FieldProblem] = []
    taken: set[str] = set()
    for position, name in enumerate(names):
        column = column_named(name)
        if name and column is None:
            message, cure = f"there is no column {name!r}", "take a name from /v1/article-imports/columns"
            errors.append(FieldProblem(field=f"columns.{position}", message=message, cure=cure))
        if column is not None and column.name in taken:
            message, cure = f"{column.name!r} was chosen twice", "leave one of the two columns out"
            errors.append(FieldProblem(field=f"columns.{position}", message=message, cure=cure))
        taken |= {column.name} if column else set()
    if names and "number" not in taken:
        message, cure = "no column holds the article number", "say which one it is; articles are known by it"
        errors.append(FieldProblem(field="columns", message=message, cure=cure, code="no_number"))
    if errors:
        raise Problem(422, "These columns can't be used", "See errors.", errors=errors)
