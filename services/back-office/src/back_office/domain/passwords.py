"""Passwords are kept as argon2id hashes only."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 8
LONGEST = 200
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_nobody = _hasher.hash("nobody has this password")


def hashed(password: str) -> str:
    """The hash to keep.

    Raises:
        ValueError: shorter than 8 or longer than 200 characters.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether `password` is the one behind `kept`; takes as long for a user who does not exist (None)."""
    try:
        right = _hasher.verify(kept or _nobody, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None
