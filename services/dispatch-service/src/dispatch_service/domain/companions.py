"""What goes along with an invoice as a delivery of its own (D-12, NV-43..NV-46)."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch_service.domain.cascade import Capabilities, Channel, Verdict

NEEDED = (Channel.E_INVOICE, Channel.PRINT)
"""Channels that must both be selected for a prenotification; e-mail plays no part (NV-46)."""


@dataclass(frozen=True, slots=True)
class CompanionDecision:
    """Whether a companion is sent, by which channel, and why not."""

    verdict: Verdict
    channel: Channel | None
    explanation: str


def decide_prenotification(selected: frozenset[Channel], customer: Capabilities) -> CompanionDecision:
    """The advance notice of a direct payment: a letter, if e-invoice and print are both selected (NV-44, NV-45)."""
    missing = [channel for channel in NEEDED if channel not in selected]
    if missing:
        names = " and ".join(
            "e-invoice" if channel is Channel.E_INVOICE else "print service" for channel in missing
        )
        return CompanionDecision(
            Verdict.IGNORED,
            missing[0],
            f"The advance notice of a direct payment needs both e-invoice and print service; {names} "
            "is not selected in the settings for automatic dispatch.",
        )
    obstacle = customer.obstacle(Channel.PRINT)
    if obstacle is not None:
        return CompanionDecision(
            Verdict.IMPOSSIBLE,
            Channel.PRINT,
            f"The advance notice goes by letter, and that is not possible: {obstacle}.",
        )
    return CompanionDecision(
        Verdict.SEND, Channel.PRINT, "The advance notice of the direct payment goes by letter."
    )


def decide_factoring_notice(address: str) -> CompanionDecision:
    """The notice to the factoring company: an e-mail to the address in the settings (NV-43)."""
    if not address:
        return CompanionDecision(
            Verdict.IMPOSSIBLE,
            Channel.EMAIL,
            "The factoring notice has nowhere to go: fill in the factoring company's e-mail address in the "
            "settings for automatic dispatch.",
        )
    return CompanionDecision(Verdict.SEND, Channel.EMAIL, "The factoring notice goes by e-mail.")
