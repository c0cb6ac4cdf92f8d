"""Looks after connections that nobody uses at the moment, so that trouble is known before it is needed.

A sign-in that broke off in the middle of its renewal is settled at once; every connection is tested once a day;
places of an error allowance that this process does not need are given back.
"""

from dataclasses import dataclass
from datetime import timedelta

from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.sealing import WrongSecretKey

from accounting_sync.domain.administration import Administration
from accounting_sync.links import Links
from accounting_sync.store import administrations, connections
from accounting_sync.targets.answers import TROUBLE

log = telemetry.get_logger(__name__)
AT_A_TIME = 5


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of a connection found."""

    ok: bool
    message: str


@dataclass(slots=True)
class Upkeep:
    """One in every process; they share the work. `every` is how often a connection is tested, None for never."""

    database: Database
    clock: Clock
    links: Links
    every: timedelta | None

    async def tick(self) -> None:
        """Look once."""
        await self._settle()
        if self.every is not None:
            await self._test_due(self.every)
        await self.links.let_idle_ones_go()

    async def test(self, administration: Administration) -> Tested:
        """Make one harmless call and keep what it found."""
        link = self.links.target(administration.code, administration.target)
        try:
            found = Tested(True, await link.check())
        except (*TROUBLE, WrongSecretKey) as trouble:
            found = Tested(False, str(trouble))
        async with self.database.transaction() as connection:
            await connections.checked(
                connection, administration.code, ok=found.ok, message=found.message, now=self.clock.now()
            )
        return found

    async def _settle(self) -> None:
        async with self.database.connect() as connection:
            left = await connections.broken_off(connection)
        for code in left:
            try:
                await self.links.exact(code).tokens.settle()
            except (*TROUBLE, WrongSecretKey) as trouble:
                log.warning("sign_in_broke_off", administration=code, found=str(trouble))

    async def _test_due(self, every: timedelta) -> None:
        now = self.clock.now()
        async with self.database.transaction() as connection:
            due = await connections.to_check(connection, now - every, now, AT_A_TIME)
        for code in due:
            async with self.database.connect() as connection:
                administration = await administrations.find(connection, code)
            if administration is not None:
                found = await self.test(administration)
                if not found.ok:
                    log.warning("connection_does_not_work", administration=code, why=found.message)
