"""Which channel an invoice leaves by: the whole decision in one pure function (D-08, NV-22..NV-32).

The chain is e-invoice, e-mail, print, in that order. It is walked strictly: the first channel that the
chain needs but the settings leave out ends it with "ignored"; a channel is passed over for one reason only,
that it is not possible for this customer. An unselected channel is never jumped over (NV-29).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """A way for an invoice to reach a customer."""

    E_INVOICE = "einvoice"
    EMAIL = "email"
    PRINT = "print"


CHAIN: tuple[Channel, ...] = (Channel.E_INVOICE, Channel.EMAIL, Channel.PRINT)
"""The order in which channels are considered (NV-26)."""

CHANNEL_NAMES: Mapping[Channel, str] = {
    Channel.E_INVOICE: "e-invoice",
    Channel.EMAIL: "e-mail",
    Channel.PRINT: "print service",
}


class Verdict(StrEnum):
    """What the chain came to."""

    SEND = "send"
    IGNORED = "ignored"
    IMPOSSIBLE = "impossible"


class Reason(StrEnum):
    """Machine-readable cause, so that a page can show it in the reader's language."""

    CHOSEN = "chosen"
    CHANNEL_NOT_SELECTED = "channel-not-selected"
    NO_CHANNEL_POSSIBLE = "no-channel-possible"
    STRUCTURED_INVOICE_REQUIRED = "structured-invoice-required"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What is possible for one customer: per channel None, or the sentence that says why it is not."""

    obstacles: Mapping[Channel, str | None]

    def obstacle(self, channel: Channel) -> str | None:
        """Why `channel` is not possible for this customer; None when it is possible."""
        return self.obstacles[channel]

    def possible(self, channel: Channel) -> bool:
        """Whether the customer can be reached by `channel`."""
        return self.obstacles[channel] is None


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of the chain, with an explanation for the person who reads it (NV-56, NV-57)."""

    verdict: Verdict
    channel: Channel | None
    reason: Reason
    explanation: str


def choose_channel(
    selected: frozenset[Channel], customer: Capabilities, *, structured_only: bool = False
) -> Decision:
    """Walk the chain for one invoice.

    Args:
        selected: channels ticked in the active settings.
        customer: what is possible for the customer as the card stands now (D-23).
        structured_only: the law asks for a structured invoice (Belgian B2B), so that e-mail and print
            would not discharge the duty: the chain ends at e-invoice.

    Returns:
        SEND with the first possible channel (NV-27); IGNORED with the channel that was needed but is not
        selected (NV-22, NV-28, NV-29); IMPOSSIBLE when every channel was passed over.
    """
    passed: list[str] = []
    for channel in CHAIN:
        if channel not in selected:
            return _ignored(channel, selected, passed)
        obstacle = customer.obstacle(channel)
        if obstacle is None:
            return Decision(Verdict.SEND, channel, Reason.CHOSEN, _chosen_text(channel, passed))
        passed.append(f"{CHANNEL_NAMES[channel]}: {obstacle}")
        if structured_only and channel is Channel.E_INVOICE:
            return Decision(
                Verdict.IMPOSSIBLE,
                None,
                Reason.STRUCTURED_INVOICE_REQUIRED,
                "This Belgian business customer must get a structured e-invoice, and that is not possible "
                f"({obstacle}). E-mail or paper would not meet the duty, so nothing was sent. Complete the "
                "customer's card and send the invoice by hand.",
            )
    return Decision(
        Verdict.IMPOSSIBLE,
        None,
        Reason.NO_CHANNEL_POSSIBLE,
        f"No channel can reach this customer ({'; '.join(passed)}). Complete the customer's card and send "
        "the invoice by hand.",
    )


def _ignored(channel: Channel, selected: frozenset[Channel], passed: list[str]) -> Decision:
    name = CHANNEL_NAMES[channel]
    after = f" {'; '.join(passed).capitalize()}." if passed else ""
    later = [CHANNEL_NAMES[c] for c in CHAIN[CHAIN.index(channel) + 1 :] if c in selected]
    unjumped = f" Later channels ({', '.join(later)}) are not tried past it." if later else ""
    return Decision(
        Verdict.IGNORED,
        channel,
        Reason.CHANNEL_NOT_SELECTED,
        f"The next channel in line, {name}, is not selected in the settings for automatic dispatch."
        f"{after}{unjumped} Send the invoice by hand.",
    )


def _chosen_text(channel: Channel, passed: list[str]) -> str:
    if not passed:
        return f"Sent by {CHANNEL_NAMES[channel]}, the first channel in line."
    return f"Sent by {CHANNEL_NAMES[channel]}; passed over: {'; '.join(passed)}."


def effects_of_selection(selected: frozenset[Channel]) -> list[str]:
    """Plain sentences on what the selection does, for the settings page (D-08)."""
    if not selected:
        return ["No channel is selected: every invoice will be ignored."]
    if Channel.E_INVOICE not in selected:
        return [
            "E-invoice is left out. It is the first channel in line and an unselected channel is never "
            "jumped over, so every invoice will be ignored, also for customers that could get e-mail or "
            "paper. Select e-invoice to let the chain run."
        ]
    if Channel.EMAIL not in selected:
        text = "E-mail is left out: customers that can't get an e-invoice will be ignored"
        return [text + (", although print is selected." if Channel.PRINT in selected else ".")]
    if Channel.PRINT not in selected:
        return ["Print is left out: customers that can get neither e-invoice nor e-mail will be ignored."]
    return []
