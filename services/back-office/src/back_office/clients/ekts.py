"""The EKT service: every EKT that was made and what became of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import date, datetime

from back_office.clients.shapes import Page, Shape, Words, at
from back_office.clients.transport import Caller, Download


class EktFile(Shape):
    """One file of an EKT."""

    number: int = 1
    name: Words = ""


class Ekt(Shape):
    """One EKT: what, when, who, why, where to, and what became of it."""

    id: str
    debtor_id: str
    order_day: date
    trigger: Words = "first"
    state: Words = ""
    message: Words = ""
    sale_revision: int | None = None
    requested_by: Words = ""
    requested_at: datetime | None = None
    reason: Words = ""
    note: Words = ""
    method: Words = ""
    recipient: Words = ""
    file_name: Words = ""
    files: tuple[EktFile, ...] = ()
    changed_at: datetime | None = None


class Requirement(Shape):
    """One thing that is missing, and where it is mended."""

    code: Words = ""
    text: Words = ""
    link: Words = ""


class DebtorDay(Shape):
    """Everything about the EKTs of one debtor and order day."""

    visible: bool = False
    can_resend: bool = False
    missing: tuple[Requirement, ...] = ()
    warnings: tuple[Requirement, ...] = ()
    recipient: Words = ""
    ekts: tuple[Ekt, ...] = ()


class EktClient:
    """Reads EKTs."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def find(self, **filters: str | None) -> Page[Ekt]:
        """EKTs by ``debtor_id``, ``order_day``, ``state``."""
        return (await self._caller.get("/v1/ekts", Page[Ekt], filters)).value

    async def day(self, debtor_id: str, day: date) -> DebtorDay:
        """The log of one debtor and day (EF-50, EF-51), and what is missing for a resend."""
        return (await self._caller.get(at("debtors", debtor_id, "days", day.isoformat()), DebtorDay)).value

    def file(self, ekt_id: str, number: str = "1") -> AbstractAsyncContextManager[Download]:
        """The file as it was sent."""
        return self._caller.download(at("ekts", ekt_id, "file"), {"number": number})
