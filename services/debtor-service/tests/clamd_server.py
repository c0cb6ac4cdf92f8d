"""A server that speaks ClamAV's INSTREAM protocol over a real socket, and can be as troublesome as the real one."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

SIGNATURE = "Win.Test.EICAR_HDB-1"
MARK = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
STREAM_MOST = 5_000_000


class Mood(StrEnum):
    """How the server behaves."""

    WELL = "well"
    HANGS = "hangs"
    DROPS = "drops"
    DROPS_ONCE = "drops once"
    TALKS_NONSENSE = "talks nonsense"


@dataclass
class ClamdServer:
    """What was sent to it, and how it behaves from now on."""

    port: int = 0
    mood: Mood = Mood.WELL
    scanned: list[bytes] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        if self.mood in (Mood.DROPS, Mood.DROPS_ONCE):
            self.mood = Mood.WELL if self.mood is Mood.DROPS_ONCE else self.mood
            return
        content = b""
        while size := struct.unpack("!I", await reader.readexactly(4))[0]:
            content += await reader.readexactly(size)
            if len(content) > STREAM_MOST:
                writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                await writer.drain()
                return
        self.scanned.append(content)
        if self.mood is Mood.HANGS:
            await self.released.wait()
        found = f"stream: {SIGNATURE} FOUND" if MARK in content else "stream: OK"
        answer = "\xff" * 50 if self.mood is Mood.TALKS_NONSENSE else found
        writer.write(answer.encode("latin-1") + b"\0")
        await writer.drain()


@asynccontextmanager
async def clamd_server() -> AsyncIterator[ClamdServer]:
    """Listen on a free port until the block ends."""
    state = ClamdServer()
    server = await asyncio.start_server(state.handle, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        state.released.set()
        server.close()
