"""What runs by the clock: triggers whose waiting is over, and own fields whose cards have to be told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from klokwerk import parked
from klokwerk.database import Database

from debtor_service.changes import Changes
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
            await _pause(stop, self.every)


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
                await _pause(stop, self.every)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
