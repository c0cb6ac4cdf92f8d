"""How the last EKT of a debtor and day is spoken of in lists."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

BOUNCED = "bounced"
"""Taken by the other side and sent back later; the EKT service calls it failed, people want to tell the two."""
NEVER = "never"
"""No EKT was ever made."""


class EktFilter(StrEnum):
    """What a list may be narrowed to."""

    NEVER = "never"
    UNDER_WAY = "under_way"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    UNKNOWN = "unknown"
    IGNORED = "ignored"


UNDER_WAY = ("waiting", "planned", "sending")
OVER = frozenset({"sent", "failed", "bounced", "ignored", "unknown"})
"""Nothing more happens by itself; an unknown outcome waits for a person or for the other side's answer."""
TO_REPEAT = (EktFilter.FAILED, EktFilter.BOUNCED, EktFilter.NEVER)
"""Whose customer has no file: what "resend for all that failed" is about."""


def filter_states(chosen: Iterable[EktFilter]) -> list[str]:
    """The states that `chosen` stand for, as the lists show them."""
    states: list[str] = []
    for one in chosen:
        states += UNDER_WAY if one is EktFilter.UNDER_WAY else (one.value,)
    return states
