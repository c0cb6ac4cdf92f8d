"""An accounting system that takes relations one by one, as the rest of the service knows it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind, RelationData

Remember = Callable[[str], Awaitable[None]]
"""Takes the id that the system gave a relation, as soon as it is known."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One relation on its way; `cleared` names fields that are emptied over there."""

    kind: Kind
    action: Action
    data: RelationData
    cleared: tuple[str, ...] = ()


class DirectTarget(Protocol):
    """The relations of one administration over there. Every call may raise what `answers` holds."""

    async def check(self) -> str:
        """Make one harmless call and say whom the connection belongs to."""
        ...

    async def sent_before(self, sending: Sending) -> str | None:
        """Id of the relation that an insert of `sending` has made, if there is one and it is as it was sent."""
        ...

    def complete_at_once(self, sending: Sending) -> bool:
        """Whether the insert is one call, so that what is there after it lacks nothing."""
        ...

    async def put_through(self, sending: Sending, known: str | None, remember: Remember) -> str:
        """Insert or update one relation with all that belongs to it; returns its id.

        `known` is the id if there is one; `remember` is called as soon as one is known that a later failure of
        the same line must not lead to a second insert.
        """
        ...
