"""States as badges: a tone for the colour and a key for the words, never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """Colours of a badge."""

    GOOD = "good"
    BUSY = "busy"
    WARN = "warn"
    BAD = "bad"
    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge shows.

    Attributes:
        tone: its colour.
        key: key of its words in the catalogue.
        explanation: shown on hover and focus; empty for none.
    """

    tone: Tone
    key: str
    explanation: str = ""


DELIVERY: dict[str, Tone] = {
    "waiting": Tone.CALM,
    "planned": Tone.BUSY,
    "sending": Tone.BUSY,
    "sent": Tone.GOOD,
    "failed": Tone.BAD,
    "bounced": Tone.BAD,
    "ignored": Tone.WARN,
    "unknown": Tone.WARN,
}


def delivery(state: str | None, explanation: str = "") -> Badge:
    """Badge of something that leaves the house."""
    if not state:
        return Badge(Tone.CALM, "delivery.none", explanation)
    tone = DELIVERY.get(state)
    return (
        Badge(tone, f"delivery.{state}", explanation) if tone else Badge(Tone.CALM, "delivery.other", state)
    )


DISPATCH: dict[str, Tone] = {
    "waiting": Tone.CALM,
    "by_hand": Tone.WARN,
    "queued": Tone.BUSY,
    "planned": Tone.BUSY,
    "sending": Tone.BUSY,
    "sent": Tone.GOOD,
    "unknown": Tone.WARN,
}
BY_HAND = frozenset({"manual", "resend"})


def dispatch(state: str | None, *, intent: str = "", explanation: str = "") -> Badge:
    """Badge of an invoice's dispatch; ignored and failed by the automation have words of their own.

    NV-56, NV-57: "Automatic dispatch ignored" and "Automatic dispatch failed", with the reason behind it.

    Args:
        intent: ``manual`` or ``resend`` where a person sent it, else it was the automation.
    """
    if not state:
        return Badge(Tone.CALM, "dispatch.none", explanation)
    if state in ("ignored", "failed"):
        words = f"delivery.{state}" if intent in BY_HAND else f"dispatch.automatic_{state}"
        return Badge(DELIVERY[state], words, explanation)
    if state == "sent" and intent == "automatic":
        return Badge(Tone.GOOD, "dispatch.automatic_sent", explanation)
    if state in DISPATCH:
        return Badge(DISPATCH[state], f"dispatch.state_{state}", explanation)
    return Badge(Tone.CALM, "delivery.other", state)


SERVICE: dict[str, Tone] = {"ok": Tone.GOOD, "warn": Tone.WARN, "error": Tone.BAD}


def health(state: str) -> Tone:
    """Tone of a number or a happening on the home page."""
    return SERVICE.get(state, Tone.CALM)
