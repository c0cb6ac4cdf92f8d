"""Tells the others about every card with an own field whose definition changed (its label, or "on documents").

The change of the definition is stored at once; the cards follow in small transactions, so that nobody waits for
them. A crash in between starts the round again: a card is then told twice, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from klokwerk.database import Database
from klokwerk_contracts.debtor_changed import CardState

from debtor_service.changes import CHUNK, SERVICE, Changes
from debtor_service.domain.own_fields import OwnFieldDefinition
from debtor_service.store import cards, own_fields


async def tell_one(database: Database, changes: Changes, *, chunk: int = CHUNK) -> bool:
    """Tell about one changed definition; false when there is none, or another process is at it."""
    async with database.transaction() as guard:
        definition = await own_fields.untold(guard)
        if definition is None:
            return False
        after = ""
        while ids := await _tell_chunk(database, changes, definition, after, chunk):
            after = ids[-1]
        await own_fields.told(guard, definition)
    return True


async def _tell_chunk(
    database: Database, changes: Changes, definition: OwnFieldDefinition, after: str, chunk: int
) -> Sequence[str]:
    async with database.transaction() as connection:
        ids = await own_fields.holders(connection, definition.key, after, chunk)
        locked = await cards.lock(connection, ids)
        changed = [
            (card, changes.next_revision(card, SERVICE))
            for card in locked.values()
            if definition.key in card.content.own_fields
            and card.state in (CardState.ACTIVE, CardState.BLOCKED)
        ]
        await cards.update(connection, [after_ for _, after_ in changed])
        await changes.publish(connection, changed, SERVICE, f"own field {definition.label} changed")
        return ids
