"""Who may do what: bearer tokens checked against the issuer's key set, a role on every route, an audit trail.

Every route under ``/v1`` must name the roles that may use it (`allow`) or say `signed_in`; `check_routes`
refuses to start a service with a route that doesn't, so forgetting it denies instead of opening.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Protocol

import httpx
import orjson
import sqlalchemy as sa
import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.ext.asyncio import AsyncConnection

from klokwerk import telemetry
from klokwerk.http.problems import Problem

log = telemetry.get_logger(__name__)

AUDIENCE = "klokwerk"
ALGORITHMS = ["RS256", "ES256", "EdDSA", "Ed25519"]

SCHEMA_1 = """
create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    person text not null,
    person_name text not null,
    action text not null,
    entity text not null,
    entity_id text not null,
    old jsonb,
    new jsonb,
    correlation_id text not null
);
create index audit_entity on audit (entity, entity_id, id);
"""

_AUDIT = sa.text(
    "insert into audit (at, person, person_name, action, entity, entity_id, old, new, correlation_id) "
    "select :at, :person, :person_name, :action, :entity, entity_id, cast(old as jsonb), cast(new as jsonb), "
    ":correlation_id from unnest(cast(:ids as text[]), cast(:olds as text[]), cast(:news as text[])) "
    "with ordinality as changed (entity_id, old, new, place) order by place"
)
_TRAIL = sa.text(
    "select at, person, person_name, action, old, new, correlation_id from audit "
    "where entity = :entity and entity_id = :entity_id order by id desc limit :limit"
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asking: a person or a machine with a token of the issuer.

    Attributes:
        token: the token itself, to pass on to another service on the person's behalf.
    """

    subject: str
    name: str
    roles: frozenset[str]
    token: str = field(default="", repr=False)


class Keys(Protocol):
    """Where the issuer's public keys come from."""

    async def get(self, *, fresh: bool = False) -> KeySet:
        """The key set; `fresh` asks the issuer again."""
        ...


@dataclass(slots=True)
class RemoteKeys:
    """The key set at a URL, kept for ten minutes and asked for again when a token names an unknown key."""

    url: str
    keep_seconds: float = 600.0
    _keys: KeySet | None = None
    _at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, *, fresh: bool = False) -> KeySet:
        """The key set.

        Raises:
            Problem: 503 when the issuer can't be reached and no keys are known.
        """
        async with self._lock:
            age = time.monotonic() - self._at
            if self._keys is not None and age < (5.0 if fresh else self.keep_seconds):
                return self._keys
            try:
                async with httpx.AsyncClient(timeout=5) as client:
                    answer = await client.get(self.url)
                    answer.raise_for_status()
                self._keys, self._at = KeySet.import_key_set(answer.json()), time.monotonic()
            except (httpx.HTTPError, ValueError) as error:
                log.warning("issuer_away", url=self.url, error=repr(error))
                if self._keys is None:
                    raise Problem(
                        503, "The token issuer can't be reached", f"No keys from {self.url}."
                    ) from error
            return self._keys


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """A key set that is known beforehand."""

    keys: KeySet

    async def get(self, *, fresh: bool = False) -> KeySet:  # noqa: ARG002
        """The key set."""
        return self.keys


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks tokens: signature, issuer, audience, expiry (by the machine's clock, never by a moved one)."""

    issuer: str
    keys: Keys

    async def verify(self, token: str) -> Person:
        """The person behind `token`.

        Raises:
            Problem: 401 with what is wrong with it.
        """
        try:
            try:
                decoded = jwt.decode(token, await self.keys.get(), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                decoded = jwt.decode(token, await self.keys.get(fresh=True), algorithms=ALGORITHMS)
            claims = decoded.claims
            jwt.JWTClaimsRegistry(
                leeway=30,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": AUDIENCE},
                exp={"essential": True},
                sub={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError) as error:
            raise _unauthorised(f"The token was not accepted: {error}") from error
        roles = claims.get("roles") or []
        return Person(
            str(claims["sub"]), str(claims.get("name") or claims["sub"]), frozenset(map(str, roles)), token
        )


def _unauthorised(detail: str) -> Problem:
    return Problem(401, "Sign in first", detail, headers={"WWW-Authenticate": "Bearer"})


@dataclass(frozen=True, slots=True)
class Allow:
    """The rule of one route: any of `roles`, or anybody signed in when there are none."""

    roles: frozenset[str]

    async def __call__(self, request: Request) -> Person:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorised("Send Authorization: Bearer with a token of the issuer.")
        verifier: Verifier = request.app.state.verifier
        person = await verifier.verify(token.strip())
        request.state.person_subject = person.subject
        structlog.contextvars.bind_contextvars(person=person.subject)
        if self.roles and not self.roles & person.roles:
            raise Problem(
                403,
                "Your role does not allow this",
                f"{person.name} has {', '.join(sorted(person.roles)) or 'no role'}; "
                f"this needs {' or '.join(sorted(self.roles))}.",
            )
        return person


def allow(*roles: str) -> Any:
    """Parameter default of a route that only `roles` may use: ``person: Person = allow("finance")``."""
    return Depends(Allow(frozenset(roles)))


SignedIn = Annotated[Person, Depends(Allow(frozenset()))]
"""Parameter of a route that everybody who is signed in may use."""


def check_routes(app: FastAPI) -> None:
    """Refuse an app with a ``/v1`` route that does not say who may use it.

    Raises:
        RuntimeError: naming the routes.
    """
    open_routes = [
        route.path
        for route in _routes(app.routes)
        if route.path.startswith("/v1") and not _guarded(route.dependant)
    ]
    if open_routes:
        raise RuntimeError(f"these routes do not say who may use them (klokwerk.access.allow): {open_routes}")


def _routes(routes: Iterable[Any]) -> Iterable[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route


def _guarded(dependant: Dependant) -> bool:
    return isinstance(dependant.call, Allow) or any(_guarded(inner) for inner in dependant.dependencies)


async def audit(
    connection: AsyncConnection,
    person: Person,
    at: datetime,
    action: str,
    entity: str,
    entity_id: str,
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> None:
    """Record a change that a person makes, in the transaction of the change.

    Args:
        action: a verb, e.g. ``changed``, ``resend requested``.
        entity, entity_id: what was changed.
        old, new: the fields that changed, before and after.
    """
    await audit_all(connection, person, at, action, entity, [(entity_id, old, new)])


async def audit_all(
    connection: AsyncConnection,
    person: Person,
    at: datetime,
    action: str,
    entity: str,
    changes: Iterable[tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]],
) -> None:
    """Record the same action on many things at once.

    Args:
        changes: for each thing its id and the fields that changed, before and after.
    """
    rows = [(entity_id, _json(old), _json(new)) for entity_id, old, new in changes]
    if not rows:
        return
    await connection.execute(
        _AUDIT,
        {
            "at": at,
            "person": person.subject,
            "person_name": person.name,
            "action": action,
            "entity": entity,
            "ids": [entity_id for entity_id, _, _ in rows],
            "olds": [old for _, old, _ in rows],
            "news": [new for _, _, new in rows],
            "correlation_id": structlog.contextvars.get_contextvars().get("correlation_id", ""),
        },
    )


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(dict(value), default=str).decode()


async def trail(
    connection: AsyncConnection, entity: str, entity_id: str, *, limit: int = 200
) -> list[dict[str, Any]]:
    """Changes of one thing, newest first."""
    rows = await connection.execute(_TRAIL, {"entity": entity, "entity_id": entity_id, "limit": limit})
    return [dict(row) for row in rows.mappings()]
