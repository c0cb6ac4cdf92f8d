"""What the simulated Exact Online keeps: tokens, call counts, error allowance, and the entities."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import defaultdict, deque
from datetime import datetime, timedelta
from typing import Any

from klokwerk.clock import Clock
from pydantic import BaseModel, ConfigDict, Field

from klokwerk_platform.simulators.behaviour import Store

ACCESS_SECONDS = 600
REFRESH_AFTER_SECONDS = 570


class Refusal(BaseModel):
    """A relation that is refused with Exact's kind of message; by name or by code, whichever is set."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    code: str | None = None
    message: str = "Verplicht: Betalingsconditie"

    def meets(self, body: dict[str, Any], code: str) -> bool:
        return (self.name is not None and body.get("Name") == self.name) or (
            self.code is not None and code == self.code
        )


class ExactSettings(BaseModel):
    """What can be set at ``PUT /_exact``."""

    model_config = ConfigDict(extra="forbid")

    client_id: str = "klokwerk"
    client_secret: str = "klokwerk-secret"  # noqa: S105
    division: int = 102030
    minutely_limit: int = Field(60, ge=1)
    daily_limit: int = Field(5_000, ge=1)
    error_limit: int = Field(10, ge=1, description="Refused calls an endpoint allows within the hour.")
    payment_conditions: list[str] | None = Field(None, description="Known codes; null takes every code.")
    refuse: list[Refusal] = Field(default_factory=list)
    consent_declined: bool = Field(False, description="The person on the consent page says no.")


class Entity(BaseModel):
    """An account, address or bank account as it was sent, with the id it was given."""

    id: str
    fields: dict[str, Any]
    writes: int = 1


class TokenRow(BaseModel):
    """A pair of tokens; `spent` is set when the refresh token was used."""

    access: str
    refresh: str
    issued: datetime
    spent: bool = False
    revoked: bool = False


class OAuthError(Exception):
    """The token endpoint refuses; both texts go into the answer."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class Tokens:
    """Issues, rotates and checks tokens by Exact's rules."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: Store[TokenRow] = Store("exact_tokens", TokenRow)
        self._codes: dict[str, tuple[str, str]] = {}

    def new_code(self, redirect_uri: str = "", challenge: str = "") -> str:
        """A code for one use, bound to the address it is sent to and, where one came along, to a challenge."""
        code = secrets.token_urlsafe(16)
        self._codes[code] = (redirect_uri, challenge)
        return code

    def by_code(self, code: str, redirect_uri: str = "", verifier: str = "") -> TokenRow:
        if code not in self._codes:
            raise OAuthError("invalid_grant", "The authorization code is not known or was used.")
        bound_to, challenge = self._codes.pop(code)
        if bound_to and redirect_uri != bound_to:
            raise OAuthError("invalid_grant", "The redirect URI is not the one the code was sent to.")
        proof = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if challenge and proof != challenge:
            raise OAuthError("invalid_grant", "The code verifier does not fit the challenge.")
        return self._issue()

    def by_refresh(self, refresh: str) -> TokenRow:
        row = self._rows.get(refresh)
        if row is None or row.revoked:
            raise OAuthError("unauthorized_client", "Refresh token not known.")
        if row.spent:
            raise OAuthError("unauthorized_client", "Old refresh token used.")
        if self._age(row) < REFRESH_AFTER_SECONDS:
            raise OAuthError("unauthorized_client", "Rate limit exceeded: access_token not expired")
        self._rows.put(refresh, row.model_copy(update={"spent": True}))
        return self._issue()

    def accepts(self, access: str) -> bool:
        return any(
            row.access == access and not row.revoked and self._age(row) < ACCESS_SECONDS
            for row in self._rows.values()
        )

    def revoke_all(self) -> None:
        for key, row in self._rows.items():
            self._rows.put(key, row.model_copy(update={"revoked": True}))

    def _issue(self) -> TokenRow:
        row = TokenRow(
            access=secrets.token_urlsafe(32), refresh=secrets.token_urlsafe(32), issued=self._clock.now()
        )
        self._rows.put(row.refresh, row)
        return row

    def _age(self, row: TokenRow) -> float:
        return (self._clock.now() - row.issued).total_seconds()


class Limits:
    """Counts calls per minute and day and refused calls per endpoint and hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minute: tuple[datetime, int] | None = None
        self._day: tuple[datetime, int] | None = None
        self._errors: dict[str, deque[datetime]] = defaultdict(deque)
        self._blocked_until: datetime | None = None

    def count_call(self, settings: ExactSettings) -> tuple[bool, dict[str, str]]:
        """Count one call: whether it is allowed, and the headers that tell what is left."""
        now = self._clock.now()
        self._minute = self._current(self._minute, now, timedelta(minutes=1))
        self._day = self._current(self._day, now, timedelta(days=1))
        allowed = self._minute[1] < settings.minutely_limit and self._day[1] < settings.daily_limit
        if allowed:
            self._minute = (self._minute[0], self._minute[1] + 1)
            self._day = (self._day[0], self._day[1] + 1)
        headers: dict[str, str] = {}
        for prefix, limit, (start, used), span in (
            ("X-RateLimit-Minutely", settings.minutely_limit, self._minute, timedelta(minutes=1)),
            ("X-RateLimit", settings.daily_limit, self._day, timedelta(days=1)),
        ):
            headers[f"{prefix}-Limit"] = str(limit)
            headers[f"{prefix}-Remaining"] = str(max(0, limit - used))
            headers[f"{prefix}-Reset"] = str(int((start + span).timestamp() * 1000))
        return allowed, headers

    def blocked(self) -> bool:
        return self._blocked_until is not None and self._clock.now() < self._blocked_until

    def count_error(self, endpoint: str, settings: ExactSettings) -> None:
        """Count a refused call; more than allowed within the hour blocks the key for an hour."""
        now = self._clock.now()
        errors = self._errors[endpoint]
        errors.append(now)
        while errors and errors[0] <= now - timedelta(hours=1):
            errors.popleft()
        if len(errors) > settings.error_limit:
            self._blocked_until = now + timedelta(hours=1)

    @staticmethod
    def _current(window: tuple[datetime, int] | None, now: datetime, span: timedelta) -> tuple[datetime, int]:
        if window is None or not window[0] <= now < window[0] + span:
            return (now, 0)
        return window
