"""A day's sales out of a file: chosen, tried, looked at, stored."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from back_office.clients.jobs import Job
from back_office.clients.transport import ServiceFailure, ServiceName
from back_office.domain.badges import Badge, Tone
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import Message, Weight
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import explained, tried
from back_office.web.pages.jobs import job_address
from back_office.web.pages.sales import day_of
from back_office.web.visit import SignedIn, Visit, posted

router = APIRouter(prefix="/sales/import", include_in_schema=False)
ENCODINGS = ("", "utf-8", "cp1252", "iso-8859-15", "cp850", "mac-roman", "utf-16")
DELIMITERS = ("", ";", ",", "\t", "|")
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
    chosen = (await posted(visit.request)).get("file")
    content = await chosen.read() if isinstance(chosen, UploadFile) else b""
    name = (chosen.filename or "") if isinstance(chosen, UploadFile) else ""
    day = day_of(form.get("day", ""))
    if day is None:
        return await _page(visit, Message(Weight.WARNING, t("sale_import.no_day")), status=422)
    if not content:
        warning = Message(Weight.WARNING, t("sale_import.no_file"), t("sale_import.no_file_cure"))
        return await _page(visit, warning, status=422)
    encoding, delimiter = form.get("encoding", ""), form.get("delimiter", "")
    try:
        job = await visit.clients.sale_changes.hand_in(
            day,
            content,
            form.get("_once", ""),
            file_name=name.replace("\\", "/").rsplit("/", 1)[-1][:200] or "sales.csv",
            allocate="true" if form.get("allocate") else "false",
            encoding=encoding if encoding in ENCODINGS else "",
            delimiter=delimiter if delimiter in DELIMITERS else "",
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
        delimiters=[(value, visit.t(f"sale_import.delimiter_{name}")) for value, name in _DELIMITER_NAMES],
        once=new_once(),
    )


_DELIMITER_NAMES = ((";", "semicolon"), (",", "comma"), ("\t", "tab"), ("|", "bar"))


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
        "messages_table": _messages(job, visit),
        "good": good,
        "refused": refused,
        "runnable": trial and job.state == "done" and good > 0 and visit.may("edit_sale"),
    }


def _messages(job: Job, visit: Visit) -> Table | None:
    t = visit.t
    found = job.result.get("messages", [])
    if not found:
        return None
    count = int(job.result.get("messages_count", len(found)))
    left = count - len(found)
    return Table(
        id="row-messages",
        caption=t("sale_import.messages"),
        path="",
        columns=(
            Column("row", t("sale_import.row"), Kind.NUMBER),
            Column("kind", t("ekt.state")),
            Column("column", t("sale_import.column")),
            Column("value", t("sale_import.value")),
            Column("message", t("sale_import.message"), Kind.MAIN),
            Column("cure", t("sale_import.cure")),
        ),
        rows=tuple(_message_row(one, number, visit) for number, one in enumerate(found)),
        empty=Empty(""),
        sums=((t("sale_import.more_messages"), visit.formats.number(left)),) if left > 0 else (),
    )


def _message_row(one: dict[str, Any], number: int, visit: Visit) -> Row:
    error = one.get("kind") == "error"
    badge = Badge(Tone.BAD, "check.error") if error else Badge(Tone.CALM, "sale_import.note")
    return Row(
        str(number),
        (
            Cell(visit.formats.number(int(one.get("row", 0)))),
            Cell(badge=badge),
            Cell(visit.t.either(f"sale_line.{one.get('column', '')}", str(one.get("column", "")))),
            Cell(str(one.get("value", ""))),
            Cell(str(one.get("message", ""))),
            Cell(str(one.get("cure", ""))),
        ),
    )
