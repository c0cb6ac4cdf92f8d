"""An SMTP server that takes everything and keeps nothing; it tells on standard output whose mail it took when.

Lean on purpose: what is measured against it is not waiting for it.

    python tests/benchmarks/mail_sink.py PORT
"""

from __future__ import annotations

import asyncio
import sys
import time

_END = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    """One connection: the few commands that a client needs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.held = b""
        self.in_data = False
        self.recipient = ""
        self._answer("220 sink")

    def data_received(self, data: bytes) -> None:
        self.held += data
        while self._one():
            pass

    def _one(self) -> bool:
        """Take one command, or the mail, off what has come; whether there was a whole one."""
        end = _END if self.in_data else b"\r\n"
        place = self.held.find(end)
        if place < 0:
            return False
        part, self.held = self.held[:place], self.held[place + len(end) :]
        if self.in_data:
            self.in_data = False
            sys.stdout.write(f"{time.time():.6f} {self.recipient}\n")
            sys.stdout.flush()
            self._answer("250 taken")
        else:
            self._command(part.decode("ascii", "replace"))
        return True

    def _command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "RCPT":
            self.recipient = line.partition("<")[2].partition(">")[0]
        if verb == "DATA":
            self.in_data = True
            self._answer("354 go on")
        elif verb == "QUIT":
            self._answer("221 bye")
            self.transport.close()
        elif verb == "EHLO":
            self._answer("250-sink\r\n250 8BITMIME")
        else:
            self._answer("250 ok")

    def _answer(self, text: str) -> None:
        self.transport.write(f"{text}\r\n".encode())


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
