"""What routes take from the app: database, clock, and who does the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.http.pages import MOST, decode_cursor
from klokwerk.http.problems import Problem

from dispatch_service.dispatcher import Dispatcher
from dispatch_service.outcomes import Outcomes
from dispatch_service.workers import NightRun

SETTINGS_ROLE = "billing-admin"
INVOICE_ROLES = ("sales", "finance", "billing-admin")
"""Who edits invoices sends them by hand and takes them out of automatic dispatch (NV-69)."""
RUN_ROLES = ("billing-admin", "ops")


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of the running service that a route needs."""

    database: Database
    clock: Clock
    dispatcher: Dispatcher
    outcomes: Outcomes
    night_run: NightRun


def _service(request: Request) -> Service:
    state = request.app.state
    return Service(state.database, state.clock, state.dispatcher, state.outcomes, state.night_run)


In = Annotated[Service, Depends(_service)]
Limit = Annotated[int, Query(ge=1, le=MOST, description="Rows on a page.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
Administration = Annotated[str, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


def seen(cursor: str | None) -> int | None:
    """The number that a cursor holds; none for the first page.

    Raises:
        Problem: 400 when it was not made by this list.
    """
    values = decode_cursor(cursor, 1)
    if values is None:
        return None
    if not isinstance(values[0], int):
        raise Problem(400, "The cursor is not valid", "Take it from `next` of the page before.")
    return values[0]
