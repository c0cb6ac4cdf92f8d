"""``ekt.resend.requested``: somebody asks for a new EKT of one debtor and order day."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from klokwerk_contracts.types import Email, Event, Identifier, Instant, LongText, Text


class ResendReason(StrEnum):
    """Why it is sent again (EF-03)."""

    NOT_RECEIVED = "not_received"
    CORRECTED = "corrected"
    DELETED = "deleted"
    LOST = "lost"
    EXTRA_COPY = "extra_copy"
    TECHNICAL = "technical"
    UNSAID = "unsaid"


class EktResendRequested(Event):
    """One request; the EKT service holds it until it has `sale_revision`, then builds anew (D-22).

    Attributes:
        request_id: id of this request; asking twice with one id sends once.
        sale_revision: the revision the user saw when asking.
        recipients: e-mail addresses for this one sending instead of the customer's own; taken only where the EKT
            service's settings allow it (EF-56).
        batch_id: the same for requests that were made by one click on many debtors; empty for a single one.
    """

    TOPIC: ClassVar[str] = "ekt.resend.requested"

    request_id: Identifier
    debtor_id: Identifier
    order_day: date
    sale_revision: Annotated[int, Field(ge=1)]
    requested_by: Text
    requested_at: Instant
    reason: ResendReason = ResendReason.UNSAID
    note: LongText = ""
    recipients: Annotated[tuple[Email, ...], Field(max_length=10)] = ()
    batch_id: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._:-]{0,63})?$")] = ""

    @property
    def key(self) -> str:
        """Order is kept for each debtor."""
        return self.debtor_id
