"""A synchronisation is started: by a person, or by the clock each night; never two at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date

from klokwerk import jobs, telemetry
from klokwerk.access import Person
from klokwerk.clock import Clock, moment_on
from klokwerk.database import Database
from klokwerk.jobs import Job, NewJob
from klokwerk.wakeup import pause
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.changes import SERVICE
from debtor_service.newsletter.activation import newsletter_active
from debtor_service.newsletter.syncing import KIND
from debtor_service.store import newsletter

log = telemetry.get_logger(__name__)


class UnderWay(Exception):
    """One is running already; `job_id` is its job."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


async def start(connection: AsyncConnection, clock: Clock, person: Person, key: str | None = None) -> Job:
    """Start a synchronisation.

    Args:
        key: natural key of the job, where it must be made once only.

    Raises:
        UnderWay: one is running; nothing was started.
    """
    await newsletter.one_at_a_time(connection)
    if (running := await newsletter.under_way(connection, KIND)) is not None:
        raise UnderWay(running)
    return await jobs.start(connection, clock, NewJob(KIND, "Mailchimp", natural_key=key), person)


async def nightly(database: Database, clock: Clock) -> date | None:
    """Start tonight's synchronisation when its time has come and it was not started yet; gives the day, if it did."""
    async with database.transaction() as connection:
        settings = await newsletter.read(connection)
        if not (settings.nightly and settings.ready and await newsletter_active(connection)):
            return None
        today = clock.today()
        if clock.now() < moment_on(today, settings.at_time, clock.zone):
            return None
        key = f"{KIND}:{today.isoformat()}"
        if await jobs.find(connection, key) is not None:
            return None
        try:
            job = await start(connection, clock, SERVICE, key)
        except UnderWay:
            return None
        log.info("newsletter_nightly", job=str(job.id), day=today.isoformat())
        return today


@dataclass(slots=True)
class Nightly:
    """Looks at the clock.

    Args:
        every: seconds between two looks.
    """

    database: Database
    clock: Clock
    every: float = 20.0
    name: str = "newsletter-nightly"

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            await nightly(self.database, self.clock)
            await pause(stop, self.every)
