"""One call to a service: the user's token, time-outs, a bounded retry of reads, problem details read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from back_office.clients.shapes import SAY, Said, Say

RETRY_AFTER_SECONDS = (0.1, 0.4)
RETRIED_STATUS = frozenset({502, 503, 504})
NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

T = TypeVar("T")


class ServiceName(StrEnum):
    """The services behind the pages, in the order of the home page."""

    DEBTORS = "debtors"
    SALES = "sales"
    EKTS = "ekts"
    DISPATCH = "dispatch"
    ACCOUNTING = "accounting"


_OF_PYDANTIC = ("Value error, ", "Assertion failed, ")
"""Put before a service's own words by the library that checks its bodies."""


class FieldProblem(BaseModel):
    """What is wrong with one field, the cure, and the page where it is mended.

    Attributes:
        message: in the reader's language.
        original: as the service wrote it, for looking at; the message is for people.
    """

    model_config = ConfigDict(extra="ignore")

    field: str = ""
    message: Said = ""
    cure: Said = ""
    link: str = ""
    code: str = ""
    original: str = ""

    @model_validator(mode="before")
    @classmethod
    def _without_the_library(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or not isinstance(value.get("message"), str):
            return value
        message = value["message"]
        for start in _OF_PYDANTIC:
            message = message.removeprefix(start)
        return {"original": message} | dict(value) | {"message": message}


class Problem(BaseModel):
    """Problem details (RFC 9457) as the services send them."""

    model_config = ConfigDict(extra="allow")

    type: str = ""
    title: Said = ""
    detail: Said = ""
    errors: tuple[FieldProblem, ...] = ()


class ServiceFailure(Exception):
    """A call did not give what was asked for.

    Attributes:
        service: which service.
        text: what happened, for the log.
        correlation: reference that finds the call in the logs.
    """

    def __init__(self, service: ServiceName, text: str, correlation: str) -> None:
        super().__init__(f"{service}: {text}")
        self.service = service
        self.text = text
        self.correlation = correlation


class ServiceAway(ServiceFailure):
    """The service did not answer, or not in a way that can be read."""


class Refused(ServiceFailure):
    """The service answered no, and says why.

    Attributes:
        problem: in the reader's language.
    """

    def __init__(
        self, service: ServiceName, status: int, problem: Problem, correlation: str, text: str = ""
    ) -> None:
        super().__init__(service, text or problem.detail or problem.title or f"status {status}", correlation)
        self.status = status
        self.problem = problem

    @property
    def said(self) -> str:
        """Why, in one sentence for the reader."""
        return self.problem.detail or self.problem.title or self.text


class Stale(Refused):
    """The thing was changed since it was read (412)."""


class NotFound(Refused):
    """There is no such thing (404)."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value with its revision, for ``If-Match``."""

    value: T
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way from a service to the browser."""

    content: AsyncIterator[bytes]
    media_type: str
    disposition: str


class Caller:
    """Calls one service for one user; its sentences are read by way of `say`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        service: ServiceName,
        *,
        token: str,
        correlation: str,
        say: Say | None = None,
    ) -> None:
        self._http = http
        self.service = service
        self._token = token
        self._correlation = correlation
        self._reading = {SAY: say}

    async def get(
        self, path: str, kind: type[T] | TypeAdapter[T], params: Mapping[str, Any] | None = None
    ) -> Answer[T]:
        """Read something; tried up to three times while the service is not reached."""
        for pause in (*RETRY_AFTER_SECONDS, None):
            try:
                response = await self._http.get(path, params=_present(params), headers=self._headers())
            except NOT_REACHED as error:
                if pause is None:
                    raise self._away(error) from error
            except httpx.HTTPError as error:
                raise self._away(error) from error
            else:
                if response.status_code not in RETRIED_STATUS or pause is None:
                    return self._read(response, kind)
            await asyncio.sleep(pause)
        raise AssertionError("unreachable: the last try returns or raises")

    async def send(
        self,
        method: str,
        path: str,
        kind: type[T] | TypeAdapter[T],
        body: Any = None,
        *,
        revision: str = "",
        once: str = "",
        seconds: float | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Answer[T]:
        """Change something; never tried again.

        Args:
            method: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
            path: path of the service's API.
            kind: what the answer holds.
            body: sent as JSON.
            revision: the revision the change was made on.
            once: key that keeps a double click from counting twice.
            seconds: how long to wait, where something takes longer than other calls.
            params: parameters of the address.
        """
        headers = self._headers()
        if revision:
            headers["If-Match"] = f'"{revision}"'
        if once:
            headers["Idempotency-Key"] = once
        try:
            response = await self._http.request(
                method,
                path,
                json=body,
                headers=headers,
                params=_present(params),
                timeout=_patience(seconds),
            )
        except httpx.HTTPError as error:
            raise self._away(error) from error
        return self._read(response, kind)

    async def hand_in(
        self,
        path: str,
        kind: type[T],
        content: bytes,
        *,
        params: Mapping[str, Any] | None = None,
        once: str = "",
        seconds: float | None = None,
    ) -> T:
        """Send a file; never tried again.

        Args:
            params: what is to be known of it.
            once: key that keeps a double click from counting twice.
            seconds: how long to wait, where looking at a file takes longer than other calls.
        """
        headers = self._headers() | {"Content-Type": "application/octet-stream"}
        if once:
            headers["Idempotency-Key"] = once
        try:
            response = await self._http.post(
                path, params=_present(params), content=content, headers=headers, timeout=_patience(seconds)
            )
        except httpx.HTTPError as error:
            raise self._away(error) from error
        return self._read(response, kind).value

    @asynccontextmanager
    async def download(
        self, path: str, params: Mapping[str, Any] | None = None, *, method: str = "GET"
    ) -> AsyncIterator[Download]:
        """A file, streamed; its name is the service's."""
        try:
            async with self._http.stream(
                method, path, params=_present(params), headers=self._headers() | {"Accept": "*/*"}
            ) as response:
                if response.is_error:
                    await response.aread()
                    self._refuse(response)
                yield Download(
                    response.aiter_bytes(),
                    response.headers.get("content-type", "application/octet-stream"),
                    response.headers.get("content-disposition", "attachment"),
                )
        except httpx.HTTPError as error:
            raise self._away(error) from error

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "X-Correlation-Id": self._correlation}
        return headers | ({"Authorization": f"Bearer {self._token}"} if self._token else {})

    def _read(self, response: httpx.Response, kind: type[T] | TypeAdapter[T]) -> Answer[T]:
        if response.is_error:
            self._refuse(response)
        adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
        revision = response.headers.get("etag", "").removeprefix("W/").strip('"')
        try:
            if not response.content:
                return Answer(adapter.validate_python(None), revision)
            return Answer(adapter.validate_json(response.content, context=self._reading), revision)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise self._away(f"unreadable answer, {where or 'body'}: {first['msg']}") from error

    def _refuse(self, response: httpx.Response) -> None:
        try:
            written = Problem.model_validate_json(response.content)
            problem = Problem.model_validate_json(response.content, context=self._reading)
        except ValidationError:
            written = problem = Problem(title=response.reason_phrase or f"status {response.status_code}")
        status = response.status_code
        if status in RETRIED_STATUS:
            raise self._away(written.detail or written.title)
        kinds = {404: NotFound, 412: Stale}
        kind = kinds.get(status, Refused)
        raise kind(self.service, status, problem, self._correlation, written.detail or written.title)

    def _away(self, reason: object) -> ServiceAway:
        text = str(reason) or type(reason).__name__
        return ServiceAway(self.service, text, self._correlation)


def _patience(seconds: float | None) -> Any:
    return httpx.USE_CLIENT_DEFAULT if seconds is None else httpx.Timeout(seconds, connect=2.0)


def _present(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without what was not asked for."""
    return {name: value for name, value in (params or {}).items() if value not in (None, "", ())}
