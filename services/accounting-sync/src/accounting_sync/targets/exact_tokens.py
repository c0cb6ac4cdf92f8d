"""Exact Online's tokens: one pair a connection, renewed by one process at a time, and what if that breaks off.

An access token lives ten minutes and is renewed in its last half minute, not before. The renewal token changes
at every use and the old one is dead at once, so between Exact's answer and our commit there is a moment in which
nobody on earth but this process knows the new pair. Nothing that a client can do closes it, since Exact does not
give the same answer twice. What is done instead (decision 0035):

- the renewal is noted and committed before Exact is asked, so a pair that was lost is known to be lost;
- it runs in a task of its own that no cancelled request and no stopping service cuts off;
- with the database away at that moment the pair is held and saved as soon as it is back;
- nobody uses a token that is not committed;
- a renewal that was noted and never ended is settled at once by trying the old token a single time. Refused, the
  connection makes no further call, and says what happened and what to do.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import httpx
from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import is_transient

from accounting_sync.targets.answers import ConsentNeeded, Temporary

log = telemetry.get_logger(__name__)

RENEW_AFTER = timedelta(seconds=570)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
NO_CONSENT = (
    "the connection to Exact Online has no valid consent any more; "
    "give consent again in the settings of the administration"
)
BROKE_OFF = (
    "the service was interrupted at {since:%Y-%m-%d %H:%M} UTC while Exact Online renewed the sign-in, and Exact "
    "Online gives a new sign-in only once; give consent again in the settings of the administration. No line is lost"
)
LOOK_AGAIN_SECONDS = 0.1
READ_ANEW_SECONDS = 1.0
"""How long a process goes on with credentials before it looks whether a person has replaced them."""


class NotExpiredYet(Exception):
    """The access token is younger than Exact lets one renew."""


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
            and now < self.obtained_at + RENEW_AFTER
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to renew; `broke_off` is when an earlier renewal began of which no end is known."""

    credentials: ExactCredentials
    broke_off: datetime | None


class TokenState(Protocol):
    """Where the tokens live, for all processes."""

    async def credentials(self) -> ExactCredentials: ...

    async def stored(self) -> ExactCredentials: ...

    async def claim_renewal(self, holder: uuid.UUID) -> Claim | None: ...

    async def end_renewal(self, holder: uuid.UUID, *, answer_lost: bool) -> None: ...

    async def save_renewed(self, old: ExactCredentials, new: ExactCredentials) -> None: ...

    async def consent_lost(self, credentials: ExactCredentials, reason: str) -> None: ...


class ExactTokens:
    """The tokens of one connection in one process.

    Args:
        patience: seconds to wait while another process renews them.
    """

    def __init__(
        self, http: httpx.AsyncClient, state: TokenState, clock: Clock, *, patience: float = 5.0
    ) -> None:
        self._http = http
        self._state = state
        self._clock = clock
        self._patience = patience
        self._me = uuid.uuid4()
        self._known: ExactCredentials | None = None
        self._read_at = 0.0
        self._renewal: asyncio.Task[ExactCredentials] | None = None

    async def usable(self, refused: str | None = None) -> ExactCredentials:
        """Credentials with an access token that may be used now and is not the `refused` one.

        Raises:
            ConsentNeeded: only a person can give new ones.
            Temporary: they can't be had at this moment.
        """
        if self._known is None or refused or time.monotonic() - self._read_at > READ_ANEW_SECONDS:
            self._known, self._read_at = None, time.monotonic()
            self._known = await self._state.credentials()
        if not self._known.usable(self._clock.now(), refused):
            self._known = await self._renewed(refused)
        return self._known

    def forget(self) -> None:
        """Read the credentials anew before the next call."""
        self._known = None

    async def refused_for_good(self, credentials: ExactCredentials) -> None:
        """A fresh token was refused as well: no further call until a person has given consent."""
        self.forget()
        await self._state.consent_lost(credentials, NO_CONSENT)

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str) -> None:
        """Finish a consent: the code from the consent page for the first pair of tokens.

        Raises:
            ConsentNeeded: the code is not good, or not any more.
            Temporary: Exact Online did not answer.
        """

        async def exchange() -> None:
            old = await self._state.stored()
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
            try:
                new = await self._tokens(old, {**form, "code_verifier": verifier})
            except (_AnswerLost, NotExpiredYet) as error:
                raise Temporary(str(error)) from error
            await self._keep(old, new)

        await asyncio.shield(asyncio.ensure_future(exchange()))
        self.forget()

    async def settle(self) -> None:
        """Bring a renewal that broke off to its end, by trying the token that was there before it once.

        Raises:
            ConsentNeeded, Temporary: as `usable`.
        """
        await self._renewed(None)
        self.forget()

    async def close(self) -> None:
        """Let a renewal under way come to its end."""
        if self._renewal is not None and not self._renewal.done():
            await asyncio.wait([self._renewal], timeout=30)

    async def _renewed(self, refused: str | None) -> ExactCredentials:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(refused))
            self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._renewal)

    async def _renew(self, refused: str | None) -> ExactCredentials:
        claim = await self._claim(refused)
        if isinstance(claim, ExactCredentials):
            return claim
        lost = False
        try:
            return await self._renew_claimed(claim, refused)
        except _AnswerLost as trouble:
            lost = True
            raise Temporary(str(trouble)) from trouble
        except ConsentNeeded as needed:
            await self._state.consent_lost(claim.credentials, needed.reason)
            raise
        finally:
            await self._until_saved(lambda: self._state.end_renewal(self._me, answer_lost=lost))

    async def _claim(self, refused: str | None) -> Claim | ExactCredentials:
        """The right to renew, or the credentials that another process got meanwhile."""
        until = time.monotonic() + self._patience
        while (claim := await self._state.claim_renewal(self._me)) is None:
            found = await self._state.credentials()
            if found.usable(self._clock.now(), refused):
                return found
            if time.monotonic() > until:
                soon = self._clock.now() + timedelta(seconds=15)
                raise Temporary("another process renews the sign-in with Exact Online", soon)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return claim

    async def _renew_claimed(self, claim: Claim, refused: str | None) -> ExactCredentials:
        credentials, now = claim.credentials, self._clock.now()
        if credentials.usable(now, refused):
            return credentials  # another process was here first
        if not credentials.refresh_token:
            raise ConsentNeeded(NO_CONSENT)
        if refused is not None and credentials.usable(now, None):
            raise ConsentNeeded(NO_CONSENT)  # Exact took a token back before its time
        form = {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token}
        try:
            new = await self._tokens(credentials, form)
        except NotExpiredYet as error:
            if credentials.access_token is None or refused is not None:
                text = "Exact Online gives no new access token within ten minutes of the last one"
                raise Temporary(text) from error
            # Their clock and ours disagree: the token at hand is good, and its age starts anew.
            new = replace(credentials, obtained_at=now)
        except ConsentNeeded as needed:
            if claim.broke_off is not None:
                raise ConsentNeeded(BROKE_OFF.format(since=claim.broke_off)) from needed
            raise
        await self._keep(credentials, new)
        return new

    async def _tokens(self, credentials: ExactCredentials, form: dict[str, str]) -> ExactCredentials:
        now = self._clock.now()
        secrets = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        address = f"{credentials.base_url}/api/oauth2/token"
        try:
            response = await self._http.post(address, data={**form, **secrets})
        except NOT_SENT as error:
            raise Temporary(f"Exact Online can't be reached: {_name(error)}") from error
        except httpx.TransportError as error:
            raise _AnswerLost(f"Exact Online did not answer at sign-in: {_name(error)}") from error
        if "not expired" in response.text and response.status_code == 401:
            raise NotExpiredYet
        if response.status_code in (400, 401):
            raise ConsentNeeded(NO_CONSENT)
        if response.status_code == 429:
            raise Temporary("Exact Online's call limit is reached", now + timedelta(minutes=1))
        if not response.is_success:
            raise _AnswerLost(f"Exact Online answered {response.status_code} at sign-in")
        document = response.json()
        return replace(
            credentials,
            access_token=document["access_token"],
            refresh_token=document["refresh_token"],
            obtained_at=now,
        )

    async def _keep(self, old: ExactCredentials, new: ExactCredentials) -> None:
        await self._until_saved(lambda: self._state.save_renewed(old, new))

    async def _until_saved(self, save: Callable[[], Awaitable[None]]) -> None:
        """Save however long the database is away: what is held here nobody else knows."""
        pause = 0.1
        while True:
            try:
                await save()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("tokens_wait_for_database", error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                return


class _AnswerLost(Exception):
    """Exact was asked for tokens, and what it did is not known."""


def _name(error: Exception) -> str:
    return str(error) or type(error).__name__
