"""The events of Klokwerk. Models are the source; the frozen JSON Schemas beside them are generated.

A stranger needs three things from here: a model (`SaleCompleted`), `record_of` to make the Kafka record of
it, and `from_headers` to understand the record of somebody else.
"""

from __future__ import annotations

from klokwerk_contracts.debtor_changed import DebtorChanged
from klokwerk_contracts.ekt_delivery_changed import EktDeliveryChanged
from klokwerk_contracts.ekt_resend_requested import EktResendRequested
from klokwerk_contracts.envelope import BadEnvelope, Envelope, from_headers, new_event_id, to_headers
from klokwerk_contracts.invoice_created import InvoiceCreated
from klokwerk_contracts.invoice_dispatch_changed import InvoiceDispatchChanged
from klokwerk_contracts.narrow import narrowed
from klokwerk_contracts.record import Record, record_of, schema_of
from klokwerk_contracts.sale_completed import SaleCompleted
from klokwerk_contracts.types import Event

EVENTS: dict[str, type[Event]] = {
    model.TOPIC: model
    for model in (
        DebtorChanged,
        SaleCompleted,
        EktResendRequested,
        InvoiceCreated,
        EktDeliveryChanged,
        InvoiceDispatchChanged,
    )
}
"""Today's model of each topic."""

__all__ = [
    "EVENTS",
    "BadEnvelope",
    "DebtorChanged",
    "EktDeliveryChanged",
    "EktResendRequested",
    "Envelope",
    "Event",
    "InvoiceCreated",
    "InvoiceDispatchChanged",
    "Record",
    "SaleCompleted",
    "from_headers",
    "narrowed",
    "new_event_id",
    "record_of",
    "schema_of",
    "to_headers",
]
