"""One function a topic: what comes in from Kafka, set-based, in the transaction the consume layer gives."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from klokwerk.clock import Clock
from klokwerk.consume import Received, Subscription
from klokwerk_contracts import DebtorChanged, EktResendRequested, SaleCompleted
from klokwerk_contracts.debtor_changed import CardState
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.debtor import debtor_of
from ekt_service.domain.ekt import SaleKey, debtor_waited_for
from ekt_service.sending import Sending
from ekt_service.store import connections, debtors, sales
from ekt_service.store.debtors import DebtorKey
from ekt_service.store.sales import StoredSale

R = TypeVar("R", DebtorChanged, SaleCompleted)


def _newest(items: Iterable[tuple[object, R]]) -> list[R]:
    """The highest revision under each key, in the order the keys first came."""
    kept: dict[object, R] = {}
    for key, event in items:
        held = kept.get(key)
        if held is None or held.revision < event.revision:
            kept[key] = event
    return list(kept.values())


@dataclass(frozen=True, slots=True)
class Consumers:
    """The handlers of this service."""

    sending: Sending
    clock: Clock

    def subscriptions(self) -> tuple[Subscription[Any], ...]:
        """What this service reads."""
        return (
            Subscription(DebtorChanged, self.on_debtors),
            Subscription(SaleCompleted, self.on_sales),
            Subscription(EktResendRequested, self.on_requests),
        )

    async def on_debtors(self, connection: AsyncConnection, received: list[Received[DebtorChanged]]) -> None:
        """Keep the newest cards, hand over what merged debtors had, wake what waited for a card."""
        cards = _newest(((item.event.administration, item.event.debtor_id), item.event) for item in received)
        targets = {(card.administration, target) for card in cards if (target := debtor_of(card).merged_into)}
        await debtors.lock(connection, {(card.administration, card.debtor_id) for card in cards} | targets)
        changed = await debtors.upsert(connection, cards)
        if not changed:
            return
        by_key = {(card.administration, card.debtor_id): card for card in cards}
        for key in changed:
            target = debtor_of(by_key[key]).merged_into
            if target:
                _, owner_id = (await debtors.owners(connection, [key]))[key]
                await debtors.repoint(connection, key, owner_id)
                await connections.hand_over(connection, key, owner_id, self.clock.now())
            if by_key[key].state is CardState.ANONYMISED:
                await self.sending.anonymised(connection, key, by_key[key].name)
        await self.sending.wake(connection, [debtor_waited_for(*key) for key in changed])

    async def on_sales(self, connection: AsyncConnection, received: list[Received[SaleCompleted]]) -> None:
        """Keep the newest distributions; a day's first completion makes its first EKT by itself (D-21)."""
        events = _newest((sales.key_of(item.event), item.event) for item in received)
        owners = await self._lock_with_owners(
            connection, {(event.administration, event.debtor_id) for event in events}
        )
        owner_ids = [owners[(event.administration, event.debtor_id)][1] for event in events]
        changed = await sales.upsert(connection, events, owner_ids, self.clock.now())
        if not changed:
            return
        at_hand = {
            key: StoredSale(owner_id, event)
            for event, owner_id in zip(events, owner_ids, strict=True)
            if (key := sales.key_of(event)) in changed
        }
        first = [key for key, is_new in changed.items() if is_new]
        if first:
            await self.sending.after_first_completion(connection, first, at_hand)
        names = {key.waited_for for key in changed}
        names |= {
            SaleKey(*owners[(key.administration, key.debtor_id)], key.order_day).waited_for for key in changed
        }
        await self.sending.wake(connection, sorted(names), at_hand)

    async def on_requests(
        self, connection: AsyncConnection, received: list[Received[EktResendRequested]]
    ) -> None:
        """Take up requests for a new EKT."""
        requests = [item.event for item in received]
        await self._lock_with_owners(
            connection, {(request.administration, request.debtor_id) for request in requests}
        )
        await self.sending.after_requests(connection, requests)

    @staticmethod
    async def _lock_with_owners(
        connection: AsyncConnection, keys: set[DebtorKey]
    ) -> dict[DebtorKey, DebtorKey]:
        """Lock debtors together with those they were merged into, and give the latter as they then stand."""
        before = await debtors.owners(connection, keys)
        await debtors.lock(connection, keys | set(before.values()))
        return await debtors.owners(connection, keys)
