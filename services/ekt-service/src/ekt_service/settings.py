"""Settings of the EKT service, from ``KLOKWERK_...`` variables."""

from pathlib import Path
from typing import Annotated

from klokwerk.settings import ServiceSettings
from pydantic import Field, SecretStr

from ekt_service.channels.email import Encryption, MailServer, MailTrace
from ekt_service.domain.requirements import Abilities


class EktSettings(ServiceSettings):
    """What the EKT service needs beside the settings of every service.

    Attributes:
        smtp: ``host:port`` of the mail server; empty: no EKT goes by e-mail.
        smtp_user, smtp_password: for signing in there.
        smtp_encryption: none, starttls or tls.
        smtp_timeout_seconds: for connecting and for each answer.
        smtp_data_timeout_seconds: for the answer after the mail itself.
        mail_domain: right side of Message-IDs.
        mail_trace_url: a service that knows which mails were received, for outcomes that are unknown.
        ekt_folder: where EKTs for debtors with method "folder" are written; unset: not possible.
        ekt_concurrency: sendings at the same time.
    """

    smtp: Annotated[str, Field(pattern=r"^([^\s:/]+:\d+)?$")] = ""
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_encryption: Encryption = Encryption.NONE
    smtp_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 15.0
    smtp_data_timeout_seconds: Annotated[float, Field(gt=0, le=900)] = 60.0
    mail_domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,200}$")] = "ekt.klokwerk.example"
    mail_trace_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    ekt_folder: Path | None = None
    ekt_concurrency: Annotated[int, Field(ge=1, le=100)] = 8

    @property
    def mail_server(self) -> MailServer | None:
        """The mail server, where one is configured."""
        if not self.smtp:
            return None
        host, _, port = self.smtp.rpartition(":")
        return MailServer(
            host=host,
            port=int(port),
            user=self.smtp_user,
            password=self.smtp_password.get_secret_value(),
            encryption=self.smtp_encryption,
            timeout=self.smtp_timeout_seconds,
            data_timeout=self.smtp_data_timeout_seconds,
        )

    @property
    def trace(self) -> MailTrace | None:
        """The trace of received mails, where there is one."""
        return MailTrace(self.mail_trace_url) if self.mail_trace_url else None

    @property
    def abilities(self) -> Abilities:
        """Which sending methods are configured (EF-67)."""
        return Abilities(email=bool(self.smtp), folder=self.ekt_folder is not None)
