"""Handing in a file for a job, and having the job of a file that was tried done anew."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Request
from klokwerk import jobs
from klokwerk.access import Person, audit
from klokwerk.http import FieldProblem, Once, Problem
from klokwerk.http.problems import not_found
from klokwerk.jobs import Job, JobView, NewJob
from klokwerk.tables import DELIMITERS, ENCODINGS
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.api.context import Context
from sales_service.entry.import_job import INPUT

MOST_FILE_BYTES = 20 * 1024 * 1024
MEDIA_TYPE = "application/octet-stream"
FileName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")]
Reason = Annotated[str, StringConstraints(max_length=200)]


async def hand_in(
    request: Request,
    sales_: Context,
    once: Once,
    person: Person,
    kind: str,
    file_name: str,
    wanted: Mapping[str, Any],
) -> Any:
    """Make the job of a file that is the body of the request.

    Args:
        wanted: input of the job; with ``encoding``, ``delimiter`` and ``dry_run``.

    Raises:
        Problem: there is no file, it is too large, or it is to be read in a way that is not known.
    """
    _check_choice("encoding", str(wanted["encoding"]), ENCODINGS)
    _check_choice("delimiter", str(wanted["delimiter"]), DELIMITERS)
    content = await request.body()
    if not content:
        raise Problem(422, "There is no file", "Send the file as the body of the request.")
    if len(content) > MOST_FILE_BYTES:
        raise Problem(413, "The file is too large", f"{MOST_FILE_BYTES // 2**20} MB is the most; split it.")
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        job = await jobs.start(connection, sales_.clock, NewJob(kind, file_name, wanted), person)
        await jobs.keep_file(connection, job.id, INPUT, file_name, MEDIA_TYPE, content)
        if not wanted["dry_run"]:
            await _record(connection, sales_, person, job, wanted)
        return await once.keep(connection, JobView.of(job, await jobs.files_of(connection, job.id)), 202)


async def tried_job(connection: AsyncConnection, kind: str, job_id: uuid.UUID) -> Job:
    """The job of a file that was tried and is over.

    Raises:
        Problem: 404 when there is no such job, 409 when it was stored already or is still being tried.
    """
    tried = await jobs.get(connection, job_id)
    if tried is None or tried.kind != kind:
        raise not_found("import", job_id)
    if not tried.input["dry_run"] or not tried.state.final:
        raise Problem(
            409,
            "This import can't be run",
            "It was stored already, or is still being tried: wait until it is over.",
        )
    return tried


async def do_anew(
    connection: AsyncConnection,
    sales_: Context,
    person: Person,
    tried: Job,
    wanted: Mapping[str, Any],
    natural_key: str,
) -> JobView:
    """A job with the file of `tried`; asked twice under one key, it is the same job."""
    new = NewJob(tried.kind, tried.title, wanted, natural_key=natural_key)
    job = await jobs.start(connection, sales_.clock, new, person)
    if job.id == new.id:
        parts = [part async for part in await jobs.file_of(connection, tried.id, INPUT)]
        await jobs.keep_file(connection, job.id, INPUT, tried.title, MEDIA_TYPE, b"".join(parts))
        if not wanted["dry_run"]:
            await _record(connection, sales_, person, job, wanted)
    return JobView.of(job, await jobs.files_of(connection, job.id))


async def _record(
    connection: AsyncConnection, sales_: Context, person: Person, job: Job, wanted: Mapping[str, Any]
) -> None:
    await audit(connection, person, sales_.clock.now(), "import started", "job", str(job.id), new=wanted)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value and value not in choices:
        raise Problem(
            422,
            f"There is no such {name}",
            "See errors.",
            errors=[
                FieldProblem(
                    field=name,
                    message=f"{value!r} is not known",
                    cure=f"choose one of {', '.join(map(repr, choices))}, or leave it out",
                )
            ],
        )
