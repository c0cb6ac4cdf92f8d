"""What runs by the clock: retries of direct lines, exports that a dead process left, connections, old things."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from klokwerk.clock import Clock
from klokwerk.database import Database

from accounting_sync.direct_export import DirectExport
from accounting_sync.file_export import FileExport
from accounting_sync.privacy import Blanking
from accounting_sync.store import call_limits
from accounting_sync.upkeep import Upkeep

FORGET_ERRORS_AFTER = timedelta(days=2)


@dataclass(slots=True)
class Repeating:
    """Does one thing again and again, with a pause that stops at once when the service does."""

    name: str
    seconds: float
    action: Callable[[], Awaitable[object]]

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`."""
        while not stop.is_set():
            await self.action()
            try:
                async with asyncio.timeout(self.seconds):
                    await stop.wait()
            except TimeoutError:
                continue


def workers(
    database: Database,
    clock: Clock,
    files: FileExport,
    direct: DirectExport,
    upkeep: Upkeep,
    seconds: float,
) -> list[Repeating]:
    """The workers of this service beside its deliveries and jobs."""

    async def forget_errors() -> None:
        async with database.transaction() as connection:
            await call_limits.forget_errors(connection, clock.now() - FORGET_ERRORS_AFTER)

    return [
        Repeating("direct-retries", seconds, direct.retry_due),
        Repeating("direct-hand-over", seconds, direct.hand_over_claimed),
        Repeating("unfinished-exports", seconds, files.recover),
        Repeating("blanking", seconds * 5, Blanking(database, clock, files).tick),
        Repeating("connections", seconds * 5, upkeep.tick),
        Repeating("old-errors", 3600, forget_errors),
    ]
