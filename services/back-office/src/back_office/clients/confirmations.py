"""The EKT service's confirmation links: the only thing that is asked without a user."""

from __future__ import annotations

from datetime import date, datetime
from urllib.parse import quote

from back_office.clients.shapes import Shape, Words
from back_office.clients.transport import Caller


class Confirmation(Shape):
    """Which EKT a link is for, and whether it was confirmed."""

    sender_name: Words = ""
    order_day: date
    file_name: Words = ""
    confirmed_at: datetime | None = None
    by_customer: bool = False


class ConfirmationClient:
    """Shows and uses the links in mails."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def look(self, token: str) -> Confirmation:
        """The EKT of a link; nothing changes."""
        return (await self._caller.get(_path(token), Confirmation)).value

    async def confirm(self, token: str) -> Confirmation:
        """The customer says that it arrived."""
        return (await self._caller.send("POST", _path(token), Confirmation)).value


def _path(token: str) -> str:
    return f"/confirmations/{quote(token, safe='')}"
