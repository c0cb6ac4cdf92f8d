"""Settings of the organisation for its customers: defaults, languages, apps, numbering (FA-11, FA-17, FA-78, FA-86)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import Expected, FieldProblem, Problem, check_revision, etag
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.bodies import STRICT
from debtor_service.domain.customer_numbers import LONGEST, Numbering
from debtor_service.domain.customer_settings import CustomerSettings, StoredSettings, check_settings
from debtor_service.store import customer_numbers, customer_settings
from debtor_service.triggers import Triggers

router = APIRouter(prefix="/customer-settings", tags=["customer settings"])

Setter = Annotated[Person, allow("ops", "finance")]


class NumberingBody(Numbering):
    """The way of numbering, and where to go on.

    Attributes:
        next_value: what the counter goes on from; absent leaves it where it is.
        next_number: the next customer number, as it will be; only in answers.
    """

    model_config: ClassVar[ConfigDict] = STRICT

    next_value: Annotated[int, Field(ge=1, lt=10**10)] | None = None
    next_number: str = ""


class SettingsBody(CustomerSettings):
    """The settings as GET gives them and PUT takes them."""

    model_config: ClassVar[ConfigDict] = STRICT

    numbering: NumberingBody = NumberingBody()
    revision: int | None = None
    changed_at: datetime | None = None
    changed_by: str = ""

    def settings(self) -> CustomerSettings:
        """The settings without what is not part of them."""
        return CustomerSettings.model_validate(self.model_dump(include=set(CustomerSettings.model_fields)))


@router.get("")
async def read(request: Request, _: SignedIn) -> JSONResponse:
    """The settings as they stand, with the next customer number."""
    database, triggers, _settings = services(request)
    async with database.connect() as connection:
        return await _answer(connection, triggers, await customer_settings.read(connection))


@router.put("")
async def change(body: SettingsBody, request: Request, expected: Expected, person: Setter) -> JSONResponse:
    """Save all of it. Cards that are there keep what they have."""
    database, triggers, _settings = services(request)
    wanted = body.settings()
    errors = [FieldProblem(field=p.field, message=p.message, cure=p.cure) for p in check_settings(wanted)]
    clock = triggers.changes.clock
    if len(wanted.numbering.written(clock.today(), 1)) > LONGEST:
        errors.append(
            FieldProblem(
                field="numbering.prefix",
                message=f"numbers would be longer than {LONGEST} characters",
                cure="Make the prefix shorter, or take fewer digits.",
            )
        )
    if errors:
        raise Problem(422, "The settings can't be saved", "See errors for each field.", errors=errors)
    async with database.transaction() as connection:
        stored = await customer_settings.lock(connection)
        check_revision(
            expected,
            stored.revision,
            changed_by=stored.changed_by,
            changed_at=stored.changed_at.isoformat("T", "seconds") if stored.changed_at else "",
        )
        old, new = _plain(stored.settings), _plain(wanted)
        if body.numbering.next_value is not None:
            day = clock.today()
            old["next_value"] = await customer_numbers.next_value(connection, stored.settings.numbering, day)
            new["next_value"] = body.numbering.next_value
            await customer_numbers.set_next_value(
                connection, wanted.numbering, day, body.numbering.next_value
            )
        names = [name for name in new if old[name] != new[name]]
        if names:
            at = clock.now()
            stored = StoredSettings(wanted, stored.revision + 1, at, person.name)
            await customer_settings.save(connection, wanted, stored.revision, at, person.name)
            await audit(
                connection, person, at, "changed", "customer settings", "1",
                old={n: old[n] for n in names}, new={n: new[n] for n in names},
            )  # fmt: skip
        return await _answer(connection, triggers, stored)


async def _answer(connection: AsyncConnection, triggers: Triggers, stored: StoredSettings) -> JSONResponse:
    day, numbering = triggers.changes.clock.today(), stored.settings.numbering
    value = await customer_numbers.next_value(connection, numbering, day)
    answer = _plain(stored.settings) | {
        "revision": stored.revision,
        "changed_at": stored.changed_at,
        "changed_by": stored.changed_by,
    }
    answer["numbering"] |= {"next_value": value, "next_number": numbering.written(day, value)}
    return JSONResponse(jsonable_encoder(answer), headers={"ETag": etag(stored.revision)})


def _plain(settings: CustomerSettings) -> dict[str, Any]:
    return settings.model_dump(mode="json") | {"apps": sorted(settings.apps)}
