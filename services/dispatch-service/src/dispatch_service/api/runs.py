"""Runs: what the nights came to, and starting one now."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from klokwerk.access import Person, SignedIn, allow
from klokwerk.http.pages import Page, page_of
from klokwerk.http.problems import Problem, not_found
from pydantic import BaseModel, ConfigDict

from dispatch_service.api.context import RUN_ROLES, Cursor, In, Limit, seen
from dispatch_service.store import runs
from dispatch_service.store.runs import Run

router = APIRouter(tags=["runs"])


class RunItem(BaseModel):
    """One run.

    Attributes:
        sent: invoices sent, by channel; all counts are none until the run has ended.
    """

    id: int
    administration: str
    day: date
    trigger: str
    started_by: str
    started_at: datetime
    finished_at: datetime | None
    added: int
    sent: dict[str, int] | None
    failed: int | None
    ignored: int | None


class StartBody(BaseModel):
    """Which administration's run to start."""

    model_config = ConfigDict(extra="forbid")

    administration: str = "main"


@router.get("/runs")
async def list_runs(
    service: In,
    _: SignedIn,
    administration: Annotated[str, Query(max_length=64)] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RunItem]:
    """Runs, newest first."""
    async with service.database.connect() as connection:
        rows = await runs.page(connection, administration, seen(cursor), limit + 1)
    page = page_of(rows, limit, lambda run: [run.id])
    return Page(items=[_item(run) for run in page.items], next=page.next)


@router.get("/runs/{run_id}")
async def read_run(run_id: int, service: In, _: SignedIn) -> RunItem:
    """One run."""
    async with service.database.connect() as connection:
        run = await runs.get(connection, run_id)
    if run is None:
        raise not_found("run", run_id)
    return _item(run)


@router.post("/runs", status_code=202)
async def start_run(
    service: In, body: StartBody | None = None, person: Person = allow(*RUN_ROLES)
) -> RunItem:
    """Start a run now: it takes what is due by now, as the night's run does."""
    administration = (body or StartBody()).administration
    run = await service.night_run.start(administration, by=person.name, night=False)
    if run is None:
        raise Problem(
            409,
            "Automatic dispatch is off",
            f"Administration {administration} has no active settings. Activate automatic dispatch first.",
        )
    return _item(run)


def _item(run: Run) -> RunItem:
    result: dict[str, Any] = run.result or {}
    return RunItem(
        id=run.id,
        administration=run.administration,
        day=run.day,
        trigger="night" if run.sequence == runs.NIGHT else "person",
        started_by=run.started_by,
        started_at=run.started_at,
        finished_at=run.finished_at,
        added=run.added,
        sent=result.get("sent"),
        failed=result.get("failed"),
        ignored=result.get("ignored"),
    )
