"""States that the two outcome events share."""

from __future__ import annotations

from enum import StrEnum


class DeliveryState(StrEnum):
    """State of something that leaves the house.

    ``waiting`` is held for data or for its time; ``unknown`` means the other side may or may not have it
    and is being asked; ``ignored`` was never tried, for the reason in the message.
    """

    WAITING = "waiting"
    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
