"""`debtor.changed`: the newest card of everybody who may have to be forwarded to accounting."""

from collections.abc import Awaitable, Callable

from klokwerk.clock import Clock
from klokwerk.consume import Received, Subscription
from klokwerk_contracts.debtor_changed import CardState, DebtorChanged
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.cards import source_for
from accounting_sync.store import cards
from accounting_sync.store.cards import KINDS

DebtorHandler = Callable[[AsyncConnection, list[Received[DebtorChanged]]], Awaitable[None]]


def debtor_changed(clock: Clock) -> Subscription[DebtorChanged]:
    """Take in the cards of one batch; only a higher revision counts, so a replay changes nothing.

    Nothing is sent from here: forwarding begins with a fetch by a person (EP-24).
    """

    async def handle(connection: AsyncConnection, received: list[Received[DebtorChanged]]) -> None:
        await cards.take_in(connection, [snapshot_of(each.event) for each in received], clock.now())

    return Subscription(DebtorChanged, handle)


def snapshot_of(card: DebtorChanged) -> cards.Snapshot:
    """What accounting could be told of a card, in both roles."""
    merged = card.merged_into if card.state is CardState.MERGED else None
    return cards.Snapshot(
        administration=card.administration,
        debtor_id=card.debtor_id,
        revision=card.revision,
        sources={kind: source_for(kind, card) for kind in KINDS},
        merged_into=merged,
        anonymised=card.state is CardState.ANONYMISED,
    )
