"""``invoice.dispatch.changed``: what became of the dispatch of one invoice."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from klokwerk_contracts.outcomes import DeliveryState
from klokwerk_contracts.types import Event, Identifier, Instant, LongText, Text


class DispatchPurpose(StrEnum):
    """What is delivered beside or instead of the invoice itself (D-12)."""

    INVOICE = "invoice"
    PRENOTIFICATION = "prenotification"
    FACTORING_NOTICE = "factoring_notice"


class DispatchIntent(StrEnum):
    """Who wanted it: the night's run, a person, or a person who asks for the same again."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    RESEND = "resend"


class DispatchChannel(StrEnum):
    """The channels, in the order of the cascade (NV-26)."""

    EINVOICE = "einvoice"
    EMAIL = "email"
    PRINT = "print"
    NONE = "none"


class InvoiceDispatchChanged(Event):
    """State of one dispatch after each change; keep it only if `revision` is higher than what you hold.

    Attributes:
        dispatch_id: id of the dispatch; one invoice may have several (automatic, then by hand).
        revision: rises with every change of this invoice's dispatches.
        channel: the channel it went or would have gone by.
        message: explanation in words, as shown when hovering over the status (NV-56, NV-57).
        link: path of the invoice in the dispatch service's API.
    """

    TOPIC: ClassVar[str] = "invoice.dispatch.changed"

    dispatch_id: Identifier
    invoice_id: Identifier
    debtor_id: Identifier
    invoice_number: Text = ""
    revision: Annotated[int, Field(ge=1)]
    purpose: DispatchPurpose = DispatchPurpose.INVOICE
    intent: DispatchIntent = DispatchIntent.AUTOMATIC
    state: DeliveryState
    channel: DispatchChannel = DispatchChannel.NONE
    recipient: LongText = ""
    message: LongText = ""
    link: Text = ""
    changed_at: Instant

    @property
    def key(self) -> str:
        """Order is kept for each debtor."""
        return self.debtor_id
