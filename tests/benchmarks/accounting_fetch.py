"""A fetch among very many synchronised relations of which few changed, against the same few in small books."""

from __future__ import annotations

import sqlalchemy as sa
from accounting_cards import START, card, service_database
from ground import Ground
from klokwerk.clock import FixedClock
from klokwerk.database import Database
from measure import Comparison, Side, Watch, compare

RELATIONS = 100_000
CHANGED = 1_000
CHANGED_A_SECOND = 1_000.0
"""The goal is a fetch of 1,000 changed among 100,000 in under a second."""
FOLLOWS_THE_CHANGED = 0.5
AT_ONCE = 2_000

_SYNCED = sa.text(
    "update relation r set synced_fingerprint = l.fingerprint, synced_data = l.data, "
    "synced_revision = l.revision, synced_at = l.fetched_at from line l where l.administration = r.administration "
    "and l.kind = r.kind and l.debtor_id = r.debtor_id"
)
_NO_LINES = sa.text("delete from line")
_ANALYSE = sa.text("analyze card, relation, line")


async def run(ground: Ground) -> list[Comparison]:
    """From the press of "fetch" until the lines are listed, with cards that changed before it."""
    many, few = ground.count(RELATIONS), ground.count(CHANGED)
    async with (
        service_database(ground.admin_url) as large,
        service_database(ground.admin_url) as small,
    ):
        sides = [_Books(large, many, few), _Books(small, few, few)]
        for books in sides:
            await books.synchronised()
        found = await compare(
            "accounting, fetch of the changed",
            Side(f"{few:,} changed among {many:,}", sides[0].fetched, sides[0].changed),
            Side(f"{few:,} changed among {few:,}", sides[1].fetched, sides[1].changed),
            unit="lines",
            pace=ground.pace,
            goal=ground.wanted(FOLLOWS_THE_CHANGED),
            floor=ground.wanted(CHANGED_A_SECOND),
        )
    return [found]


class _Books:
    """One administration, all of whose relations accounting knows."""

    def __init__(self, database: Database, count: int, changed: int) -> None:
        self._database, self._count, self._changed = database, count, changed
        self._clock = FixedClock(START)
        self._revision = 1

    async def synchronised(self) -> None:
        """Every card taken in, listed, and told."""
        for first in range(0, self._count, AT_ONCE):
            await self._take_in(range(first, min(first + AT_ONCE, self._count)))
        await self._fetch()
        async with self._database.transaction() as connection:
            await connection.execute(_SYNCED)
            await connection.execute(_NO_LINES)
            await connection.execute(_ANALYSE)

    async def changed(self) -> None:
        """The list is empty and cards from all over the books have changed."""
        async with self._database.transaction() as connection:
            await connection.execute(_NO_LINES)
        self._revision += 1
        await self._take_in(range(0, self._count, self._count // self._changed))

    async def fetched(self, _watch: Watch) -> int:
        """The fetch."""
        listed = await self._fetch()
        assert listed >= self._changed, f"{listed} lines of {self._changed} changed cards"
        return listed

    async def _take_in(self, numbers: range) -> None:
        from accounting_sync.consumers import snapshot_of
        from accounting_sync.store import cards

        name = {"name": f"Bloemen in revision {self._revision}"} if self._revision > 1 else {}
        known = [snapshot_of(card(number, self._revision, **name)) for number in numbers]
        async with self._database.transaction() as connection:
            await cards.take_in(connection, known, START)

    async def _fetch(self) -> int:
        from accounting_sync.domain.relation import Kind
        from accounting_sync.fetching import fetch
        from accounting_sync.store import administrations

        async with self._database.connect() as connection:
            main = await administrations.find(connection, "main")
        assert main is not None
        return (await fetch(self._database, self._clock, main, Kind.DEBTORS)).listed
