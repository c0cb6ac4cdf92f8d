"""Throws away what holds personal data and has served: kept exports after a month, imports after three.

An export can be made anew at any time. An import that is gone can't be taken back any more; its cards stay.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.wakeup import pause

from debtor_service.exporting import KIND
from debtor_service.store import imports

log = telemetry.get_logger(__name__)

KEEP_EXPORTS = timedelta(days=31)
KEEP_IMPORTS = timedelta(days=92)

KEEP_ANSWERS = timedelta(days=7)
"""Answers to requests with an Idempotency-Key; nobody repeats a request after a week."""

_OLD_ANSWERS = sa.text(
    "delete from idempotency where created_at < clock_timestamp() - cast(:age as interval)"
)
_OLD_EXPORTS = sa.text(
    "delete from job where kind = :kind and finished_at is not null and finished_at < :before"
)


async def tidy(database: Database, clock: Clock) -> tuple[int, int]:
    """Throw away what is old; gives how many exports and imports went."""
    now = clock.now()
    async with database.transaction() as connection:
        gone = await connection.execute(_OLD_EXPORTS, {"kind": KIND, "before": now - KEEP_EXPORTS})
        await connection.execute(_OLD_ANSWERS, {"age": KEEP_ANSWERS})
        lists = await imports.delete_older(connection, now - KEEP_IMPORTS)
    if gone.rowcount or lists:
        log.info("tidied", exports=gone.rowcount, imports=lists)
    return gone.rowcount, lists


@dataclass(slots=True)
class Tidier:
    """Tidies by the clock.

    Args:
        every: seconds between two times.
    """

    database: Database
    clock: Clock
    every: float = 3600.0
    name: str = "tidier"

    async def run(self, stop: asyncio.Event) -> None:
        """Tidy until told to stop."""
        while not stop.is_set():
            await tidy(self.database, self.clock)
            await pause(stop, self.every)
