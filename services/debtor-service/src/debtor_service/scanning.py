"""The virus scanner: ClamAV's daemon, asked over its own protocol (INSTREAM), or none.

Where a scanner is set up, nothing is stored that it did not look at: a scanner that is away refuses the upload, with
the request to try again. Where none is set up, files are stored as "not scanned" and shown as such.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import Protocol

from klokwerk import telemetry
from prometheus_client import Counter

from debtor_service.domain.attachments import Scan

log = telemetry.get_logger(__name__)

SCANS = Counter(
    "klokwerk_attachment_scans", "Files looked at for viruses", ["outcome"], registry=telemetry.REGISTRY
)
PIECE = 256 * 1024
LONGEST_ANSWER = 4096
TRIES = 2


class Infected(Exception):
    """The scanner found something; `signature` is its name for it."""

    def __init__(self, signature: str) -> None:
        super().__init__(f"the virus scanner found {signature}")
        self.signature = signature


class ScannerAway(Exception):
    """The scanner did not say whether the file is clean."""


class Scanner(Protocol):
    """Whoever looks at files before they are stored."""

    async def scan(self, content: bytes) -> Scan:
        """What is known of the file now.

        Raises:
            Infected: it must not be stored.
            ScannerAway: nobody can say at the moment.
        """
        ...


class NoScanner:
    """None is set up."""

    async def scan(self, content: bytes) -> Scan:  # noqa: ARG002
        """Nothing is known."""
        SCANS.labels("not_scanned").inc()
        return Scan.NOT_SCANNED


@dataclass(frozen=True, slots=True)
class Clamd:
    """A ``clamd`` at an address.

    Attributes:
        seconds: for one file with all its tries.
    """

    host: str
    port: int
    seconds: float

    async def scan(self, content: bytes) -> Scan:
        """Ask it; a connection that breaks is tried once more, since looking twice does no harm."""
        trouble = ""
        try:
            async with asyncio.timeout(self.seconds):
                for _ in range(TRIES):
                    try:
                        return self._read(await self._ask(content))
                    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                        trouble = repr(error)
        except TimeoutError:
            trouble = f"no answer in {self.seconds:g} s"
        SCANS.labels("away").inc()
        log.warning("virus_scanner_away", scanner=f"{self.host}:{self.port}", error=trouble)
        raise ScannerAway(trouble)

    async def _ask(self, content: bytes) -> str:
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=LONGEST_ANSWER)
        try:
            writer.write(b"zINSTREAM\0")
            for start in range(0, len(content), PIECE):
                piece = content[start : start + PIECE]
                writer.write(struct.pack("!I", len(piece)) + piece)
                await writer.drain()
            writer.write(struct.pack("!I", 0))
            await writer.drain()
            return (await reader.readuntil(b"\0")).rstrip(b"\0").decode("utf-8", errors="replace").strip()
        finally:
            writer.close()

    def _read(self, answer: str) -> Scan:
        said = answer.removeprefix("stream:").strip()
        if said == "OK":
            SCANS.labels("clean").inc()
            return Scan.CLEAN
        if said.endswith(" FOUND"):
            SCANS.labels("infected").inc()
            raise Infected(said.removesuffix(" FOUND"))
        SCANS.labels("refused").inc()
        log.warning("virus_scanner_refused", answer=answer[:200])
        raise ScannerAway(f"it answered {answer[:200]!r}")


def scanner_at(address: str, seconds: float) -> Scanner:
    """The scanner at ``host:port``; none where the address is empty."""
    if not address:
        return NoScanner()
    host, _, port = address.rpartition(":")
    return Clamd(host, int(port), seconds)
