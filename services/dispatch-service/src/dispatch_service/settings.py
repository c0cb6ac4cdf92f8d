"""Settings of the dispatch service, on top of those of every service."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from klokwerk.smtp import MailSettings
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode


class DispatchSettings(MailSettings):
    """Where the channels lead and how patient the service is with them.

    Attributes:
        access_point_url: the access point for e-invoices; empty means e-invoices can't be sent.
        print_service_url: the print service for letters; empty means letters can't be sent.
        mail_from: sender of invoices and notices; replies go to the seller's own address.
        send_retry_seconds: pauses after a temporary refusal; after the last the dispatch has failed (D-20).
        ask_seconds: pauses between questions about an unknown outcome; after the last it has failed.
        validate_ubl: run the official rules on every e-invoice, where the validation extra is installed.
    """

    access_point_url: str = ""
    access_point_token: SecretStr = SecretStr("")
    print_service_url: str = ""
    print_service_token: SecretStr = SecretStr("")
    mail_from: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] = "invoices@klokwerk.example"
    provider_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    send_retry_seconds: Annotated[tuple[float, ...], NoDecode] = (2, 5, 15, 60, 180)
    ask_seconds: Annotated[tuple[float, ...], NoDecode] = (1, 3, 10, 30, 120)
    validate_ubl: bool = True

    @field_validator("send_retry_seconds", "ask_seconds", mode="before")
    @classmethod
    def _split_seconds(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def retries(self) -> tuple[timedelta, ...]:
        """Pauses after temporary refusals."""
        return tuple(timedelta(seconds=seconds) for seconds in self.send_retry_seconds)

    @property
    def questions(self) -> tuple[timedelta, ...]:
        """Pauses between questions."""
        return tuple(timedelta(seconds=seconds) for seconds in self.ask_seconds)
