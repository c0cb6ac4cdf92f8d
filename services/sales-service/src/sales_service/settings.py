"""Settings of the sales service, beside those that every service has."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from klokwerk.settings import ServiceSettings
from pydantic import Field

from sales_service.domain.distribution import Window


class SalesSettings(ServiceSettings):
    """``KLOKWERK_...`` variables of this service.

    Attributes:
        administration: legal entity that sells and invoices here, named in every event.
        correction_seconds: how long corrections of a completed distribution are gathered after the last one,
            so that ten quick ones are told as one; 0 tells each at once. After five times as long they are
            told however quickly they follow one another.
    """

    administration: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")] = "main"
    correction_seconds: Annotated[float, Field(ge=0, le=60)] = 2.0

    @property
    def window(self) -> Window:
        """How corrections are gathered."""
        quiet = timedelta(seconds=self.correction_seconds)
        return Window(quiet, quiet * 5)
