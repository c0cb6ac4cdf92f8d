"""Builds the EKT service from its parts."""

from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.outbox import Outbox

from ekt_service.api import ROUTERS
from ekt_service.building import Building
from ekt_service.consumers import Consumers
from ekt_service.sending import Sending
from ekt_service.settings import EktSettings
from ekt_service.workers import channels_of, delivery_worker

NAME = "ekt-service"
PACKAGE = "ekt_service"


def create_app(
    settings: EktSettings, *, clock: Clock | None = None, verifier: Verifier | None = None
) -> FastAPI:
    """The ASGI app with everything that runs beside it.

    Args:
        clock: another clock than the one of the settings, for tests.
        verifier: another check of tokens than the one of the settings, for tests.
    """
    clock = clock or clock_of(settings)
    database = Database(str(settings.database_url), pool=settings.database_pool)
    building = Building(clock, settings.mail_domain)
    sending = Sending(clock, Outbox(f"/{NAME}"), settings.abilities, building)
    mailer = settings.mailer()
    channels = channels_of(settings, database, mailer)
    return build(
        Parts(
            name=NAME,
            package=PACKAGE,
            settings=settings,
            database=database,
            clock=clock,
            routers=ROUTERS,
            subscriptions=Consumers(sending, clock).subscriptions(),
            workers=(delivery_worker(settings, database, clock, channels, sending),),
            close=(mailer.close,) if mailer else (),
            state={"sending": sending},
            verifier=verifier,
        )
    )
