"""``ekt.delivery.changed``: what became of one EKT."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from klokwerk_contracts.outcomes import DeliveryState
from klokwerk_contracts.types import Event, Identifier, Instant, LongText, Text


class EktTrigger(StrEnum):
    """Why the EKT was made."""

    FIRST = "first"
    RESEND = "resend"


class EktDeliveryChanged(Event):
    """State of one EKT after each change; keep it only if `revision` is higher than what you hold.

    Attributes:
        ekt_id: id of the EKT in the EKT service.
        revision: rises with every change of this EKT.
        sale_revision: revision of the sale the file was built from; none while it waits for it.
        request_id: the resend request that asked for it; none for the first one.
        recipient: address or folder it went to.
        message: the outcome in words, with the other side's own answer.
        link: path of the EKT in the EKT service's API.
        bounced_at: when it came back although it had been taken: `state` is then ``failed`` after it was ``sent``.
        confirmed_at: when the customer said that it arrived (EF-47); none before that.
        confirmed_by: who said so, or who wrote it down.
    """

    TOPIC: ClassVar[str] = "ekt.delivery.changed"

    ekt_id: Identifier
    debtor_id: Identifier
    order_day: date
    revision: Annotated[int, Field(ge=1)]
    trigger: EktTrigger
    state: DeliveryState
    sale_revision: Annotated[int, Field(ge=1)] | None = None
    request_id: Identifier | None = None
    method: Text = ""
    recipient: LongText = ""
    file_name: Text = ""
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    message: LongText = ""
    link: Text = ""
    bounced_at: Instant | None = None
    confirmed_at: Instant | None = None
    confirmed_by: Text = ""
    changed_at: Instant

    @property
    def key(self) -> str:
        """Order is kept for each debtor."""
        return self.debtor_id
