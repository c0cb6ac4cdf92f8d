"""A day's sales out of a file: chosen, tried, looked at, stored."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.jobs import Job
from back_office.clients.transport import ServiceFailure, ServiceName
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import Message, Weight
from back_office.web.explain import explained, tried
from back_office.web.pages.file_choice import ENCODINGS, chosen_file, delimiter_choices
from back_office.web.pages.jobs import job_address
from back_office.web.pages.row_messages import messages_of
from back_office.web.pages.sales import day_of
from back_office.web.visit import SignedIn, Visit

router = APIRouter(prefix="/sales/import", include_in_schema=False)
COUNTED = ("added", "changed", "unchanged", "refused")
MODES = ("all", "each")


@router.get("")
async def page(visit: SignedIn) -> Response:
    """Choose a file and the order day that it is about."""
    return await _page(visit)


@router.post("")
async def hand_in(visit: SignedIn) -> Response:
    """Have the file tried; nothing is stored yet."""
    t = visit.t
    form = await visit.form()
    file = await chosen_file(visit, "sales.csv")
    day = day_of(form.get("day", ""))
    if day is None:
        return await _page(visit, Message(Weight.WARNING, t("sale_import.no_day")), status=422)
    if not file.content:
        warning = Message(Weight.WARNING, t("sale_import.no_file"), t("sale_import.no_file_cure"))
        return await _page(visit, warning, status=422)
    try:
        job = await visit.clients.sale_changes.hand_in(
            day,
            file.content,
            form.get("_once", ""),
            file_name=file.name,
            allocate="true" if form.get("allocate") else "false",
            encoding=file.encoding,
            delimiter=file.delimiter,
        )
    except ServiceFailure as failure:
        return await _page(visit, explained(failure, t), status=502)
    return visit.go(f"/sales/import/{segment(job.id)}?day={day.isoformat()}")


@router.get("/{job_id}")
async def result(job_id: str, visit: SignedIn) -> Response:
    """How far it is, what came out, and what is said about the rows; it renews itself until it is over."""
    job = await visit.clients.jobs[ServiceName.SALES].job(job_id)
    context = _shown(job, visit)
    if visit.query.get("part") == "result":
        return visit.part("pages/sale_import_result.html", **context)
    return await visit.page("pages/sale_import_job.html", once=new_once(), **context)


@router.post("/{job_id}/run")
async def run(job_id: str, visit: SignedIn) -> Response:
    """Store the rows of the file that was tried."""
    form = await visit.form()
    day = form.get("day", "")
    mode = form.get("mode", "")
    try:
        job = await visit.clients.sale_changes.run_import(job_id, mode if mode in MODES else "all")
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
        return visit.go(f"/sales/import/{segment(job_id)}?day={segment(day)}")
    return visit.go(f"/sales/import/{segment(job.id)}?day={segment(day)}&run=1")


async def _page(visit: Visit, message: Message | None = None, *, status: int = 200) -> Response:
    remembered = visit.session.order_day if visit.session else None
    columns = await tried(visit.clients.sale_changes.import_columns(visit.language), visit.t)
    return await visit.page(
        "pages/sale_import.html",
        status=status,
        messages=(message,) if message else (),
        day=day_of(visit.query.get("day", "")) or remembered or visit.today,
        columns=[column for column in columns.value or () if column.imported],
        encodings=ENCODINGS[1:],
        delimiters=delimiter_choices(visit.t),
        once=new_once(),
    )


def _shown(job: Job, visit: Visit) -> dict[str, Any]:
    t = visit.t
    trial = bool(job.result.get("trial", "run" not in visit.query))
    day = day_of(visit.query.get("day", "")) or visit.today
    good = sum(int(job.result.get(name, 0)) for name in ("added", "changed"))
    refused = int(job.result.get("refused", 0))
    return {
        "job": job,
        "day": day,
        "trial": trial,
        "here": f"/sales/import/{segment(job.id)}",
        "job_address": job_address(ServiceName.SALES, job.id),
        "counts": [
            (t(f"sale_import.{name}"), int(job.result.get(name, 0))) for name in COUNTED if name in job.result
        ],
        "messages_table": messages_of(job, visit, lambda name: t.either(f"sale_line.{name}", name)),
        "good": good,
        "refused": refused,
        "runnable": trial and job.state == "done" and good > 0 and visit.may("edit_sale"),
    }
