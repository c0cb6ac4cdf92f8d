"""Builds the sales service from its parts."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.jobs import JobWorker
from klokwerk.outbox import Outbox

from sales_service import resend_job
from sales_service.api import ROUTERS
from sales_service.api.context import Context
from sales_service.consumers import Consumers
from sales_service.entry import article_importing, importing
from sales_service.entry.article_importing import ArticleImport
from sales_service.entry.entering import Entering
from sales_service.entry.importing import SalesImport
from sales_service.invoicing import Invoicing
from sales_service.resend_job import ResendJob
from sales_service.resending import Resending
from sales_service.selling import Distributions
from sales_service.settings import SalesSettings
from sales_service.workers import CorrectionWorker

NAME = "sales-service"
PACKAGE = "sales_service"
SOURCE = "/sales-service"
"""``ce_source`` of our events; how our own sales and invoices are told from those of others."""
MOST_BODY_BYTES = 32 * 1024 * 1024
"""A request of 10,000 sale lines fits well; what is larger is refused."""


@dataclass(frozen=True, slots=True)
class Stand:
    """What tests put in the place of the real thing."""

    clock: Clock | None = None
    verifier: Verifier | None = None


def create(settings: SalesSettings, stand: Stand | None = None) -> FastAPI:
    """The ASGI app of the service."""
    stand = stand or Stand()
    database = Database(str(settings.database_url), pool=settings.database_pool)
    clock = stand.clock or clock_of(settings)
    outbox = Outbox(SOURCE)
    distributions = Distributions(outbox, clock, settings.administration, settings.window)
    invoicing = Invoicing(outbox, clock, distributions, settings.administration)
    return build(
        Parts(
            name=NAME,
            package=PACKAGE,
            settings=settings,
            database=database,
            clock=clock,
            routers=ROUTERS,
            subscriptions=Consumers(distributions, clock).subscriptions(),
            workers=[
                CorrectionWorker(database, clock, distributions),
                JobWorker(
                    database,
                    clock,
                    {
                        importing.KIND: SalesImport(Entering(distributions), clock),
                        article_importing.KIND: ArticleImport(clock),
                        resend_job.KIND: ResendJob(Resending(distributions)),
                    },
                ),
            ],
            close=[database.close],
            state={"sales": Context(database, clock, outbox, distributions, invoicing)},
            most_body_bytes=MOST_BODY_BYTES,
            verifier=stand.verifier,
        )
    )
