"""Articles out of a file, in three steps: choose the file, say what its columns are, look at the outcome and store."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.jobs import Job
from back_office.clients.transport import Refused, ServiceFailure, ServiceName
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import Item, Message, Weight
from back_office.web.components.table import Option
from back_office.web.explain import explained
from back_office.web.pages.file_choice import ENCODINGS, chosen_file, delimiter_choices
from back_office.web.pages.jobs import job_address
from back_office.web.pages.row_messages import article_labels, messages_of
from back_office.web.visit import SignedIn, Visit

router = APIRouter(prefix="/articles/import", include_in_schema=False)
COUNTED = ("added", "changed", "unchanged", "skipped", "refused")
MODES = ("all", "each")
EXISTING = ("update", "skip")
SURENESS = ("known", "alike")


@router.get("")
async def page(visit: SignedIn) -> Response:
    """Step 1: choose a file."""
    return await _file_page(visit)


@router.post("")
async def hand_in(visit: SignedIn) -> Response:
    """Have the file read; nothing is stored yet."""
    t = visit.t
    file = await chosen_file(visit, "articles.csv")
    if not file.content:
        warning = Message(Weight.WARNING, t("sale_import.no_file"), t("sale_import.no_file_cure"))
        return await _file_page(visit, warning, status=422)
    once = (await visit.form()).get("_once", "")
    try:
        job = await visit.clients.articles.hand_in(
            file.content, once, file_name=file.name, encoding=file.encoding, delimiter=file.delimiter
        )
    except ServiceFailure as failure:
        return await _file_page(visit, explained(failure, t), status=502)
    return visit.go(f"{_address(job.id)}/columns")


@router.get("/{job_id}/columns")
async def columns(job_id: str, visit: SignedIn) -> Response:
    """Step 2: what each column of the file is, as it was guessed or chosen."""
    job = await visit.clients.jobs[ServiceName.SALES].job(job_id)
    found = job.result.get("columns", [])
    chosen = [str(one.get("name", "")) for one in found]
    return await _columns_page(visit, job, chosen, str(job.result.get("existing", "update")))


@router.post("/{job_id}/columns")
async def choose_columns(job_id: str, visit: SignedIn) -> Response:
    """Have the file tried with these columns."""
    form = await visit.form()
    job = await visit.clients.jobs[ServiceName.SALES].job(job_id)
    found = job.result.get("columns", [])
    chosen = [form.get(f"column.{position}", "") for position in range(len(found))]
    existing = "skip" if form.get("existing") == "skip" else "update"
    try:
        anew = await visit.clients.articles.try_anew(job_id, chosen, existing)
    except Refused as refused:
        message = _wrong(refused, found, visit)
        return await _columns_page(visit, job, chosen, existing, message, status=422)
    return visit.go(_address(anew.id))


@router.get("/{job_id}")
async def result(job_id: str, visit: SignedIn) -> Response:
    """Step 3: what came out, and what is said about the rows; it renews itself until it is over."""
    job = await visit.clients.jobs[ServiceName.SALES].job(job_id)
    context = await _outcome(job, visit)
    if visit.query.get("part") == "result":
        return visit.part("pages/article_import_result.html", **context)
    return await visit.page("pages/article_import_job.html", step=3, **context)


@router.post("/{job_id}/run")
async def run(job_id: str, visit: SignedIn) -> Response:
    """Store the rows of the file that was tried."""
    mode = (await visit.form()).get("mode", "")
    try:
        job = await visit.clients.articles.run(job_id, mode if mode in MODES else "all")
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
        return visit.go(_address(job_id))
    return visit.go(f"{_address(job.id)}?run=1")


def _address(job_id: str) -> str:
    return f"/articles/import/{segment(job_id)}"


async def _file_page(visit: Visit, message: Message | None = None, *, status: int = 200) -> Response:
    return await visit.page(
        "pages/article_import.html",
        job=None,
        status=status,
        messages=(message,) if message else (),
        columns=list((await article_labels(visit)).values()),
        encodings=ENCODINGS[1:],
        delimiters=delimiter_choices(visit.t),
        may=visit.may("edit_article"),
        once=new_once(),
        step=1,
    )


async def _columns_page(
    visit: Visit,
    job: Job,
    chosen: list[str],
    existing: str,
    message: Message | None = None,
    *,
    status: int = 200,
) -> Response:
    labels = await article_labels(visit)
    own_types = [name for name in chosen if name and name not in labels]
    context: dict[str, Any] = {
        "job": job,
        "here": f"{_address(job.id)}/columns",
        "columns": list(zip(job.result.get("columns", []), chosen, strict=True)),
        "options": [Option(name, labels.get(name, name)) for name in (*labels, *own_types)],
        "existing": existing,
        "choices": EXISTING,
        "sureness": SURENESS,
        "may": visit.may("edit_article"),
    }
    if visit.query.get("part") == "columns":
        return visit.part("pages/article_import_columns_part.html", **context)
    messages = (message,) if message else ()
    return await visit.page(
        "pages/article_import_columns.html", status=status, messages=messages, step=2, **context
    )


def _wrong(refused: Refused, found: list[dict[str, Any]], visit: Visit) -> Message:
    """Which columns can't be used, by the headings of the file."""
    items = []
    for error in refused.problem.errors:
        position = error.field.removeprefix("columns.")
        in_file = position.isdecimal() and int(position) < len(found)
        heading = str(found[int(position)].get("heading", "")) if in_file else ""
        text = " ".join(part for part in (error.message, error.cure) if part)
        if error.code == "no_number":
            text = visit.t("article_import.no_number")
        items.append(Item(f"{heading}: {text}" if heading else text))
    title = visit.t("article_import.columns_wrong")
    return Message(Weight.ERROR, title, "" if items else refused.said, tuple(items))


async def _outcome(job: Job, visit: Visit) -> dict[str, Any]:
    t = visit.t
    trial = bool(job.result.get("trial", "run" not in visit.query))
    good = sum(int(job.result.get(name, 0)) for name in ("added", "changed"))
    labels = await article_labels(visit) if job.over else {}
    return {
        "job": job,
        "trial": trial,
        "here": _address(job.id),
        "job_address": job_address(ServiceName.SALES, job.id),
        "counts": [
            (t(f"article_import.{name}"), int(job.result[name])) for name in COUNTED if name in job.result
        ],
        "messages_table": messages_of(job, visit, lambda name: labels.get(name, name)),
        "good": good,
        "refused": int(job.result.get("refused", 0)),
        "runnable": trial and job.state == "done" and good > 0 and visit.may("edit_article"),
    }
