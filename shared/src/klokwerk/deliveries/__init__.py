"""Everything that leaves the house: a row first, the attempt before the call, the answer after it.

A delivery is planned in the transaction that decides on it, under a natural key, so planning it twice keeps
one. Workers claim due rows with ``FOR UPDATE SKIP LOCKED``, so replicas share the load. A channel knows two
things: how to send, and how to ask the other side what became of a sending.

States (the moves after a call stand in `DeliveryWorker._move`): planned -> sending -> sent | failed | planned
again (temporary) | unknown; unknown -> sent | failed | planned again (the other side never got it), settled by
asking and never by sending blindly again. A process that dies while sending leaves a lease that runs out; the
row then is unknown.
"""

from klokwerk.deliveries.delivery import (
    Attempt,
    Channel,
    Delivery,
    Outcome,
    Plan,
    State,
    Verdict,
    not_there,
    refused,
    sent,
    temporary,
    unknown,
)
from klokwerk.deliveries.recording import OnChange, OnChanges
from klokwerk.deliveries.rows import (
    SCHEMA_1,
    attempts,
    close,
    find,
    get,
    of_subjects,
    plan,
    send_again,
)
from klokwerk.deliveries.worker import QUESTIONS, RETRIES, DeliveryWorker

__all__ = [
    "QUESTIONS",
    "RETRIES",
    "SCHEMA_1",
    "Attempt",
    "Channel",
    "Delivery",
    "DeliveryWorker",
    "OnChange",
    "OnChanges",
    "Outcome",
    "Plan",
    "State",
    "Verdict",
    "attempts",
    "close",
    "find",
    "get",
    "not_there",
    "of_subjects",
    "plan",
    "refused",
    "send_again",
    "sent",
    "temporary",
    "unknown",
]
