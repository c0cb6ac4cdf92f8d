"""What happens to distributions: every change locks the day's row, judges it once and publishes at most once.

A transaction with ten changed lines of one debtor and day gives one event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from klokwerk.clock import Clock
from klokwerk.outbox import Outbox
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.distribution import MAX_LINES, sale_completed, standing
from sales_service.domain.lines import Line
from sales_service.store import sales
from sales_service.store.sales import DayKey, DayRow, Outcome


class KeptElsewhere(Exception):
    """The sale of this debtor and day belongs to another system; it is corrected there."""

    def __init__(self, row: DayRow) -> None:
        super().__init__(
            f"the sale of debtor {row.key.debtor_id} on {row.key.order_day} is kept by {row.source}"
        )
        self.row = row


class TooManyLines(Exception):
    """A distribution would get more lines than one event can hold."""

    def __init__(self, key: DayKey, count: int) -> None:
        super().__init__(
            f"debtor {key.debtor_id} would have {count} lines on {key.order_day}; {MAX_LINES} is the most"
        )
        self.key = key


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a distribution, and why; both go along in the event."""

    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Distributions:
    """The distributions of this service's own sales.

    Args:
        outbox: where events go; its source is what marks a sale as ours.
        administration: legal entity named in events.
    """

    outbox: Outbox
    clock: Clock
    administration: str = "main"

    async def lock(self, connection: AsyncConnection, keys: Iterable[DayKey]) -> dict[DayKey, DayRow]:
        """Lock the days of `keys` for a change of ours.

        Raises:
            KeptElsewhere: one of them belongs to another system.
        """
        rows = await sales.lock(connection, keys, source=self.outbox.source, now=self.clock.now())
        for row in rows.values():
            if row.source != self.outbox.source and (row.line_count or row.revision):
                raise KeptElsewhere(row)
        return rows

    async def settle(
        self,
        connection: AsyncConnection,
        rows: Mapping[DayKey, DayRow],
        author: Author,
    ) -> dict[DayKey, Outcome]:
        """Judge the locked days of `rows` as they stand now, and publish what the world should know.

        Raises:
            TooManyLines: a day has more lines than one event can hold.
            EventTooLarge: a completed distribution does not fit into one event.
        """
        now = self.clock.now()
        found = await sales.lines(connection, rows)
        outcomes: dict[DayKey, Outcome] = {}
        for key in sorted(rows):
            outcomes[key] = self._judge(rows[key], found[key], now)
        await sales.save(connection, list(outcomes.values()), now)
        events = [
            sale_completed(
                administration=self.administration,
                debtor_id=key.debtor_id,
                order_day=key.order_day,
                revision=outcome.revision,
                lines=found[key],
                completed_at=now,
                by=author.by,
                reason=author.reason,
            )
            for key, outcome in outcomes.items()
            if outcome.standing.publish
        ]
        if events:
            await self.outbox.append(connection, *events, time=now)
        return outcomes

    def _judge(self, row: DayRow, lines: list[Line], now: datetime) -> Outcome:
        if len(lines) > MAX_LINES:
            raise TooManyLines(row.key, len(lines))
        judged = standing(lines, row.published)
        return Outcome(
            row=row,
            standing=judged,
            source=self.outbox.source,
            revision=judged.publish or row.revision,
            digest=judged.digest if judged.publish else row.digest,
            completed_at=now if judged.publish else row.completed_at,
        )

    async def merge(self, connection: AsyncConnection, removed: str, target: str) -> None:
        """Bring every day of a merged card under its target; days that both have become one of ours."""
        for order_day in await sales.days_of(connection, removed):
            kept, lost = DayKey(target, order_day), DayKey(removed, order_day)
            existing = await sales.day(connection, kept)
            if existing is None:
                await sales.move_day(connection, removed, target, order_day, merge=False)
                continue
            rows = await sales.lock(connection, [kept, lost], source=self.outbox.source, now=self.clock.now())
            await sales.move_day(connection, removed, target, order_day, merge=True)
            row = rows[kept]
            highest = max(row.revision, rows[lost].revision)
            together = DayRow(
                kept, row.source, row.version, row.line_count, highest, row.digest, row.completed_at
            )
            await self.settle(
                connection, {kept: together}, Author("merge", f"card {removed} was merged into this one")
            )
