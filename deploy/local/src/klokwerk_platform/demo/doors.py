"""The front doors: the services' HTTP APIs, and what the outside world shows of what came out of the house."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from klokwerk.clock import write_shift

from klokwerk_platform.servers import Servers
from klokwerk_platform.services import CLIENT_NAME

T = TypeVar("T")


_CONFLICTS = 5


class StepFailedError(AssertionError):
    """What the outside shows is not what was to happen.

    Attributes:
        status: of the answer, where a request was refused.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True)
class Doors:
    """Access to a running platform, as a user or another system has it.

    Args:
        urls: address of each service by name.
        client_secret: of the machine client, for tokens of the back office's issuer.
        clock_file: the file that moves the clock of all services.
        patience: seconds for which a request is repeated while a service does not answer; 0 for not at all.
    """

    urls: dict[str, str]
    client_secret: str
    servers: Servers
    clock_file: Path
    patience: float = 0.0
    _client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=60))
    _token: tuple[str, float] = ("", 0.0)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _bearer(self) -> str:
        token, until = self._token
        if time.monotonic() > until:
            answer = await self._patiently(
                "POST",
                f"{self.urls['back-office']}/oauth/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": CLIENT_NAME,
                    "client_secret": self.client_secret,
                },
            )
            _check(answer)
            token = answer.json()["access_token"]
            self._token = (token, time.monotonic() + 60)
        return token

    async def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: dict[str, Any] | None = None,
        revision: str | None = None,
    ) -> httpx.Response:
        """One request to a service's API.

        Raises:
            StepFailedError: the answer is an error; the text holds the problem details.
        """
        headers = {"Authorization": f"Bearer {await self._bearer()}"}
        if revision is not None:
            headers["If-Match"] = revision
        if content is not None:
            headers["Content-Type"] = "text/csv"
        if method == "POST":
            # A request is repeated when its answer was lost; what it asks for is to be done once.
            headers["Idempotency-Key"] = uuid4().hex
        answer = await self._patiently(
            method,
            f"{self.urls[service]}/v1{path}",
            json=json,
            content=content,
            params=params,
            headers=headers,
        )
        _check(answer)
        return answer

    async def _patiently(self, method: str, url: str, **options: Any) -> httpx.Response:
        """One request, repeated for as long as `patience` lasts while nobody answers."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                answer = await self._client.request(method, url, **options)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    return answer
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """The JSON of a GET."""
        return (await self.ask(service, "GET", path, params=params)).json()

    async def everything(self, service: str, path: str, **params: Any) -> list[dict[str, Any]]:
        """All items of a list, page after page."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.get(
                service, path, limit=200, **params, **({"cursor": cursor} if cursor else {})
            )
            items += page["items"]
            cursor = page.get("next")
            if not cursor:
                return items

    async def save(
        self,
        service: str,
        path: str,
        body: Any | Callable[[Any], Any],
        *,
        method: str = "PUT",
        below: str = "",
    ) -> Any:
        """Change a resource as somebody who has just opened it; the answer's JSON.

        It is opened and saved anew where it became newer in between: somebody else saved it, or we did and the
        answer was lost.

        Args:
            path: the resource; it may be one that is not there yet.
            body: what to send, or a function that makes it of what the resource is.
            method: how to send it.
            below: where to send it, below the resource.

        Raises:
            StepFailedError: it was refused, or became newer each time.
        """
        for attempt in range(1, _CONFLICTS + 1):
            try:
                now = await self.ask(service, "GET", path)
                present, revision = now.json(), now.headers["etag"]
            except StepFailedError as error:
                if error.status != httpx.codes.NOT_FOUND:
                    raise
                present, revision = None, '"0"'
            sent = body(present) if callable(body) else body
            try:
                return (await self.ask(service, method, path + below, json=sent, revision=revision)).json()
            except StepFailedError as error:
                if error.status != httpx.codes.PRECONDITION_FAILED or attempt == _CONFLICTS:
                    raise
        raise AssertionError("unreachable")

    # --- what the outside world shows -----------------------------------------------------------------------

    async def outside(self, url: str, **params: Any) -> Any:
        """JSON of the mail sink or a simulator, which know nothing of the services."""
        answer = await self._client.get(url, params=params)
        _check(answer)
        return answer.json()

    async def mails(self, **filters: Any) -> list[dict[str, Any]]:
        """Mails as the sink received them, oldest first."""
        found = await self.outside(f"{self.servers.mail_api}/api/messages", **filters)
        return sorted(found, key=lambda mail: mail["id"])

    async def attachment(self, mail: dict[str, Any], number: int = 1) -> bytes:
        """The bytes of a mail's attachment."""
        answer = await self._client.get(
            f"{self.servers.mail_api}/api/messages/{mail['id']}/attachments/{number}"
        )
        _check(answer)
        return answer.content

    async def mail_behaves(self, **behaviour: Any) -> None:
        """Tell the mail sink how to behave from now on; nothing said: as a good server does."""
        _check(await self._client.put(f"{self.servers.mail_api}/api/behaviour", json=behaviour))

    async def stored(self, simulator_url: str) -> dict[str, Any]:
        """What a simulator keeps of what it accepted."""
        found: dict[str, Any] = await self.outside(f"{simulator_url}/_stored")
        return found

    # --- time -----------------------------------------------------------------------------------------------

    def set_clock(self, moment: datetime) -> None:
        """Make it `moment` (aware) for all services; the clock runs on from there."""
        write_shift(self.clock_file, moment - datetime.now(UTC))
        self._token = ("", 0.0)


def _check(answer: httpx.Response) -> None:
    if answer.is_error:
        raise StepFailedError(
            f"{answer.request.method} {answer.request.url} -> {answer.status_code} {answer.text}",
            answer.status_code,
        )


async def until(
    what: str,
    check: Callable[[], Awaitable[T]],
    *,
    within: float = 60.0,
    every: timedelta = timedelta(seconds=0.1),
) -> T:
    """The first true answer of `check`.

    Raises:
        StepFailedError: none came in time; the text says what was waited for and what there was instead.
    """
    deadline = time.monotonic() + within
    while True:
        trouble: object
        try:
            found = await check()
            if found:
                return found
            trouble = found
        except StepFailedError as error:
            trouble = error
        if time.monotonic() > deadline:
            raise StepFailedError(f"{what}: not within {within:.0f} s; last seen: {trouble!r}")
        await asyncio.sleep(every.total_seconds())
