"""Builds the debtor service: settings, database, API, consumers, workers."""

from __future__ import annotations

import httpx
from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.outbox import Outbox

from debtor_service.api import cards, contacts, files, merging, own_fields, ranges, summary, vat_lookup
from debtor_service.changes import Changes
from debtor_service.consumers import NumberConsumers
from debtor_service.settings import DebtorSettings
from debtor_service.triggers import Triggers
from debtor_service.vies import Vies
from debtor_service.workers import OwnFieldTeller, Stragglers

NAME = "debtor-service"
PACKAGE = "debtor_service"


def create(
    settings: DebtorSettings, *, clock: Clock | None = None, verifier: Verifier | None = None
) -> FastAPI:
    """The service as an ASGI app.

    Args:
        settings: where everything is.
        clock: another clock than the settings ask for.
        verifier: checks tokens in another way than by the issuer's address.
    """
    database = Database(str(settings.database_url), pool=settings.database_pool)
    time = clock or clock_of(settings)
    triggers = Triggers(Changes(Outbox(f"/{NAME}"), time))
    http = httpx.AsyncClient(timeout=settings.vies_timeout_seconds, follow_redirects=False)
    vies = Vies(http, settings.vies_url, settings.vies_timeout_seconds, settings.vies_retry_seconds)
    return build(
        Parts(
            name=NAME,
            package=PACKAGE,
            settings=settings,
            database=database,
            clock=time,
            routers=(
                files.router,
                cards.router,
                contacts.router,
                own_fields.router,
                merging.router,
                ranges.router,
                summary.router,
                vat_lookup.router,
            ),
            subscriptions=NumberConsumers(triggers).subscriptions,
            workers=(Stragglers(database, triggers), OwnFieldTeller(database, triggers.changes)),
            state={"triggers": triggers, "settings": settings, "vies": vies},
            close=(http.aclose,),
            verifier=verifier,
        )
    )
