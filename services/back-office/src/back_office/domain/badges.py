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


def dispatch(state: str | None, *, automatic: bool, explanation: str = "") -> Badge:
    """Badge of an invoice's dispatch; ignored and failed by the automation have words of their own.

    NV-56, NV-57: "Automatic dispatch ignored" and "Automatic dispatch failed", with the reason behind it.
    """
    if automatic and state in ("ignored", "failed"):
        return Badge(DELIVERY[state], f"dispatch.automatic_{state}", explanation)
    if automatic and state == "sent":
        return Badge(Tone.GOOD, "dispatch.automatic_sent", explanation)
    if not state:
        return Badge(Tone.CALM, "dispatch.none", explanation)
    return delivery(state, explanation)


SERVICE: dict[str, Tone] = {"ok": Tone.GOOD, "warn": Tone.WARN, "error": Tone.BAD}


def health(state: str) -> Tone:
    """Tone of a number or a happening on the home page."""
    return SERVICE.get(state, Tone.CALM)
