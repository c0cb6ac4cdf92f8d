"""The settings of automatic dispatch as a value, with what is wrong or worth a warning (NV-01..NV-07)."""

from __future__ import annotations

from dataclasses import dataclass, field

from klokwerk_contracts.invoice_created import InvoiceSource

from dispatch_service.domain.cascade import Channel, effects_of_selection


@dataclass(frozen=True, slots=True)
class Choices:
    """What a billing administrator chose.

    Attributes:
        sources: whose invoices are sent (NV-08..NV-12).
        channels: which channels take part (NV-03).
        by_invoice_date: wait for the invoice date (NV-33).
        notice_email: where the notice of a run goes (NV-04); empty for none.
        notice_phone: the same for a text message, E.164; empty for none.
        report_ignored: ignored invoices are part of the notice (D-11).
        consumer_einvoicing: the agreement for consumer e-invoices is on (NV-17).
        belgian_rule: Belgian business customers of a Belgian seller get a structured invoice or nothing.
        factoring_email: where notices to the factoring company go (NV-43); empty when there is none.
    """

    sources: frozenset[InvoiceSource] = frozenset()
    channels: frozenset[Channel] = field(default_factory=lambda: frozenset(Channel))
    by_invoice_date: bool = False
    notice_email: str = ""
    notice_phone: str = ""
    report_ignored: bool = True
    consumer_einvoicing: bool = False
    belgian_rule: bool = True
    factoring_email: str = ""


def warnings_for(choices: Choices) -> list[str]:
    """What the settings page says beside the Activate button; none of it forbids activating (NV-07)."""
    found = []
    if not choices.sources:
        found.append("No source is selected: no invoice will be taken. Select at least one source.")
    found += effects_of_selection(choices.channels)
    if not choices.notice_email and not choices.notice_phone:
        found.append(
            "Neither an e-mail address nor a phone number is given: nobody is told when an invoice fails. "
            "Fill in at least one."
        )
    return found
