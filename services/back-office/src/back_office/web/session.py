"""The browser session: a signed cookie that names it, and the token that every form carries."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from fastapi import Request, Response
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.sealing import derived, stamp, stamped_well

from back_office import store

SESSION_COOKIE = "klokwerk_session"
VISIT_COOKIE = "klokwerk_visit"
LANGUAGE_COOKIE = "klokwerk_language"
CSRF_FIELD = "_csrf"
CSRF_HEADER = "x-csrf-token"
EXTEND_WHEN_LEFT = 0.75


@dataclass(frozen=True, slots=True)
class CookieKeys:
    """Keys for the cookies and for the tokens in forms."""

    cookie: bytes
    csrf: bytes

    @classmethod
    def of(cls, secret: str) -> CookieKeys:
        """Derived from the secret in the settings."""
        return cls(derived(secret, "back-office/cookie"), derived(secret, "back-office/csrf"))


class Sessions:
    """Opens, finds and closes sessions; the database holds them, so that signing out ends them for good."""

    def __init__(
        self, database: Database, clock: Clock, keys: CookieKeys, *, life: timedelta, secure: bool
    ) -> None:
        self._database = database
        self._clock = clock
        self._keys = keys
        self._life = life
        self._secure = secure

    async def open(self, user: store.User, response: Response) -> None:
        """Start a session for `user`; it always gets a new id."""
        name = secrets.token_urlsafe(32)
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await store.open_session(connection, _hash(name), user.id, now, now + self._life)
        self._set(response, SESSION_COOKIE, name)
        response.delete_cookie(VISIT_COOKIE)

    async def find(self, request: Request) -> store.Session | None:
        """The session that the cookie names, if it is ours and still open."""
        name = self._named(request, SESSION_COOKIE)
        if not name:
            return None
        now = self._clock.now()
        async with self._database.connect() as connection:
            found = await store.session(connection, _hash(name), now)
        if found and found.expires_at - now < self._life * EXTEND_WHEN_LEFT:
            async with self._database.transaction() as connection:
                await store.extend_session(connection, found.id_hash, now + self._life)
        return found

    async def close(self, session: store.Session, response: Response) -> None:
        """End a session."""
        async with self._database.transaction() as connection:
            await store.close_session(connection, session.id_hash)
        response.delete_cookie(SESSION_COOKIE)

    def visitor(self, request: Request) -> tuple[str, bool]:
        """Name of the browser and whether it is new: the session's, else that of a visit not signed in."""
        name = self._named(request, SESSION_COOKIE) or self._named(request, VISIT_COOKIE)
        return (name, False) if name else (secrets.token_urlsafe(16), True)

    def remember_visit(self, response: Response, name: str) -> None:
        """Let a browser that is not signed in have a form token too."""
        self._set(response, VISIT_COOKIE, name)

    def csrf(self, name: str) -> str:
        """The token that the forms of this browser carry."""
        return stamp(self._keys.csrf, name)

    def _named(self, request: Request, cookie: str) -> str:
        name, _, signature = request.cookies.get(cookie, "").rpartition(".")
        return name if name and stamped_well(self._keys.cookie, f"{cookie}:{name}", signature) else ""

    def _set(self, response: Response, cookie: str, name: str) -> None:
        signature = stamp(self._keys.cookie, f"{cookie}:{name}")
        response.set_cookie(
            cookie, f"{name}.{signature}", httponly=True, samesite="lax", secure=self._secure, path="/"
        )


def same_site(request: Request) -> bool:
    """Whether a browser says that the request comes from one of our own pages."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return not origin or urlsplit(origin).netloc == request.headers.get("host")


def _hash(name: str) -> bytes:
    return sha256(name.encode()).digest()
