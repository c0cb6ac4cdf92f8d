"""Waking a worker by PostgreSQL's NOTIFY, with a poll behind it in case a notice is lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait until `stop` or until the seconds are over: the rest of a worker that looks again and again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


class Wakeup:
    """Waits for a NOTIFY on one channel of one asyncpg connection."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def listen(self, connection: asyncpg.Connection, channel: str) -> None:
        """Start listening; the connection must stay open."""
        await connection.add_listener(channel, self._on_notice)
        self._event.set()

    def _on_notice(self, *_: Any) -> None:
        self._event.set()

    def set(self) -> None:
        """Wake the waiter from within the process."""
        self._event.set()

    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109
        """Return at the next notice, at once if one came since the last call, or after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()
