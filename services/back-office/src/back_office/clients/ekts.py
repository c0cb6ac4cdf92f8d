"""The EKT service: every EKT that was made and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from back_office.clients.ekt_files import Explanation
from back_office.clients.shapes import Page, Said, Shape, Words, at
from back_office.clients.transport import Answer, Caller, Download


class EktFile(Shape):
    """One file of an EKT."""

    number: int = 1
    name: Words = ""
    lines: int = 0
    size: int = 0
    sha256: Words = ""


class Ekt(Shape):
    """One EKT: what, when, who, why, where to, and what became of it."""

    id: str
    debtor_id: str
    order_day: date
    trigger: Words = "first"
    state: Words = ""
    message: Said = ""
    sale_revision: int | None = None
    requested_by: Words = ""
    requested_at: datetime | None = None
    reason: Words = ""
    note: Words = ""
    method: Words = ""
    recipient: Said = ""
    file_name: Words = ""
    files: tuple[EktFile, ...] = ()
    lines: int = 0
    made_at: datetime | None = None
    changed_at: datetime | None = None
    bounced_at: datetime | None = None
    confirmed_at: datetime | None = None
    confirmed_by: Words = ""
    confirm_note: Said = ""
    debtor_name: Words = ""
    debtor_number: Words = ""


class Attempt(Shape):
    """One call to the other side, and its answer."""

    purpose: Words = "send"
    began_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Words = ""
    message: Said = ""


class Note(Shape):
    """Something that became known later: it came back, was delayed, was confirmed."""

    at: datetime | None = None
    kind: Words = ""
    recipient: Words = ""
    words: Said = ""


class EktDetail(Ekt):
    """One EKT with every attempt at sending it."""

    attempts: tuple[Attempt, ...] = ()
    notes: tuple[Note, ...] = ()


class Change(Shape):
    """One difference between two files."""

    kind: Words = "changed"
    line: int = 0
    name: Words = ""
    field: Words = ""
    before: Words = ""
    after: Words = ""


class Difference(Shape):
    """What changed from the file before; nothing to compare with where `previous_id` is absent."""

    previous_id: Words = ""
    previous_made_at: datetime | None = None
    lines_before: int = 0
    lines_after: int = 0
    goods_before: Decimal | None = None
    goods_after: Decimal | None = None
    total: int = 0
    changes: tuple[Change, ...] = ()


class Hint(Shape):
    """Advice where EKTs keep not arriving (EF-48, EF-49)."""

    code: Words = ""
    sign: Words = ""
    count: int = 0
    recipient: Words = ""
    text: Said = ""
    link: Words = ""


class Requirement(Shape):
    """One thing that is missing, and where it is mended."""

    code: Words = ""
    text: Said = ""
    link: Words = ""


class DebtorDay(Shape):
    """Everything about the EKTs of one debtor and order day."""

    visible: bool = False
    can_resend: bool = False
    missing: tuple[Requirement, ...] = ()
    warnings: tuple[Requirement, ...] = ()
    recipient: Said = ""
    other_address_possible: bool = False
    ekts: tuple[Ekt, ...] = ()
    hints: tuple[Hint, ...] = ()
    differences: dict[str, Difference] = Field(default_factory=dict)


class MailTemplate(Shape):
    """Subject and text of the mail around an EKT, and the name of its file."""

    subject: Words = ""
    text: Words = ""
    file_name: Words = ""


class TemplateFault(Shape):
    """One thing that is wrong with a template; `field` names it as a form does."""

    field: Words = ""
    code: Words = ""
    line: int = 1
    word: Words = ""
    instead: Words = ""
    says: Said = ""
    cure: Said = ""


class MailPreview(Shape):
    """The mail of one language as it would go out."""

    language: Words = ""
    sender: Words = ""
    reply_to: Words = ""
    subject: Words = ""
    text: Words = ""
    file_name: Words = ""
    faults: tuple[TemplateFault, ...] = ()


class Preview(Shape):
    """Every mail, and what it was filled with; `ekt_id` is empty for the sample."""

    ekt_id: Words = ""
    debtor_name: Words = ""
    order_day: date | None = None
    lines: int = 0
    mails: tuple[MailPreview, ...] = ()


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


class EktClient:
    """Reads EKTs, keeps the settings of the module, has files checked."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def find(self, **filters: str | None) -> Page[Ekt]:
        """EKTs by ``debtor_id``, ``from_day``, ``until_day``, ``state``, ``method``, ``trigger``, ``q``."""
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

    async def ekt(self, ekt_id: str) -> EktDetail:
        """One EKT with every attempt at sending it."""
        return (await self._caller.get(at("ekts", ekt_id), EktDetail)).value

    async def difference(self, ekt_id: str) -> Difference:
        """What changed from the file made before it."""
        return (await self._caller.get(at("ekts", ekt_id, "difference"), Difference)).value

    async def hints(self, debtor_id: str) -> list[Hint]:
        """Advice where a debtor's EKTs keep not arriving."""
        return (await self._caller.get(at("debtors", debtor_id, "hints"), TypeAdapter(list[Hint]))).value

    async def confirm(self, ekt_id: str, note: str, once: str) -> Ekt:
        """The customer said that it arrived (EF-47)."""
        path, body = at("ekts", ekt_id, "confirm"), {"note": note}
        return (await self._caller.send("POST", path, Ekt, body, once=once)).value

    async def settle(self, ekt_id: str, outcome: str, note: str, once: str) -> Ekt:
        """A person found out what became of one whose outcome was unknown."""
        path, body = at("ekts", ekt_id, "settle"), {"outcome": outcome, "note": note}
        return (await self._caller.send("POST", path, Ekt, body, once=once)).value

    def export(self, ending: str, filters: Mapping[str, str]) -> AbstractAsyncContextManager[Download]:
        """The filtered log as a file; `ending` is ``csv`` or ``xlsx``."""
        return self._caller.download(f"/v1/ekts.{ending}", filters)

    async def supplied_templates(self) -> dict[str, MailTemplate]:
        """The mails of a new installation, by language."""
        kind = TypeAdapter(dict[str, MailTemplate])
        return (await self._caller.get("/v1/settings/supplied-templates", kind)).value

    async def preview(self, settings: dict[str, Any], sale: str) -> Preview:
        """The mails as they would go out with these settings; `sale` is ``sample`` or ``last``."""
        body = {"settings": settings, "sale": sale}
        return (await self._caller.send("POST", "/v1/settings/preview", Preview, body)).value

    async def explain(self, content: bytes, *, first: int, limit: int, only_findings: bool) -> Explanation:
        """Have a file told segment by segment, from the segment at place `first`."""
        query = {"from": first, "limit": limit, "only_findings": only_findings}
        return await self._caller.hand_in("/v1/explain", Explanation, content, params=query)

    async def explain_kept(
        self, ekt_id: str, number: int, *, first: int, limit: int, only_findings: bool
    ) -> Explanation:
        """The same for a file of the log."""
        query = {"from": first, "limit": limit, "only_findings": only_findings, "number": number}
        return (await self._caller.get(at("ekts", ekt_id, "explain"), Explanation, query)).value
