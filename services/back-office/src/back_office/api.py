"""The issuer over HTTP: tokens, the public keys, the discovery document."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from back_office.issuer.sign_in import TryLater, WrongCredentials
from back_office.issuer.tokens import Subject, configuration
from back_office.web.office import NotReady, Office
from back_office.web.pages.sign_in import address_of

router = APIRouter(tags=["issuer"])
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
KEYS_FRESH = {"Cache-Control": "public, max-age=300"}


class BadRequest(Exception):
    """A token request that can't be answered; OAuth 2.0 names the error."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


@router.get("/.well-known/openid-configuration")
async def discovery(request: Request) -> dict[str, Any]:
    """Where everything is."""
    return dict(configuration(_office(request).settings.issuer))


@router.get("/.well-known/jwks.json")
async def keys(request: Request) -> JSONResponse:
    """The public keys that tokens are checked with."""
    return JSONResponse(_office(request).mint.key_set(), headers=KEYS_FRESH)


@router.post("/oauth/token")
async def token(request: Request) -> JSONResponse:
    """A token for a user (``password``) or a machine client (``client_credentials``), RFC 6749."""
    office = _office(request)
    try:
        subject = await _subject(request, office)
    except BadRequest as error:
        headers = NO_STORE | ({"WWW-Authenticate": "Basic"} if error.status == 401 else {})
        body = {"error": error.error, "error_description": error.description}
        return JSONResponse(body, error.status, headers=headers)
    except TryLater as error:
        body = {"error": "slow_down", "error_description": str(error)}
        return JSONResponse(body, 429, headers=NO_STORE | {"Retry-After": str(error.seconds)})
    lifetime = timedelta(seconds=office.settings.token_seconds)
    made = office.mint.token(subject, now=office.wall.now(), lifetime=lifetime)
    answer = {"access_token": made, "token_type": "Bearer", "expires_in": office.settings.token_seconds}
    return JSONResponse(answer, headers=NO_STORE)


async def _subject(request: Request, office: Office) -> Subject:
    form = await request.form(max_files=0, max_fields=20)
    values = {name: value for name, value in form.items() if isinstance(value, str)}
    match values.get("grant_type"):
        case "password":
            return await _user(values, request, office)
        case "client_credentials":
            return await _client(values, request, office)
        case None | "":
            raise BadRequest("invalid_request", "grant_type is missing: send password or client_credentials")
        case other:
            raise BadRequest(
                "unsupported_grant_type", f"{other[:50]} is not offered: use password or client_credentials"
            )


async def _user(values: dict[str, str], request: Request, office: Office) -> Subject:
    if not values.get("username") or not values.get("password"):
        raise BadRequest("invalid_request", "send username and password")
    try:
        user = await office.sign_in.user(values["username"], values["password"], address_of(request))
    except WrongCredentials as error:
        raise BadRequest("invalid_grant", "user name or password is not right") from error
    return Subject(str(user.id), user.name, user.roles)


async def _client(values: dict[str, str], request: Request, office: Office) -> Subject:
    name, secret = values.get("client_id", ""), values.get("client_secret", "")
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise BadRequest("invalid_client", "the Basic credentials are not readable", 401) from error
    try:
        return await office.sign_in.client(name, secret, address_of(request))
    except WrongCredentials as error:
        raise BadRequest("invalid_client", "client name or secret is not right", 401) from error


def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    if not office.ready:
        raise NotReady
    return office
