"""Builds the service: settings, database, API, consumers, workers."""

from datetime import timedelta

import httpx
from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries import DeliveryWorker
from klokwerk.jobs import JobWorker, job_routes
from klokwerk.sealing import Sealer

from accounting_sync import fetching, status_change
from accounting_sync.api import administrations, connections, exports, line_status, lines, persons, summary
from accounting_sync.channel import QUESTIONS, RETRIES, DirectChannel
from accounting_sync.consumers import debtor_changed
from accounting_sync.direct_export import DIRECT, DirectExport
from accounting_sync.file_export import FileExport
from accounting_sync.links import AT_ONCE, Links
from accounting_sync.parts import Accounting
from accounting_sync.settings import AccountingSettings
from accounting_sync.upkeep import Upkeep
from accounting_sync.workers import workers

AHEAD = 64
"""Lines that a process has in hand beside those under way; what it loses by dying is looked up."""
MOST_BODY_BYTES = 64 * 1024 * 1024
"""A hundred thousand selected lines, or the result of an import of as many relations."""


def delivery_worker(
    database: Database, clock: Clock, channel: DirectChannel, direct: DirectExport, lease: timedelta
) -> DeliveryWorker:
    """Sends single lines to whichever accounting system they are for."""
    return DeliveryWorker(
        database,
        clock,
        dict.fromkeys(DIRECT, channel),
        on_changes=direct.on_changes,
        ahead=AHEAD,
        retries=RETRIES,
        questions=QUESTIONS,
        lease=lease,
        concurrency=AT_ONCE,
    )


def create(
    settings: AccountingSettings, *, clock: Clock | None = None, verifier: Verifier | None = None
) -> FastAPI:
    """The ASGI app of the service; `clock` and `verifier` are given by tests only."""
    clock = clock or clock_of(settings)
    database = Database(str(settings.database_url), pool=settings.database_pool)
    box = Sealer(settings.secret_key.get_secret_value(), "accounting-sync/connection")
    http = httpx.AsyncClient(timeout=settings.exact_timeout_seconds, follow_redirects=False)
    links = Links(database, clock, box, http)
    hours = settings.connection_test_hours
    upkeep = Upkeep(database, clock, links, timedelta(hours=hours) if hours else None)
    channel = DirectChannel(database, clock, links)
    files = FileExport(database, clock, settings.export_folder)
    direct = DirectExport(database, clock)
    lease = timedelta(seconds=settings.delivery_lease_seconds)
    sending = delivery_worker(database, clock, channel, direct, lease)
    return build(
        Parts(
            name="accounting-sync",
            package="accounting_sync",
            settings=settings,
            database=database,
            clock=clock,
            routers=[
                job_routes([fetching.JOB, status_change.JOB], "finance"),
                summary.router,
                administrations.router,
                connections.router,
                persons.router,
                exports.router,
                lines.router,
                line_status.router,
            ],
            subscriptions=[debtor_changed(clock)],
            workers=[
                sending,
                JobWorker(
                    database,
                    clock,
                    {
                        fetching.JOB: fetching.fetch_job(database, clock),
                        status_change.JOB: status_change.status_job(),
                    },
                ),
                *workers(database, clock, files, direct, upkeep, settings.worker_seconds),
            ],
            publishes=False,
            most_body_bytes=MOST_BODY_BYTES,
            close=[files.close, links.close],
            state={"accounting": Accounting(database, clock, box, links, upkeep, files, direct)},
            verifier=verifier,
        )
    )
