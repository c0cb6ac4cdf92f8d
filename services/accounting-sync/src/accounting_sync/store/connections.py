"""Connections to accounting systems: sealed credentials, call limits and refused calls, for all processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.sealing import Sealer
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.targets.exact_answers import ConsentNeeded
from accounting_sync.targets.exact_connection import ExactCredentials

_READ = sa.text("select sealed, needs_consent, paused_until from connection where administration = :code")
_LOCK = sa.text("select sealed, needs_consent from connection where administration = :code for update")
_SAVE = sa.text(
    "insert into connection (administration, sealed, needs_consent, changed_at) values (:code, :sealed, false, "
    ":now) on conflict (administration) do update set sealed = excluded.sealed, needs_consent = false, "
    "changed_at = excluded.changed_at"
)
_PAUSE = sa.text(
    "update connection set paused_until = greatest(coalesce(paused_until, :until), :until) "
    "where administration = :code"
)
_LOST = sa.text(
    "update connection set needs_consent = true, changed_at = :now where administration = :code "
    "and sealed = :sealed"
)
_NOTE = sa.text(
    "insert into connection_error (administration, endpoint, status, at) values (:code, :endpoint, :status, :at)"
)
_ERRORS = sa.text(
    "select at from connection_error where administration = :code and endpoint = :endpoint and at > :since "
    "order by at"
)
_FORGET = sa.text("delete from connection_error where at < :before")


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """What is known of a connection without making a call."""

    has_credentials: bool
    needs_consent: bool
    paused_until: datetime | None


async def save(
    connection: AsyncConnection, box: Sealer, code: str, credentials: ExactCredentials, now: datetime
) -> None:
    """Keep credentials, encrypted."""
    obtained = credentials.obtained_at
    document = {**asdict(credentials), "obtained_at": obtained.isoformat() if obtained else None}
    sealed = box.seal_document(document, code)
    await connection.execute(_SAVE, {"code": code, "sealed": sealed, "now": now})


async def read(connection: AsyncConnection, box: Sealer, code: str) -> ExactCredentials | None:
    """The credentials of an administration; none when it has none."""
    row = (await connection.execute(_READ, {"code": code})).one_or_none()
    return _opened(box, row.sealed, code) if row else None


async def health(connection: AsyncConnection, code: str) -> ConnectionHealth:
    """Whether calls can be made at all."""
    row = (await connection.execute(_READ, {"code": code})).one_or_none()
    if row is None:
        return ConnectionHealth(False, False, None)
    return ConnectionHealth(True, row.needs_consent, row.paused_until)


async def forget_errors(connection: AsyncConnection, before: datetime) -> None:
    """Drop refused calls that count no more."""
    await connection.execute(_FORGET, {"before": before})


class DatabaseConnectionState:
    """The state of one administration's connection, shared by all processes through its row."""

    def __init__(self, database: Database, clock: Clock, box: Sealer, code: str) -> None:
        self._database = database
        self._clock = clock
        self._box = box
        self._code = code
        self._sealed = b""

    async def credentials(self) -> ExactCredentials:
        """The credentials as they stand.

        Raises:
            ConsentNeeded: there are none, or the last ones were found to be of no use.
        """
        async with self._database.connect() as connection:
            row = (await connection.execute(_READ, {"code": self._code})).one_or_none()
        return self._usable(row)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator["LockedCredentials"]:
        """The credentials with their row locked; what was saved is committed at the end of the block."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_LOCK, {"code": self._code})).one_or_none()
            yield LockedCredentials(connection, self._box, self._code, self._clock, self._any(row))

    async def paused_until(self) -> datetime | None:
        """Until when no calls may be made."""
        async with self._database.connect() as connection:
            return (await health(connection, self._code)).paused_until

    async def pause(self, until: datetime) -> None:
        """No calls until then, from any process."""
        async with self._database.transaction() as connection:
            await connection.execute(_PAUSE, {"code": self._code, "until": until})

    async def recent_errors(self, endpoint: str, since: datetime) -> list[datetime]:
        """When calls to an endpoint were refused since then."""
        async with self._database.connect() as connection:
            values = {"code": self._code, "endpoint": endpoint, "since": since}
            return [row.at for row in await connection.execute(_ERRORS, values)]

    async def note_error(self, endpoint: str, at: datetime, status: int) -> None:
        """Count a refused call."""
        async with self._database.transaction() as connection:
            values = {"code": self._code, "endpoint": endpoint, "at": at, "status": status}
            await connection.execute(_NOTE, values)

    async def consent_lost(self) -> None:
        """Make no further calls with these credentials; new ones make an end to that."""
        async with self._database.transaction() as connection:
            values = {"code": self._code, "sealed": self._sealed, "now": self._clock.now()}
            await connection.execute(_LOST, values)

    def _usable(self, row: Any) -> ExactCredentials:
        credentials = self._any(row)
        if row.needs_consent:
            raise ConsentNeeded
        return credentials

    def _any(self, row: Any) -> ExactCredentials:
        if row is None:
            raise ConsentNeeded("no credentials for Exact Online are set; enter them in the administration")
        self._sealed = bytes(row.sealed)
        return _opened(self._box, row.sealed, self._code)


class LockedCredentials:
    """Credentials whose row is locked."""

    def __init__(
        self,
        connection: AsyncConnection,
        box: Sealer,
        code: str,
        clock: Clock,
        credentials: ExactCredentials,
    ) -> None:
        self.credentials = credentials
        self._connection = connection
        self._box = box
        self._code = code
        self._clock = clock

    async def save(self, credentials: ExactCredentials) -> None:
        """Replace them; committed when the lock is let go."""
        await save(self._connection, self._box, self._code, credentials, self._clock.now())
        self.credentials = credentials


def _opened(box: Sealer, sealed: bytes, code: str) -> ExactCredentials:
    document = box.open_document(bytes(sealed), code)
    obtained = document.get("obtained_at")
    return ExactCredentials(
        **{**document, "obtained_at": datetime.fromisoformat(obtained) if obtained else None}
    )
