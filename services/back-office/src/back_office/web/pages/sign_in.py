"""Signing in and out, and choosing a language."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from back_office import store
from back_office.issuer.sign_in import TryLater, WrongCredentials
from back_office.texts.catalogue import LANGUAGES
from back_office.web.components.addresses import local
from back_office.web.components.message import Message, Weight
from back_office.web.session import LANGUAGE_COOKIE
from back_office.web.visit import Anybody, SignedIn, Visit

router = APIRouter(include_in_schema=False)
YEAR = 365 * 24 * 3600


@router.get("/sign-in")
async def form(visit: Anybody) -> Response:
    """The sign-in page; whoever is signed in already goes on."""
    target = local(visit.query.get("next", "/"))
    if visit.session:
        return visit.go(target)
    return await visit.page("pages/sign_in.html", next=target, name="")


@router.post("/sign-in")
async def sign_in(visit: Anybody, request: Request) -> Response:
    """Open a session for the right name and password."""
    form = await visit.form()
    name, target = form.get("user", ""), local(form.get("next", "/"))
    try:
        user = await visit.office.sign_in.user(name, form.get("password", ""), address_of(request))
    except WrongCredentials:
        trouble = Message(Weight.ERROR, visit.t("sign_in.wrong"), visit.t("sign_in.wrong_cure"))
        return await _again(visit, trouble, name, target, 401)
    except TryLater as error:
        cure = visit.t("sign_in.later_cure", seconds=error.seconds)
        trouble = Message(Weight.ERROR, visit.t("sign_in.later"), cure)
        response = await _again(visit, trouble, name, target, 429)
        response.headers["Retry-After"] = str(error.seconds)
        return response
    response = visit.go(target)
    await visit.office.sessions.open(user, response)
    return response


@router.post("/sign-out")
async def sign_out(visit: SignedIn) -> Response:
    """End the session, in the browser and in the database."""
    response = visit.go("/sign-in")
    if visit.session:
        await visit.office.sessions.close(visit.session, response)
    return response


@router.post("/language")
async def choose_language(visit: Anybody) -> Response:
    """Read the pages in another language; kept for the user, and in the browser for the sign-in page."""
    form = await visit.form()
    response = visit.go(form.get("back", "/"))
    language = form.get("language", "")
    if language in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR, samesite="lax", httponly=True)
        if visit.session:
            async with visit.office.database.transaction() as connection:
                await store.set_language(connection, visit.user.id, language)
    return response


def address_of(request: Request) -> str:
    """Network address of whoever asks."""
    return request.client.host if request.client else "unknown"


async def _again(visit: Visit, trouble: Message, name: str, target: str, status: int) -> Response:
    return await visit.page(
        "pages/sign_in.html", status=status, messages=(trouble,), next=target, name=name[:100]
    )
