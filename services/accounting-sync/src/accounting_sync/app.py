"""Builds the service: settings, database, API, consumers, workers."""

from datetime import timedelta

import httpx
from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries import DeliveryWorker
from klokwerk.sealing import Sealer

from accounting_sync.api import administrations, exports, lines, summary
from accounting_sync.channel import QUESTIONS, RETRIES, ExactChannel
from accounting_sync.consumers import debtor_changed
from accounting_sync.direct_export import DirectExport
from accounting_sync.file_export import FileExport
from accounting_sync.parts import Accounting
from accounting_sync.settings import AccountingSettings
from accounting_sync.workers import workers


def create(
    settings: AccountingSettings, *, clock: Clock | None = None, verifier: Verifier | None = None
) -> FastAPI:
    """The ASGI app of the service; `clock` and `verifier` are given by tests only."""
    clock = clock or clock_of(settings)
    database = Database(str(settings.database_url), pool=settings.database_pool)
    box = Sealer(settings.secret_key.get_secret_value(), "accounting-sync/connection")
    http = httpx.AsyncClient(timeout=settings.exact_timeout_seconds, follow_redirects=False)
    channel = ExactChannel(database, clock, box, http)
    files = FileExport(database, clock, settings.export_folder)
    direct = DirectExport(database, clock)
    sending = DeliveryWorker(
        database,
        clock,
        {"exact-direct": channel},
        direct.on_change,
        retries=RETRIES,
        questions=QUESTIONS,
        lease=timedelta(seconds=settings.delivery_lease_seconds),
        concurrency=4,
    )
    return build(
        Parts(
            name="accounting-sync",
            package="accounting_sync",
            settings=settings,
            database=database,
            clock=clock,
            routers=[summary.router, administrations.router, exports.router, lines.router],
            subscriptions=[debtor_changed(clock)],
            workers=[sending, *workers(database, clock, files, direct, settings.worker_seconds)],
            publishes=False,
            close=[http.aclose],
            state={"accounting": Accounting(database, clock, box, channel, files, direct)},
            verifier=verifier,
        )
    )
