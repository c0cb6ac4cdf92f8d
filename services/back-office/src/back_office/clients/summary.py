"""What each service tells about itself for the home page."""

from __future__ import annotations

from datetime import datetime

from back_office.clients.shapes import Said, Shape, Words
from back_office.clients.transport import Caller


class Count(Shape):
    """One number with its label; `state` is ok, warn or error."""

    name: str
    label: Said = ""
    value: int
    state: str = "ok"


class Happening(Shape):
    """Something that happened a moment ago."""

    at: datetime
    text: Said
    state: str = "ok"
    link: Words = ""


class Summary(Shape):
    """The answer of ``GET /v1/summary``."""

    counts: tuple[Count, ...] = ()
    recent: tuple[Happening, ...] = ()


class SummaryClient:
    """Reads the summary of one service."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def read(self) -> Summary:
        """What came in, went out and failed."""
        return (await self._caller.get("/v1/summary", Summary)).value
