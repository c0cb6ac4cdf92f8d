"""Settings of the debtor service: the common ones and its own."""

from __future__ import annotations

from typing import Annotated

from klokwerk.settings import ServiceSettings
from pydantic import Field, field_validator
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
    """

    ekt_module: bool = True
    ekt_contact: str = "your administrator or Klokwerk support"
    vies_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    vies_retry_seconds: Annotated[tuple[float, ...], NoDecode] = (0.3, 1.0)
    vies_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 8.0

    @field_validator("vies_retry_seconds", mode="before")
    @classmethod
    def _split_seconds(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
