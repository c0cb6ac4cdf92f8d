"""Looks after triggers whose waiting is over though nobody woke them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from klokwerk import parked
from klokwerk.database import Database

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
            try:
                async with asyncio.timeout(self.every):
                    await stop.wait()
            except TimeoutError:
                pass
