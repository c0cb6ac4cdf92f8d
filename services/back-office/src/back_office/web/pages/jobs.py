"""A job under way: its page, its progress as it happens, its files, and stopping it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from back_office.clients.jobs import Job
from back_office.clients.transport import ServiceFailure, ServiceName
from back_office.web.components.addresses import local, segment, with_query
from back_office.web.components.message import Item, Link
from back_office.web.explain import explained
from back_office.web.own_links import own_page
from back_office.web.pages.downloads import streamed
from back_office.web.pages.row_messages import MESSAGES, message_file
from back_office.web.visit import SignedIn, Visit

router = APIRouter(prefix="/jobs", include_in_schema=False)

WAIT_SECONDS = 3.0
"""How long the service may hold back its answer; shorter than the pages' own time-out."""
ROUNDS = 200
"""A browser that still watches after so many rounds asks anew by itself."""


def job_address(service: ServiceName, job_id: str, back: str = "") -> str:
    """The page of a job; `back` is the page that it links to, the one where it was begun."""
    return with_query(f"/jobs/{service.value}/{segment(job_id)}", {"back": back})


@router.get("/{service}/{job_id}")
async def job_page(service: ServiceName, job_id: str, visit: SignedIn) -> Response:
    """What is being done and how far it is; what came out of it once it is over."""
    job = await visit.clients.jobs[service].job(job_id)
    back = visit.query.get("back", "")
    return await visit.page("pages/job.html", back=local(back) if back else "", **_shown(service, job, visit))


@router.get("/{service}/{job_id}/live")
async def live(service: ServiceName, job_id: str, visit: SignedIn) -> Response:
    """Server-sent events: ``progress`` with the part of the page each time the job moved on, ``end`` at last."""
    first = await visit.clients.jobs[service].job(job_id)
    return StreamingResponse(_events(service, first, visit), media_type="text/event-stream")


@router.post("/{service}/{job_id}/cancel")
async def cancel(service: ServiceName, job_id: str, visit: SignedIn) -> Response:
    """Stop it after the step in hand."""
    try:
        await visit.clients.jobs[service].cancel(job_id)
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    return visit.go(job_address(service, job_id, visit.query.get("back", "")))


@router.get("/{service}/{job_id}/files/{role}")
async def file(service: ServiceName, job_id: str, role: str, visit: SignedIn) -> Response:
    """One of its files, to be saved; what is said about the rows of a file is told in the reader's language."""
    if service is ServiceName.SALES and role == MESSAGES:
        return await message_file(await visit.clients.jobs[service].job(job_id), visit)
    return await streamed(visit.clients.jobs[service].file(job_id, role), f"{role}-{job_id}")


async def _events(service: ServiceName, job: Job, visit: Visit) -> AsyncIterator[str]:
    for _ in range(ROUNDS):
        yield _event(
            "progress", visit.rendered("components/progress_part.html", **_shown(service, job, visit))
        )
        if job.over:
            yield _event("end", "")
            return
        try:
            # A page's token lives for minutes and a job may take longer: each round has one of its own.
            jobs = visit.office.clients_for(visit.user, visit.correlation, visit.wording).jobs[service]
            job = await jobs.job(job.id, after=job.revision, wait=WAIT_SECONDS)
        except ServiceFailure:
            return  # the browser asks again by itself


def _event(name: str, content: str) -> str:
    lines = "".join(f"data: {line}\n" for line in content.splitlines()) or "data:\n"
    return f"event: {name}\n{lines}\n"


def _shown(service: ServiceName, job: Job, visit: Visit) -> dict[str, Any]:
    t = visit.t
    title = t.either(f"job.kind.{job.kind}", job.kind)
    counts = shown_counts(job, visit)
    left = left_rows(job, visit)
    return {
        "job": job,
        "address": job_address(service, job.id),
        "title": title,
        "counts": counts,
        "left": left,
        "left_count": max(len(left), dict(_numbers(job)).get("left", 0)),
    }


def left_rows(job: Job, visit: Visit) -> list[Item]:
    """What a job has left as it is, of very many the first, each with the reason and a way there."""
    rows = job.result.get("left_rows", [])
    found = []
    for row in rows if isinstance(rows, list) else []:
        page = own_page(str(row.get("link", "")))
        link = Link(visit.t("job.left_open"), page) if page else None
        found.append(Item(f"{row.get('name', '')}: {visit.said(str(row.get('reason', '')))}", link))
    return found


def shown_counts(job: Job, visit: Visit) -> list[tuple[str, int]]:
    """What came out of a job so far, by name."""
    return [(visit.t.either(f"job.result.{name}", name), value) for name, value in _numbers(job)]


def _numbers(job: Job) -> list[tuple[str, int]]:
    return [
        (name, value)
        for name, value in job.result.items()
        if isinstance(value, int) and not isinstance(value, bool)
    ]
