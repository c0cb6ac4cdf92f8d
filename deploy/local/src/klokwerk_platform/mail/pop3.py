"""A small POP3 server (RFC 1939) for the mails of one domain: what bounces go to, read as by any mail program."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from klokwerk_platform.mail.messages import MailBox

_IDLE_SECONDS = 600


class Pop3Server:
    """Serves the mails whose envelope recipient is in `domain`; any user and password may read them.

    Args:
        tls: speak TLS from the first byte on.
        passwords: refuses a user and password where it says so.
    """

    def __init__(
        self,
        mailbox: MailBox,
        host: str,
        port: int,
        domain: str,
        *,
        tls: ssl.SSLContext | None = None,
        passwords: Callable[[str, str], bool] = lambda _user, _password: True,
    ) -> None:
        self.mailbox, self.domain = mailbox, domain
        self.passwords = passwords
        self.locked = False
        self._host, self._port, self._tls = host, port, tls
        self._listener: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen."""
        self._listener = await asyncio.start_server(self._serve, self._host, self._port, ssl=self._tls)

    async def stop(self) -> None:
        """Stop listening, and break off what is open."""
        if self._listener is not None:
            self._listener.close()
            for session in list(self._sessions):
                session.cancel()
            await asyncio.gather(*self._sessions, return_exceptions=True)
            self._listener = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._sessions.add(task)
        session = _Session(self)
        try:
            writer.write(b"+OK ready\r\n")
            while not session.over:
                async with asyncio.timeout(_IDLE_SECONDS):
                    line = await reader.readline()
                if not line:
                    break
                writer.write(session.answer(line.decode(errors="replace").strip()))
                await writer.drain()
        except (ConnectionError, TimeoutError):
            pass
        finally:
            session.leave()
            writer.close()
            if task is not None:
                self._sessions.discard(task)


class _Session:
    """One connection: what it may see was fixed when it signed in, and is removed only when it takes leave."""

    def __init__(self, server: Pop3Server) -> None:
        self._server = server
        self._name = ""
        self._signed_in = False
        self._mails: list[int] = []
        self._removed: set[int] = set()
        self.over = False
        self._open = {"USER": self.user, "PASS": self.password, "CAPA": self.abilities, "QUIT": self.quit}
        self._inside = {
            "STAT": self.state,
            "LIST": self.sizes,
            "UIDL": self.names,
            "RETR": self.retrieve,
            "TOP": self.top,
            "DELE": self.delete,
            "RSET": self.reset,
            "NOOP": lambda _: b"+OK\r\n",
        }

    def answer(self, line: str) -> bytes:
        """What the server says to one command."""
        command, _, rest = line.partition(" ")
        known = self._open.get(command.upper())
        if known is None and (known := self._inside.get(command.upper())) and not self._signed_in:
            return b"-ERR sign in first\r\n"
        return known(rest.strip()) if known else b"-ERR unknown command\r\n"

    def leave(self) -> None:
        """Let others in."""
        if self._signed_in:
            self._server.locked = False
            self._signed_in = False

    def user(self, name: str) -> bytes:
        self._name = name
        return b"+OK\r\n"

    def password(self, password: str) -> bytes:
        if not self._server.passwords(self._name, password):
            return b"-ERR [AUTH] user and password are not accepted\r\n"
        if self._server.locked:
            return b"-ERR [IN-USE] somebody else reads this mailbox\r\n"
        self._server.locked = self._signed_in = True
        self._mails = self._server.mailbox.numbers_to_domain(self._server.domain)
        return b"+OK\r\n"

    def abilities(self, _: str) -> bytes:
        return b"+OK\r\nUSER\r\nTOP\r\nUIDL\r\nRESP-CODES\r\n.\r\n"

    def quit(self, _: str) -> bytes:
        if self._signed_in:
            for place in self._removed:
                self._server.mailbox.remove(self._mails[place - 1])
        self.over = True
        return b"+OK\r\n"

    def state(self, _: str) -> bytes:
        left = [len(self._content(place)) for place in self._places()]
        return f"+OK {len(left)} {sum(left)}\r\n".encode()

    def sizes(self, which: str) -> bytes:
        return self._listed(which, lambda place: str(len(self._content(place))))

    def names(self, which: str) -> bytes:
        return self._listed(which, lambda place: f"mail-{self._mails[place - 1]}")

    def retrieve(self, which: str) -> bytes:
        place = self._place(which)
        return b"+OK\r\n" + _dotted(self._content(place)) if place else b"-ERR no such mail\r\n"

    def top(self, rest: str) -> bytes:
        which, _, many = rest.partition(" ")
        place = self._place(which)
        if not place or not many.isdigit():
            return b"-ERR no such mail\r\n"
        head, _, body = self._content(place).partition(b"\r\n\r\n")
        lines = body.split(b"\r\n")[: int(many)]
        return b"+OK\r\n" + _dotted(head + b"\r\n\r\n" + b"\r\n".join(lines))

    def delete(self, which: str) -> bytes:
        place = self._place(which)
        if not place:
            return b"-ERR no such mail\r\n"
        self._removed.add(place)
        return b"+OK\r\n"

    def reset(self, _: str) -> bytes:
        self._removed.clear()
        return b"+OK\r\n"

    def _places(self) -> list[int]:
        return [place for place in range(1, len(self._mails) + 1) if place not in self._removed]

    def _place(self, which: str) -> int:
        return int(which) if which.isdigit() and int(which) in self._places() else 0

    def _listed(self, which: str, told: Callable[[int], str]) -> bytes:
        if which:
            place = self._place(which)
            return f"+OK {place} {told(place)}\r\n".encode() if place else b"-ERR no such mail\r\n"
        lines = [f"{place} {told(place)}\r\n" for place in self._places()]
        return ("+OK\r\n" + "".join(lines) + ".\r\n").encode()

    def _content(self, place: int) -> bytes:
        """A mail with what its last server puts on top."""
        number = self._mails[place - 1]
        envelope = self._server.mailbox.envelope(number)
        to = next((each for each in envelope.envelope_to if _domain(each) == self._server.domain), "")
        top = f"Return-Path: <{envelope.envelope_from}>\r\nDelivered-To: {to}\r\n".encode()
        return top + self._server.mailbox.raw(number)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _dotted(content: bytes) -> bytes:
    lines = content.removesuffix(b"\r\n").split(b"\r\n")
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n"
