"""Settings of the sales service, beside those that every service has."""

from __future__ import annotations

from typing import Annotated

from klokwerk.settings import ServiceSettings
from pydantic import Field


class SalesSettings(ServiceSettings):
    """``KLOKWERK_...`` variables of this service.

    Attributes:
        administration: legal entity that sells and invoices here, named in every event.
    """

    administration: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")] = "main"
