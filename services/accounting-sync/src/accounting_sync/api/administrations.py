"""Administrations: their settings."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import FieldProblem, Problem, check_revision, etag
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.api.administration_models import (
    RESERVED,
    AdministrationIn,
    AdministrationOut,
    CredentialsIn,
)
from accounting_sync.api.models import Code
from accounting_sync.domain.administration import Administration, code_problems, range_problems
from accounting_sync.domain.targets import RULES, Codes, Mode
from accounting_sync.parts import Accounting, accounting, administration_of
from accounting_sync.store import administrations, connections

router = APIRouter(tags=["administrations"])
Parts = Annotated[Accounting, Depends(accounting)]


@router.get("/administrations")
async def all_administrations(parts: Parts, _: SignedIn) -> dict[str, list[AdministrationOut] | None]:
    """Every administration with its settings, without what is secret."""
    async with parts.database.connect() as connection:
        items = [await _shown(connection, each) for each in await administrations.all_of(connection)]
    return {"items": items, "next": None}


@router.get("/administrations/{code}")
async def one_administration(code: Code, parts: Parts, response: Response, _: SignedIn) -> AdministrationOut:
    """Settings of one administration."""
    async with parts.database.connect() as connection:
        found = await administration_of(connection, code)
        response.headers["ETag"] = etag(found.revision)
        return await _shown(connection, found)


@router.put("/administrations/{code}")
async def save_administration(
    code: Code,
    wanted: AdministrationIn,
    parts: Parts,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
    person: Person = allow("finance"),
) -> AdministrationOut:
    """Make an administration, or change its settings (then with If-Match)."""
    now = parts.clock.now()
    async with parts.database.transaction() as connection:
        await administrations.lock_for_change(connection)
        old = await administrations.find(connection, code)
        _check_expected(old, if_match)
        _check(code, wanted)
        if old is not None:
            await _check_same_system(connection, old, wanted)
        source = wanted.source_administration or (old.source if old else code)
        new = Administration(
            code=code,
            name=wanted.name,
            target=wanted.target,
            source=source,
            folder=wanted.folder,
            ranges=wanted.ranges.as_domain(),
            mappings=wanted.mappings.as_domain(),
            revision=old.revision + 1 if old else 1,
            changed_at=now,
            changed_by=person.name,
        )
        await administrations.save(connection, new)
        if old is None:
            await administrations.fill(connection, new)
        elif (old.mappings, old.target) != (new.mappings, new.target):
            await administrations.look_again(connection, code)
        if wanted.credentials is not None:
            credentials = wanted.credentials.as_domain(new.target)
            await connections.save(connection, parts.box, code, new.target, credentials, now)
        shown = await _shown(connection, new)
        await audit(
            connection,
            person,
            now,
            "changed" if old else "made",
            "administration",
            code,
            old=_auditable(old, None) if old else None,
            new=_auditable(new, wanted.credentials),
        )
    parts.links.forget(code)
    response.status_code = 200 if old else 201
    response.headers["ETag"] = etag(new.revision)
    return shown


def _check_expected(old: Administration | None, if_match: str | None) -> None:
    if old is None:
        return
    if if_match is None:
        raise Problem(428, "If-Match is missing", "Send the ETag of the settings that you are changing.")
    given = if_match.removeprefix("W/").strip('"')
    if not given.isdigit():
        raise Problem(400, "If-Match is not an ETag of this service", f"{if_match} is no revision.")
    check_revision(int(given), old.revision, changed_by=old.changed_by, changed_at=str(old.changed_at))


def _check(code: str, wanted: AdministrationIn) -> None:
    """See that the settings fit the accounting system, all at once."""
    problems = [
        FieldProblem(field=field, message=text.strip())
        for field, _, text in (
            each.partition(":") for each in range_problems(wanted.target, wanted.ranges.as_domain())
        )
    ]
    problems += [
        FieldProblem(field=field, message=text)
        for field, text in code_problems(wanted.target, wanted.mappings.as_domain())
    ]
    if code in RESERVED:
        problems.append(FieldProblem(field="code", message=f"{code} is taken by the service; choose another"))
    if wanted.credentials is not None:
        problems += wanted.credentials.problems(wanted.target)
        if RULES[wanted.target].mode is Mode.FILE:
            text = f"{wanted.target} is a file that a person imports; it needs no access"
            problems.append(FieldProblem(field="credentials", message=text, cure="leave it empty"))
    if problems:
        raise Problem(422, "The settings are not right", problems[0].message, errors=problems)


async def _check_same_system(
    connection: AsyncConnection, old: Administration, wanted: AdministrationIn
) -> None:
    """What was told to one accounting system was not told to another, and cards can't change their books."""
    source = wanted.source_administration or old.source
    if source != old.source:
        raise Problem(
            409,
            "The source can't be changed",
            f"{old.code} is fed by {old.source}; make another administration for {source}.",
        )
    system = RULES[wanted.target].system
    if system != old.rules.system and await administrations.synced_before(connection, old.code):
        raise Problem(
            409,
            "The accounting system can't be changed",
            f"{old.rules.system} was told of relations of {old.code} already; make another administration for "
            f"{system}, fed by {old.source}.",
        )


async def _shown(connection: AsyncConnection, administration: Administration) -> AdministrationOut:
    health = await connections.health(connection, administration.code, administration.target)
    return AdministrationOut.of(administration, health)


def _auditable(administration: Administration, credentials: CredentialsIn | None) -> dict[str, Any]:
    return {
        "name": administration.name,
        "target": administration.target,
        "folder": administration.folder,
        "ranges": {kind.value: str(each) for kind, each in administration.ranges.items()},
        **{codes.value: dict(administration.mappings.of(codes)) for codes in Codes},
        **({"credentials": "replaced"} if credentials else {}),
    }
