"""Settings of the debtor service: the common ones and its own."""

from __future__ import annotations

from typing import Annotated

from klokwerk.settings import ServiceSettings
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode


class DebtorSettings(ServiceSettings):
    """What can be set by ``KLOKWERK_...`` variables.

    Attributes:
        ekt_module: whether EKTs are set up for this installation; without it "Use EKTs" can't be ticked (EF-39).
        ekt_contact: whom people are sent to when it is not.
        vies_url: REST interface of VIES, ``https://ec.europa.eu/taxation_customs/vies/rest-api``; empty means
            that VAT numbers can't be looked up.
        vies_retry_seconds: pauses before asking a busy VIES again, separated by commas.
        vies_timeout_seconds: for one look-up with all its tries; then the number is "unknown".
        clamd: ``host:port`` of a ClamAV daemon that looks at attachments; empty: they are kept "not scanned".
        clamd_timeout_seconds: for one file with all its tries; then the upload is refused.
        attachment_most_bytes: of one file.
        attachment_most_files: to one card, and to the company.
        attachment_quota_bytes: of all files of one card, and of the company.
        secret_key: seals the API key of the newsletter; at least 16 characters. Without it there is no newsletter.
        mailchimp_url: address of Mailchimp's API; ``{dc}`` stands for the data centre of the account's key.
        mailchimp_timeout_seconds: for one request; Mailchimp itself gives up after 120.
        mailchimp_retry_seconds: pauses before asking a busy Mailchimp again, separated by commas.
        mailchimp_poll_seconds: first pause between two questions after a batch; it grows.
    """

    ekt_module: bool = True
    ekt_contact: str = "your administrator or Klokwerk support"
    vies_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    vies_retry_seconds: Annotated[tuple[float, ...], NoDecode] = (0.3, 1.0)
    vies_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 8.0
    clamd: Annotated[str, Field(pattern=r"^(\S+:\d{1,5})?$")] = ""
    clamd_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    attachment_most_bytes: Annotated[int, Field(ge=1000, le=100_000_000)] = 10_000_000
    attachment_most_files: Annotated[int, Field(ge=1, le=1000)] = 100
    attachment_quota_bytes: Annotated[int, Field(ge=1000)] = 200_000_000

    secret_key: SecretStr = SecretStr("")
    mailchimp_url: Annotated[str, Field(pattern=r"^https?://\S+$")] = "https://{dc}.api.mailchimp.com/3.0"
    mailchimp_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 60.0
    mailchimp_retry_seconds: Annotated[tuple[float, ...], NoDecode] = (0.5, 1.0, 2.0, 4.0)
    mailchimp_poll_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0

    @field_validator("vies_retry_seconds", "mailchimp_retry_seconds", mode="before")
    @classmethod
    def _split_seconds(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
