"""A request is read only up to a size; what is larger is refused before it fills the memory."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from klokwerk.http.problems import MEDIA_TYPE

MOST_BYTES = 10 * 1024 * 1024


class BodyLimit:
    """ASGI middleware that answers 413 to a body of more than `most` bytes, declared or not.

    Args:
        larger: paths (regular expressions for the whole path) that take more, with how much, e.g. uploads.
    """

    def __init__(self, app: ASGIApp, most: int = MOST_BYTES, larger: Mapping[str, int] | None = None) -> None:
        self.app, self.most = app, most
        self.larger = [(re.compile(path), size) for path, size in (larger or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = next((size for path, size in self.larger if path.fullmatch(scope["path"])), self.most)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > most:
            await self._refuse(send, most)
            return
        taken = 0
        started = False

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, limited, watched)
        except _TooLarge:
            if not started:
                await self._refuse(send, most)

    async def _refuse(self, send: Send, most: int) -> None:
        body = (
            b'{"type":"about:blank","title":"The request is too large","status":413,"detail":"At most %d bytes '
            b'are taken here; send it in parts."}' % most
        )
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _TooLarge(BaseException):
    """Leaves the app unhandled on its way to the middleware, past handlers for Exception."""
