"""What runs beside the API: the sending of planned EKTs, and the reading of what came back."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from klokwerk import deliveries
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries import Channel, Delivery, DeliveryWorker
from klokwerk.sealing import Sealer, WrongSecretKey
from klokwerk.smtp import Mailer

from ekt_service.channels.email import EmailChannel
from ekt_service.channels.errand import Errand
from ekt_service.channels.folder import FolderChannel
from ekt_service.channels.ftps import FtpsDoor
from ekt_service.channels.http import HttpChannel, HttpDoor
from ekt_service.channels.probes import Prober
from ekt_service.channels.sftp import SftpDoor
from ekt_service.channels.targets import Targets
from ekt_service.channels.transfer import TransferChannel
from ekt_service.domain.debtor import Way
from ekt_service.domain.ekt import EktFile
from ekt_service.domain.server_address import FtpsAddress, SftpAddress
from ekt_service.return_worker import MailboxWorker
from ekt_service.returning import Returning
from ekt_service.sending import Sending
from ekt_service.settings import EktSettings
from ekt_service.store import connections, ekts
from ekt_service.store.handovers import StoredHandovers


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways to customers' own servers, shared by sendings and connection tests."""

    sftp: SftpDoor
    ftps: FtpsDoor
    http: HttpDoor

    @classmethod
    def of(cls, settings: EktSettings) -> "Doors":
        """As the settings allow."""
        targets, timeout = Targets(settings.ekt_internal_targets), settings.ekt_transfer_timeout_seconds
        return cls(SftpDoor(targets, timeout), FtpsDoor(targets, timeout), HttpDoor(targets, timeout))

    @property
    def prober(self) -> Prober:
        """What tests connections."""
        return Prober(self.sftp, self.ftps, self.http)


@dataclass(frozen=True, slots=True)
class Errands:
    """Looks up what a channel needs for one delivery, as it stands when it is sent."""

    database: Database
    box: Sealer

    async def files_of(self, ekt_id: UUID) -> list[EktFile]:
        """The files of an EKT."""
        async with self.database.connect() as connection:
            return await ekts.files(connection, ekt_id)

    async def of(self, delivery: Delivery) -> Errand:
        """Files, and the connection of whoever the EKT belongs to now."""
        async with self.database.connect() as connection:
            ekt = await ekts.get(connection, UUID(delivery.subject))
            if ekt is None:
                return Errand((), None)
            files = await ekts.files(connection, ekt.id)
            kept = await connections.get(connection, (ekt.sale.administration, ekt.debtor_id))
            tried = await deliveries.attempts(connection, delivery.id)
        began_at = next((each.began_at for each in reversed(tried) if each.purpose == "send"), None)
        try:
            return Errand(files, kept.opened(self.box) if kept else None, began_at=began_at)
        except WrongSecretKey as problem:
            return Errand(files, None, f"The secrets of the connection can't be used: {problem}.", began_at)


def channels_of(
    settings: EktSettings, database: Database, clock: Clock, mailer: Mailer | None, doors: Doors, box: Sealer
) -> dict[str, Channel]:
    """The sending methods that this installation has, by the name that deliveries carry."""
    errands, handovers = Errands(database, box), StoredHandovers(database, clock)
    found: dict[str, Channel] = {
        Way.SFTP: TransferChannel(
            doors.sftp, SftpAddress, "the folder on the customer's SFTP server", errands.of, handovers
        ),
        Way.FTPS: TransferChannel(
            doors.ftps, FtpsAddress, "the folder on the customer's FTPS server", errands.of, handovers
        ),
        Way.HTTP: HttpChannel(doors.http, errands.of, handovers),
    }
    if mailer is not None:
        found[Way.EMAIL] = EmailChannel(mailer)
    if settings.ekt_folder is not None:
        settings.ekt_folder.mkdir(parents=True, exist_ok=True)
        found[Way.FOLDER] = FolderChannel(settings.ekt_folder, errands.files_of, handovers)
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


def mailbox_worker(settings: EktSettings, database: Database, sending: Sending) -> MailboxWorker | None:
    """The worker that reads the return mailbox; none where there is none."""
    mailbox, returns = settings.mailbox(), settings.returns
    if mailbox is None or returns is None:
        return None
    return MailboxWorker(mailbox, Returning(database, sending, returns), settings.pop3_poll_seconds)
