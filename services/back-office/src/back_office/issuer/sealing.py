"""Secrets at rest and signatures of cookies: keys derived from the one secret in the settings."""

from __future__ import annotations

import hmac
import os
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12


class WrongSecretKey(RuntimeError):
    """What is kept in the database was sealed with another secret key."""


def derived(secret: str, purpose: str) -> bytes:
    """A 32 byte key for one purpose; knowing one says nothing of another."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


class Sealer:
    """Encrypts what must not be readable in a copy of the database (AES-256-GCM)."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESGCM(derived(secret, "back-office/sealed"))

    def seal(self, plain: bytes, about: str) -> bytes:
        """The sealed bytes; `about` binds them to their row."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """The plain bytes again.

        Raises:
            WrongSecretKey: sealed with another secret key, or changed since.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], about.encode())
        except InvalidTag as error:
            raise WrongSecretKey(
                "the signing key in the database does not open: KLOKWERK_SECRET_KEY is not the one it was "
                "sealed with. Set the old value again, or remove the rows of table signing_keys to start anew"
            ) from error


def stamp(key: bytes, text: str) -> str:
    """A signature of `text`, as hexadecimal digits."""
    return hmac.new(key, text.encode(), sha256).hexdigest()


def stamped_well(key: bytes, text: str, signature: str) -> bool:
    """Whether `signature` is ours, compared without telling how much of it was right."""
    return hmac.compare_digest(stamp(key, text), signature)
