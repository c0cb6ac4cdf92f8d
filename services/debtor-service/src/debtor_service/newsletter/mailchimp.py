"""Mailchimp's Marketing API, version 3.0, as far as the newsletter needs it.

The base address holds the data centre that the API key ends on. Errors are problem documents; a request may take two
minutes there, and at most ten may be under way for one account, so we keep to five. What is too much is refused with
429, and under great load with a bare 403 without a document; neither is tried more often than a few times.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import orjson
from klokwerk import telemetry

from debtor_service.domain.newsletter import Operation

log = telemetry.get_logger(__name__)

KEY = re.compile(r"^[0-9A-Za-z]{10,64}-([a-z]{2,4}\d{1,3})$")
PAGE = 1000
AT_ONCE = 5
MOST_ARCHIVE_BYTES = 100_000_000


class KeyRefused(Exception):
    """The API key is not, or no longer, valid."""


class NoAudience(Exception):
    """There is no audience of this id."""


class Away(ConnectionError):
    """Mailchimp can't be reached, or can't take more at the moment; trying later may help."""


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience (list)."""

    id: str
    name: str
    members: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A contact as it is there."""

    email: str
    status: str
    reason: str
    last_changed: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations that were handed in together."""

    id: str
    status: str
    total: int
    finished: int
    results_url: str

    @property
    def over(self) -> bool:
        """Every operation was done or refused."""
        return self.status == "finished"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one operation."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mailchimp:
    """The API for one account.

    Attributes:
        base: address with ``{dc}`` where the data centre stands; ``https://{dc}.api.mailchimp.com/3.0`` in reality.
        pauses: seconds before each further try.
    """

    http: httpx.AsyncClient
    base: str
    key: str
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def ping(self) -> None:
        """Ask whether the key is good.

        Raises:
            KeyRefused, Away: it is not, or nobody can say.
        """
        await self._json("GET", "/ping")

    async def audiences(self) -> list[Audience]:
        """The audiences of the account."""
        found = await self._json("GET", "/lists", params={"count": PAGE, "fields": _FIELDS_OF_LISTS})
        return [_audience(each) for each in found.get("lists", ())]

    async def audience(self, list_id: str) -> Audience:
        """One audience.

        Raises:
            NoAudience: there is none.
        """
        answered = await self._call(
            "GET", f"/lists/{list_id}", params={"fields": "id,name,stats.member_count"}
        )
        if answered.status_code == 404:
            raise NoAudience(list_id)
        return _audience(self._read(answered))

    async def changed(self, list_id: str, since: datetime | None, offset: int) -> tuple[list[Heard], int]:
        """A page of contacts that changed since a moment, the earliest first, and how many there are in all."""
        params = {
            "count": PAGE,
            "offset": offset,
            "fields": _FIELDS_OF_MEMBERS,
            "sort_field": "last_changed",
            "sort_dir": "ASC",
        }
        if since is not None:
            params["since_last_changed"] = since.isoformat(timespec="seconds")
        found = await self._json("GET", f"/lists/{list_id}/members", params=params)
        heard = [
            Heard(
                str(each["email_address"]),
                str(each["status"]),
                str(each.get("unsubscribe_reason") or ""),
                datetime.fromisoformat(each["last_changed"]),
            )
            for each in found.get("members", ())
        ]
        return heard, int(found.get("total_items") or 0)

    async def do(self, operation: Operation, list_id: str) -> Answered:
        """Do one operation at once."""
        answered = await self._call(operation.method, operation.path(list_id), body=operation.body)
        return Answered(answered.status_code, _document(answered))

    async def start(self, operations: Sequence[Operation], list_id: str) -> Batch:
        """Hand in operations together; doing them twice is as good as once."""
        handed = [
            {
                "method": operation.method,
                "path": operation.path(list_id),
                "operation_id": operation.id,
                "body": orjson.dumps(dict(operation.body or {})).decode(),
            }
            for operation in operations
        ]
        return _batch(await self._json("POST", "/batches", body={"operations": handed}))

    async def batch(self, batch_id: str) -> Batch:
        """How far a batch is; its results are at an address that holds for ten minutes."""
        return _batch(await self._json("GET", f"/batches/{batch_id}"))

    async def results(self, batch: Batch) -> bytes:
        """The archive with the results of a batch; its address takes no credentials.

        Raises:
            Away: it could not be fetched; asking for the batch again gives a new address.
        """
        if not batch.results_url.startswith(("https://", self.base.partition("://")[0] + "://")):
            raise Away(
                f"Mailchimp keeps the results at {batch.results_url[:60]!r}, which is no https address"
            )
        try:
            async with self.http.stream("GET", batch.results_url) as answer:
                if answer.status_code != 200:
                    raise Away(f"the results of batch {batch.id} were answered with {answer.status_code}")
                content = bytearray()
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > MOST_ARCHIVE_BYTES:
                        raise Away(
                            f"the results of batch {batch.id} are larger than any we can have asked for"
                        )
        except httpx.HTTPError as error:
            raise Away(f"the results of batch {batch.id} can't be fetched: {error!r}") from error
        return bytes(content)

    async def _json(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        return self._read(await self._call(method, path, params=params, body=body))

    def _read(self, answered: httpx.Response) -> dict[str, Any]:
        document = _document(answered)
        if answered.status_code >= 400:
            raise Away(f"Mailchimp answered {answered.status_code}: {document.get('detail') or document}")
        return document

    async def _call(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> httpx.Response:
        url = self.base.format(dc=self.key.rpartition("-")[2]) + path
        content = None if body is None else orjson.dumps(dict(body) if isinstance(body, Mapping) else body)
        trouble = ""
        for pause in (*self.pauses, None):
            try:
                async with self._gate:
                    answered = await self.http.request(
                        method,
                        url,
                        params=params,
                        content=content,
                        headers={"content-type": "application/json"} if content else None,
                        auth=("klokwerk", self.key),
                    )
            except httpx.HTTPError as error:
                trouble = f"Mailchimp does not answer: {error!r}"
            else:
                if answered.status_code == 401:
                    raise KeyRefused(_document(answered).get("detail") or "the key was refused")
                if not _too_much(answered):
                    return answered
                trouble = f"Mailchimp answered {answered.status_code} to {method} {path}"
            if pause is None:
                break
            log.info("mailchimp_again", why=trouble, in_seconds=pause)
            await asyncio.sleep(pause)
        raise Away(f"{trouble}, {len(self.pauses) + 1} times")


_FIELDS_OF_MEMBERS = ",".join(
    (
        *(f"members.{name}" for name in ("email_address", "status", "unsubscribe_reason", "last_changed")),
        "total_items",
    )
)
_FIELDS_OF_LISTS = "lists.id,lists.name,lists.stats.member_count"


def _too_much(answered: httpx.Response) -> bool:
    """Worth a further try: the server's own trouble, the limit of connections, or a bare 403 under load."""
    bare = answered.status_code == 403 and "json" not in answered.headers.get("content-type", "")
    return answered.status_code == 429 or answered.status_code >= 500 or bare


def _document(answered: httpx.Response) -> dict[str, Any]:
    try:
        found = orjson.loads(answered.content) if answered.content else {}
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _audience(each: Mapping[str, Any]) -> Audience:
    return Audience(
        str(each["id"]), str(each.get("name", "")), int(each.get("stats", {}).get("member_count", 0))
    )


def _batch(each: Mapping[str, Any]) -> Batch:
    return Batch(
        str(each["id"]),
        str(each.get("status", "")),
        int(each.get("total_operations") or 0),
        int(each.get("finished_operations") or 0),
        str(each.get("response_body_url") or ""),
    )
