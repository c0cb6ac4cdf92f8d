"""Tools > Exports: every export that a service keeps, to be downloaded again (LS-20, LS-21); and exports of cards."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Response

from back_office.clients.jobs import Job
from back_office.clients.shapes import Pin
from back_office.clients.transport import NotFound, ServiceFailure, ServiceName
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import with_query
from back_office.web.components.form import new_once
from back_office.web.components.message import Link, Message, Weight
from back_office.web.components.selection import selection_of
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table, reads
from back_office.web.explain import explained
from back_office.web.pages.downloads import streamed
from back_office.web.pages.jobs import job_address
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)

FILTERS = ("q", "kind", "state", "use_ekts")
FORMATS = ("csv", "xlsx")
A_SERVICE = "50"
"""Newest jobs of each service that are looked through."""
PATIENCE_SECONDS = 2.5
"""How long a person waits for the file before the export goes on without them."""
TONES = {"done": Tone.GOOD, "failed": Tone.BAD, "cancelled": Tone.WARN}


@dataclass(frozen=True, slots=True)
class Kept:
    """An export that a service keeps."""

    service: ServiceName
    job: Job


@router.get("/exports")
async def page(visit: SignedIn) -> Response:
    """The exports of all services, newest first."""
    t = visit.t
    found = await asyncio.gather(*(_of(service, visit) for service in ServiceName))
    kept = [each for exports, _ in found for each in exports]
    kept.sort(key=lambda each: each.job.created_at or datetime.min.replace(tzinfo=UTC), reverse=True)
    table = Table(
        id="exports",
        caption=t("kept_exports.caption"),
        path="/exports",
        columns=(
            Column("name", t("kept_exports.name"), Kind.MAIN),
            Column("service", t("kept_exports.service")),
            Column("state", t("ekt.state")),
            Column("rows", t("kept_exports.rows"), Kind.NUMBER),
            Column("by", t("imports.by")),
            Column("at", t("imports.at")),
            Column("file", t("kept_exports.file")),
        ),
        rows=tuple(_row(each, visit) for each in kept),
        empty=Empty(
            t("kept_exports.none"), t("kept_exports.none_why"), Link(t("kept_exports.to_debtors"), "/debtors")
        ),
        poll_seconds=3 if any(not each.job.over for each in kept) else 0,
    )
    messages = [trouble for _, trouble in found if trouble]
    if visit.query.get("part"):
        return await lists.answer(visit, table, title="")
    return await visit.page(
        "pages/list.html",
        title=t("kept_exports.title"),
        lead=t("kept_exports.lead"),
        table=table,
        links=(),
        primary_first=False,
        tabs=(),
        tab_chosen=0,
        once=new_once(),
        messages=messages,
    )


@router.get("/exports/debtors.{suffix}")
async def export_filter(suffix: str, visit: SignedIn) -> Response:
    """All cards of the filter, in one click (FA-49)."""
    return await _export(visit, suffix, [])


@router.post("/exports/debtors")
async def export_selection(visit: SignedIn) -> Response:
    """The ticked cards, or all of the filter where none is ticked or all that match were chosen."""
    typed, chosen = await visit.form(), await selection_of(visit, FILTERS)
    return await _export(
        visit, typed.get("action", "csv"), list(chosen.ids), typed.get("_once", ""), chosen.told
    )


async def _export(
    visit: Visit, suffix: str, ids: list[str], once: str = "", told: Pin | None = None
) -> Response:
    """Start it, and give the file at once where it is made while one waits."""
    wanted: dict[str, object] = dict(reads(visit.query, FILTERS))
    if "use_ekts" in wanted:
        wanted["use_ekts"] = wanted["use_ekts"] == "true"
    if "state" in wanted:
        wanted["state"] = [wanted["state"]]
    body = wanted | {
        "format": suffix if suffix in FORMATS else FORMATS[0],
        "language": visit.language,
        "ids": ids,
    }
    if told is not None and not ids:
        body["pin"] = told.model_dump()
    try:
        job = await visit.clients.imports.export(body, once or new_once())
        client = visit.clients.jobs[ServiceName.DEBTORS]
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not job.over and (left := deadline - asyncio.get_running_loop().time()) > 0:
            job = await client.job(job.id, after=job.revision, wait=left)
        if job.state == "done":
            return await streamed(client.file(job.id, "output"), job.title)
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
        return visit.go(with_query("/debtors", visit.query))
    await visit.say(
        Message(Weight.INFO, visit.t("kept_exports.goes_on"), visit.t("kept_exports.goes_on_why"))
    )
    return visit.go("/exports")


async def _of(service: ServiceName, visit: Visit) -> tuple[list[Kept], Message | None]:
    """Exports of one service; one that has no jobs at all has none."""
    try:
        found = await visit.clients.jobs[service].page(limit=A_SERVICE)
    except NotFound:
        return [], None
    except ServiceFailure as failure:
        return [], explained(failure, visit.t)
    return [Kept(service, job) for job in found.items if "export" in job.kind], None


def _row(each: Kept, visit: Visit) -> Row:
    job, t = each.job, visit.t
    address = job_address(each.service, job.id)
    rows = job.result.get("rows", job.result.get("lines"))
    file = address + "/files/output" if job.state == "done" else ""
    return Row(
        f"{each.service.value}-{job.id}",
        (
            Cell(job.title or t.either(f"job.kind.{job.kind}", job.kind), address),
            Cell(t(f"service.{each.service}")),
            Cell(badge=Badge(TONES.get(job.state, Tone.BUSY), f"job.state.{job.state}", job.message)),
            Cell(visit.formats.number(rows) if isinstance(rows, int) else ""),
            Cell(job.created_by),
            Cell(at=job.created_at),
            Cell(t("kept_exports.download"), file)
            if file
            else Cell(t("kept_exports.not_yet") if not job.over else ""),
        ),
        job.title,
    )
