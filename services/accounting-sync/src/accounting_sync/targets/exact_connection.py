"""One connection to Exact Online: tokens, call limits and the error allowance, shared by all processes.

The refresh token changes at every use and the old one is dead at once, so a refresh happens under a database
lock and the new pair is committed before anybody uses it. Refreshing early is refused by Exact, so a token
is used until 30 seconds before its end.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx
from klokwerk.clock import Clock

from accounting_sync.targets.exact_answers import (
    ERROR_STATUSES,
    ConsentNeeded,
    ExactLost,
    ExactTemporary,
    pause_until,
    raise_for_answer,
)

REFRESH_AFTER = timedelta(seconds=570)
ERROR_ALLOWANCE = 8
ERROR_WINDOW = timedelta(hours=1)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _NotExpiredYet(Exception):
    """The access token is younger than Exact lets one refresh."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    endpoint: str
    key: str | None
    params: dict[str, str] | None
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ExactCredentials:
    """What a connection needs; `obtained_at` is when the access token was issued."""

    base_url: str
    division: int
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    obtained_at: datetime | None = None

    def usable(self, now: datetime, refused: str | None) -> bool:
        """Whether the access token may be used: not the refused one, and not near its end."""
        return (
            self.access_token is not None
            and self.access_token != refused
            and self.obtained_at is not None
            and now < self.obtained_at + REFRESH_AFTER
        )


class CredentialSlot(Protocol):
    """The credentials while their row is locked; `save` is committed when the lock is let go."""

    credentials: ExactCredentials

    async def save(self, credentials: ExactCredentials) -> None: ...


class ConnectionState(Protocol):
    """Where the shared state of a connection lives."""

    async def credentials(self) -> ExactCredentials: ...

    def locked(self) -> AbstractAsyncContextManager[CredentialSlot]: ...

    async def paused_until(self) -> datetime | None: ...

    async def pause(self, until: datetime) -> None: ...

    async def recent_errors(self, endpoint: str, since: datetime) -> list[datetime]: ...

    async def note_error(self, endpoint: str, at: datetime, status: int) -> None: ...

    async def consent_lost(self) -> None: ...


class ExactConnection:
    """Makes single calls; knows nothing of relations."""

    def __init__(self, http: httpx.AsyncClient, state: ConnectionState, clock: Clock) -> None:
        self._http = http
        self._state = state
        self._clock = clock

    async def call(
        self,
        method: str,
        endpoint: str,
        *,
        key: str | None = None,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Call `crm/Accounts`-like endpoints of the division; `key` is a GUID for one entity.

        Returns the `d` of the answer, empty where there is none.

        Raises:
            ExactRefused, ExactTemporary, ExactLost, ConsentNeeded.
        """
        await self._check_allowed(endpoint)
        try:
            return await self._call(_Request(method, endpoint, key, params, body))
        except ConsentNeeded:
            await self._state.consent_lost()
            raise

    async def _call(self, request: _Request) -> dict[str, Any]:
        credentials = await self._fresh(None)
        response = await self._send(credentials, request)
        if response.status_code == 401:
            await self._state.note_error(request.endpoint, self._clock.now(), 401)
            credentials = await self._fresh(credentials.access_token)
            response = await self._send(credentials, request)
        await self._note(request.endpoint, response)
        if response.status_code == 401:
            raise ConsentNeeded
        raise_for_answer(response, self._clock.now())
        if not response.content:
            return {}
        document: dict[str, Any] = response.json().get("d", {})
        return document

    async def exchange_code(self, code: str, redirect_uri: str) -> None:
        """Finish a consent: the code from the consent page for the first pair of tokens."""
        async with self._state.locked() as slot:
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
            await slot.save(await self._tokens(slot.credentials, form))

    async def _check_allowed(self, endpoint: str) -> None:
        now = self._clock.now()
        paused = await self._state.paused_until()
        if paused is not None and paused > now:
            raise ExactTemporary("Exact Online's call limit is reached", paused)
        errors = await self._state.recent_errors(endpoint, now - ERROR_WINDOW)
        if len(errors) >= ERROR_ALLOWANCE:
            raise ExactTemporary(
                f"{len(errors)} refused calls to {endpoint} within the hour; stopped before Exact Online "
                "blocks the connection",
                min(errors) + ERROR_WINDOW,
            )

    async def _fresh(self, refused: str | None) -> ExactCredentials:
        credentials = await self._state.credentials()
        if credentials.usable(self._clock.now(), refused):
            return credentials
        async with self._state.locked() as slot:
            credentials = slot.credentials
            if credentials.usable(self._clock.now(), refused):
                return credentials  # another process was here first
            if not credentials.refresh_token:
                raise ConsentNeeded
            if refused is not None and credentials.usable(self._clock.now(), None):
                raise ConsentNeeded  # Exact took a token back before its time
            form = {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token}
            try:
                renewed = await self._tokens(credentials, form)
            except _NotExpiredYet as error:
                if credentials.access_token is None or refused is not None:
                    text = "Exact Online gives no new access token within ten minutes of the last one"
                    raise ExactTemporary(text) from error
                # Their clock and ours disagree: the token at hand is good, and its age starts anew.
                renewed = replace(credentials, obtained_at=self._clock.now())
            await slot.save(renewed)
        return renewed

    async def _tokens(self, credentials: ExactCredentials, form: dict[str, str]) -> ExactCredentials:
        now = self._clock.now()
        secrets = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        try:
            response = await self._http.post(
                f"{credentials.base_url}/api/oauth2/token", data={**form, **secrets}
            )
        except httpx.TransportError as error:
            raise ExactTemporary(f"Exact Online did not answer at sign-in: {_name(error)}") from error
        if "not expired" in response.text and response.status_code == 401:
            raise _NotExpiredYet
        if response.status_code in (400, 401):
            raise ConsentNeeded
        if not response.is_success:
            raise ExactTemporary(f"Exact Online answered {response.status_code} at sign-in")
        document = response.json()
        return replace(
            credentials,
            access_token=document["access_token"],
            refresh_token=document["refresh_token"],
            obtained_at=now,
        )

    async def _send(self, credentials: ExactCredentials, request: _Request) -> httpx.Response:
        division = "current" if request.endpoint == "Me" else str(credentials.division)
        entity = f"(guid'{request.key}')" if request.key else ""
        try:
            return await self._http.request(
                request.method,
                f"{credentials.base_url}/api/v1/{division}/{request.endpoint}{entity}",
                params=request.params,
                json=request.body,
                headers={"Authorization": f"Bearer {credentials.access_token}", "Accept": "application/json"},
            )
        except NOT_SENT as error:
            raise ExactTemporary(f"Exact Online can't be reached: {_name(error)}") from error
        except httpx.TransportError as error:
            if request.method == "GET":
                raise ExactTemporary(f"Exact Online did not answer: {_name(error)}") from error
            raise ExactLost(f"no answer came from Exact Online: {_name(error)}") from error

    async def _note(self, endpoint: str, response: httpx.Response) -> None:
        now = self._clock.now()
        if response.status_code in ERROR_STATUSES:
            await self._state.note_error(endpoint, now, response.status_code)
        if (until := pause_until(response, now)) is not None:
            await self._state.pause(until)


def _name(error: Exception) -> str:
    return str(error) or type(error).__name__
