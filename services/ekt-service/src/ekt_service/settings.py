"""Settings of the EKT service, from ``KLOKWERK_...`` variables."""

from pathlib import Path
from typing import Annotated

from klokwerk.smtp import MailSettings
from pydantic import Field

from ekt_service.domain.requirements import Abilities


class EktSettings(MailSettings):
    """What the EKT service needs beside the settings of every service and the mail server.

    Attributes:
        mail_domain: right side of Message-IDs.
        ekt_folder: where EKTs for debtors with method "folder" are written; unset: not possible.
        ekt_concurrency: sendings at the same time.
    """

    mail_domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,200}$")] = "ekt.klokwerk.example"
    ekt_folder: Path | None = None
    ekt_concurrency: Annotated[int, Field(ge=1, le=100)] = 8

    @property
    def abilities(self) -> Abilities:
        """Which sending methods are configured (EF-67)."""
        return Abilities(email=bool(self.smtp), folder=self.ekt_folder is not None)
