"""The EKT service: every EKT that was made and what became of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any

from back_office.clients.sales import CanResend
from back_office.clients.shapes import Page, Shape, Words
from back_office.clients.transport import Caller, Download


class Ekt(Shape):
    """One EKT."""

    ekt_id: str
    debtor_id: str
    debtor_name: Words = ""
    order_day: date
    trigger: Words = "first"
    state: Words = ""
    sale_revision: int | None = None
    method: Words = ""
    recipient: Words = ""
    file_name: Words = ""
    message: Words = ""
    requested_by: Words = ""
    reason: Words = ""
    note: Words = ""
    created_at: datetime | None = None
    changed_at: datetime | None = None


class DayLog(Shape):
    """Everything about the EKTs of one debtor and order day."""

    items: tuple[Ekt, ...] = ()
    resends: int = 0
    can_resend: CanResend | None = None


class EktClient:
    """Reads EKTs."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def find(self, **filters: str | None) -> Page[Ekt]:
        """EKTs by ``debtor_id``, ``order_day``, ``state``."""
        return (await self._caller.get("/v1/ekts", Page[Ekt], filters)).value

    async def log(self, debtor_id: str, day: date) -> DayLog:
        """The log of one debtor and day (EF-50, EF-51)."""
        return (await self._caller.get(f"/v1/debtors/{debtor_id}/days/{day.isoformat()}", DayLog)).value

    def file(self, ekt_id: str) -> AbstractAsyncContextManager[Download]:
        """The file as it was sent."""
        return self._caller.download(f"/v1/ekts/{ekt_id}/file")
