"""Files on their way from a service to the browser, always saved and never shown as a page of ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from fastapi import Response
from fastapi.responses import StreamingResponse

from back_office.clients.transport import Download

SAFE_TYPE = re.compile(r"^[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?$")


async def streamed(source: AbstractAsyncContextManager[Download], file_name: str = "") -> Response:
    """The file as it comes; refused by its service before the first byte, it raises as any call does.

    Args:
        source: an open call of a client.
        file_name: used where the service names none.
    """
    stack = AsyncExitStack()
    download = await stack.enter_async_context(source)

    async def content() -> AsyncIterator[bytes]:
        async with stack:
            async for chunk in download.content:
                yield chunk

    disposition = download.disposition
    if not disposition.lower().startswith("attachment"):
        disposition = "attachment" + disposition[len(disposition.split(";", 1)[0]) :]
    if "filename" not in disposition and file_name:
        disposition = f'attachment; filename="{re.sub(r"[^A-Za-z0-9._-]", "_", file_name)}"'
    media_type = download.media_type if SAFE_TYPE.match(download.media_type) else "application/octet-stream"
    return StreamingResponse(
        content(),
        media_type=media_type,
        headers={"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"},
    )
