"""Whether automatic dispatch covers an invoice, fixed at its creation (D-09, NV-08..NV-12, NV-47..NV-50)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceSource, InvoiceStatus

SOURCE_NAMES: dict[InvoiceSource, str] = {
    InvoiceSource.CONTRACT: "contract billing",
    InvoiceSource.MANUAL: "made by a user",
    InvoiceSource.REBILLED: "re-billed from a purchase invoice",
    InvoiceSource.INTERFACE: "from another program",
}


class Uncovered(StrEnum):
    """Why an invoice is not taken by the night's runs."""

    SERVICE_OFF = "service-off"
    SOURCE_OFF = "source-off"
    NOT_UNSENT = "not-unsent"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The fixed answer, with the sentence that is shown on the invoice."""

    covered: bool
    reason: Uncovered | None
    explanation: str


def judge_coverage(
    *, source: InvoiceSource, unsent: bool, active_sources: frozenset[InvoiceSource] | None
) -> Coverage:
    """Decide whether an invoice is covered.

    Args:
        source: how the invoice was made.
        unsent: False when it was imported as open, paid or otherwise dealt with (NV-48, NV-49).
        active_sources: the sources of the settings in force when it was created; None when the service
            was off then (NV-06).
    """
    if not unsent:
        return Coverage(
            False,
            Uncovered.NOT_UNSENT,
            "The invoice came in with a status other than unsent; automatic dispatch takes unsent invoices only.",
        )
    if active_sources is None:
        return Coverage(
            False,
            Uncovered.SERVICE_OFF,
            "Automatic dispatch was off when the invoice was created. Send it by hand, or add it to "
            "automatic dispatch on the invoice itself.",
        )
    if source not in active_sources:
        return Coverage(
            False,
            Uncovered.SOURCE_OFF,
            f"Invoices of this source ({SOURCE_NAMES[source]}) were not selected for automatic dispatch "
            "when it was created. Send it by hand, or add it to automatic dispatch on the invoice itself.",
        )
    return Coverage(True, None, "Covered by automatic dispatch.")


def moment_of_creation(invoice: InvoiceCreated, handed_over_at: datetime, now: datetime) -> datetime:
    """The instant at which an invoice counts as created here.

    Its own `created_at`; for one from another program the moment it was handed over (NV-50: imported on
    6.2. with an older date). A clock that runs ahead elsewhere never puts it in the future.
    """
    stated = handed_over_at if invoice.source is InvoiceSource.INTERFACE else invoice.created_at
    return min(stated, now)


def is_unsent(invoice: InvoiceCreated) -> bool:
    """Whether the invoice came in as unsent (NV-47, NV-48)."""
    return invoice.status is InvoiceStatus.UNSENT
