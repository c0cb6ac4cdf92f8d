"""What runs beside the API: the sending of planned EKTs."""

from datetime import timedelta
from uuid import UUID

from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries import Channel, DeliveryWorker
from klokwerk.smtp import Mailer

from ekt_service.channels.email import EmailChannel
from ekt_service.channels.folder import FolderChannel
from ekt_service.domain.ekt import EktFile
from ekt_service.sending import Sending
from ekt_service.settings import EktSettings
from ekt_service.store import ekts


def channels_of(settings: EktSettings, database: Database, mailer: Mailer | None) -> dict[str, Channel]:
    """The sending methods that this installation has, by the name that deliveries carry."""
    found: dict[str, Channel] = {}
    if mailer is not None:
        found["email"] = EmailChannel(mailer)
    if settings.ekt_folder is not None:

        async def files_of(ekt_id: UUID) -> list[EktFile]:
            async with database.connect() as connection:
                return await ekts.files(connection, ekt_id)

        settings.ekt_folder.mkdir(parents=True, exist_ok=True)
        found["folder"] = FolderChannel(settings.ekt_folder, files_of)
    return found


def delivery_worker(
    settings: EktSettings, database: Database, clock: Clock, channels: dict[str, Channel], sending: Sending
) -> DeliveryWorker:
    """The worker that sends what is planned and asks about what is unknown."""
    return DeliveryWorker(
        database=database,
        clock=clock,
        channels=channels,
        on_change=sending.on_delivery,
        on_changes=sending.on_deliveries,
        lease=timedelta(seconds=settings.delivery_lease_seconds),
        concurrency=settings.ekt_concurrency,
    )
