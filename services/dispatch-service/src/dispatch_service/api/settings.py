"""Sales > Settings > Billing settings > Automatic dispatch: draft, Activate, deactivate (NV-01..NV-07)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
import phonenumbers
from fastapi import APIRouter, Response
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http.conditional import Expected, check_revision, etag
from klokwerk.http.problems import FieldProblem, Problem
from klokwerk_contracts.invoice_created import InvoiceSource
from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from dispatch_service.api.context import SETTINGS_ROLE, Administration, In
from dispatch_service.domain.cascade import Channel
from dispatch_service.domain.choices import Choices, warnings_for
from dispatch_service.domain.timing import next_run_start
from dispatch_service.store import choices as stored
from dispatch_service.store import invoices, runs
from dispatch_service.store.choices import Activation, Draft
from dispatch_service.store.invoices import HistoryEntry

router = APIRouter(tags=["settings"])

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$")]
ENTITY = "automatic dispatch settings"


class ChoicesBody(BaseModel):
    """The settings as a person chooses them."""

    model_config = ConfigDict(extra="forbid")

    sources: list[InvoiceSource] = []
    channels: list[Channel] = list(Channel)
    by_invoice_date: bool = False
    notice_email: Email = ""
    notice_phone: Annotated[str, StringConstraints(max_length=50)] = ""
    report_ignored: bool = True
    consumer_einvoicing: bool = False
    belgian_rule: bool = True
    factoring_email: Email = ""

    @field_validator("notice_phone")
    @classmethod
    def _as_e164(cls, value: str) -> str:
        if not value.strip():
            return ""
        try:
            number = phonenumbers.parse(value, None)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_valid_number(number):
            raise ValueError("is no phone number: write it with its country, e.g. +31 6 12345678")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def to_choices(self) -> Choices:
        """The same as a value of the rules."""
        fields = self.model_dump()
        return Choices(
            **(fields | {"sources": frozenset(self.sources), "channels": frozenset(self.channels)})
        )

    @classmethod
    def of(cls, choices: Choices) -> ChoicesBody:
        """A value of the rules as a body."""
        return cls.model_validate(orjson.loads(stored.to_json(choices)))


class ActiveBody(ChoicesBody):
    """Settings that are in force."""

    active_since: datetime
    active_from: datetime
    activated_by: str


class SettingsBody(BaseModel):
    """The settings page.

    Attributes:
        draft: as last saved; it has no effect before Activate (NV-05).
        active: in force now; none while the service is off (NV-06).
        changed: the draft differs from what is in force.
        warnings: what deserves attention in the draft, in words (NV-07).
        next_run: when the next night's run starts; none while the service is off.
    """

    administration: str
    revision: int
    draft: ChoicesBody
    changed_at: datetime | None
    changed_by: str
    active: ActiveBody | None
    changed: bool
    warnings: list[str]
    next_run: datetime | None


@router.get("/settings")
async def read_settings(
    service: In, response: Response, _: SignedIn, administration: Administration = "main"
) -> SettingsBody:
    """The draft, what is in force, and what deserves attention."""
    async with service.database.connect() as connection:
        body = await _page(service, connection, administration)
    response.headers["ETag"] = etag(body.revision)
    return body


@router.put("/settings")
async def save_settings(
    body: ChoicesBody,
    expected: Expected,
    service: In,
    response: Response,
    administration: Administration = "main",
    person: Person = allow(SETTINGS_ROLE),
) -> SettingsBody:
    """Save the draft. Nothing changes for invoices before it is activated."""
    async with service.database.transaction() as connection:
        await stored.lock(connection, administration)
        before = await stored.draft(connection, administration, locked=True)
        check_revision(
            expected,
            before.revision,
            changed_by=before.changed_by,
            changed_at=before.changed_at.isoformat() if before.changed_at else "",
        )
        now = service.clock.now()
        after = await stored.save(connection, administration, body.to_choices(), by=person.name, now=now)
        await _audit(connection, service, person, administration, "changed", before, after)
        answer = await _page(service, connection, administration)
    response.headers["ETag"] = etag(answer.revision)
    return answer


@router.post("/settings/activate")
async def activate(
    service: In, administration: Administration = "main", person: Person = allow(SETTINGS_ROLE)
) -> SettingsBody:
    """Put the draft in force from now on; warnings come back with the answer (NV-05, NV-07)."""
    async with service.database.transaction() as connection:
        await stored.lock(connection, administration)
        draft = await stored.draft(connection, administration, locked=True)
        _refuse_empty(draft.choices)
        now = service.clock.now()
        await stored.activate(connection, administration, draft, by=person.name, now=now)
        await _audit(connection, service, person, administration, "activated", None, draft)
        return await _page(service, connection, administration)


@router.post("/settings/deactivate")
async def deactivate(
    service: In, administration: Administration = "main", person: Person = allow(SETTINGS_ROLE)
) -> SettingsBody:
    """Switch automatic dispatch off, also for invoices that wait or stand in a run (NV-68)."""
    async with service.database.transaction() as connection:
        await stored.lock(connection, administration)
        now = service.clock.now()
        if await stored.end(connection, administration, by=person.name, now=now):
            await _audit(connection, service, person, administration, "deactivated", None, None)
        entry = HistoryEntry(now, person.name, "taken out of the run", "Automatic dispatch was switched off.")
        back = await runs.give_back(connection, administration, now)
        await invoices.note_many(connection, [(invoice_id, entry) for invoice_id in back])
        return await _page(service, connection, administration)


def _refuse_empty(choices: Choices) -> None:
    missing = [
        name for name, chosen in (("sources", choices.sources), ("channels", choices.channels)) if not chosen
    ]
    if missing:
        raise Problem(
            422,
            "Automatic dispatch would send nothing",
            "Choose what is to be sent and how before activating.",
            errors=[
                FieldProblem(
                    field=name, message="nothing is selected", cure=f"select at least one of the {name}"
                )
                for name in missing
            ],
        )


async def _page(service: In, connection: AsyncConnection, administration: str) -> SettingsBody:
    draft = await stored.draft(connection, administration)
    active = await stored.current(connection, administration)
    return SettingsBody(
        administration=administration,
        revision=draft.revision,
        draft=ChoicesBody.of(draft.choices),
        changed_at=draft.changed_at,
        changed_by=draft.changed_by,
        active=_active(active) if active else None,
        changed=active is None or active.choices != draft.choices,
        warnings=warnings_for(draft.choices),
        next_run=next_run_start(service.clock.now(), service.clock.zone) if active else None,
    )


def _active(activation: Activation) -> ActiveBody:
    return ActiveBody(
        **ChoicesBody.of(activation.choices).model_dump(),
        active_since=activation.active_since,
        active_from=activation.active_from,
        activated_by=activation.activated_by,
    )


async def _audit(
    connection: AsyncConnection,
    service: In,
    person: Person,
    administration: str,
    action: str,
    old: Draft | None,
    new: Draft | None,
) -> None:
    def plain(draft: Draft | None) -> dict[str, Any] | None:
        return orjson.loads(stored.to_json(draft.choices)) if draft else None

    await audit(
        connection,
        person,
        service.clock.now(),
        action,
        ENTITY,
        administration,
        old=plain(old),
        new=plain(new),
    )
