"""A mailbox read by POP3, over the standard library's client in a thread."""

import asyncio
import poplib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from klokwerk.smtp import Encryption

# The library's bound of 2,048 bytes is meant for answers to commands; lines of mails are often longer.
poplib._MAXLINE = 1_000_000  # type: ignore[attr-defined]
_READ_WHOLE = 5_000_000
_LINES_OF_LARGE = 2_000


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where a return mailbox is.

    Args:
        timeout: seconds for connecting and for each answer.
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    encryption: Encryption = Encryption.NONE
    timeout: float = 15.0

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["OpenMailbox"]:
        """The mailbox, signed in; what was removed is gone for good when the block ends well.

        Raises:
            OSError, poplib.error_proto: it can't be opened.
        """
        client = await asyncio.to_thread(self._sign_in)
        try:
            yield OpenMailbox(client)
            await asyncio.to_thread(client.quit)
        finally:
            with suppress(OSError):
                await asyncio.to_thread(client.close)

    def _sign_in(self) -> poplib.POP3:
        context = ssl.create_default_context()
        if self.encryption is Encryption.TLS:
            client: poplib.POP3 = poplib.POP3_SSL(self.host, self.port, timeout=self.timeout, context=context)
        else:
            client = poplib.POP3(self.host, self.port, timeout=self.timeout)
        try:
            if self.encryption is Encryption.STARTTLS:
                client.stls(context)
            client.user(self.user)
            client.pass_(self.password)
        except BaseException:
            client.close()
            raise
        return client


@dataclass(frozen=True, slots=True)
class OpenMailbox:
    """A mailbox that we are signed in to."""

    client: poplib.POP3

    async def sizes(self) -> list[tuple[int, int]]:
        """Number and size of every mail."""
        _, lines, _ = await asyncio.to_thread(self.client.list)
        return [(int(number), int(size)) for number, size in (line.split()[:2] for line in lines)]

    async def read(self, number: int, size: int) -> bytes:
        """A mail; of a very large one the beginning, which says what it is about."""
        if size > _READ_WHOLE:
            _, lines, _ = await asyncio.to_thread(self.client.top, number, _LINES_OF_LARGE)
        else:
            _, lines, _ = await asyncio.to_thread(self.client.retr, number)
        return b"\r\n".join(lines) + b"\r\n"

    async def remove(self, number: int) -> None:
        """Have a mail removed at the end."""
        await asyncio.to_thread(self.client.dele, number)
