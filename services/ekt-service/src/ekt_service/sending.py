"""From what came in to an EKT that is on its way: decides, builds, plans the delivery, tells the outcome.

Everything here runs inside the caller's transaction, with the debtors concerned locked, so an EKT, its files,
its delivery and the event about it are there together or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from klokwerk import deliveries, parked
from klokwerk.clock import Clock
from klokwerk.deliveries import Delivery
from klokwerk.outbox import Outbox
from klokwerk.parked import Parked
from klokwerk_contracts import EktResendRequested, new_event_id
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.outcomes import DeliveryState
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.building import Building, Decision, Ready
from ekt_service.domain.connection import ConnectionState
from ekt_service.domain.debtor import Debtor
from ekt_service.domain.ekt import Ekt, SaleKey, debtor_waited_for, natural_key
from ekt_service.domain.module import EktModule
from ekt_service.domain.requirements import (
    Abilities,
    Requirements,
    other_address,
    requirements,
    shown,
    without_sale,
)
from ekt_service.store import connections, debtors, ekts, module, privacy, sales
from ekt_service.store.debtors import DebtorKey
from ekt_service.store.sales import StoredSale

FIRST = "first"
"""Kind of a parked first sending: its body is the sale's key."""
WAITING_EKT = "ekt"
"""Kind of a parked EKT: its body is the EKT's id."""
_TOLD_AT_ONCE = 500
SalesAtHand = Mapping[SaleKey, StoredSale]
NO_SALES: SalesAtHand = {}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known about a set of EKTs to be decided on."""

    module: EktModule
    sales: Mapping[SaleKey, StoredSale]
    owners: Mapping[DebtorKey, DebtorKey]
    debtors: Mapping[DebtorKey, Debtor]
    connections: Mapping[DebtorKey, ConnectionState]

    def owner(self, key: SaleKey) -> DebtorKey:
        return self.owners[(key.administration, key.debtor_id)]

    def sale(self, key: SaleKey) -> StoredSale | None:
        own = self.sales.get(key)
        return own or self.sales.get(SaleKey(key.administration, self.owner(key)[1], key.order_day))


@dataclass(frozen=True, slots=True)
class Sending:
    """Makes EKTs and follows them.

    Args:
        abilities: sending methods of this installation.
        building: makes files and mails.
    """

    clock: Clock
    outbox: Outbox
    abilities: Abilities
    building: Building

    async def after_first_completion(
        self, connection: AsyncConnection, keys: Sequence[SaleKey], at_hand: SalesAtHand = NO_SALES
    ) -> None:
        """Plan the first EKT of days whose distribution is complete for the first time (EF-01, D-21).

        Nothing is made for debtors without "Use EKTs". A debtor that isn't known yet is waited for.

        Args:
            at_hand: newest sales that the caller holds already.
        """
        known = await self._look_up(connection, keys, at_hand)
        owner_days = {
            key: SaleKey(key.administration, known.owner(key)[1], key.order_day)
            for key in keys
            if known.sale(key)
        }
        done = await ekts.days_with_first(connection, owner_days.values()) if owner_days else set()
        waiting: list[Parked] = []
        made: list[Ekt] = []
        for key, owner_day in owner_days.items():
            debtor = known.debtors.get(known.owner(key))
            if debtor is None:
                waiting.append(self._first_waits(key, owner_day))
            elif shown(debtor, known.module) and owner_day not in done:
                done.add(owner_day)
                made.append(self._new(key, debtor.id, EktTrigger.FIRST, None))
        await parked.park(connection, *waiting)
        unknown = await ekts.known_keys(connection, [natural_key(ekt.sale, None) for ekt in made])
        await self._make(connection, [e for e in made if natural_key(e.sale, None) not in unknown], known)

    async def after_requests(
        self, connection: AsyncConnection, requests: Sequence[EktResendRequested]
    ) -> None:
        """Take up resend requests: build at once, wait for the sale revision asked for (D-22), or refuse.

        A request that was taken up before is passed over, whatever became of it.
        """
        by_key = {
            natural_key(key, request.request_id): (key, request)
            for request in requests
            for key in [SaleKey(request.administration, request.debtor_id, request.order_day)]
        }
        seen = await ekts.known_keys(connection, by_key)
        fresh = [pair for name, pair in by_key.items() if name not in seen]
        if not fresh:
            return
        known = await self._look_up(connection, [key for key, _ in fresh])
        made = [self._new(key, known.owner(key)[1], EktTrigger.RESEND, request) for key, request in fresh]
        await self._make(connection, made, known)

    async def wake(
        self, connection: AsyncConnection, names: Sequence[str], at_hand: SalesAtHand = NO_SALES
    ) -> None:
        """Go on with everything that waited for one of `names`; `at_hand` as in `after_first_completion`."""
        woken = await parked.wake(connection, names)
        firsts = [_sale_key(item.body) for item in woken if item.kind == FIRST]
        if firsts:
            await self.after_first_completion(connection, firsts, at_hand)
        ids = [UUID(item.body["ekt_id"]) for item in woken if item.kind == WAITING_EKT]
        if not ids:
            return
        waiting = await ekts.lock_waiting(connection, ids)
        known = await self._look_up(connection, [ekt.sale for ekt in waiting], at_hand)
        decisions = await self._decide(connection, waiting, known)
        changed = [
            decision.ekt
            for before, decision in zip(waiting, decisions, strict=True)
            if decision.ekt != replace(before, changed_at=decision.ekt.changed_at)
        ]
        written = await ekts.update(connection, changed)
        await self._follow_up(connection, decisions, written)

    async def on_delivery(self, connection: AsyncConnection, delivery: Delivery) -> None:
        """Take over what became of one delivery."""
        await self.on_deliveries(connection, [delivery])

    async def on_deliveries(self, connection: AsyncConnection, changed: Sequence[Delivery]) -> None:
        """Take over what became of deliveries; the channel's answer becomes the EKT's message.

        The EKTs are locked in the order of their ids, so two processes never wait for each other in a circle.
        """
        now = self.clock.now()
        by_id = {UUID(delivery.subject): delivery for delivery in changed}
        told: list[Ekt] = []
        forgotten: list[UUID] = []
        for ekt in await ekts.lock_all(connection, by_id):
            delivery = by_id[ekt.id]
            state, message = DeliveryState(delivery.state.value), delivery.message
            if ekt.state is state and ekt.message == message:
                continue
            if ekt.recipient == privacy.REMOVED:  # the card was anonymised while it was on its way
                forgotten.append(ekt.id)
                over = state in (DeliveryState.SENT, DeliveryState.FAILED)
                state, message = (state, "") if over else (DeliveryState.FAILED, privacy.STOPPED)
            told.append(replace(ekt, state=state, message=message, changed_at=now))
        await privacy.forget_ekts(connection, forgotten, now)
        written = await ekts.update(connection, told)
        await self.outbox.append(connection, *(ekt.event() for ekt in written), time=now)

    async def anonymised(self, connection: AsyncConnection, debtor: DebtorKey, name: str) -> None:
        """Forget what is personal about a debtor, and tell the changed EKTs to those who have copies.

        Args:
            name: what the card is called from now on.
        """
        now = self.clock.now()
        changed = await privacy.forget(connection, debtor, name, now)
        for start in range(0, len(changed), _TOLD_AT_ONCE):
            told = await ekts.by_ids(connection, changed[start : start + _TOLD_AT_ONCE])
            await self.outbox.append(connection, *(ekt.event() for ekt in told), time=now)

    async def record(self, connection: AsyncConnection, ekt: Ekt) -> Ekt:
        """Write one changed EKT and tell it (``ekt.delivery.changed``)."""
        (written,) = await ekts.update(connection, [ekt])
        await self.outbox.append(connection, written.event(), time=written.changed_at)
        return written

    def confirmed(self, ekt: Ekt, by: str, note: str) -> Ekt:
        """An EKT of which the customer said that it arrived (EF-47)."""
        now = self.clock.now()
        return replace(ekt, confirmed_at=now, confirmed_by=by, confirm_note=note, changed_at=now)

    # --- what is known ---------------------------------------------------------------------------------------

    async def _look_up(
        self, connection: AsyncConnection, keys: Iterable[SaleKey], at_hand: SalesAtHand = NO_SALES
    ) -> _Known:
        wanted = list(keys)
        owners = await debtors.owners(connection, {(key.administration, key.debtor_id) for key in wanted})
        owner_keys = {SaleKey(*owners[(key.administration, key.debtor_id)], key.order_day) for key in wanted}
        cards = await debtors.load(connection, set(owners.values()))
        own_servers = [key for key, card in cards.items() if card.way.is_transfer]
        return _Known(
            module=(await module.get(connection)).settings,
            sales=await sales.load(connection, {*wanted, *owner_keys} - at_hand.keys()) | dict(at_hand),
            owners=owners,
            debtors=cards,
            connections=await connections.states(connection, own_servers),
        )

    # --- deciding --------------------------------------------------------------------------------------------

    def _new(
        self, key: SaleKey, owner_id: str, trigger: EktTrigger, request: EktResendRequested | None
    ) -> Ekt:
        now = self.clock.now()
        return Ekt(
            id=new_event_id(),
            sale=key,
            debtor_id=owner_id,
            trigger=trigger,
            request_id=request.request_id if request else None,
            needs_revision=request.sale_revision if request else 1,
            revision=1,
            state=DeliveryState.WAITING,
            sale_revision=None,
            method="",
            recipient="",
            file_name="",
            sha256="",
            lines=0,
            message="",
            reason=request.reason if request else ResendReason.UNSAID,
            note=request.note if request else "",
            requested_by=request.requested_by if request else "",
            requested_at=request.requested_at if request else now,
            made_at=now,
            changed_at=now,
            other_recipients=tuple(dict.fromkeys(request.recipients)) if request else (),
        )

    async def _decide(
        self, connection: AsyncConnection, undecided: Sequence[Ekt], known: _Known
    ) -> list[Decision]:
        judged = [self._judge(ekt, known) for ekt in undecided]
        ready = [each for each in judged if isinstance(each, Ready)]
        built = iter(await self.building.build(connection, ready, known.module))
        return [next(built) if isinstance(each, Ready) else each for each in judged]

    def _judge(self, ekt: Ekt, known: _Known) -> Decision | Ready:
        """What can be done with an EKT now: build it, wait, or fail with everything that is missing."""
        owner = known.owner(ekt.sale)
        ekt = replace(ekt, debtor_id=owner[1], changed_at=self.clock.now())
        debtor, stored = known.debtors.get(owner), known.sale(ekt.sale)
        if debtor is None:
            text = f"Waits for the card of debtor {owner[1]}, which is not known here yet."
            return self._waits(ekt, debtor_waited_for(*owner), text)
        if ekt.other_recipients:
            if problems := other_address(debtor, ekt.other_recipients, known.module):
                ekt = replace(ekt, method=debtor.way.value, recipient="; ".join(ekt.other_recipients))
                text = Requirements(tuple(problems), ()).text
                return Decision(replace(ekt, state=DeliveryState.FAILED, message=text))
            debtor = replace(debtor, emails=ekt.other_recipients)
        way_to = known.connections.get(owner)
        ekt = replace(ekt, method=debtor.way.value, recipient=debtor.recipient)
        early = without_sale(debtor, known.module, self.abilities, way_to)
        if early.missing and not early.only_awaited:
            whole = requirements(
                ekt.sale, debtor, stored.sale if stored else None, known.module, self.abilities, way_to
            )
            listed = early if stored is None else whole
            return Decision(replace(ekt, state=DeliveryState.FAILED, message=listed.text))
        if stored is None or stored.sale.revision < ekt.needs_revision:
            have = f"revision {stored.sale.revision} is here" if stored else "none is here yet"
            text = f"Waits for revision {ekt.needs_revision} of the sale of {ekt.sale.order_day.isoformat()}; {have}."
            return self._waits(ekt, ekt.sale.waited_for, text)
        needed = requirements(ekt.sale, debtor, stored.sale, known.module, self.abilities, way_to)
        if needed.only_awaited:
            return self._waits(ekt, debtor_waited_for(*owner), f"Waits: {needed.text}")
        if needed.missing:
            return Decision(replace(ekt, state=DeliveryState.FAILED, message=needed.text))
        return Ready(ekt, debtor, stored.sale)

    def _waits(self, ekt: Ekt, waits_for: str, reason: str) -> Decision:
        item = Parked(
            natural_key=f"ekt/{ekt.id}",
            waits_for=waits_for,
            kind=WAITING_EKT,
            body={
                "ekt_id": str(ekt.id),
                "administration": ekt.sale.administration,
                "debtor_id": ekt.debtor_id,
                "order_day": ekt.sale.order_day.isoformat(),
            },
            reason=reason,
            parked_at=self.clock.now(),
        )
        return Decision(replace(ekt, state=DeliveryState.WAITING, message=reason), wait=item)

    def _first_waits(self, key: SaleKey, owner_day: SaleKey) -> Parked:
        name = debtor_waited_for(owner_day.administration, owner_day.debtor_id)
        return Parked(
            natural_key=f"first/{key.administration}/{key.debtor_id}/{key.order_day.isoformat()}",
            waits_for=name,
            kind=FIRST,
            body={
                "administration": key.administration,
                "debtor_id": key.debtor_id,
                "order_day": key.order_day.isoformat(),
            },
            reason=(
                f"The sale of {key.order_day.isoformat()} waits for the card of debtor {owner_day.debtor_id}, "
                "which is not known here yet."
            ),
            parked_at=self.clock.now(),
        )

    # --- writing ---------------------------------------------------------------------------------------------

    async def _make(self, connection: AsyncConnection, made: Sequence[Ekt], known: _Known) -> None:
        decisions = await self._decide(connection, made, known)
        written = await ekts.insert(connection, [decision.ekt for decision in decisions])
        await self._follow_up(connection, decisions, written)

    async def _follow_up(
        self, connection: AsyncConnection, decisions: Sequence[Decision], written: Sequence[Ekt]
    ) -> None:
        await ekts.add_files(connection, {each.ekt.id: each.files for each in decisions if each.files})
        await deliveries.plan(connection, self.clock, *(each.plan for each in decisions if each.plan))
        await parked.park(connection, *(each.wait for each in decisions if each.wait))
        await self.outbox.append(connection, *(ekt.event() for ekt in written), time=self.clock.now())


def _sale_key(body: Mapping[str, Any]) -> SaleKey:
    return SaleKey(body["administration"], body["debtor_id"], date.fromisoformat(body["order_day"]))
