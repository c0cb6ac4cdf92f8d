"""Builds the debtor service: settings, database, API, consumers, workers."""

from __future__ import annotations

from datetime import timedelta

import httpx
from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.http.limits import MOST_BYTES
from klokwerk.jobs import JobWorker, Runner, job_routes
from klokwerk.outbox import Outbox
from klokwerk.sealing import Sealer

from debtor_service import exporting
from debtor_service.api import (
    attachments,
    cards,
    choices,
    contacts,
    customer_settings,
    duplicates,
    exports,
    files,
    imports,
    merging,
    newsletter,
    own_fields,
    privacy,
    ranges,
    summary,
    vat_lookup,
)
from debtor_service.api.cards import EDITORS
from debtor_service.attaching import Attaching, Limits
from debtor_service.changes import Changes
from debtor_service.consumers import NumberConsumers
from debtor_service.importing import checking, running, taking_back
from debtor_service.newsletter import syncing
from debtor_service.newsletter.account import Accounts
from debtor_service.newsletter.starting import Nightly
from debtor_service.scanning import scanner_at
from debtor_service.settings import DebtorSettings
from debtor_service.tidying import Tidier
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
    mailchimp = httpx.AsyncClient(timeout=settings.mailchimp_timeout_seconds, follow_redirects=False)
    secret = settings.secret_key.get_secret_value()
    accounts = Accounts(
        mailchimp,
        Sealer(secret, "debtor-service/newsletter") if secret else None,
        settings.mailchimp_url,
        settings.mailchimp_retry_seconds,
    )
    runners: dict[str, Runner] = {
        checking.KIND: checking.Checking(settings),
        running.KIND: running.Running(triggers, settings),
        taking_back.KIND: taking_back.TakingBack(triggers.changes),
        exporting.KIND: exporting.Exporting(database),
        syncing.KIND: syncing.Syncing(accounts, settings.mailchimp_poll_seconds),
    }
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
                exports.router,
                imports.router,
                newsletter.router,
                job_routes(tuple(runners), *EDITORS),
                cards.router,
                contacts.router,
                attachments.router,
                customer_settings.router,
                choices.router,
                own_fields.router,
                merging.router,
                privacy.router,
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
                Tidier(database, time),
                Nightly(database, time),
                JobWorker(database, time, runners, lease=timedelta(seconds=settings.delivery_lease_seconds)),
            ),
            state={
                "triggers": triggers,
                "settings": settings,
                "vies": vies,
                "attaching": attaching,
                "accounts": accounts,
            },
            larger_bodies={UPLOADS: max(MOST_BYTES, settings.attachment_most_bytes)},
            close=(http.aclose, mailchimp.aclose),
            verifier=verifier,
        )
    )


def _limits(settings: DebtorSettings) -> Limits:
    return Limits(
        settings.attachment_most_bytes, settings.attachment_most_files, settings.attachment_quota_bytes
    )
