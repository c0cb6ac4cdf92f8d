"""The customer says that an EKT arrived: by its link, or to somebody who writes it down (EF-47)."""

from dataclasses import replace
from uuid import UUID

from klokwerk import deliveries
from klokwerk.deliveries import State
from klokwerk_contracts.outcomes import DeliveryState
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.ekt import Ekt
from ekt_service.sending import Sending
from ekt_service.store import ekts, notes
from ekt_service.store.notes import Note

ARRIVED = "The customer confirmed that it arrived."


async def confirm(
    connection: AsyncConnection, sending: Sending, ekt_id: UUID, by: str, words: str, *, again: bool
) -> Ekt | None:
    """Note the confirmation, and settle with it what was unknown; none when there is no such EKT.

    Args:
        by: who says so, or who wrote it down.
        words: what was said.
        again: a confirmation that is there already is replaced; else it stays, and nothing happens.
    """
    # The delivery is locked before its EKT, in the same order as everywhere.
    await deliveries.close(
        connection, sending.clock, ekt_id, state=State.SENT, states=[State.UNKNOWN], message=ARRIVED
    )
    ekt = await ekts.get(connection, ekt_id, lock=True)
    if ekt is None or (ekt.confirmed_at is not None and not again):
        return ekt
    changed = sending.confirmed(ekt, by, words)
    if ekt.state is DeliveryState.UNKNOWN:
        changed = replace(changed, state=DeliveryState.SENT, message=ARRIVED)
    await notes.add(connection, [Note(ekt.id, changed.changed_at, "confirmed", "", words)])
    return await sending.record(connection, changed)
