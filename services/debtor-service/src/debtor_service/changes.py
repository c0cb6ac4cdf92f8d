"""Every change of a card: locked, stored, audited and published in one transaction.

The order of locks is the same everywhere, so that changes never wait for each other in a circle: cards (by id),
then the counter of customer numbers, then the names that parked triggers wait for, then the number range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import sqlalchemy as sa
from klokwerk import access
from klokwerk.access import Person
from klokwerk.clock import Clock
from klokwerk.outbox import Outbox
from klokwerk_contracts import new_event_id
from klokwerk_contracts.debtor_changed import Attachment, CardState, DebtorChanged, Kind
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.aside import worked_out
from debtor_service.domain.card import Card, CardContent, differences, snapshot
from debtor_service.domain.own_fields import OwnFieldDefinition, told
from debtor_service.store import cards, customer_numbers, customer_settings, numbers, own_fields
from debtor_service.store.numbers import Given

SERVICE = Person("debtor-service", "debtor-service", frozenset())
"""Who changes a card when no person does."""

CHUNK = 500
"""Cards that are written with one statement, and the most whose wake-up names are guarded one by one."""

_PARKED_NAMES = sa.text("select distinct waits_for from parked where waits_for = any(cast(:names as text[]))")


class IdTaken(Exception):
    """A card with this id exists already."""


class NumberTaken(Exception):
    """A typed number belongs to another card."""

    def __init__(self, kind: Kind, number: str, holder: str) -> None:
        super().__init__(f"{kind.value} number {number} belongs to card {holder}")
        self.kind, self.number, self.holder = kind, number, holder


class CustomerNumberTaken(Exception):
    """A typed customer number belongs to another card."""

    def __init__(self, number: str, holder: str) -> None:
        super().__init__(f"customer number {number} belongs to card {holder}")
        self.number, self.holder = number, holder


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card to be made.

    Attributes:
        debtor_id: given by another system; empty for one of our own.
        numbers: typed in or migrated ones, by kind (EP-12).
        customer_number: typed in or migrated; empty: the next one (FA-10).
    """

    content: CardContent
    administration: str = "main"
    debtor_id: str = ""
    numbers: Mapping[Kind, str] = field(default_factory=dict)
    customer_number: str = ""


def waits_for_card(debtor_id: str) -> str:
    """Name under which triggers for an unknown card are parked."""
    return f"debtor:{debtor_id}"


@dataclass(frozen=True, slots=True)
class Changes:
    """Makes, edits and publishes cards."""

    outbox: Outbox
    clock: Clock

    async def create(
        self, connection: AsyncConnection, new: Sequence[NewCard], person: Person, *, action: str = "created"
    ) -> list[Card]:
        """Make cards, each with a customer number (FA-10).

        None gets a debtor or creditor number by itself (EP-05), unless a parked trigger waits for it.

        Raises:
            IdTaken: an id is in use; nothing was stored.
            NumberTaken: a typed number is in use; nothing was stored.
            CustomerNumberTaken: likewise.
        """
        at = self.clock.now()
        called = await self._customer_numbers(connection, [item.customer_number for item in new])
        made = [
            Card(
                debtor_id=item.debtor_id or str(new_event_id()),
                administration=item.administration,
                revision=1,
                content=item.content,
                changed_at=at,
                changed_by=person.name,
                created_at=at,
                debtor_number=item.numbers.get(Kind.DEBTOR, ""),
                creditor_number=item.numbers.get(Kind.CREDITOR, ""),
                customer_number=customer_number,
            )
            for item, customer_number in zip(new, called, strict=True)
        ]
        for start in range(0, len(made), CHUNK):
            chunk = made[start : start + CHUNK]
            try:
                await cards.insert(connection, chunk)
            except IntegrityError as error:
                raise _double(error) or IdTaken("a card with one of these ids exists") from error
        await self._take_typed(connection, made)
        await self.publish(connection, [(None, card) for card in made], person, action)
        return made

    async def replace(
        self,
        connection: AsyncConnection,
        card: Card,
        content: CardContent,
        person: Person,
        *,
        action: str = "changed",
        state: CardState | None = None,
        typed: Mapping[Kind, str] | None = None,
        customer_number: str = "",
    ) -> Card:
        """Store new content for a locked card; content that is the same changes nothing.

        Args:
            state: active or blocked; none keeps it.
            typed: numbers typed in for kinds that have none yet.
            customer_number: typed in instead of the one the card has; empty keeps it.

        Raises:
            NumberTaken: a typed number is in use.
            CustomerNumberTaken: likewise.
        """
        typed = typed or {}
        if customer_number and customer_number != card.customer_number:
            await self._free(connection, [customer_number])
        changed = replace(
            card,
            content=content,
            state=state or card.state,
            debtor_number=card.debtor_number or typed.get(Kind.DEBTOR, ""),
            creditor_number=card.creditor_number or typed.get(Kind.CREDITOR, ""),
            customer_number=customer_number or card.customer_number,
        )
        if changed == card:
            return card
        changed = self.next_revision(changed, person)
        try:
            await cards.update(connection, [changed])
        except IntegrityError as error:
            if (double := _double(error)) is None:
                raise
            raise double from error
        fresh = [
            Given(card.administration, kind, changed.number_of(kind), card.debtor_id, False, "typed in")
            for kind in Kind
            if changed.number_of(kind) != card.number_of(kind)
        ]
        await self._take(connection, fresh)
        await self.publish(connection, [(card, changed)], person, action)
        return changed

    def next_revision(self, card: Card, person: Person) -> Card:
        """`card` as its next revision, made now by `person`."""
        return replace(card, revision=card.revision + 1, changed_at=self.clock.now(), changed_by=person.name)

    async def publish(
        self,
        connection: AsyncConnection,
        changed: Sequence[tuple[Card | None, Card]],
        person: Person,
        action: str,
    ) -> None:
        """Audit and publish cards that were written, in the order given (before, after)."""
        at = self.clock.now()
        entries = await worked_out(
            len(changed),
            lambda: [(after.debtor_id, before, differences(before, after)) for before, after in changed],
        )
        await access.audit_all(
            connection, person, at, action, "debtor",
            ((debtor_id, old if before else None, new) for debtor_id, before, (old, new) in entries),
        )  # fmt: skip
        filled = any(after.content.own_fields for _, after in changed)
        definitions = await own_fields.definitions(connection) if filled else []
        for start in range(0, len(changed), CHUNK):
            chunk = [after for _, after in changed[start : start + CHUNK]]
            events = await worked_out(len(chunk), partial(_snapshots, chunk, definitions))
            await self.outbox.append(connection, *events, time=at)

    async def attach(
        self,
        connection: AsyncConnection,
        card: Card,
        attachments: tuple[Attachment, ...],
        person: Person,
        action: str,
    ) -> Card:
        """Store which files belong to a locked card."""
        changed = self.next_revision(replace(card, attachments=attachments), person)
        await cards.update(connection, [changed])
        await self.publish(connection, [(card, changed)], person, action)
        return changed

    async def number_customers(self, connection: AsyncConnection, found: Sequence[Card]) -> list[Card]:
        """Give customer numbers to locked cards that have none: those made before there were any (FA-10)."""
        called = await self._customer_numbers(connection, [""] * len(found))
        changed = [
            (card, self.next_revision(replace(card, customer_number=number), SERVICE))
            for card, number in zip(found, called, strict=True)
            if number
        ]
        await cards.update(connection, [after for _, after in changed])
        await self.publish(connection, changed, SERVICE, "customer number given")
        return [after for _, after in changed]

    async def _customer_numbers(self, connection: AsyncConnection, typed: Sequence[str]) -> list[str]:
        """The number of each new card: as typed, else the next one where the office numbers automatically."""
        await self._free(connection, [number for number in typed if number])
        wanted = typed.count("")
        numbering = (await customer_settings.read(connection)).settings.numbering
        if not (wanted and numbering.automatic):
            return list(typed)
        day = self.clock.today()
        fresh = iter(await customer_numbers.reserve(connection, numbering, day, wanted, {*typed}))
        return [number or next(fresh) for number in typed]

    async def _free(self, connection: AsyncConnection, typed: Sequence[str]) -> None:
        for number, holder in (await customer_numbers.holders(connection, typed)).items():
            raise CustomerNumberTaken(number, holder)
        if doubles := [number for number, times in Counter(typed).items() if times > 1]:
            raise CustomerNumberTaken(doubles[0], "another new card")

    async def _take_typed(self, connection: AsyncConnection, made: Sequence[Card]) -> None:
        typed = [
            Given(card.administration, kind, card.number_of(kind), card.debtor_id, False, "typed in")
            for card in made
            for kind in Kind
            if card.number_of(kind)
        ]
        await self._take(connection, typed)

    async def _take(self, connection: AsyncConnection, typed: Sequence[Given]) -> None:
        for administration, kind in sorted({(item.administration, item.kind) for item in typed}):
            await numbers.lock_range(connection, administration, kind)
        wanted = [(item.administration, item.kind, item.number) for item in typed]
        held = await numbers.holders(connection, wanted) if wanted else {}
        for item, key in zip(typed, wanted, strict=True):
            if key in held:
                raise NumberTaken(item.kind, item.number, held[key])
            held[key] = item.debtor_id
        await numbers.give(connection, typed, self.clock.now())


def _snapshots(changed: Sequence[Card], definitions: Sequence[OwnFieldDefinition]) -> list[DebtorChanged]:
    return [snapshot(card, told(card.content.own_fields, definitions)) for card in changed]


def _double(error: IntegrityError) -> CustomerNumberTaken | None:
    """What to tell where somebody took the customer number at the same moment."""
    if cards.CUSTOMER_NUMBER_INDEX not in str(error.orig):
        return None
    return CustomerNumberTaken("that was typed in", "made or changed at this moment")


async def names_waited_for(connection: AsyncConnection, debtor_ids: Sequence[str]) -> list[str]:
    """Names of parked triggers that wait for these cards.

    Few cards: every name, since waking guards them against triggers that are being parked at this moment. Many
    cards: only names that something waits for already; the stragglers' worker finds what was parked meanwhile.
    """
    names = [waits_for_card(debtor_id) for debtor_id in debtor_ids]
    if len(names) <= CHUNK:
        return names
    return list((await connection.execute(_PARKED_NAMES, {"names": names})).scalars())
