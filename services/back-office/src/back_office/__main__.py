"""``python -m back_office serve | migrate | add-user | set-password | renew-key``."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Sequence

from klokwerk.clock import SystemClock
from klokwerk.command import run
from klokwerk.database import Database
from klokwerk.sealing import Sealer
from klokwerk.settings import load

from back_office import store
from back_office.domain import passwords
from back_office.issuer.keys import SEALED, KeyRing
from back_office.issuer.sign_in import SignIn
from back_office.settings import Settings

Work = Callable[[Settings, Database], Awaitable[str]]


def add_user(arguments: Sequence[str]) -> int:
    """Make a user: ``add-user NAME ROLE...``; the password is asked for, or read from a pipe."""
    if len(arguments) < 2:
        return _wrong("usage: add-user NAME ROLE...")
    name, *roles = arguments

    async def work(settings: Settings, database: Database) -> str:
        sign_in = SignIn(database, SystemClock(settings.zone), {})
        if not await sign_in.add_user(name, _password(), tuple(roles)):
            raise ValueError(f"there is a user {name} already")
        return f"user {name} was made with {', '.join(roles)}"

    return _done(work)


def set_password(arguments: Sequence[str]) -> int:
    """Give a user another password and end their sessions: ``set-password NAME``."""
    if len(arguments) != 1:
        return _wrong("usage: set-password NAME")
    name = arguments[0].strip().lower()

    async def work(_: Settings, database: Database) -> str:
        kept = passwords.hashed(_password())
        async with database.transaction() as connection:
            if not await store.set_password(connection, name, kept):
                raise ValueError(f"there is no user {name}")
        return f"user {name} has a new password and was signed out everywhere"

    return _done(work)


def renew_key(_: Sequence[str]) -> int:
    """Sign with a new key from the next start on; tokens of the old one stay good."""

    async def work(settings: Settings, database: Database) -> str:
        sealer = Sealer(settings.secret_key.get_secret_value(), SEALED)
        kid = await KeyRing(database, sealer, SystemClock(settings.zone)).renew()
        return f"new signing key {kid}; restart the back office to use it"

    return _done(work)


def _password() -> str:
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _done(work: Work) -> int:
    settings = load(Settings)

    async def with_database() -> str:
        database = Database(str(settings.database_url))
        try:
            return await work(settings, database)
        finally:
            await database.close()

    try:
        sys.stdout.write(asyncio.run(with_database()) + "\n")
    except ValueError as error:
        return _wrong(str(error))
    return 0


def _wrong(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 2


if __name__ == "__main__":
    run(
        "back-office",
        "back_office",
        Settings,
        "back_office.app:create",
        {"add-user": add_user, "set-password": set_password, "renew-key": renew_key},
    )
