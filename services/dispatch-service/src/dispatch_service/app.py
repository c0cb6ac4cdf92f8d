"""Builds the dispatch service from its parts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import httpx
from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries import Channel as DeliveryChannel
from klokwerk.deliveries import DeliveryWorker
from klokwerk.jobs import JobWorker
from klokwerk.outbox import Outbox
from klokwerk.smtp import Mailer

from dispatch_service import by_hand
from dispatch_service.api import routers
from dispatch_service.by_hand import ByHand
from dispatch_service.channels.access_point import AccessPointChannel
from dispatch_service.channels.bounded import Bounded
from dispatch_service.channels.mail import MailChannel
from dispatch_service.channels.print_service import PrintChannel
from dispatch_service.channels.provider import Provider
from dispatch_service.consumers import Consumers
from dispatch_service.dispatcher import Dispatcher
from dispatch_service.domain.cascade import Channel
from dispatch_service.outcomes import Outcomes
from dispatch_service.settings import DispatchSettings
from dispatch_service.ubl.validation import UblValidator, validator_installed
from dispatch_service.workers import NOTICE_EMAIL, NightRun

NAME = "dispatch-service"
PACKAGE = "dispatch_service"


@dataclass(slots=True)
class _Resources:
    """What has to be closed when the service stops."""

    client: httpx.AsyncClient
    validator: UblValidator | None

    async def close(self) -> None:
        await self.client.aclose()
        if self.validator is not None:
            self.validator.close()


def create_app(
    settings: DispatchSettings, *, clock: Clock | None = None, verifier: Verifier | None = None
) -> FastAPI:
    """The service as an ASGI app.

    Args:
        clock: the one that knows the time; that of the settings unless given.
        verifier: who accepts tokens; the issuer of the settings unless given.
    """
    clock = clock or clock_of(settings)
    database = Database(str(settings.database_url), pool=settings.database_pool)
    resources = _Resources(
        httpx.AsyncClient(timeout=settings.provider_timeout_seconds, follow_redirects=False),
        UblValidator() if settings.validate_ubl and validator_installed() else None,
    )
    mailer = settings.mailer()
    outcomes = Outcomes(Outbox(f"/{NAME}"), clock)
    dispatcher = Dispatcher(clock, outcomes, resources.validator)
    night_run = NightRun(database, clock, dispatcher)
    deliveries = DeliveryWorker(
        database,
        clock,
        channels_of(settings, resources.client, mailer),
        outcomes.on_change,
        retries=settings.retries,
        questions=settings.questions,
        lease=timedelta(seconds=settings.delivery_lease_seconds),
    )
    return build(
        Parts(
            name=NAME,
            package=PACKAGE,
            settings=settings,
            database=database,
            clock=clock,
            routers=routers(),
            subscriptions=Consumers(clock, outcomes).subscriptions(),
            workers=[
                night_run,
                deliveries,
                JobWorker(database, clock, {by_hand.KIND: ByHand(clock, dispatcher)}),
            ],
            close=[resources.close, *([mailer.close] if mailer else [])],
            state={"dispatcher": dispatcher, "outcomes": outcomes, "night_run": night_run},
            verifier=verifier,
        )
    )


def channels_of(
    settings: DispatchSettings, client: httpx.AsyncClient, mailer: Mailer | None
) -> dict[str, DeliveryChannel]:
    """The channels by the names that deliveries carry."""
    access_point = Provider(
        "access point",
        settings.access_point_url,
        "KLOKWERK_ACCESS_POINT_URL",
        settings.access_point_token.get_secret_value(),
        client,
    )
    print_service = Provider(
        "print service",
        settings.print_service_url,
        "KLOKWERK_PRINT_SERVICE_URL",
        settings.print_service_token.get_secret_value(),
        client,
    )
    mail = MailChannel(mailer, settings.mail_from)
    made: dict[str, DeliveryChannel] = {
        Channel.E_INVOICE.value: AccessPointChannel(access_point),
        Channel.EMAIL.value: mail,
        Channel.PRINT.value: PrintChannel(print_service),
        NOTICE_EMAIL: mail,
    }
    most = len(settings.questions)
    return {name: Bounded(channel, most) for name, channel in made.items()}
