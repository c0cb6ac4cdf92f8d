"""Builds the EKT service from its parts."""

from fastapi import FastAPI
from klokwerk.access import Verifier
from klokwerk.application import Parts, Worker, build, clock_of
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.outbox import Outbox
from klokwerk.sealing import Sealer

from ekt_service.api import OPEN_ROUTERS, ROUTERS
from ekt_service.building import Building
from ekt_service.consumers import Consumers
from ekt_service.sending import Sending
from ekt_service.settings import EktSettings
from ekt_service.store.connections import SEALED
from ekt_service.workers import Doors, channels_of, delivery_worker, mailbox_worker

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
    building = Building(clock, settings.mail_domain, settings.returns, settings.links)
    sending = Sending(clock, Outbox(f"/{NAME}"), settings.abilities, building)
    mailer = settings.mailer()
    box, doors = Sealer(settings.secret_key.get_secret_value(), SEALED), Doors.of(settings)
    channels = channels_of(settings, database, clock, mailer, doors, box)
    workers: list[Worker] = [delivery_worker(settings, database, clock, channels, sending)]
    if (reader := mailbox_worker(settings, database, sending)) is not None:
        workers.append(reader)
    return build(
        Parts(
            name=NAME,
            package=PACKAGE,
            settings=settings,
            database=database,
            clock=clock,
            routers=ROUTERS,
            subscriptions=Consumers(sending, clock).subscriptions(),
            workers=workers,
            open_routers=OPEN_ROUTERS,
            close=(mailer.close,) if mailer else (),
            state={
                "sending": sending,
                "box": box,
                "prober": doors.prober,
                "links": settings.links,
                "ekt_settings": settings,
            },
            verifier=verifier,
        )
    )
