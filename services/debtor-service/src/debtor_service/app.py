"""Builds the debtor service: settings, database, API, consumers, workers."""

from __future__ import annotations

import httpx
from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.http.limits import MOST_BYTES
from klokwerk.outbox import Outbox

from debtor_service.api import (
    attachments,
    cards,
    choices,
    contacts,
    customer_settings,
    duplicates,
    files,
    merging,
    own_fields,
    ranges,
    summary,
    vat_lookup,
)
from debtor_service.attaching import Attaching, Limits
from debtor_service.changes import Changes
from debtor_service.consumers import NumberConsumers
from debtor_service.scanning import scanner_at
from debtor_service.settings import DebtorSettings
from debtor_service.triggers import Triggers
from debtor_service.vies import Vies
from debtor_service.workers import CustomerNumberer, Deriver, OwnFieldTeller, Stragglers

NAME = "debtor-service"
PACKAGE = "debtor_service"
UPLOADS = r"/v1/(debtors/[^/]+/attachments|company-attachments)"
"""Paths that take a whole file."""


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
    attaching = Attaching(
        triggers.changes, scanner_at(settings.clamd, settings.clamd_timeout_seconds), _limits(settings)
    )
    return build(
        Parts(
            name=NAME,
            package=PACKAGE,
            settings=settings,
            database=database,
            clock=time,
            routers=(
                files.router,
                duplicates.router,
                cards.router,
                contacts.router,
                attachments.router,
                customer_settings.router,
                choices.router,
                own_fields.router,
                merging.router,
                ranges.router,
                summary.router,
                vat_lookup.router,
            ),
            subscriptions=NumberConsumers(triggers).subscriptions,
            workers=(
                Stragglers(database, triggers),
                OwnFieldTeller(database, triggers.changes),
                CustomerNumberer(database, triggers.changes),
                Deriver(database),
            ),
            state={"triggers": triggers, "settings": settings, "vies": vies, "attaching": attaching},
            larger_bodies={UPLOADS: max(MOST_BYTES, settings.attachment_most_bytes)},
            close=(http.aclose,),
            verifier=verifier,
        )
    )


def _limits(settings: DebtorSettings) -> Limits:
    return Limits(
        settings.attachment_most_bytes, settings.attachment_most_files, settings.attachment_quota_bytes
    )
