"""Trouble with a service, in words for the person in front of the page."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

from back_office.clients.transport import NotFound, Refused, ServiceAway, ServiceFailure, Stale
from back_office.texts.catalogue import Translator
from back_office.web.components.message import Item, Message, Weight

T = TypeVar("T")
FORBIDDEN = 403


@dataclass(frozen=True, slots=True)
class Tried(Generic[T]):
    """A value, or why it is not there."""

    value: T | None
    trouble: Message | None = None


def explained(failure: ServiceFailure, t: Translator) -> Message:
    """What happened, what to do, and a reference to quote (EF-59, EF-61)."""
    service = t(f"service.{failure.service}")
    if isinstance(failure, ServiceAway):
        return Message(
            Weight.ERROR,
            t("trouble.away", service=service),
            t("trouble.away_cure"),
            reference=failure.correlation,
            support=True,
        )
    assert isinstance(failure, Refused)  # noqa: S101
    if failure.status == FORBIDDEN:
        return Message(Weight.ERROR, t("trouble.forbidden"), t("trouble.forbidden_cure"))
    if isinstance(failure, NotFound):
        return Message(Weight.ERROR, t("trouble.not_found"), failure.problem.detail)
    if isinstance(failure, Stale):
        return Message(Weight.WARNING, t("trouble.stale"), t("trouble.stale_cure"))
    problem = failure.problem
    items = tuple(
        Item(" ".join(part for part in (error.message, error.cure) if part)) for error in problem.errors
    )
    return Message(
        Weight.ERROR,
        problem.title or t("trouble.refused", service=service),
        problem.detail if problem.detail != problem.title else "",
        items,
        reference=failure.correlation,
        support=True,
    )


async def tried(work: Awaitable[T], t: Translator) -> Tried[T]:
    """Wait for `work`; trouble with its service becomes a message instead of a broken page."""
    try:
        return Tried(await work)
    except ServiceFailure as failure:
        return Tried(None, explained(failure, t))
