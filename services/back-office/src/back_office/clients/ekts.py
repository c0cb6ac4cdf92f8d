"""The EKT service: every EKT that was made and what became of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from back_office.clients.shapes import Page, Shape, Words, at
from back_office.clients.transport import Answer, Caller, Download


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
    other_address_possible: bool = False
    ekts: tuple[Ekt, ...] = ()


class MailTemplate(Shape):
    """Subject and text of the mail around an EKT."""

    subject: Words = ""
    text: Words = ""


class EktSettings(BaseModel):
    """Settings of the EKT module; fields not named here are kept as they came (EF-66..EF-68)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    active: bool = False
    sender_name: Words = ""
    sender_code: Words = ""
    auction_code: Words = ""
    seller_gln: Words = ""
    mail_from: Words = ""
    reply_to: Words = ""
    default_language: Words = "en"
    templates: dict[str, MailTemplate] = Field(default_factory=dict)
    file_name_pattern: Words = ""
    name_length: int = 20
    test: bool = False
    other_address_allowed: bool = False
    confirmation_link: bool = False
    changed_at: datetime | None = None
    changed_by: Words = ""
    email_possible: bool = False
    folder_possible: bool = False


class FileFinding(Shape):
    """One fault in an EKT file: where, what stands there, what is wrong and the cure."""

    severity: Words = "error"
    segment: int = 0
    tag: Words = ""
    place: Words = ""
    found: Words = ""
    says: Words = ""
    cure: Words = ""


class FileReport(Shape):
    """What was found in an EKT file."""

    acceptable: bool = False
    messages: int = 0
    lines: int = 0
    goods_total: Decimal | None = None
    findings: tuple[FileFinding, ...] = ()
    left_off: int = 0


class EktClient:
    """Reads EKTs, keeps the settings of the module, has files checked."""

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

    async def settings(self) -> Answer[EktSettings]:
        """The settings of the EKT module."""
        return await self._caller.get("/v1/settings", EktSettings)

    async def save_settings(self, settings: dict[str, Any], revision: str) -> Answer[EktSettings]:
        """Keep the settings as a whole; templates are tried first."""
        return await self._caller.send("PUT", "/v1/settings", EktSettings, settings, revision=revision)

    async def check(self, content: bytes) -> FileReport:
        """Have an EKT file explained."""
        return await self._caller.hand_in("/v1/validate", FileReport, content)
