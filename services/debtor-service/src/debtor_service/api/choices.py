"""The lists that cards choose from: customer categories and price tiers (FA-80, FA-82)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import Expected, FieldProblem, Once, Page, Problem, check_revision, etag
from klokwerk.http.problems import not_found
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.bodies import STRICT
from debtor_service.domain.options import Choice, ChoiceList
from debtor_service.store import choices

router = APIRouter(prefix="/customer-lists/{of}", tags=["customer lists"])

MOST_CHOICES = 100
Manager = Annotated[Person, allow("ops", "finance")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
ListName = Annotated[ChoiceList, Path()]
ChoiceCode = Annotated[Code, Path()]


class ChoiceBody(BaseModel):
    """An entry without its code."""

    model_config: ClassVar[ConfigDict] = STRICT

    label: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    position: Annotated[int, Field(ge=0, le=10_000)] = 0


class NewChoiceBody(ChoiceBody):
    """A new entry; its code stays for good, since it stands on cards and events."""

    code: Code


@router.get("")
async def entries(of: ListName, request: Request, _: SignedIn) -> Page[dict[str, Any]]:
    """The list, in the order in which people see it."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        return Page(items=[asdict(choice) for choice in await choices.entries(connection, of)])


@router.post("", status_code=201)
async def add(
    of: ListName, body: NewChoiceBody, request: Request, person: Manager, once: Once
) -> JSONResponse:
    """Add an entry; cards may choose it from then on."""
    database, triggers, _settings = services(request)
    choice = Choice(body.code, body.label, body.position)
    at = triggers.changes.clock.now()
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        await choices.lock_list(connection, of)
        if len(await choices.entries(connection, of)) >= MOST_CHOICES:
            raise Problem(409, "The list is full", f"A list has at most {MOST_CHOICES} entries.")
        if not await choices.add(connection, of, choice, at, person.name):
            raise Problem(
                409,
                "The entry exists",
                f"There is an entry {body.code} already.",
                errors=[FieldProblem(field="code", message="another entry has it", cure="Use another code.")],
            )
        await audit(connection, person, at, "added", of.value, choice.code, new=asdict(choice))
        headers = {"ETag": etag(1), "Location": f"/v1/customer-lists/{of.value}/{choice.code}"}
        return await once.keep(connection, asdict(choice), headers=headers)


@router.put("/{code}")
async def change(
    of: ListName, code: ChoiceCode, body: ChoiceBody, request: Request, expected: Expected, person: Manager
) -> JSONResponse:
    """Change what people see of an entry; cards keep its code."""
    database, triggers, _settings = services(request)
    at = triggers.changes.clock.now()
    async with database.transaction() as connection:
        old = await _locked(connection, of, code, expected)
        new = replace(old, label=body.label, position=body.position)
        if new != old:
            new = replace(new, revision=old.revision + 1)
            await choices.save(connection, of, new, at, person.name)
            await audit(connection, person, at, "changed", of.value, code, old=asdict(old), new=asdict(new))
    return JSONResponse(asdict(new), headers={"ETag": etag(new.revision)})


@router.delete("/{code}", status_code=204)
async def remove(
    of: ListName, code: ChoiceCode, request: Request, expected: Expected, person: Manager
) -> Response:
    """Remove an entry that no card in use has chosen."""
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        old = await _locked(connection, of, code, expected)
        if count := await choices.used(connection, of, code):
            raise Problem(
                409,
                "The entry is used",
                f"{count} card(s) have chosen {old.label}. Choose another on those first.",
            )
        await choices.remove(connection, of, code)
        at = triggers.changes.clock.now()
        await audit(connection, person, at, "removed", of.value, code, old=asdict(old))
    return Response(status_code=204)


async def _locked(connection: AsyncConnection, of: ChoiceList, code: str, expected: int) -> Choice:
    found = await choices.lock(connection, of, code)
    if found is None:
        raise not_found("entry", code)
    check_revision(expected, found.revision)
    return found
