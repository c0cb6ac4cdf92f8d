"""`debtor.changed`: the newest card of everybody who may have to be forwarded to accounting."""

from typing import Any

from klokwerk.clock import Clock
from klokwerk.consume import Received, Subscription, condensed
from klokwerk_contracts.debtor_changed import CardState, DebtorChanged
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.cards import CardAsRead, source_document
from accounting_sync.store import cards
from accounting_sync.store.cards import KINDS, Snapshot


def debtor_changed(clock: Clock) -> Subscription[Any]:
    """Take in the cards of one batch; only a higher revision counts, so a replay changes nothing.

    Nothing is sent from here: forwarding begins with a fetch by a person (EP-24).
    """

    async def handle(connection: AsyncConnection, received: list[Received[Snapshot]]) -> None:
        await cards.take_in(connection, [each.event for each in received], clock.now())

    return condensed(CardAsRead, snapshot_of, handle)


def snapshot_of(card: DebtorChanged) -> Snapshot:
    """What accounting could be told of a card, in both roles."""
    return cards.snapshot(
        administration=card.administration,
        debtor_id=card.debtor_id,
        revision=card.revision,
        sources=[source_document(kind, card) for kind in KINDS],
        merged_into=card.merged_into if card.state is CardState.MERGED else None,
        anonymised=card.state is CardState.ANONYMISED,
    )
