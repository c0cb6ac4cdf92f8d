"""PostgreSQL for a service: engine, transactions, the state of its schema, a role of its own.

Statements are prebuilt ``sqlalchemy.text`` or Core constants; hot paths may take the raw asyncpg connection
with `raw`. A transaction commits when its block ends and rolls back when it raises.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.resources
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

STATEMENT_TIMEOUT_MS = 60_000

_IS_MIGRATED = sa.text("select to_regclass('alembic_version')")
_STANDS_AT = sa.text("select version_num from alembic_version")
_TRANSIENT_SQLSTATES = ("08", "40", "53", "55P03", "57014", "57P")


def is_transient(error: BaseException) -> bool:
    """Whether trying again later may help: connection lost, deadlock, server starting or out of resources."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        if state:
            return str(state).startswith(_TRANSIENT_SQLSTATES)
        return cause is not None and is_transient(cause.__cause__ or cause)
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate or "").startswith(_TRANSIENT_SQLSTATES)
    if isinstance(error, asyncpg.InterfaceError):
        # The driver's own refusals come under this name too, such as a number that is too large for its column.
        return not isinstance(error, ValueError) and "clos" in str(error)
    return isinstance(error, OSError | TimeoutError | PoolTimeout)


def is_unstorable(error: DBAPIError) -> bool:
    """Whether a text holds a character that PostgreSQL keeps in no text, such as the one of code 0."""
    return getattr(error.orig, "sqlstate", None) in ("22021", "22P05")


class Database:
    """A service's own database.

    Args:
        url: ``postgresql://role:password@host:port/database``.
        pool: most connections kept open by this process.
    """

    def __init__(self, url: str, *, pool: int = 8) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool,
            max_overflow=pool,
            pool_timeout=10,
            pool_pre_ping=False,
            json_serializer=lambda value: orjson.dumps(value, default=str).decode(),
            json_deserializer=orjson.loads,
            connect_args={
                "timeout": 5,
                "server_settings": {
                    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                    "application_name": "klokwerk",
                    "timezone": "UTC",
                },
            },
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A connection inside a transaction: committed at the end of the block, rolled back on an error."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading; what it changed is rolled back at the end."""
        async with self.engine.connect() as connection:
            yield connection

    async def ping(self) -> None:
        """Raise when the database does not answer within five seconds."""
        async with asyncio.timeout(5), self.engine.connect() as connection:
            await connection.execute(sa.text("select 1"))

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


async def raw(connection: AsyncConnection) -> asyncpg.Connection:
    """The asyncpg connection under `connection`, in the same transaction; for COPY and unnest."""
    # SQLAlchemy starts its transaction at the first statement; the raw one must not run outside it.
    await connection.execute(sa.text("select 1"))
    pooled = await connection.get_raw_connection()
    return pooled.driver_connection


def sqlalchemy_url(url: str) -> str:
    """The same address for SQLAlchemy's asyncpg dialect."""
    return "postgresql+asyncpg://" + url.split("://", 1)[1]


# --- migrations -------------------------------------------------------------------------------------------


def script(operations: Any, sql: str) -> None:
    """Run several statements in a migration (asyncpg prepares only one at a time).

    Args:
        operations: Alembic's ``op``.
        sql: statements separated by semicolons.
    """
    connection = operations.get_bind()
    connection.exec_driver_sql("select 1")
    driver: asyncpg.Connection = connection.connection.driver_connection
    await_only(driver.execute(sql))


def head_revision(package: str) -> str:
    """Newest migration that `package` ships: they are numbered, and follow one another."""
    versions = importlib.resources.files(package) / "migrations" / "versions"
    names = (entry.name for entry in versions.iterdir())
    return max(name.partition("_")[0] for name in names if name[:1].isdigit() and name.endswith(".py"))


async def schema_revision(connection: AsyncConnection) -> str | None:
    """Migration that the database stands at; none when it was never migrated."""
    if (await connection.execute(_IS_MIGRATED)).scalar_one() is None:
        return None
    found = (await connection.execute(_STANDS_AT)).scalar_one_or_none()
    return None if found is None else str(found)


def advisory_key(name: str) -> int:
    """A stable 63-bit key for ``pg_advisory_lock`` out of a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


# --- a database and a role per service ----------------------------------------------------------------------


async def provision(admin_url: str, name: str, password: str) -> str:
    """Make the database and role `name` where they are not there yet, and give the address for that role.

    Args:
        admin_url: address of a role that may create databases and roles.
        name: used for both; letters, digits, ``_`` and ``-``.
        password: set on the role, also when it exists.
    """
    quoted = '"' + name.replace('"', '""') + '"'
    secret = password.replace("'", "''")
    connection = await asyncpg.connect(admin_url, timeout=10)
    try:
        if not await connection.fetchval("select 1 from pg_roles where rolname = $1", name):
            await connection.execute(f"create role {quoted} login")
        await connection.execute(f"alter role {quoted} password '{secret}'")
        if not await connection.fetchval("select 1 from pg_database where datname = $1", name):
            await connection.execute(f"create database {quoted} owner {quoted}")
        await connection.execute(f"revoke connect on database {quoted} from public")
    finally:
        await connection.close()
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(("postgresql", f"{quote(name)}:{quote(password)}@{host}", f"/{quote(name)}", "", ""))
