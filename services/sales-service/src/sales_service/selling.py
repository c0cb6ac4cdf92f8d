"""What happens to distributions: every change locks the day's row and judges it once.

A first completion is published in the transaction that brings it about. Corrections of a completed distribution
wait on the row for a moment (`Window`), so that ten quick ones are published as one revision; whoever needs the
newest revision in the world at once (a resend, an invoice, a merge) publishes what waits first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from klokwerk.access import Person, audit_all
from klokwerk.clock import Clock
from klokwerk.outbox import EventTooLarge, Outbox
from klokwerk_contracts.sale_completed import SaleCompleted
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.distribution import (
    MAX_LINES,
    Author,
    Pending,
    Standing,
    Window,
    sale_completed,
    standing,
)
from sales_service.domain.lines import Line
from sales_service.store import publications, sales
from sales_service.store.publications import Settled
from sales_service.store.sales import DayKey, DayRow, Outcome

AT_ONCE = Window(timedelta(0), timedelta(0))
_HEADERS = 2048
"""Bytes that key, headers and the frame of an event take at most, beside its lines."""
ENTITY = "sale"
"""What the audit trail calls a debtor's day."""


def entity_of(key: DayKey) -> str:
    """How the audit trail names a debtor's day."""
    return f"{key.debtor_id}/{key.order_day}"


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
class _Told:
    """One revision to be published."""

    key: DayKey
    revision: int
    lines: Sequence[Line]
    author: Author


@dataclass(frozen=True, slots=True)
class Distributions:
    """The distributions of this service's own sales.

    Args:
        outbox: where events go; its source is what marks a sale as ours.
        administration: legal entity named in events.
        window: how long corrections are gathered.
    """

    outbox: Outbox
    clock: Clock
    administration: str = "main"
    window: Window = AT_ONCE

    def keeps(self, row: DayRow) -> bool:
        """Whether the sale is ours, or free for us to begin."""
        return row.free or row.source == self.outbox.source

    async def lock(self, connection: AsyncConnection, keys: Iterable[DayKey]) -> dict[DayKey, DayRow]:
        """Lock the days of `keys` for a change of ours, always in the same order.

        Raises:
            KeptElsewhere: one of them belongs to another system.
        """
        rows = await sales.lock(connection, keys, source=self.outbox.source, now=self.clock.now())
        for row in rows.values():
            if not self.keeps(row):
                raise KeptElsewhere(row)
        return rows

    async def settle(
        self,
        connection: AsyncConnection,
        rows: Mapping[DayKey, DayRow],
        author: Author,
        *,
        at_once: bool = False,
    ) -> dict[DayKey, Outcome]:
        """Judge the locked days of `rows` as they stand now, and publish what the world should know.

        Args:
            at_once: publish corrections without gathering.

        Raises:
            TooManyLines: a day has more lines than one event can hold.
            EventTooLarge: a completed distribution does not fit into one event.
        """
        now = self.clock.now()
        found = await sales.lines(connection, rows)
        told: list[_Told] = []
        outcomes: dict[DayKey, Outcome] = {}
        for key in sorted(rows):
            row, lines = rows[key], found[key]
            if len(lines) > MAX_LINES:
                raise TooManyLines(key, len(lines))
            judged = standing(lines, row.published)
            waits = None if at_once else self._waits(row, judged, author, now)
            outcomes[key] = self._outcome(row, judged, waits, author, now)
            if judged.publish is None:
                continue
            together = row.pending.author.with_(author) if row.pending else author
            one = _Told(key, judged.publish, lines, together)
            if waits is None:
                told.append(one)
            elif judged.size + _HEADERS > self.outbox.max_bytes // 2:
                self._must_fit(self._event(one, now))
        await sales.save(connection, list(outcomes.values()), now)
        await self._tell(connection, told, now)
        return outcomes

    def _waits(self, row: DayRow, judged: Standing, author: Author, now: datetime) -> Pending | None:
        if judged.publish is None or not row.revision or not self.window.quiet:
            return None
        return self.window.gather(row.pending, author, now)

    def _outcome(
        self, row: DayRow, judged: Standing, waits: Pending | None, author: Author, now: datetime
    ) -> Outcome:
        same = Outcome(
            row=row,
            standing=judged,
            source=self.outbox.source,
            revision=row.revision,
            digest=row.digest,
            completed_at=row.completed_at,
            pending=waits,
            changed_by=author.by,
        )
        if judged.publish is None or waits is not None:
            return same
        return replace(same, revision=judged.publish, digest=judged.digest, completed_at=now)

    async def publish_pending(
        self, connection: AsyncConnection, rows: Iterable[DayRow]
    ) -> dict[DayKey, DayRow]:
        """Publish the corrections that wait on locked rows.

        Returns:
            Every row as it stands afterwards, also those on which nothing waited.
        """
        given = {row.key: row for row in rows}
        waiting = {key: row for key, row in given.items() if row.pending is not None}
        if not waiting:
            return given
        now = self.clock.now()
        found = await sales.lines(connection, waiting)
        told: list[_Told] = []
        after = dict(given)
        for key in sorted(waiting):
            row = waiting[key]
            judged = standing(found[key], row.published)
            if judged.publish is None or row.pending is None:
                after[key] = replace(row, pending=None)
                continue
            told.append(_Told(key, judged.publish, found[key], row.pending.author))
            after[key] = replace(
                row, pending=None, revision=judged.publish, digest=judged.digest, completed_at=now
            )
        settled = [
            Settled(key, after[key].revision, after[key].digest, after[key].completed_at) for key in waiting
        ]
        await publications.settle(connection, settled)
        await self._tell(connection, told, now)
        return after

    async def _tell(self, connection: AsyncConnection, told: Sequence[_Told], now: datetime) -> None:
        """Append the events, and leave in each day's history which revision left, and for whose change."""
        if not told:
            return
        await self.outbox.append(connection, *(self._event(one, now) for one in told), time=now)
        by_name: dict[str, list[_Told]] = {}
        for one in told:
            by_name.setdefault(one.author.by, []).append(one)
        for name, some in by_name.items():
            await audit_all(
                connection,
                Person(self.outbox.source, name, frozenset()),
                now,
                "published",
                ENTITY,
                [
                    (
                        entity_of(one.key),
                        None,
                        {"revision": one.revision, "lines": len(one.lines), "reason": one.author.reason},
                    )
                    for one in some
                ],
            )

    def _event(self, one: _Told, now: datetime) -> SaleCompleted:
        return sale_completed(
            administration=self.administration,
            debtor_id=one.key.debtor_id,
            order_day=one.key.order_day,
            revision=one.revision,
            lines=one.lines,
            completed_at=now,
            author=one.author,
        )

    def _must_fit(self, event: SaleCompleted) -> None:
        """Refuse a correction while its author is there to hear it, not when it is published later."""
        size = len(event.model_dump_json()) + _HEADERS
        if size > self.outbox.max_bytes:
            raise EventTooLarge(
                f"{event.TOPIC} with key {event.key} is {size} bytes, more than {self.outbox.max_bytes}: "
                "split it or make it smaller"
            )

    async def merge(self, connection: AsyncConnection, removed: str, target: str) -> None:
        """Bring every day of a merged card under its target; days that both have become one of ours."""
        now = self.clock.now()
        for order_day in await sales.days_of(connection, removed):
            kept, lost = DayKey(target, order_day), DayKey(removed, order_day)
            rows = await sales.lock(connection, [kept, lost], source=self.outbox.source, now=now)
            await sales.take_lines(connection, removed, target, order_day)
            if rows[kept].free:
                await sales.take_day(connection, removed, target, order_day, now)
                await sales.drop_day(connection, removed, order_day)
                continue
            await sales.drop_day(connection, removed, order_day)
            if rows[lost].free:
                continue
            why = Author("", f"card {removed} was merged into this one")
            for pending in (rows[lost].pending, rows[kept].pending):
                why = pending.author.with_(why) if pending else why
            # Without a digest whatever is complete is told anew: the target's readers may know neither number.
            highest = max(rows[kept].revision, rows[lost].revision)
            together = replace(rows[kept], revision=highest, digest="", pending=None)
            await self.settle(connection, {kept: together}, why, at_once=True)
