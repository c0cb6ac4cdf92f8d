"""Jobs over HTTP: lists, one job that can be waited for, its files, and stopping it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.http.pages import MOST, Page, decode_cursor, encode_cursor
from klokwerk.http.problems import Problem, not_found
from klokwerk.jobs import rows
from klokwerk.jobs.job import Job, JobState

LONGEST_WAIT = 20.0
_LOOK_SECONDS = 0.25


class JobFileView(BaseModel):
    """A file of a job; its bytes are at `link`."""

    role: str
    name: str
    media_type: str
    size: int
    link: str


class JobView(BaseModel):
    """A job as people and programs see it; fields as in `klokwerk.jobs.Job`."""

    id: uuid.UUID
    kind: str
    title: str
    state: JobState
    done: int
    total: int | None
    result: dict[str, Any]
    message: str
    revision: int
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_asked: bool
    files: list[JobFileView] = []

    @classmethod
    def of(cls, job: Job, files: Sequence[rows.JobFile] = ()) -> JobView:
        """Show a job."""
        return cls(
            id=job.id,
            kind=job.kind,
            title=job.title,
            state=job.state,
            done=job.done,
            total=job.total,
            result=job.result,
            message=job.message,
            revision=job.revision,
            created_by=job.created_by_name,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            cancel_asked=job.cancel_asked,
            files=[
                JobFileView(
                    role=file.role,
                    name=file.name,
                    media_type=file.media_type,
                    size=file.size,
                    link=f"/v1/jobs/{job.id}/files/{quote(file.role)}",
                )
                for file in files
            ],
        )


def job_routes(kinds: Sequence[str], *roles: str) -> APIRouter:
    """Routes below ``/jobs`` for jobs of `kinds`; anybody who is signed in may look, `roles` may stop them."""
    router = APIRouter(prefix="/jobs", tags=["Jobs"])

    @router.get("", summary="Jobs, newest first")
    async def list_jobs(
        request: Request,
        _: SignedIn,
        kind: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> Page[JobView]:
        database: Database = request.app.state.database
        chosen = [each for each in kinds if kind in (None, each)]
        async with database.connect() as connection:
            found = await rows.page(connection, chosen, after=_after(cursor), limit=limit + 1)
        more = len(found) > limit
        last = found[limit - 1] if more else None
        return Page(
            items=[JobView.of(job) for job in found[:limit]],
            next=encode_cursor([last.created_at.isoformat(), str(last.id)]) if last else None,
        )

    @router.get("/{job_id}", summary="One job; with `after` and `wait`, once it has moved on")
    async def read_job(
        request: Request,
        job_id: uuid.UUID,
        _: SignedIn,
        after: Annotated[int | None, Query(ge=0)] = None,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0,
    ) -> JobView:
        """Answers at once without `after`; else when the revision is higher than that, or after `wait` seconds."""
        database: Database = request.app.state.database
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            async with database.connect() as connection:
                job = await rows.get(connection, job_id)
                if job is None or job.kind not in kinds:
                    raise not_found("job", str(job_id))
                moved = after is None or job.revision > after or job.state.final
                if moved or asyncio.get_running_loop().time() >= deadline:
                    return JobView.of(job, await rows.files_of(connection, job_id))
            await asyncio.sleep(_LOOK_SECONDS)

    @router.get("/{job_id}/files/{role}", summary="One of a job's files")
    async def read_file(request: Request, job_id: uuid.UUID, role: str, _: SignedIn) -> StreamingResponse:
        database: Database = request.app.state.database
        async with database.connect() as connection:
            job = await rows.get(connection, job_id)
            files = {file.role: file for file in await rows.files_of(connection, job_id)}
        if job is None or job.kind not in kinds or role not in files:
            raise not_found("file of a job", f"{job_id}/{role}")

        async def content() -> AsyncIterator[bytes]:
            async with database.connect() as connection:
                async for part in await rows.file_of(connection, job_id, role):
                    yield part

        name = quote(files[role].name)
        return StreamingResponse(
            content(),
            media_type=files[role].media_type,
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
                "X-Content-Type-Options": "nosniff",
            },
        )

    @router.post("/{job_id}/cancel", summary="Stop a job; what was done before stays done")
    async def cancel_job(request: Request, job_id: uuid.UUID, person: Person = allow(*roles)) -> JobView:
        database: Database = request.app.state.database
        clock: Clock = request.app.state.clock
        async with database.transaction() as connection:
            before = await rows.get(connection, job_id)
            if before is None or before.kind not in kinds:
                raise not_found("job", str(job_id))
            job = await rows.ask_to_cancel(connection, clock, job_id)
            if job is None:
                raise Problem(409, "The job is over", f"It is {before.state.value}; nothing is left to stop.")
            await audit(connection, person, clock.now(), "job stopped", "job", str(job_id))
        return JobView.of(job)

    return router


def _after(cursor: str | None) -> tuple[datetime, uuid.UUID] | None:
    values = decode_cursor(cursor, 2)
    if not values:
        return None
    try:
        return datetime.fromisoformat(str(values[0])), uuid.UUID(str(values[1]))
    except ValueError:
        raise Problem(400, "The page can't be found", "Leave the cursor out to begin anew.") from None
