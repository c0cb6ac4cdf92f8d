"""Idempotency-Key on POST: the same request with the same key is done once and answered the same.

The key is written in the transaction that does the work, so a crash leaves both or neither. A second request
with the key waits for the first one's transaction and then gets its answer.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import Depends, Header, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk.http.problems import Problem

SCHEMA_1 = """
create table idempotency (
    key text not null,
    subject text not null,
    request_hash text not null,
    status integer,
    headers jsonb,
    body jsonb,
    created_at timestamptz not null default clock_timestamp(),
    primary key (key, subject)
);
"""

_CLAIM = sa.text(
    "insert into idempotency (key, subject, request_hash) values (:key, :subject, :hash) "
    "on conflict (key, subject) do nothing returning 1"
)
_READ = sa.text(
    "select request_hash, status, headers, body from idempotency where key = :key and subject = :subject"
)
_KEEP = sa.text(
    "update idempotency set status = :status, headers = cast(:headers as jsonb), body = cast(:body as jsonb) "
    "where key = :key and subject = :subject"
)


class _Once:
    """One request that may come twice. Without an Idempotency-Key it does nothing."""

    def __init__(self, key: str | None, request: Request, request_hash: str) -> None:
        self._key, self._request, self._hash = key, request, request_hash

    @property
    def _subject(self) -> str:
        """Who asks; known only after the route's access rule has run, so it is read late."""
        return str(getattr(self._request.state, "person_subject", ""))

    async def answered(self, connection: AsyncConnection) -> JSONResponse | None:
        """The earlier answer to this request, or none if it is to be done now. Call it first in the transaction."""
        if self._key is None:
            return None
        claim = {"key": self._key, "subject": self._subject, "hash": self._hash}
        if (await connection.execute(_CLAIM, claim)).first():
            return None
        row = (await connection.execute(_READ, claim)).mappings().one()
        if row["request_hash"] != self._hash:
            raise Problem(
                422,
                "Idempotency-Key was used for another request",
                "Send a new key for a new request; the same key only with exactly the same request.",
            )
        return JSONResponse(
            row["body"], row["status"], headers={**row["headers"], "Idempotent-Replay": "true"}
        )

    async def keep(
        self, connection: AsyncConnection, body: Any, status: int = 201, headers: dict[str, str] | None = None
    ) -> JSONResponse:
        """Answer with `body` and remember it under the key, in the same transaction as the work."""
        plain = jsonable_encoder(body)
        if self._key is not None:
            await connection.execute(
                _KEEP,
                {
                    "key": self._key,
                    "subject": self._subject,
                    "status": status,
                    "headers": orjson.dumps(headers or {}).decode(),
                    "body": orjson.dumps(plain).decode(),
                },
            )
        return JSONResponse(plain, status, headers=headers)


async def _once(
    request: Request, idempotency_key: Annotated[str | None, Header(max_length=200)] = None
) -> _Once:
    if idempotency_key is None:
        return _Once(None, request, "")
    body = await request.body()
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).hexdigest()
    return _Once(idempotency_key, request, digest)


Once = Annotated[_Once, Depends(_once)]
"""Parameter of a POST route: ``if answer := await once.answered(conn): return answer`` ... ``once.keep(...)``."""
