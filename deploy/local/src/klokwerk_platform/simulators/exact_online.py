"""A stand-in for Exact Online: OAuth 2 with rotating tokens, relations, addresses, bank accounts, limits.

It answers with the statuses and bodies of the real one, as far as the accounting link meets them:

- an access token lives 600 s; refreshing it before 570 s, or with a spent refresh token, is answered 401;
- business errors are HTTP 500 with a message in the body ("Gegeven bestaat reeds", "Verplicht: ...");
- codes are kept right-aligned in 18 positions and can't be sent in an update;
- 60 calls a minute and 5,000 a day with their headers, and a block after too many refused calls;
- ``POST /docs/XMLUpload.aspx`` imports a file of relations and answers with the result file (`exact_import`).

Beside the controls every simulator has, ``GET``/``PUT /_exact`` hold :class:`ExactSettings` (limits, known
payment conditions, relations to refuse), ``POST /_exact/revoke`` makes every token worthless and
``POST /_exact/token`` gives a fresh pair, as a finished consent would.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from klokwerk.clock import Clock, SystemClock

from klokwerk_platform.simulators.behaviour import Store, simulator_app
from klokwerk_platform.simulators.exact_import import DONE, ERROR, ImportedAccount, Told, import_routes
from klokwerk_platform.simulators.exact_state import (
    ACCESS_SECONDS,
    Entity,
    ExactSettings,
    Limits,
    OAuthError,
    TokenRow,
    Tokens,
)

ENDPOINTS = {
    "Accounts": "exact_accounts",
    "Addresses": "exact_addresses",
    "BankAccounts": "exact_bank_accounts",
}
EXISTS = "Gegeven bestaat reeds"
_CONDITION = re.compile(r"(\w+) eq (?:guid)?(?:'((?:[^']|'')*)'|(\d+))$")


class _Business(Exception):
    """Exact won't take the data: HTTP 500 with this text."""


class _NotFound(Exception):
    """There is no such entity."""


class _NotAllowed(Exception):
    """The connection has no access to this division."""


class ExactOnline:
    """The behaviour without HTTP: find, insert and update entities of one division."""

    def __init__(self, clock: Clock) -> None:
        self.settings = ExactSettings()
        self.tokens = Tokens(clock)
        self.limits = Limits(clock)
        self.stores = {name: Store(store, Entity) for name, store in ENDPOINTS.items()}

    def find(self, endpoint: str, conditions: str, top: int) -> list[Entity]:
        """Entities that meet every `Field eq value` of an OData filter."""
        wanted: list[tuple[str, str]] = []
        for condition in conditions.split(" and ") if conditions else []:
            match = _CONDITION.match(condition.strip())
            if match is None:
                raise _Business(f"Invalid filter: {condition}")
            wanted.append((match[1], (match[2] or match[3] or "").replace("''", "'")))
        found = [
            entity
            for entity in self.stores[endpoint].values()
            if all(str({**entity.fields, "ID": entity.id}.get(name, "")) == value for name, value in wanted)
        ]
        return found[:top]

    def insert(self, endpoint: str, body: dict[str, Any]) -> Entity:
        if endpoint == "Accounts":
            body = {**body, "Code": str(body.get("Code", "")).strip().rjust(18)}
            self._check_account(body, body["Code"].strip())
            if any(entity.fields.get("Code") == body["Code"] for entity in self.stores[endpoint].values()):
                raise _Business(EXISTS)
        elif body.get("Account") not in self.stores["Accounts"]:
            raise _Business("Verplicht: Relatie")
        entity = Entity(id=str(uuid4()), fields=body)
        self.stores[endpoint].put(entity.id, entity)
        return entity

    def update(self, endpoint: str, key: str, body: dict[str, Any]) -> None:
        entity = self.stores[endpoint].get(key)
        if entity is None:
            raise _NotFound
        if "Code" in body:
            raise _Business(EXISTS)
        merged = {**entity.fields, **body}
        if endpoint == "Accounts":
            self._check_account(merged, str(merged.get("Code", "")).strip())
        self.stores[endpoint].put(key, Entity(id=key, fields=merged, writes=entity.writes + 1))

    def take(self, imported: ImportedAccount) -> Told:
        """One relation of an imported file: made or changed by its code, or refused."""
        accounts = self.stores["Accounts"]
        code = imported.code.rjust(18)
        known = next((one for one in accounts.values() if one.fields.get("Code") == code), None)
        try:
            if known is None:
                self.insert("Accounts", {**imported.fields, "Code": imported.code})
            else:
                self.update("Accounts", known.id, imported.fields)
        except _Business as refusal:
            return Told(ERROR, imported.code, str(refusal))
        return Told(DONE, imported.code, "Bijgewerkt" if known else "Aangemaakt")

    def _check_account(self, body: dict[str, Any], code: str) -> None:
        missing = [f"Verplicht: {label}" for name, label in (("Name", "Naam"),) if not body.get(name)]
        if not code:
            missing.append("Verplicht: Code")
        if missing:
            raise _Business("\r\n".join(missing))
        known = self.settings.payment_conditions
        for name in ("PaymentConditionSales", "PaymentConditionPurchase"):
            if known is not None and body.get(name) and body[name] not in known:
                raise _Business(f"Niet gevonden: Betalingsconditie ({body[name]})")
        for refusal in self.settings.refuse:
            if refusal.meets(body, code):
                raise _Business(refusal.message)


def create_app(clock: Clock | None = None) -> FastAPI:
    """The simulator; `clock` defaults to the installation's, so that a moved clock ages tokens too."""
    shift = os.environ.get("KLOKWERK_CLOCK_FILE")
    clock = clock or SystemClock(shift_file=Path(shift) if shift else None)
    exact = ExactOnline(clock)
    stores = {store.name: store for store in exact.stores.values()}
    app = simulator_app("exact_online", "Exact Online (simulated)", stores)
    app.state.exact = exact
    _control_routes(app, exact)
    _sign_in_routes(app, exact)
    _api_routes(app, exact)
    import_routes(app, clock, exact.take)
    return app


def _control_routes(app: FastAPI, exact: ExactOnline) -> None:
    @app.get("/_exact", tags=["control"])
    async def read_settings() -> ExactSettings:
        return exact.settings

    @app.put("/_exact", tags=["control"])
    async def set_settings(settings: ExactSettings) -> ExactSettings:
        exact.settings = settings
        return settings

    @app.post("/_exact/revoke", tags=["control"], status_code=204)
    async def revoke() -> None:
        exact.tokens.revoke_all()

    @app.post("/_exact/token", tags=["control"])
    async def consented() -> dict[str, str]:
        return _token_body(exact.tokens.by_code(exact.tokens.new_code()))


def _sign_in_routes(app: FastAPI, exact: ExactOnline) -> None:
    @app.get("/api/oauth2/auth")
    async def consent(
        client_id: str,
        redirect_uri: str,
        response_type: str = "code",
        state: str = "",
        code_challenge: str = "",
        code_challenge_method: str = "",
    ) -> Response:
        """The consent page, where the simulated person says yes unless they are set to decline."""
        if client_id != exact.settings.client_id or response_type != "code":
            return _oauth_error(400, "invalid_request", "Unknown client or response type.")
        if code_challenge and code_challenge_method != "S256":
            return _oauth_error(400, "invalid_request", "Only S256 challenges are taken.")
        answer = {"code": exact.tokens.new_code(redirect_uri, code_challenge)}
        if exact.settings.consent_declined:
            answer = {"error": "access_denied", "error_description": "The person said no."}
        answer |= {"state": state} if state else {}
        joint = "&" if "?" in redirect_uri else "?"
        return RedirectResponse(f"{redirect_uri}{joint}{urlencode(answer)}", status_code=302)

    @app.post("/api/oauth2/token")
    async def token(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        client = (form.get("client_id"), form.get("client_secret"))
        if client != (exact.settings.client_id, exact.settings.client_secret):
            return _oauth_error(400, "invalid_client", "Client id or secret is wrong.")
        try:
            if form.get("grant_type") == "authorization_code":
                row = exact.tokens.by_code(
                    form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
                )
            elif form.get("grant_type") == "refresh_token":
                row = exact.tokens.by_refresh(form.get("refresh_token", ""))
            else:
                return _oauth_error(400, "unsupported_grant_type", "Use authorization_code or refresh_token.")
        except OAuthError as refused:
            return _oauth_error(401, refused.error, refused.description)
        return JSONResponse(_token_body(row))


def _api_routes(app: FastAPI, exact: ExactOnline) -> None:
    @app.get("/api/v1/current/Me")
    async def me(request: Request) -> Response:
        async def answer() -> Response:
            row = {"CurrentDivision": exact.settings.division, "FullName": "Simulated User"}
            return JSONResponse({"d": {"results": [row]}})

        return await _guarded(exact, request, "Me", None, answer)

    @app.get("/api/v1/{division}/crm/{endpoint}")
    async def find(request: Request, division: int, endpoint: str) -> Response:
        query = request.query_params

        async def answer() -> Response:
            rows = exact.find(endpoint, query.get("$filter", ""), int(query.get("$top", "60")))
            chosen = [name for name in query.get("$select", "").split(",") if name]
            documents = [{"ID": row.id, **row.fields} for row in rows]
            if chosen:
                documents = [{name: document.get(name) for name in chosen} for document in documents]
            return JSONResponse({"d": {"results": documents}})

        return await _guarded(exact, request, endpoint, division, answer)

    @app.post("/api/v1/{division}/crm/{endpoint}")
    async def insert(request: Request, division: int, endpoint: str) -> Response:
        async def answer() -> Response:
            entity = exact.insert(endpoint, await request.json())
            return JSONResponse({"d": {"ID": entity.id, **entity.fields}}, status_code=201)

        return await _guarded(exact, request, endpoint, division, answer)

    @app.put("/api/v1/{division}/crm/{endpoint}(guid'{key}')")
    async def update(request: Request, division: int, endpoint: str, key: str) -> Response:
        async def answer() -> Response:
            exact.update(endpoint, key, await request.json())
            return Response(status_code=204)

        return await _guarded(exact, request, endpoint, division, answer)


async def _guarded(
    exact: ExactOnline,
    request: Request,
    endpoint: str,
    division: int | None,
    answer: Callable[[], Awaitable[Response]],
) -> Response:
    """Let a call through as Exact does: token, block, limits, division, and its kinds of error."""
    early = _refusal_at_the_door(exact, request, endpoint)
    if early is not None:
        return early
    allowed, headers = exact.limits.count_call(exact.settings)
    if not allowed:
        return _error(429, "Too many requests", headers)
    try:
        if division is not None and division != exact.settings.division:
            raise _NotAllowed
        if endpoint != "Me" and endpoint not in exact.stores:
            raise _NotFound
        response = await answer()
    except _Business as refusal:
        return _error(500, str(refusal), headers)
    except (_NotFound, _NotAllowed) as refusal:
        exact.limits.count_error(endpoint, exact.settings)
        if isinstance(refusal, _NotAllowed):
            return _error(403, "Forbidden: no access to this division", headers)
        return _error(404, "Resource not found", headers)
    response.headers.update(headers)
    return response


def _refusal_at_the_door(exact: ExactOnline, request: Request, endpoint: str) -> Response | None:
    scheme, _, access = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not exact.tokens.accepts(access):
        exact.limits.count_error(endpoint, exact.settings)
        return _error(401, "Unauthorized")
    if exact.limits.blocked():
        return _error(403, "Too many errors: this key is blocked for an hour.")
    return None


def _token_body(row: TokenRow) -> dict[str, str]:
    return {
        "access_token": row.access,
        "token_type": "bearer",
        "expires_in": str(ACCESS_SECONDS),  # a string, as the real one writes it
        "refresh_token": row.refresh,
    }


def _oauth_error(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status_code=status)


def _error(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    body = {"error": {"code": "", "message": {"lang": "", "value": text}}}
    return JSONResponse(body, status_code=status, headers=headers)
