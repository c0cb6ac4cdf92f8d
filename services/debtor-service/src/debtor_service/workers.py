"""What runs by the clock: triggers whose waiting is over, own fields whose cards have to be told, and what cards
lack that were made by an earlier version: a customer number, the text and keys by which they are found."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from klokwerk import parked
from klokwerk.database import Database
from klokwerk.wakeup import pause

from debtor_service.changes import CHUNK, Changes
from debtor_service.store import cards
from debtor_service.telling import tell_one
from debtor_service.triggers import Triggers, stragglers


@dataclass(slots=True)
class Stragglers:
    """Pulls them again; the usual way is that the card or the range wakes them at once.

    Args:
        every: seconds between two looks.
    """

    database: Database
    triggers: Triggers
    every: float = 5.0
    name: str = "stragglers"

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            async with self.database.transaction() as connection:
                names = await stragglers(connection)
                if names:
                    await self.triggers.resume(connection, await parked.wake(connection, names))
            await pause(stop, self.every)


@dataclass(slots=True)
class OwnFieldTeller:
    """Tells about cards with an own field whose definition changed.

    Args:
        every: seconds between two looks.
    """

    database: Database
    changes: Changes
    every: float = 2.0
    name: str = "own-field-teller"

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            if not await tell_one(self.database, self.changes):
                await pause(stop, self.every)


@dataclass(slots=True)
class CustomerNumberer:
    """Gives customer numbers to cards that have none, once the office numbers automatically (FA-10).

    Args:
        every: seconds between two looks.
    """

    database: Database
    changes: Changes
    every: float = 30.0
    name: str = "customer-numberer"

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            async with self.database.transaction() as connection:
                found = await cards.lock_without_customer_number(connection, CHUNK)
                numbered = await self.changes.number_customers(connection, found) if found else []
            if not numbered:
                await pause(stop, self.every)


@dataclass(slots=True)
class Deriver:
    """Derives search text and keys anew for cards that were stored by an earlier version of the rules.

    Args:
        every: seconds between two looks; while two versions run side by side, the older one may still store cards.
    """

    database: Database
    every: float = 60.0
    name: str = "deriver"

    async def run(self, stop: asyncio.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            async with self.database.transaction() as connection:
                found = await cards.lock_underived(connection, CHUNK)
                await cards.derive(connection, found)
            if not found:
                await pause(stop, self.every)
