"""What runs beside the API: corrections are published when their moment has come."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database, is_transient
from klokwerk.wakeup import Wakeup
from prometheus_client import Counter

from sales_service.selling import Distributions
from sales_service.store import publications
from sales_service.store.sales import DayRow

log = telemetry.get_logger(__name__)
CORRECTIONS = Counter(
    "klokwerk_sales_corrections",
    "Days whose gathered corrections were published, or could not be",
    ["outcome"],
    registry=telemetry.REGISTRY,
)
BATCH = 50
RETRY = timedelta(minutes=1)


@dataclass(slots=True)
class CorrectionWorker:
    """Run one in every process; they share the days that are due.

    What waits stands in the row that was changed, so a process that dies loses nothing: the next one finds it.
    """

    database: Database
    clock: Clock
    distributions: Distributions
    poll_seconds: float = 0.5
    name: str = "corrections"
    _wakeup: Wakeup = field(default_factory=Wakeup)

    async def run(self, stop: asyncio.Event) -> None:
        """Publish what is due, until `stop`."""
        listener = await asyncpg.connect(self.database.url, timeout=5)
        try:
            await self._wakeup.listen(listener, "corrections")
            while not stop.is_set():
                if not await self.publish_due():
                    await self._wait(stop)
        finally:
            await listener.close(timeout=2)

    async def publish_due(self) -> int:
        """Publish one batch of what is due; how many days it was about."""
        try:
            return await self._publish(BATCH)
        except Exception as error:
            if is_transient(error):
                raise
            # One of them can't be published: go on one by one, so that it holds up nobody else.
            log.exception("corrections_not_published", error=repr(error))
        done = 0
        for _ in range(BATCH):
            found = await self._publish_or_postpone()
            done += found
            if not found:
                break
        return done

    async def _publish(self, limit: int) -> int:
        async with self.database.transaction() as connection:
            rows = await publications.due(connection, self.clock.now(), self._latest(), limit)
            await self.distributions.publish_pending(connection, rows)
        if rows:
            CORRECTIONS.labels("published").inc(len(rows))
            log.info("corrections_published", days=len(rows))
        return len(rows)

    async def _publish_or_postpone(self) -> int:
        row: DayRow | None = None
        try:
            async with self.database.transaction() as connection:
                rows = await publications.due(connection, self.clock.now(), self._latest(), 1)
                row = next(iter(rows), None)
                await self.distributions.publish_pending(connection, rows)
        except Exception as error:
            if is_transient(error) or row is None:
                raise
            CORRECTIONS.labels("postponed").inc()
            log.exception("correction_postponed", debtor=row.key.debtor_id, day=str(row.key.order_day))
            async with self.database.transaction() as connection:
                await publications.postpone(connection, row.key, self.clock.now() + self._longest())
        return 1 if row else 0

    def _longest(self) -> timedelta:
        return max(self.distributions.window.longest, RETRY)

    def _latest(self) -> datetime:
        """No window ends nearly as late as this, so what waits for a later moment waits for a clock that was set back.

        Twice the longest wait, because the clocks of two machines are never quite the same.
        """
        return self.clock.now() + 2 * self._longest()

    async def _wait(self, stop: asyncio.Event) -> None:
        """Until the next one is due, one more is put down, or the poll that stands behind both."""
        async with self.database.connect() as connection:
            due = await publications.next_due(connection)
        waits: Sequence[Coroutine[Any, Any, Any]] = (
            self._wakeup.wait(self.poll_seconds),
            stop.wait(),
            *((self.clock.sleep_until(due),) if due else ()),
        )
        tasks = [asyncio.ensure_future(one) for one in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
