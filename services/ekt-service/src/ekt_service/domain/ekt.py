"""An EKT as this service keeps it: why it was made, what it holds, what became of it."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from klokwerk_contracts import EktDeliveryChanged
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.outcomes import DeliveryState

KIND = "ekt"
"""Kind of the deliveries of this service."""


@dataclass(frozen=True, slots=True)
class EktFile:
    """One file of an EKT, kept for good.

    Args:
        reference: interchange reference (UNB and UNZ).
        lines: order lines in it.
    """

    name: str
    content: bytes
    reference: str
    lines: int

    @property
    def sha256(self) -> str:
        """Fingerprint of the bytes, 64 hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class SaleKey:
    """The sale an EKT is made of, under the debtor id of the event."""

    administration: str
    debtor_id: str
    order_day: date

    @property
    def waited_for(self) -> str:
        """Name under which things wait for this sale."""
        return f"sale/{self.administration}/{self.debtor_id}/{self.order_day.isoformat()}"


def debtor_waited_for(administration: str, debtor_id: str) -> str:
    """Name under which things wait for a debtor's card."""
    return f"debtor/{administration}/{debtor_id}"


def natural_key(sale: SaleKey, request_id: str | None) -> str:
    """What makes it the same EKT: the first of a day, or one resend request. A replay finds it again."""
    trigger = f"resend/{request_id}" if request_id else "first"
    return f"ekt/{sale.administration}/{sale.debtor_id}/{sale.order_day.isoformat()}/{trigger}"


@dataclass(frozen=True, slots=True)
class Ekt:
    """One EKT; the log of a debtor and day is the list of these.

    Args:
        debtor_id: who has it now (the target after a merge).
        sale: the sale it is made of.
        needs_revision: lowest revision it may be built from (D-22).
        sale_revision: the one it was built from; none before that.
        message: the outcome in words, with the other side's own answer.
        bounced_at: when it came back although it had been taken.
        other_recipients: addresses that were given for this one sending (EF-56).
    """

    id: UUID
    sale: SaleKey
    debtor_id: str
    trigger: EktTrigger
    request_id: str | None
    needs_revision: int
    revision: int
    state: DeliveryState
    sale_revision: int | None
    method: str
    recipient: str
    file_name: str
    sha256: str
    lines: int
    message: str
    reason: ResendReason
    note: str
    requested_by: str
    requested_at: datetime
    made_at: datetime
    changed_at: datetime
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
    confirm_note: str = ""
    bounced_at: datetime | None = None
    other_recipients: tuple[str, ...] = ()

    @property
    def link(self) -> str:
        """Path in this service's API."""
        return f"/v1/ekts/{self.id}"

    def event(self) -> EktDeliveryChanged:
        """What is told to whoever shows it."""
        return EktDeliveryChanged(
            administration=self.sale.administration,
            ekt_id=str(self.id),
            debtor_id=self.debtor_id,
            order_day=self.sale.order_day,
            revision=self.revision,
            trigger=self.trigger,
            state=self.state,
            sale_revision=self.sale_revision,
            request_id=self.request_id,
            method=self.method,
            recipient=self.recipient[:4000],
            file_name=self.file_name[:200],
            sha256=self.sha256,
            message=self.message[:4000],
            link=self.link,
            bounced_at=self.bounced_at,
            confirmed_at=self.confirmed_at,
            confirmed_by=self.confirmed_by[:200],
            changed_at=self.changed_at,
        )
