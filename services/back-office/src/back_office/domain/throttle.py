"""How long sign-in waits after wrong passwords: a little for a typing error, long for guessing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FORGET_AFTER = timedelta(minutes=30)
LONGEST = timedelta(minutes=15)
FIRST = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many wrong passwords are free before waiting starts."""

    free: int


USER = Limit(free=5)
"""For one user name."""
ADDRESS = Limit(free=20)
"""For one network address: an office behind one address shares it."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong passwords of one subject so far: how many in a row, and when the last one was."""

    count: int
    last_at: datetime


def blocked_until(failures: Failures | None, limit: Limit) -> datetime | None:
    """Until when the next try is refused, or none. It doubles with each failure beyond the free ones."""
    if failures is None or failures.count < limit.free:
        return None
    doublings = min(failures.count - limit.free, 20)
    return failures.last_at + min(FIRST * (1 << doublings), LONGEST)


def after_failure(failures: Failures | None, now: datetime) -> Failures:
    """The count after one more wrong password at `now`; an old series is forgotten."""
    if failures is None or now - failures.last_at > FORGET_AFTER:
        return Failures(1, now)
    return Failures(failures.count + 1, now)


def one_less(failures: Failures) -> Failures:
    """The count when the last try turned out to be right."""
    return Failures(failures.count - 1, failures.last_at)
