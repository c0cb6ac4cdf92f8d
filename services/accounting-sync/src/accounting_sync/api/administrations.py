"""Administrations: their settings, the consent of their connection, and a test of it."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Response
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.http import FieldProblem, Problem, check_revision, etag
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.api.models import (
    AdministrationIn,
    AdministrationOut,
    Code,
    ConnectionOut,
    ConsentIn,
    CredentialsIn,
    HealthOut,
)
from accounting_sync.domain.administration import Administration, Mode, range_problems
from accounting_sync.parts import Accounting, accounting, administration_of
from accounting_sync.store import administrations, connections
from accounting_sync.targets.exact_answers import ConsentNeeded, ExactLost, ExactRefused, ExactTemporary
from accounting_sync.targets.exact_connection import ExactCredentials

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
    async with parts.database.transaction() as connection:
        await administrations.lock_for_change(connection)
        old = await administrations.find(connection, code)
        _check_expected(old, if_match)
        new = _settings(code, wanted, old)
        await administrations.save(connection, parts.clock, new)
        if old is None:
            await administrations.fill(connection, new)
        elif old.mappings != new.mappings:
            await administrations.look_again(connection, code)
        if wanted.credentials is not None:
            await connections.save(
                connection, parts.box, code, _credentials(wanted.credentials), parts.clock.now()
            )
        shown = await _shown(connection, new)
        await audit(
            connection,
            person,
            parts.clock.now(),
            "changed" if old else "made",
            "administration",
            code,
            old=_auditable(old, None) if old else None,
            new=_auditable(new, wanted.credentials),
        )
    response.status_code = 200 if old else 201
    response.headers["ETag"] = etag(new.revision)
    return shown


@router.post("/administrations/{code}/consent")
async def consent(
    code: Code, given: ConsentIn, parts: Parts, person: Person = allow("finance")
) -> ConnectionOut:
    """Finish a consent at Exact Online: the code it gave becomes the connection's tokens."""
    async with parts.database.connect() as connection:
        await administration_of(connection, code)
        if await connections.read(connection, parts.box, code) is None:
            raise Problem(
                409, "No credentials", "Enter client id, secret and division of the connection first."
            )
    try:
        await parts.channel.connection(code).exchange_code(given.code, given.redirect_uri)
    except ConsentNeeded as error:
        detail = (
            "Exact Online did not accept the code; it serves once and for a short time. Give consent again."
        )
        raise Problem(422, "The consent was not accepted", detail) from error
    except ExactTemporary as error:
        raise Problem(503, "Exact Online does not answer", f"{error}. Try again in a moment.") from error
    async with parts.database.transaction() as connection:
        await audit(connection, person, parts.clock.now(), "consent given", "administration", code)
        return _connection(await connections.health(connection, code))


@router.get("/{administration}/health")
async def health(administration: Code, parts: Parts, _: SignedIn) -> HealthOut:
    """Test the way to the accounting system: one harmless call, or whether the folder can be written."""
    async with parts.database.connect() as connection:
        found = await administration_of(connection, administration)
    if found.mode is Mode.DIRECT:
        ok, message = await _call(parts, administration)
    else:
        ok, message = await asyncio.to_thread(_folder, found)
    async with parts.database.connect() as connection:
        state = await connections.health(connection, administration)
    return HealthOut(ok=ok, message=message, checked_at=parts.clock.now(), connection=_connection(state))


async def _call(parts: Accounting, code: str) -> tuple[bool, str]:
    try:
        return True, await parts.channel.accounts(code).check()
    except (ConsentNeeded, ExactTemporary, ExactRefused, ExactLost) as error:
        return False, str(error)


def _folder(administration: Administration) -> tuple[bool, str]:
    if administration.folder is None:
        return True, "files go to the service's own folder and can be downloaded from the export history"
    folder = Path(administration.folder)
    if not folder.is_dir():
        parent = folder.parent.is_dir() and os.access(folder.parent, os.W_OK)
        return parent, f"{folder} is not there" + ("; it is made at the first export" if parent else "")
    if not os.access(folder, os.W_OK):
        return False, f"{folder} can't be written"
    return True, f"{folder} can be written"


def _check_expected(old: Administration | None, if_match: str | None) -> None:
    if old is None:
        return
    if if_match is None:
        raise Problem(428, "If-Match is missing", "Send the ETag of the settings that you are changing.")
    given = if_match.removeprefix("W/").strip('"')
    if not given.isdigit():
        raise Problem(400, "If-Match is not an ETag of this service", f"{if_match} is no revision.")
    check_revision(int(given), old.revision)


def _settings(code: str, wanted: AdministrationIn, old: Administration | None) -> Administration:
    source = wanted.source_administration or (old.source if old else code)
    if old is not None and source != old.source:
        raise Problem(
            409,
            "The source can't be changed",
            f"{code} is fed by {old.source}; make another administration for {source}.",
        )
    ranges = wanted.ranges.as_domain()
    problems = [
        FieldProblem(field=field, message=text.strip())
        for field, _, text in (each.partition(":") for each in range_problems(wanted.target, ranges))
    ]
    if problems:
        raise Problem(422, "The number ranges are not right", problems[0].message, errors=problems)
    return Administration(
        code=code,
        name=wanted.name,
        target=wanted.target,
        source=source,
        folder=wanted.folder,
        ranges=ranges,
        mappings=wanted.mappings.as_domain(),
        revision=old.revision + 1 if old else 1,
    )


def _credentials(given: CredentialsIn) -> ExactCredentials:
    return ExactCredentials(
        base_url=str(given.base_url).rstrip("/"),
        division=given.division,
        client_id=given.client_id,
        client_secret=given.client_secret.get_secret_value(),
        refresh_token=given.refresh_token.get_secret_value() if given.refresh_token else None,
    )


def _connection(state: connections.ConnectionHealth) -> ConnectionOut:
    return ConnectionOut(
        has_credentials=state.has_credentials,
        needs_consent=state.needs_consent,
        paused_until=state.paused_until,
    )


async def _shown(connection: AsyncConnection, administration: Administration) -> AdministrationOut:
    return AdministrationOut.of(administration, await connections.health(connection, administration.code))


def _auditable(administration: Administration, credentials: CredentialsIn | None) -> dict[str, Any]:
    tables = administration.mappings
    return {
        "name": administration.name,
        "target": administration.target,
        "folder": administration.folder,
        "ranges": {kind.value: str(each) for kind, each in administration.ranges.items()},
        "payment_terms": dict(tables.payment_terms),
        "currencies": dict(tables.currencies),
        "languages": dict(tables.languages),
        "countries": dict(tables.countries),
        **({"credentials": "replaced"} if credentials else {}),
    }
