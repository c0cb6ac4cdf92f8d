"""The three triggers of a number (EP-06, EP-07, EP-09, D-24), and what happens when one has to wait.

A trigger never goes lost: for an unknown card, or when the range is used up or not set, it is parked under the
name of what it waits for, and goes on when that comes (EP-14).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from klokwerk import parked, telemetry
from klokwerk.access import Person
from klokwerk.parked import Parked
from klokwerk_contracts.debtor_changed import CardState, Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.changes import SERVICE, Changes, NewCard, names_waited_for, waits_for_card
from debtor_service.domain.card import Card, with_number
from debtor_service.domain.numbering import NumberRange, used_up
from debtor_service.store import cards, numbers
from debtor_service.store.numbers import Given

log = telemetry.get_logger(__name__)

NUMBER_WANTED = "number wanted"
"""What a parked trigger is."""


class Trigger(StrEnum):
    """What asks for a number."""

    SALE = "sale.completed"
    INVOICE = "invoice.created"
    BUTTON = "button"


def waits_for_range(administration: str, kind: Kind) -> str:
    """Name under which triggers for a range without free numbers are parked."""
    return f"number-range:{administration}:{kind.value}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the triggers.

    Attributes:
        given: cards that got a number now.
        waiting: by card id, why it has to wait.
    """

    given: dict[str, str]
    waiting: dict[str, str]


@dataclass(frozen=True, slots=True)
class Triggers:
    """Gives numbers to cards."""

    changes: Changes

    async def pull(
        self,
        connection: AsyncConnection,
        kind: Kind,
        debtor_ids: Iterable[str],
        trigger: Trigger | str,
        person: Person = SERVICE,
    ) -> Outcome:
        """Give each card its number of `kind`; one that has a number keeps it (EP-15).

        Args:
            connection: a transaction; locks of cards and of the range are held until it ends.
            debtor_ids: in the order in which they asked; doubles count once.
            trigger: what asked, kept with the number.
            person: who pressed the button; the service itself for events.
        """
        wanted = list(dict.fromkeys(debtor_ids))
        served = await cards.numbered(connection, kind, wanted)
        wanted = [debtor_id for debtor_id in wanted if debtor_id not in served]
        if not wanted:
            return Outcome({}, {})
        found, unknown = await self._find(connection, wanted)
        waiting = {debtor_id: f"There is no card {debtor_id} yet." for debtor_id in unknown}
        await self._park(
            connection, kind, trigger, {i: (waits_for_card(i), why) for i, why in waiting.items()}
        )
        needy = [
            card for card in found if not card.number_of(kind) and card.state is not CardState.ANONYMISED
        ]
        given: dict[str, str] = {}
        for administration in sorted({card.administration for card in needy}):
            mine = [card for card in needy if card.administration == administration]
            got, short = await self._give(connection, administration, kind, mine, trigger, person)
            given |= got
            waiting |= short
        return Outcome(given, waiting)

    async def create(
        self, connection: AsyncConnection, new: Sequence[NewCard], person: Person, *, action: str = "created"
    ) -> list[Card]:
        """Make cards, and pull the triggers that wait for them; see `Changes.create`."""
        made = await self.changes.create(connection, new, person, action=action)
        woken = await parked.wake(connection, await names_waited_for(connection, [c.debtor_id for c in made]))
        await self.resume(connection, woken)
        return made

    async def wake_range(self, connection: AsyncConnection, administration: str, kind: Kind) -> Outcome:
        """Go on with what waits for a range that was set or widened."""
        return await self.resume(
            connection, await parked.wake(connection, [waits_for_range(administration, kind)])
        )

    async def resume(self, connection: AsyncConnection, woken: Sequence[Parked]) -> Outcome:
        """Pull parked triggers again, oldest first; what still lacks something is parked anew."""
        outcome = Outcome({}, {})
        for kind in sorted(Kind):  # the order in which everybody locks ranges
            for trigger in dict.fromkeys(item.body["trigger"] for item in woken):
                ids = [
                    item.body["debtor_id"]
                    for item in woken
                    if item.body["kind"] == kind.value and item.body["trigger"] == trigger
                ]
                part = await self.pull(connection, kind, ids, trigger)
                outcome.given.update(part.given)
                outcome.waiting.update(part.waiting)
        return outcome

    async def _find(self, connection: AsyncConnection, wanted: Sequence[str]) -> tuple[list[Card], list[str]]:
        """The locked cards in the order asked for, merged ones replaced by their targets, and unknown ids."""
        known = await cards.lock_targets(connection, wanted)
        unknown = [debtor_id for debtor_id in wanted if debtor_id not in known]
        if unknown:
            await parked.guard(connection, [waits_for_card(debtor_id) for debtor_id in unknown])
            known |= await cards.lock_targets(connection, unknown)
            unknown = [debtor_id for debtor_id in wanted if debtor_id not in known]
        found = {known[i].debtor_id: known[i] for i in wanted if i in known}
        return list(found.values()), unknown

    async def _give(
        self,
        connection: AsyncConnection,
        administration: str,
        kind: Kind,
        needy: Sequence[Card],
        trigger: Trigger | str,
        person: Person,
    ) -> tuple[dict[str, str], dict[str, str]]:
        await numbers.lock_range(connection, administration, kind)
        settings = await numbers.range_of(connection, administration, kind)
        changed: list[tuple[Card, Card]] = []
        if settings is not None:
            free = numbers.free(connection, settings)
            for card in needy:
                number = await anext(free, None)
                if number is None:
                    break
                after = self.changes.next_revision(with_number(card, kind, str(number)), person)
                changed.append((card, after))
            await free.aclose()
        at = self.changes.clock.now()
        given = [
            Given(administration, kind, c.number_of(kind), c.debtor_id, True, str(trigger))
            for _, c in changed
        ]
        await numbers.give(connection, given, at)
        await cards.update(connection, [after for _, after in changed])
        await self.changes.publish(connection, changed, person, "number given")
        why = _why_short(settings, administration, kind)
        short = {card.debtor_id: why for card in needy[len(changed) :]}
        place = waits_for_range(administration, kind)
        await self._park(connection, kind, trigger, {i: (place, reason) for i, reason in short.items()})
        if (
            settings is not None
            and changed
            and (warning := (await numbers.use(connection, settings)).warning)
        ):
            log.warning("number_range_nearly_used_up", range=settings.label, warning=warning)
        return {item.debtor_id: item.number for item in given}, short

    async def _park(
        self,
        connection: AsyncConnection,
        kind: Kind,
        trigger: Trigger | str,
        waiting: dict[str, tuple[str, str]],
    ) -> None:
        at = self.changes.clock.now()
        await parked.park(
            connection,
            *(
                Parked(
                    natural_key=f"number:{kind.value}:{debtor_id}",
                    waits_for=waits_for,
                    kind=NUMBER_WANTED,
                    body={"debtor_id": debtor_id, "kind": kind.value, "trigger": str(trigger)},
                    reason=reason,
                    parked_at=at,
                )
                for debtor_id, (waits_for, reason) in sorted(waiting.items())
            ),
        )


def _why_short(settings: NumberRange | None, administration: str, kind: Kind) -> str:
    if settings is None:
        return (
            f"No {kind.value} range is set for administration {administration}. Set one in the number settings; "
            "what waits for a number is then handled by itself."
        )
    return used_up(settings)


_STRAGGLERS = sa.text(
    "select distinct waits_for from parked p where "
    "exists (select 1 from card c where p.waits_for = 'debtor:' || c.debtor_id) "
    "or exists (select 1 from number_range r "
    "where p.waits_for = 'number-range:' || r.administration || ':' || r.kind "
    "and r.changed_at >= p.parked_at) limit 500"
)


async def stragglers(connection: AsyncConnection) -> list[str]:
    """Names whose waiting is over though nobody woke them, e.g. after a crash between two transactions."""
    return list((await connection.execute(_STRAGGLERS)).scalars())
