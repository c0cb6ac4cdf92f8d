"""Own fields: define, change, remove (FA-28, FA-29)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Path, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import Expected, Once, Page, Problem, check_revision, etag
from klokwerk.http import FieldProblem as HttpFieldProblem
from klokwerk.http.problems import not_found
from klokwerk_contracts.debtor_changed import Kind, OwnFieldType
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.bodies import STRICT
from debtor_service.api.refusals import bad_definition, fixed_field
from debtor_service.domain.own_fields import MOST_FIELDS, OwnFieldDefinition, check_definition
from debtor_service.store import own_fields

router = APIRouter(prefix="/own-fields", tags=["own fields"])

Definer = Annotated[Person, allow("ops", "finance")]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Choice = Annotated[str, StringConstraints(min_length=1, max_length=100)]
FieldKey = Annotated[Key, Path()]


class OwnFieldBody(BaseModel):
    """A definition without its key."""

    model_config: ClassVar[ConfigDict] = STRICT

    label: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    type: OwnFieldType = OwnFieldType.TEXT
    kinds: Annotated[tuple[Kind, ...], Field(max_length=4)] = (Kind.DEBTOR,)
    choices: Annotated[tuple[Choice, ...], Field(max_length=200)] = ()
    on_documents: bool = False
    position: Annotated[int, Field(ge=0, le=10_000)] = 0

    def definition(self, key: str, revision: int) -> OwnFieldDefinition:
        """The definition that the form says, or 422."""
        found = OwnFieldDefinition(
            key=key,
            label=" ".join(self.label.split()),
            type=self.type,
            kinds=tuple(sorted(set(self.kinds), reverse=True)),
            choices=self.choices,
            on_documents=self.on_documents,
            position=self.position,
            revision=revision,
        )
        if problems := check_definition(found):
            raise bad_definition(problems)
        return found


class NewOwnFieldBody(OwnFieldBody):
    """A new definition; its key stays for good."""

    key: Key


@router.get("")
async def all_fields(request: Request, _: SignedIn) -> Page[dict[str, Any]]:
    """All own fields, in the order in which they stand on cards."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        return Page(items=[_plain(each) for each in await own_fields.definitions(connection)])


@router.post("", status_code=201)
async def define(body: NewOwnFieldBody, request: Request, person: Definer, once: Once) -> JSONResponse:
    """Make an own field; it is then on every card of its kinds."""
    database, triggers, _settings = services(request)
    definition = body.definition(body.key, 1)
    at = triggers.changes.clock.now()
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        await own_fields.lock_list(connection)
        if len(await own_fields.definitions(connection)) >= MOST_FIELDS:
            raise Problem(
                409, "There are too many own fields", f"At most {MOST_FIELDS}; remove one that is not used."
            )
        if not await own_fields.insert(connection, definition, at, person.name):
            raise Problem(
                409,
                "The own field exists",
                f"There is an own field {body.key} already.",
                errors=[
                    HttpFieldProblem(
                        field="key",
                        message="another field has it",
                        cure="Change that one, or use another key.",
                    )
                ],
            )
        await audit(connection, person, at, "defined", "own field", definition.key, new=_plain(definition))
        headers = {"ETag": etag(1), "Location": f"/v1/own-fields/{definition.key}"}
        return await once.keep(connection, _plain(definition), headers=headers)


@router.put("/{key}")
async def change(
    key: FieldKey, body: OwnFieldBody, request: Request, expected: Expected, person: Definer
) -> JSONResponse:
    """Change a definition. What cards hold must still fit; they are told to the others by themselves."""
    database, triggers, _settings = services(request)
    at = triggers.changes.clock.now()
    async with database.transaction() as connection:
        old = await _locked(connection, key, expected)
        new = body.definition(key, old.revision)
        if new.type is not old.type:
            raise fixed_field(
                "type", f"the field is a {old.type}", "Make another field, and remove this one."
            )
        if new != old:
            beyond = await own_fields.used_beyond(connection, key, new.kinds, new.choices)
            if beyond:
                raise Problem(
                    409,
                    "Cards have values that would not fit",
                    f"{beyond} card(s) have a value of {old.label} that the new definition does not allow. "
                    "Change those cards first.",
                )
            new = replace(new, revision=old.revision + 1)
            await own_fields.update(connection, new, at, person.name)
            before, after = _plain(old), _plain(new)
            names = [name for name in after if before[name] != after[name] and name != "revision"]
            await audit(
                connection, person, at, "changed", "own field", key,
                old={n: before[n] for n in names}, new={n: after[n] for n in names},
            )  # fmt: skip
    return JSONResponse(_plain(new), headers={"ETag": etag(new.revision)})


@router.delete("/{key}", status_code=204)
async def remove(key: FieldKey, request: Request, expected: Expected, person: Definer) -> Response:
    """Remove a definition that no card in use has a value for."""
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        old = await _locked(connection, key, expected)
        if count := await own_fields.used(connection, key):
            raise Problem(
                409,
                "The own field is used",
                f"{count} card(s) have a value for {old.label}. Empty those first; an export shows them.",
            )
        await own_fields.delete(connection, key)
        at = triggers.changes.clock.now()
        await audit(connection, person, at, "removed", "own field", key, old=_plain(old))
    return Response(status_code=204)


async def _locked(connection: AsyncConnection, key: str, expected: int) -> OwnFieldDefinition:
    found = await own_fields.lock(connection, key)
    if found is None:
        raise not_found("own field", key)
    check_revision(expected, found.revision)
    return found


def _plain(definition: OwnFieldDefinition) -> dict[str, Any]:
    plain: dict[str, Any] = jsonable_encoder(asdict(definition))
    return plain
