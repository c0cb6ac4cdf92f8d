"""A stand-in for Moneybird's API: contacts of one administration, a bearer token, 150 calls in five minutes.

It answers with the statuses and bodies of the real one, as far as the accounting link meets them:

- ``customer_id`` is unique; a second contact with it, or one without a name, is answered 422 with the errors of
  each field;
- a contact is found by its customer id, 404 when there is none;
- every answer says in headers how many calls are left and when the five minutes begin anew; 429 beyond that;
- a token that is not known is answered 401.

Beside the controls every simulator has, ``GET``/``PUT /_moneybird`` hold :class:`MoneybirdSettings`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from klokwerk.clock import Clock, SystemClock
from pydantic import BaseModel, ConfigDict, Field

from klokwerk_platform.simulators.behaviour import Store, simulator_app

WINDOW = timedelta(minutes=5)
BASE = "/api/v2"
TEXT_FIELDS = (
    "company_name", "firstname", "lastname", "address1", "address2", "zipcode", "city", "country", "phone",
    "customer_id", "tax_number", "chamber_of_commerce", "bank_account", "send_invoices_to_email",
)  # fmt: skip
MOST_CHARACTERS = 255


class MoneybirdRefusal(BaseModel):
    """A contact that is refused: by its name, with an error on a field."""

    model_config = ConfigDict(extra="forbid")

    company_name: str
    field: str = "tax_number"
    message: str = "is invalid"


class MoneybirdSettings(BaseModel):
    """What can be set at ``PUT /_moneybird``."""

    model_config = ConfigDict(extra="forbid")

    token: str = "moneybird-token"  # noqa: S105
    administration_id: str = "123456789"
    name: str = "Bloemen B.V."
    limit: int = Field(150, ge=1, description="Calls in five minutes.")
    refuse: list[MoneybirdRefusal] = Field(default_factory=list)


class Contact(BaseModel):
    """A contact as it was sent, with its id."""

    id: str
    fields: dict[str, Any]
    writes: int = 1


class _Invalid(Exception):
    """422 with these errors, by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


class _NotFound(Exception):
    """404."""


class Moneybird:
    """The behaviour without HTTP."""

    def __init__(self, clock: Clock) -> None:
        self.settings = MoneybirdSettings()
        self.contacts: Store[Contact] = Store("moneybird_contacts", Contact)
        self._clock = clock
        self._window: tuple[datetime, int] | None = None

    def count_call(self) -> tuple[bool, dict[str, str]]:
        """Count one call: whether it is allowed, and the headers that tell what is left."""
        now = self._clock.now()
        if self._window is None or not self._window[0] <= now < self._window[0] + WINDOW:
            self._window = (now, 0)
        began, used = self._window
        allowed = used < self.settings.limit
        if allowed:
            self._window = (began, used + 1)
        reset = int((began + WINDOW).timestamp())
        headers = {
            "RateLimit-Limit": str(self.settings.limit),
            "RateLimit-Remaining": str(max(0, self.settings.limit - self._window[1])),
            "RateLimit-Reset": str(reset),
        }
        if not allowed:
            headers["Retry-After"] = str(max(1, reset - int(now.timestamp())))
        return allowed, headers

    def by_customer_id(self, customer_id: str) -> Contact:
        for contact in self.contacts.values():
            if contact.fields.get("customer_id") == customer_id:
                return contact
        raise _NotFound

    def insert(self, body: dict[str, Any]) -> Contact:
        self._check(body, None)
        contact = Contact(id=str(420_000_000_000_000_000 + len(self.contacts) + 1), fields=body)
        self.contacts.put(contact.id, contact)
        return contact

    def update(self, contact_id: str, body: dict[str, Any]) -> Contact:
        known = self.contacts.get(contact_id)
        if known is None:
            raise _NotFound
        fields = {**known.fields, **body}
        self._check(fields, contact_id)
        contact = Contact(id=contact_id, fields=fields, writes=known.writes + 1)
        self.contacts.put(contact_id, contact)
        return contact

    def _check(self, fields: dict[str, Any], own_id: str | None) -> None:
        errors: dict[str, list[str]] = {}
        if not (fields.get("company_name") or fields.get("lastname")):
            errors["company_name"] = ["can't be blank"]
        for name in TEXT_FIELDS:
            if len(str(fields.get(name) or "")) > MOST_CHARACTERS:
                errors[name] = [f"is too long (maximum is {MOST_CHARACTERS} characters)"]
        taken = any(
            contact.id != own_id and contact.fields.get("customer_id") == fields.get("customer_id")
            for contact in self.contacts.values()
        )
        if fields.get("customer_id") and taken:
            errors["customer_id"] = ["has already been taken"]
        for refusal in self.settings.refuse:
            if refusal.company_name == fields.get("company_name"):
                errors[refusal.field] = [refusal.message]
        if errors:
            raise _Invalid(errors)


def create_app(clock: Clock | None = None) -> FastAPI:
    """The simulator; `clock` defaults to the installation's, so that a moved clock opens a new window too."""
    shift = os.environ.get("KLOKWERK_CLOCK_FILE")
    moneybird = Moneybird(clock or SystemClock(shift_file=Path(shift) if shift else None))
    app = simulator_app("moneybird", "Moneybird (simulated)", {"moneybird_contacts": moneybird.contacts})
    app.state.moneybird = moneybird
    _control_routes(app, moneybird)
    _api_routes(app, moneybird)
    return app


def _control_routes(app: FastAPI, moneybird: Moneybird) -> None:
    @app.get("/_moneybird", tags=["control"])
    async def read_settings() -> MoneybirdSettings:
        return moneybird.settings

    @app.put("/_moneybird", tags=["control"])
    async def set_settings(settings: MoneybirdSettings) -> MoneybirdSettings:
        moneybird.settings = settings
        return settings


def _api_routes(app: FastAPI, moneybird: Moneybird) -> None:
    async def whole(request: Request) -> dict[str, Any]:
        document = await request.json()
        contact: dict[str, Any] = document.get("contact") or {}
        return contact

    @app.get(f"{BASE}/administrations.json")
    async def administrations(request: Request) -> Response:
        async def answer() -> Response:
            settings = moneybird.settings
            return JSONResponse([{"id": settings.administration_id, "name": settings.name, "country": "NL"}])

        return await _guarded(moneybird, request, None, answer)

    @app.get(f"{BASE}/{{administration}}/contacts/customer_id/{{customer_id}}.json")
    async def find(request: Request, administration: str, customer_id: str) -> Response:
        async def answer() -> Response:
            return JSONResponse(_shown(moneybird.by_customer_id(customer_id)))

        return await _guarded(moneybird, request, administration, answer)

    @app.post(f"{BASE}/{{administration}}/contacts.json")
    async def insert(request: Request, administration: str) -> Response:
        async def answer() -> Response:
            return JSONResponse(_shown(moneybird.insert(await whole(request))), status_code=201)

        return await _guarded(moneybird, request, administration, answer)

    @app.patch(f"{BASE}/{{administration}}/contacts/{{contact_id}}.json")
    async def update(request: Request, administration: str, contact_id: str) -> Response:
        async def answer() -> Response:
            return JSONResponse(_shown(moneybird.update(contact_id, await whole(request))))

        return await _guarded(moneybird, request, administration, answer)


async def _guarded(
    moneybird: Moneybird,
    request: Request,
    administration: str | None,
    answer: Callable[[], Awaitable[Response]],
) -> Response:
    """Let a call through as Moneybird does: token, limit, administration, and its kinds of error."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or token != moneybird.settings.token:
        return JSONResponse({"error": "Access token is invalid or expired"}, status_code=401)
    allowed, headers = moneybird.count_call()
    if not allowed:
        return JSONResponse({"error": "Rate limit exceeded"}, status_code=429, headers=headers)
    try:
        if administration is not None and administration != moneybird.settings.administration_id:
            raise _NotFound
        response = await answer()
    except _Invalid as invalid:
        return JSONResponse({"error": invalid.errors}, status_code=422, headers=headers)
    except _NotFound:
        return JSONResponse({"error": "record not found"}, status_code=404, headers=headers)
    response.headers.update(headers)
    return response


def _shown(contact: Contact) -> dict[str, Any]:
    return {**dict.fromkeys(TEXT_FIELDS, ""), **contact.fields, "id": contact.id}
