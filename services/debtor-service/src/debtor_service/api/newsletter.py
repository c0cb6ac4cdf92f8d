"""The newsletter: settings, connection test, synchronisation, and what a customer chose (FA-84, FA-85)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.clock import Clock
from klokwerk.http import Expected, Problem, check_revision, etag
from klokwerk.http import FieldProblem as HttpFieldProblem
from klokwerk.http.problems import not_found
from klokwerk.jobs import JobView
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.cards import DebtorId, Editor
from debtor_service.domain.newsletter import Choice, Policy, Source
from debtor_service.newsletter.account import Accounts, NotReady
from debtor_service.newsletter.activation import newsletter_active
from debtor_service.newsletter.mailchimp import Audience, Away, KeyRefused
from debtor_service.newsletter.starting import UnderWay
from debtor_service.newsletter.starting import start as start_sync
from debtor_service.store import cards, newsletter
from debtor_service.store.newsletter import NewsletterSettings

MOST_FORMER_TAGS = 50
router = APIRouter(tags=["newsletter"])

STRICT = ConfigDict(extra="forbid", frozen=True)
Keeper = Annotated[Person, allow("ops", "finance")]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


class SettingsBody(BaseModel):
    """The settings.

    Attributes:
        api_key: a new key; empty keeps the one that is stored, which is never shown again.
        list_id: the audience, one of those that the test names.
        policy: ``opt_out``: every customer who did not refuse; ``opt_in``: only who said yes.
        tags: put on every contact; those that are left out now come off again.
    """

    model_config: ClassVar[ConfigDict] = STRICT

    api_key: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    list_id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{0,40}$")] = ""
    policy: Policy = Policy.OPT_OUT
    tags: Annotated[tuple[Tag, ...], Field(max_length=20)] = ("Klokwerk",)
    nightly: bool = True
    at_time: time = time(3, 30)


class TestBody(BaseModel):
    """A key to try; empty for the stored one."""

    model_config: ClassVar[ConfigDict] = STRICT

    api_key: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""


class ChoiceBody(BaseModel):
    """What a customer told us."""

    model_config: ClassVar[ConfigDict] = STRICT

    choice: Choice
    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class ChoiceView(BaseModel):
    """What a customer chose, and what became of it.

    Attributes:
        active: the app is activated.
        gets_it: the newsletter goes to the card's address, as far as this side is concerned.
        status: Mailchimp's word for the address; empty while it is not known there.
        refused: why Mailchimp does not take the address.
    """

    active: bool
    choice: Choice
    source: Source | None
    reason: str
    changed_at: datetime | None
    changed_by: str
    email: str
    gets_it: bool
    status: str = ""
    refused: str = ""
    detail: str = ""


@router.get("/newsletter")
async def read(request: Request, _: SignedIn) -> JSONResponse:
    """The settings, how many contacts stand where, and the addresses that are refused."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        return await _answer(connection, await newsletter.read(connection))


@router.put("/newsletter")
async def save(body: SettingsBody, request: Request, expected: Expected, person: Keeper) -> JSONResponse:
    """Save the settings. Key and audience are tried at Mailchimp first; another audience is begun anew."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        stored = await newsletter.read(connection)
    _seen(expected, stored)
    audience = await _tried(request, body, stored)
    async with database.transaction() as connection:
        settings = await newsletter.lock(connection)
        _seen(expected, settings)
        changed = _changed(request, settings, body, audience)
        if changed.list_id != settings.list_id:
            await newsletter.begin_anew(connection)
            changed = replace(changed, read_up_to=None)
        await newsletter.save(connection, changed, _clock(request).now(), person.name)
        old, new = _plain(settings), _plain(changed)
        differing = [name for name in new if old[name] != new[name]]
        await audit(
            connection, person, _clock(request).now(), "newsletter settings changed", "newsletter", "settings",
            old={name: old[name] for name in differing}, new={name: new[name] for name in differing},
        )  # fmt: skip
        return await _answer(connection, await newsletter.read(connection))


@router.post("/newsletter/test")
async def test(body: TestBody, request: Request, person: Keeper) -> dict[str, Any]:  # noqa: ARG001
    """Ask Mailchimp whether the key is good, and which audiences there are; nothing is changed."""
    accounts = _accounts(request)
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        stored = await newsletter.read(connection)
    try:
        mailchimp = accounts.with_key(body.api_key) if body.api_key else accounts.of(stored)
        await mailchimp.ping()
        found = await mailchimp.audiences()
    except (KeyRefused, NotReady, Away) as error:
        raise _not_connected(error) from None
    return {"audiences": [{"id": a.id, "name": a.name, "members": a.members} for a in found]}


@router.post("/newsletter/sync", status_code=202)
async def sync(request: Request, person: Keeper) -> JobView:
    """Bring both sides in step now."""
    database, _triggers, _settings = services(request)
    try:
        async with database.transaction() as connection:
            settings = await newsletter.read(connection)
            await _must_be_ready(connection, settings)
            job = await start_sync(connection, _clock(request), person)
            await audit(
                connection,
                person,
                _clock(request).now(),
                "synchronisation started",
                "newsletter",
                str(job.id),
            )
            return JobView.of(job)
    except UnderWay as running:
        raise Problem(
            409,
            "A synchronisation is under way",
            "Wait for it to end.",
            errors=[HttpFieldProblem(message="it is running", link=f"/v1/jobs/{running.job_id}")],
        ) from None


@router.get("/debtors/{debtor_id}/newsletter")
async def chosen(debtor_id: DebtorId, request: Request, _: SignedIn) -> ChoiceView:
    """What a customer chose, and what Mailchimp says of their address."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        return await _choice_view(connection, debtor_id)


@router.put("/debtors/{debtor_id}/newsletter")
async def choose(debtor_id: DebtorId, body: ChoiceBody, request: Request, person: Editor) -> ChoiceView:
    """Note what a customer told us; who unsubscribed by a newsletter's link can only subscribe again themselves."""
    database, _triggers, _settings = services(request)
    now = _clock(request).now()
    async with database.transaction() as connection:
        if not await cards.lock(connection, [debtor_id]):
            raise not_found("card", debtor_id)
        before = await newsletter.choice_of(connection, debtor_id)
        left = before.choice is Choice.NO and before.source is Source.MAILCHIMP
        if left and body.choice is not Choice.NO:
            raise Problem(
                409,
                "They unsubscribed themselves",
                "Only they can subscribe again, by the form of the newsletter. Nothing was changed.",
                errors=[
                    HttpFieldProblem(field="choice", message="they unsubscribed", cure="Leave it at no.")
                ],
            )
        if (before.choice, before.reason) != (body.choice, body.reason) and not left:
            await newsletter.choose(
                connection, [debtor_id], body.choice, Source.OFFICE, body.reason, now, person.name
            )
            await audit(
                connection, person, now, "newsletter choice", "debtor", debtor_id,
                old={"newsletter": before.choice.value}, new={"newsletter": body.choice.value},
            )  # fmt: skip
        return await _choice_view(connection, debtor_id)


async def _choice_view(connection: AsyncConnection, debtor_id: str) -> ChoiceView:
    card = await cards.get(connection, debtor_id)
    if card is None:
        raise not_found("card", debtor_id)
    settings = await newsletter.read(connection)
    row = await newsletter.choice_of(connection, debtor_id)
    email = card.content.general_email
    member = await newsletter.member(connection, email) if email else None
    wanted = row.choice is Choice.YES or (row.choice is Choice.UNSET and settings.policy is Policy.OPT_OUT)
    active = await newsletter_active(connection)
    return ChoiceView(
        active=active,
        choice=row.choice,
        source=row.source,
        reason=row.reason,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        email=email,
        gets_it=active
        and wanted
        and bool(email)
        and card.state == "active"
        and "debtor" in card.content.kinds,
        status=member[0].status if member else "",
        refused=member[0].refused if member else "",
        detail=member[1] if member else "",
    )


async def _tried(request: Request, body: SettingsBody, stored: NewsletterSettings) -> Audience | None:
    """The audience that is wanted, as Mailchimp knows it; none where nothing was changed that has to be tried."""
    if not body.api_key and body.list_id in ("", stored.list_id):
        return None
    accounts = _accounts(request)
    try:
        mailchimp = accounts.with_key(body.api_key) if body.api_key else accounts.of(stored)
        await mailchimp.ping()
        found = {each.id: each for each in await mailchimp.audiences()}
    except (KeyRefused, NotReady, Away) as error:
        raise _not_connected(error) from None
    if body.list_id and body.list_id not in found:
        known = ", ".join(f"{each.name} ({each.id})" for each in found.values()) or "none"
        raise Problem(
            422,
            "The settings can't be saved",
            "Mailchimp does not have this audience.",
            errors=[
                HttpFieldProblem(
                    field="list_id", message="there is no such audience", cure=f"Choose one of: {known}."
                )
            ],
        )
    return found.get(body.list_id)


def _changed(
    request: Request, settings: NewsletterSettings, body: SettingsBody, audience: Audience | None
) -> NewsletterSettings:
    changed = replace(
        settings,
        list_id=body.list_id,
        list_name=audience.name if audience else settings.list_name if body.list_id else "",
        policy=body.policy,
        tags=body.tags,
        former_tags=_former(settings, body),
        nightly=body.nightly,
        at_time=body.at_time,
        trouble="",
    )
    if not body.api_key:
        return changed
    try:
        sealed = _accounts(request).seal(body.api_key)
    except NotReady as error:
        raise _not_connected(error) from None
    return replace(changed, api_key=sealed, key_hint=body.api_key[-8:])


def _former(settings: NewsletterSettings, body: SettingsBody) -> tuple[str, ...]:
    """Tags that contacts may have from us and that are not wanted any more; another audience never had them."""
    if body.list_id != settings.list_id:
        return ()
    had = dict.fromkeys((*settings.former_tags, *settings.tags))
    return tuple(tag for tag in had if tag not in body.tags)[-MOST_FORMER_TAGS:]


async def _must_be_ready(connection: AsyncConnection, settings: NewsletterSettings) -> None:
    if not await newsletter_active(connection):
        raise Problem(
            409, "The newsletter is not activated", "Activate the app in the customer settings first."
        )
    if not settings.ready:
        raise Problem(409, "The newsletter is not set up", "Enter the API key and choose the audience first.")


def _not_connected(error: Exception) -> Problem:
    if isinstance(error, KeyRefused):
        problem = HttpFieldProblem(
            field="api_key", message=str(error), cure="Copy it from Mailchimp: Account > Extras > API keys."
        )
        return Problem(422, "Mailchimp does not accept the key", str(error), errors=[problem])
    if isinstance(error, NotReady):
        return Problem(
            422,
            "The connection is not set up",
            str(error),
            errors=[HttpFieldProblem(field="api_key", message=str(error))],
        )
    return Problem(409, "Mailchimp can't be reached", f"{error}. Nothing was changed; try again later.")


async def _answer(connection: AsyncConnection, settings: NewsletterSettings) -> JSONResponse:
    refused = await newsletter.refused(connection, 100)
    body = _plain(settings) | {
        "active": await newsletter_active(connection),
        "ready": settings.ready,
        "trouble": settings.trouble,
        "synced_at": settings.synced_at.isoformat() if settings.synced_at else None,
        "counts": await newsletter.counts(connection),
        "refused": [
            {"email": r.email, "why": r.refused, "detail": r.detail, "at": r.changed_at.isoformat()}
            for r in refused
        ],
        "revision": settings.revision,
        "changed_at": settings.changed_at.isoformat() if settings.changed_at else None,
        "changed_by": settings.changed_by,
    }
    return JSONResponse(body, headers={"ETag": etag(settings.revision)})


def _plain(settings: NewsletterSettings) -> dict[str, Any]:
    return {
        "key_hint": settings.key_hint,
        "list_id": settings.list_id,
        "list_name": settings.list_name,
        "policy": settings.policy.value,
        "tags": list(settings.tags),
        "nightly": settings.nightly,
        "at_time": settings.at_time.isoformat("minutes"),
    }


def _seen(expected: int, settings: NewsletterSettings) -> None:
    check_revision(
        expected,
        settings.revision,
        changed_by=settings.changed_by,
        changed_at=settings.changed_at.isoformat("T", "seconds") if settings.changed_at else "",
    )


def _accounts(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock
