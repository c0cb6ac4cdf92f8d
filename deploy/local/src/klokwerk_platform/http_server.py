"""Serves ASGI apps on ports of their own inside one process, with a connection that can be broken."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from klokwerk_platform.simulators.behaviour import TRANSPORT_KEY


class BreakableProtocol(H11Protocol):
    """Hands the transport to the app, so that a simulator can break the connection instead of answering."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: ASGIApp = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope[TRANSPORT_KEY] = self.transport
            await app(scope, receive, send)

        self.app = with_transport


class _QuietServer(uvicorn.Server):
    """A server whose signals are handled by the process that runs several of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def serving(apps: Sequence[tuple[ASGIApp, int]], host: str = "127.0.0.1") -> AsyncIterator[None]:
    """Serve every app on its port until the context ends.

    Raises ``OSError`` when a port is taken.
    """
    servers = [
        _QuietServer(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=BreakableProtocol,
                lifespan="off",
                log_level="warning",
                timeout_graceful_shutdown=1,
            )
        )
        for app, port in apps
    ]
    tasks = [asyncio.create_task(server.serve()) for server in servers]
    try:
        while not all(server.started for server in servers):
            for task in tasks:
                if task.done():
                    task.result()
                    raise OSError("An HTTP server ended before it served; is its port taken?")
            await asyncio.sleep(0.02)
        yield
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait_for_stop() -> None:
    """Return when this process is asked to stop (SIGTERM or Ctrl+C)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
