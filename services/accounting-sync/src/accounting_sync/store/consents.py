"""Consents under way: what a person was sent to the accounting system with, until they come back."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from klokwerk.sealing import Sealer
from sqlalchemy.ext.asyncio import AsyncConnection

_BEGIN = sa.text(
    "insert into consent_request (state_hash, administration, redirect_uri, verifier, person, expires_at) "
    "values (:state, :code, :redirect, :verifier, :person, :expires)"
)
_FORGET_OLD = sa.text("delete from consent_request where expires_at < :now")
_TAKE = sa.text(
    "delete from consent_request where state_hash = :state and person = :person and expires_at >= :now "
    "returning administration, redirect_uri, verifier"
)


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """One consent under way; `verifier` proves that whoever exchanges the code has begun it (RFC 7636)."""

    administration: str
    redirect_uri: str
    verifier: str


async def begin(
    connection: AsyncConnection,
    box: Sealer,
    state: str,
    request: ConsentRequest,
    *,
    person: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep a consent that `person` was sent away for; those that ran out are forgotten."""
    await connection.execute(_FORGET_OLD, {"now": now})
    key = _hash(state)
    await connection.execute(
        _BEGIN,
        {
            "state": key,
            "code": request.administration,
            "redirect": request.redirect_uri,
            "verifier": box.seal(request.verifier.encode(), key.hex()),
            "person": person,
            "expires": expires_at,
        },
    )


async def take(
    connection: AsyncConnection, box: Sealer, state: str, *, person: str, now: datetime
) -> ConsentRequest | None:
    """The consent that `person` comes back from; it serves once, and nobody else."""
    key = _hash(state)
    row = (await connection.execute(_TAKE, {"state": key, "person": person, "now": now})).one_or_none()
    if row is None:
        return None
    verifier = box.open(bytes(row.verifier), key.hex()).decode()
    return ConsentRequest(row.administration, row.redirect_uri, verifier)


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
