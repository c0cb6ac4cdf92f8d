"""Single calls to Exact Online: signed in, within its limits, and read for what they came to."""

from dataclasses import dataclass
from typing import Any

import httpx
from klokwerk.clock import Clock

from accounting_sync.targets.answers import ConsentNeeded, Lost, Temporary
from accounting_sync.targets.exact_answers import ERROR_STATUSES, pause_until, raise_for_answer, windows
from accounting_sync.targets.exact_tokens import NO_CONSENT, NOT_SENT, ExactCredentials, ExactTokens
from accounting_sync.targets.gate import CallGate, LimitReader

READER = LimitReader("Exact Online", windows, pause_until, ERROR_STATUSES, allowance=8)
"""Exact blocks a key for an hour after more than ten refused calls to an endpoint; two are left for what a
process that was killed could not note."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    endpoint: str
    key: str | None
    params: dict[str, str] | None
    body: dict[str, Any] | None


class ExactConnection:
    """Makes single calls; knows nothing of relations."""

    def __init__(self, http: httpx.AsyncClient, tokens: ExactTokens, gate: CallGate, clock: Clock) -> None:
        self._http = http
        self.tokens = tokens
        self.gate = gate
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
            Refused, Temporary, Lost, ConsentNeeded.
        """
        request = _Request(method, endpoint, key, params, body)
        credentials = await self.tokens.usable()
        response = await self._made(credentials, request)
        if response.status_code == 401:
            credentials = await self.tokens.usable(credentials.access_token)
            response = await self._made(credentials, request)
            if response.status_code == 401:
                await self.tokens.refused_for_good(credentials)
                raise ConsentNeeded(NO_CONSENT)
        raise_for_answer(response, self._clock.now())
        if not response.content:
            return {}
        document: dict[str, Any] = response.json().get("d", {})
        return document

    async def _made(self, credentials: ExactCredentials, request: _Request) -> httpx.Response:
        async with self.gate.call(request.endpoint) as passage:
            passage.response = await self._send(credentials, request)
            return passage.response

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
            raise Temporary(f"Exact Online can't be reached: {_name(error)}") from error
        except httpx.TransportError as error:
            if request.method == "GET":
                raise Temporary(f"Exact Online did not answer: {_name(error)}") from error
            raise Lost(f"no answer came from Exact Online: {_name(error)}") from error


def _name(error: Exception) -> str:
    return str(error) or type(error).__name__
