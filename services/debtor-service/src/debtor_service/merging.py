"""Merges two cards in one transaction: tombstone and target are stored, audited and published together.

Both rows are locked in the order of their ids, as every other change does, so that merges, edits and triggers
never wait for each other in a circle; of two merges at once the second sees what the first left.
"""

from __future__ import annotations

from klokwerk.access import Person
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.changes import Changes
from debtor_service.domain import merge
from debtor_service.domain.card import Card
from debtor_service.store import cards


class MergeRefused(Exception):
    """The two cards can't be merged; `obstacle` says why."""

    def __init__(self, obstacle: merge.Obstacle) -> None:
        super().__init__(obstacle.message)
        self.obstacle = obstacle


async def merge_locked(
    connection: AsyncConnection,
    changes: Changes,
    removed: Card,
    target: Card,
    person: Person,
    *,
    fill_empty: bool,
) -> tuple[Card, Card]:
    """Merge two cards that the caller locked together.

    Returns:
        The tombstone and the target as they are now.

    Raises:
        MergeRefused: nothing was changed.
    """
    refuse(removed, target)
    tombstone, kept = merge.merged(removed, target, fill_empty=fill_empty)
    tombstone, kept = changes.next_revision(tombstone, person), changes.next_revision(kept, person)
    await cards.update(connection, [tombstone, kept])
    await changes.publish(connection, [(target, kept)], person, f"took over card {removed.debtor_id}")
    await changes.publish(connection, [(removed, tombstone)], person, f"merged into card {kept.debtor_id}")
    return tombstone, kept


def refuse(removed: Card, target: Card) -> None:
    """Raise `MergeRefused` when something forbids the merge."""
    if (found := merge.obstacle(removed, target)) is not None:
        raise MergeRefused(found)
