"""Checking who somebody is: users by password, machine clients by secret, both slowed down when guessing."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

from klokwerk.clock import Clock
from klokwerk.database import Database
from sqlalchemy.ext.asyncio import AsyncConnection

from back_office import store
from back_office.domain import passwords, throttle
from back_office.domain.roles import Role, checked
from back_office.issuer.tokens import Subject
from back_office.settings import MachineClient

AT_ONCE = asyncio.Semaphore(4)
"""Password checks cost memory on purpose; no more than this many run side by side."""


class WrongCredentials(Exception):
    """Name or password is not right; which of the two is not told."""


class TryLater(Exception):
    """Too many wrong passwords; the next try is taken after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many wrong passwords: try again in {seconds} seconds")
        self.seconds = seconds


class SignIn:
    """Users and machine clients that may have a token."""

    def __init__(self, database: Database, clock: Clock, clients: Mapping[str, MachineClient]) -> None:
        self._database = database
        self._clock = clock
        self._clients = clients

    async def user(self, name: str, password: str, address: str) -> store.User:
        """The user with this name and password.

        Args:
            name: as typed; capitals and spaces around it don't matter.
            password: as typed.
            address: network address of whoever asks.

        Raises:
            WrongCredentials: no such user, or another password.
            TryLater: too many wrong passwords for this user or from this address.
        """
        name = name.strip().lower()[:100]
        subjects = self._subjects(f"user:{name}", address)
        async with self._database.transaction() as connection:
            await self._charge(connection, subjects)
            found = await store.user_named(connection, name)
        async with AT_ONCE:
            right = await asyncio.to_thread(passwords.matches, found[1] if found else None, password)
        if not found or not right:
            raise WrongCredentials
        await self._give_back(subjects)
        return found[0]

    async def client(self, name: str, secret: str, address: str) -> Subject:
        """The machine client with this name and secret; raises as `user` does."""
        subjects = self._subjects(f"client:{name[:100]}", address)
        async with self._database.transaction() as connection:
            await self._charge(connection, subjects)
        known = self._clients.get(name)
        expected = known.secret.get_secret_value() if known else ""
        right = hmac.compare_digest(expected.encode(), secret.encode()) and bool(expected)
        if not right or known is None:
            raise WrongCredentials
        await self._give_back(subjects)
        return Subject(f"client:{name}", name, known.roles)

    async def make_first_user(self, name: str, password: str) -> bool:
        """Make a user with every role while there is none; False when there is one already."""
        async with self._database.transaction() as connection:
            if await store.any_user(connection):
                return False
            user = store.User(uuid4(), name.strip().lower(), name.strip(), tuple(role.value for role in Role))
            return await store.add_user(connection, user, passwords.hashed(password), self._clock.now())

    async def add_user(self, name: str, password: str, roles: tuple[str, ...]) -> bool:
        """Make a user; False when the name is taken. Raises ValueError for a bad role or password."""
        user = store.User(uuid4(), name.strip().lower(), name.strip(), checked(roles))
        async with self._database.transaction() as connection:
            return await store.add_user(connection, user, passwords.hashed(password), self._clock.now())

    @staticmethod
    def _subjects(who: str, address: str) -> dict[str, throttle.Limit]:
        return {who: throttle.USER, f"address:{address}": throttle.ADDRESS}

    async def _charge(self, connection: AsyncConnection, subjects: Mapping[str, throttle.Limit]) -> None:
        """Count the try as failed before it is checked, so that many at once don't slip through."""
        now = self._clock.now()
        await store.lock_failures(connection, subjects)
        for subject, limit in subjects.items():
            so_far = await store.failures(connection, subject)
            until = throttle.blocked_until(so_far, limit)
            if until and until > now:
                raise TryLater(_seconds(until, now))
            await store.keep_failures(connection, subject, throttle.after_failure(so_far, now))
        await store.forget_failures(connection, now - throttle.FORGET_AFTER)

    async def _give_back(self, subjects: Mapping[str, throttle.Limit]) -> None:
        async with self._database.transaction() as connection:
            await store.lock_failures(connection, subjects)
            for subject, limit in subjects.items():
                so_far = await store.failures(connection, subject)
                if so_far and limit is throttle.ADDRESS and so_far.count > 1:
                    await store.keep_failures(connection, subject, throttle.one_less(so_far))
                else:
                    await store.clear_failures(connection, subject)


def _seconds(until: datetime, now: datetime) -> int:
    return max(1, int((until - now).total_seconds() + 0.999))
