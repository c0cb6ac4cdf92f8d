"""Settings of the EKT service, from ``KLOKWERK_...`` variables."""

from pathlib import Path
from typing import Annotated

from klokwerk.smtp import Encryption, MailSettings
from pydantic import Field, SecretStr, field_validator

from ekt_service.domain.confirmation import ConfirmationLinks
from ekt_service.domain.mail import address_problem
from ekt_service.domain.requirements import Abilities
from ekt_service.domain.returns import LONGEST_LOCAL_PART, ReturnAddress
from ekt_service.mailbox import Mailbox


class EktSettings(MailSettings):
    """What the EKT service needs beside the settings of every service and the mail server.

    Attributes:
        secret_key: at least 16 characters; seals the secrets of connections, signs return addresses and
            confirmation links.
        mail_domain: right side of Message-IDs.
        ekt_folder: where EKTs for debtors with method "folder" are written; unset: not possible.
        ekt_concurrency: sendings at the same time.
        ekt_transfer_timeout_seconds: for connecting to a customer's own server and for each of its answers.
        ekt_internal_targets: customers' servers may be on this machine or in private networks.
        public_url: address of the back office as customers reach it; empty: no confirmation links.
        bounce_address: mailbox that bounces go to, such as ``bounce@returns.example``; its server must deliver
            ``bounce+anything@...`` there too. Empty: they go to the address that mails come from.
        pop3: ``host:port`` of the server of that mailbox; empty: nobody reads it.
    """

    secret_key: Annotated[SecretStr, Field(min_length=16)]
    mail_domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,200}$")] = "ekt.klokwerk.example"
    ekt_folder: Path | None = None
    ekt_concurrency: Annotated[int, Field(ge=1, le=100)] = 8
    ekt_transfer_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 15.0
    ekt_internal_targets: bool = False
    public_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""
    bounce_address: str = ""
    pop3: Annotated[str, Field(pattern=r"^([^\s:]+:[0-9]{1,5})?$")] = ""
    pop3_user: str = ""
    pop3_password: SecretStr = SecretStr("")
    pop3_encryption: Encryption = Encryption.NONE
    pop3_poll_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0

    @field_validator("bounce_address")
    @classmethod
    def _has_room(cls, value: str) -> str:
        if value and (problem := address_problem(value)):
            raise ValueError(problem)
        if len(value.rpartition("@")[0]) > LONGEST_LOCAL_PART or "+" in value:
            raise ValueError(
                f"write at most {LONGEST_LOCAL_PART} characters and no + before the @: the name of a delivery is "
                "put in there"
            )
        return value

    @property
    def abilities(self) -> Abilities:
        """Which sending methods are configured (EF-67)."""
        return Abilities(email=bool(self.smtp), folder=self.ekt_folder is not None)

    @property
    def returns(self) -> ReturnAddress | None:
        """What makes and reads return addresses; none where mails have no return address of their own."""
        secret = self.secret_key.get_secret_value()
        return ReturnAddress(self.bounce_address, secret) if self.bounce_address else None

    @property
    def links(self) -> ConfirmationLinks | None:
        """What makes and reads confirmation links; none where they are not possible."""
        secret = self.secret_key.get_secret_value()
        return ConfirmationLinks(self.public_url, secret) if self.public_url else None

    def mailbox(self) -> Mailbox | None:
        """The return mailbox; none where none is read."""
        if not (self.pop3 and self.bounce_address):
            return None
        host, _, port = self.pop3.rpartition(":")
        return Mailbox(
            host,
            int(port),
            self.pop3_user or self.bounce_address,
            self.pop3_password.get_secret_value(),
            self.pop3_encryption,
        )
