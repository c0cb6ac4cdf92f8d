"""Tables of the back office and every query on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from klokwerk.database import advisory_key
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from back_office.domain.throttle import Failures


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in."""

    id: UUID
    name: str
    display_name: str
    roles: tuple[str, ...]
    language: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser.

    Attributes:
        id_hash: SHA-256 of the id in the cookie; the id itself is not kept.
        order_day: the day last looked at on the sales pages (EF-15).
        flash: a message that waits for the next page.
        expires_at: when it ends unless it is used again.
    """

    id_hash: bytes
    user: User
    order_day: date | None
    flash: dict[str, Any] | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A signing key as it is kept."""

    kid: str
    sealed: bytes


def _user(row: Any) -> User:
    return User(row.id, row.name, row.display_name, tuple(row.roles), row.language)


# --- users ------------------------------------------------------------------------------------------------

_ADD_USER = sa.text(
    """
    insert into users (id, name, display_name, password_hash, roles, created_at)
    values (:id, :name, :display_name, :password_hash, :roles, :now)
    on conflict (name) do nothing
    """
)
_USER = sa.text(
    "select id, name, display_name, roles, language, password_hash from users where name = :name and active"
)


async def add_user(connection: AsyncConnection, user: User, password_hash: str, now: datetime) -> bool:
    """Keep a new user; False when the name is taken."""
    result = await connection.execute(
        _ADD_USER,
        {
            "id": user.id,
            "name": user.name,
            "display_name": user.display_name,
            "password_hash": password_hash,
            "roles": list(user.roles),
            "now": now,
        },
    )
    return bool(result.rowcount)


async def user_named(connection: AsyncConnection, name: str) -> tuple[User, str] | None:
    """The active user of that name with the password hash."""
    row = (await connection.execute(_USER, {"name": name})).one_or_none()
    return (_user(row), row.password_hash) if row else None


async def any_user(connection: AsyncConnection) -> bool:
    """Whether there is a user at all. Takes a lock, so that only one process makes the first one."""
    await connection.execute(
        sa.text("select pg_advisory_xact_lock(:key)"), {"key": advisory_key("back-office/first-user")}
    )
    return bool(await connection.scalar(sa.text("select exists (select from users)")))


async def set_language(connection: AsyncConnection, user_id: UUID, language: str) -> None:
    """Remember which language the user reads."""
    await connection.execute(
        sa.text("update users set language = :language where id = :id"),
        {"id": user_id, "language": language},
    )


async def set_password(connection: AsyncConnection, name: str, password_hash: str) -> bool:
    """Give a user another password and end their sessions; False when there is no such user."""
    row = (
        await connection.execute(
            sa.text("update users set password_hash = :hash where name = :name returning id"),
            {"name": name, "hash": password_hash},
        )
    ).one_or_none()
    if row is None:
        return False
    await connection.execute(sa.text("delete from sessions where user_id = :id"), {"id": row.id})
    return True


# --- signing keys -----------------------------------------------------------------------------------------


async def lock_keys(connection: AsyncConnection) -> None:
    """Let one process at a time look for keys and make the first."""
    await connection.execute(
        sa.text("select pg_advisory_xact_lock(:key)"), {"key": advisory_key("back-office/signing-keys")}
    )


async def usable_keys(connection: AsyncConnection, retired_after: datetime) -> list[SealedKey]:
    """Keys newest first; retired ones stay as long as tokens they signed may still be alive."""
    rows = await connection.execute(
        sa.text(
            """
            select kid, sealed from signing_keys
            where retired_at is null or retired_at > :retired_after
            order by retired_at is not null, created_at desc, kid
            """
        ),
        {"retired_after": retired_after},
    )
    return [SealedKey(row.kid, row.sealed) for row in rows]


async def add_key(connection: AsyncConnection, key: SealedKey, now: datetime) -> None:
    """Keep a key that signs from now on, and retire the ones before it."""
    await connection.execute(
        sa.text("update signing_keys set retired_at = :now where retired_at is null"), {"now": now}
    )
    await connection.execute(
        sa.text("insert into signing_keys (kid, sealed, created_at) values (:kid, :sealed, :now)"),
        {"kid": key.kid, "sealed": key.sealed, "now": now},
    )


# --- sessions ---------------------------------------------------------------------------------------------

_SESSION = sa.text(
    """
    select s.id_hash, s.order_day, s.flash, s.expires_at, u.id, u.name, u.display_name, u.roles, u.language
    from sessions s join users u on u.id = s.user_id
    where s.id_hash = :id_hash and s.expires_at > :now and u.active
    """
)


async def open_session(
    connection: AsyncConnection, id_hash: bytes, user_id: UUID, now: datetime, expires_at: datetime
) -> None:
    """Keep a new session, and forget those that ended."""
    await connection.execute(sa.text("delete from sessions where expires_at <= :now"), {"now": now})
    await connection.execute(
        sa.text(
            "insert into sessions (id_hash, user_id, created_at, expires_at)"
            " values (:id_hash, :user_id, :now, :expires_at)"
        ),
        {"id_hash": id_hash, "user_id": user_id, "now": now, "expires_at": expires_at},
    )


async def session(connection: AsyncConnection, id_hash: bytes, now: datetime) -> Session | None:
    """The session that is still open."""
    row = (await connection.execute(_SESSION, {"id_hash": id_hash, "now": now})).one_or_none()
    return Session(row.id_hash, _user(row), row.order_day, row.flash, row.expires_at) if row else None


async def extend_session(connection: AsyncConnection, id_hash: bytes, expires_at: datetime) -> None:
    """Let a used session live longer."""
    await connection.execute(
        sa.text("update sessions set expires_at = :expires_at where id_hash = :id_hash"),
        {"id_hash": id_hash, "expires_at": expires_at},
    )


async def close_session(connection: AsyncConnection, id_hash: bytes) -> None:
    """End a session."""
    await connection.execute(sa.text("delete from sessions where id_hash = :id_hash"), {"id_hash": id_hash})


async def remember_day(connection: AsyncConnection, id_hash: bytes, day: date) -> None:
    """Remember the order day last looked at (EF-15)."""
    await connection.execute(
        sa.text("update sessions set order_day = :day where id_hash = :id_hash"),
        {"id_hash": id_hash, "day": day},
    )


_SET_FLASH = sa.text("update sessions set flash = :flash where id_hash = :id_hash").bindparams(
    sa.bindparam("flash", type_=JSONB(none_as_null=True))
)


async def set_flash(connection: AsyncConnection, id_hash: bytes, flash: dict[str, Any] | None) -> None:
    """Keep a message for the next page, or take it away."""
    await connection.execute(_SET_FLASH, {"id_hash": id_hash, "flash": flash})


# --- wrong passwords --------------------------------------------------------------------------------------


async def failures(connection: AsyncConnection, subject: str) -> Failures | None:
    """Wrong passwords of a user name or address so far."""
    row = (
        await connection.execute(
            sa.text("select count, last_at from sign_in_failures where subject = :subject"),
            {"subject": subject},
        )
    ).one_or_none()
    return Failures(row[0], row.last_at) if row else None


async def lock_failures(connection: AsyncConnection, subjects: Iterable[str]) -> None:
    """Let one try at a time look at these subjects."""
    for key in sorted(advisory_key(f"back-office/{subject}") for subject in subjects):
        await connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": key})


async def keep_failures(connection: AsyncConnection, subject: str, count: Failures) -> None:
    """Keep the count of a subject."""
    await connection.execute(
        sa.text(
            """
            insert into sign_in_failures (subject, count, last_at) values (:subject, :count, :at)
            on conflict (subject) do update set count = excluded.count, last_at = excluded.last_at
            """
        ),
        {"subject": subject, "count": count.count, "at": count.last_at},
    )


async def forget_failures(connection: AsyncConnection, before: datetime) -> None:
    """Forget the subjects whose last failure is long ago."""
    await connection.execute(
        sa.text("delete from sign_in_failures where last_at < :before"), {"before": before}
    )


async def clear_failures(connection: AsyncConnection, subject: str) -> None:
    """Forget the wrong passwords of a subject after the right one."""
    await connection.execute(
        sa.text("delete from sign_in_failures where subject = :subject"), {"subject": subject}
    )
