"""Reads the return mailbox: each mail is taken, its effect committed, and only then is it removed."""

import asyncio
import poplib
from dataclasses import dataclass
from datetime import timedelta

from klokwerk import telemetry
from klokwerk.wakeup import pause

from ekt_service.mailbox import Mailbox
from ekt_service.returning import Returning, Taken
from ekt_service.store import return_mails

log = telemetry.get_logger(__name__)
_AT_ONCE = 200
_KEPT = timedelta(days=90)


@dataclass(slots=True)
class MailboxWorker:
    """Reads the mailbox every so often; of several processes one at a time, as the mailbox lets in only one.

    Args:
        every: seconds between two looks.
    """

    mailbox: Mailbox
    returning: Returning
    every: float = 30.0
    name: str = "return-mailbox"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`."""
        while not stop.is_set():
            more = await self.look()
            if not more:
                await pause(stop, self.every)

    async def look(self) -> bool:
        """Take what is there now; whether there is more."""
        database, clock = self.returning.database, self.returning.sending.clock
        try:
            more = await self._take_all()
        except (OSError, TimeoutError, poplib.error_proto) as trouble:
            words = str(trouble) or type(trouble).__name__
            if "IN-USE" in words.upper() or "locked" in words.lower():
                return False  # another process is reading
            log.warning("return_mailbox_not_read", error=words)
            async with database.transaction() as connection:
                await return_mails.in_trouble(connection, words[:500], clock.now())
            return False
        async with database.transaction() as connection:
            await return_mails.went_well(connection, clock.now())
            await return_mails.purge(connection, clock.now() - _KEPT)
        return more

    async def _take_all(self) -> bool:
        async with self.mailbox.opened() as box:
            found = await box.sizes()
            left = 0
            for number, size in found[:_AT_ONCE]:
                if await self.returning.take(await box.read(number, size)) is Taken.REMOVE:
                    await box.remove(number)
                else:
                    left += 1
            return len(found) > _AT_ONCE and left < _AT_ONCE
