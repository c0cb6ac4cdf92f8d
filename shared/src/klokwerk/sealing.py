"""Secrets at rest and signatures: keys derived from the one secret in ``KLOKWERK_SECRET_KEY``."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SHORTEST = 16
_NONCE = 12


class WrongSecretKey(Exception):
    """What is kept in the database was sealed with another secret key, or changed since."""


def derived(secret: str, purpose: str) -> bytes:
    """A 32 byte key for one purpose; knowing one says nothing of another."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


class Sealer:
    """Encrypts what must not be readable in a copy of the database (AES-256-GCM).

    Args:
        secret: any text of at least 16 characters, such as 32 random bytes in base64.
        purpose: what is sealed, e.g. ``accounting-sync/connection``; another purpose is another key.

    Raises:
        ValueError: the secret is too short.
    """

    def __init__(self, secret: str, purpose: str) -> None:
        if len(secret) < SHORTEST:
            raise ValueError(
                f"KLOKWERK_SECRET_KEY must have at least {SHORTEST} characters; 44 random ones are good"
            )
        self._purpose = purpose
        self._cipher = AESGCM(derived(secret, purpose))

    def seal(self, plain: bytes, about: str) -> bytes:
        """The sealed bytes; `about` binds them to their row."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """The plain bytes again.

        Raises:
            WrongSecretKey: sealed with another secret key or for another row, or changed since.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except InvalidTag:
            raise WrongSecretKey(
                f"what is stored as {self._purpose} can't be read with this KLOKWERK_SECRET_KEY: set the key it "
                "was stored with, or enter it anew"
            ) from None

    def seal_document(self, document: Mapping[str, Any], about: str) -> bytes:
        """A small JSON document, sealed."""
        return self.seal(orjson.dumps(dict(document)), about)

    def open_document(self, sealed: bytes, about: str) -> dict[str, Any]:
        """The document again.

        Raises:
            WrongSecretKey: as `open`.
        """
        document: dict[str, Any] = orjson.loads(self.open(sealed, about))
        return document


def stamp(key: bytes, text: str) -> str:
    """A signature of `text`, as hexadecimal digits."""
    return hmac.new(key, text.encode(), sha256).hexdigest()


def stamped_well(key: bytes, text: str, signature: str) -> bool:
    """Whether `signature` is ours, compared without telling how much of it was right."""
    return hmac.compare_digest(stamp(key, text).encode(), signature.encode())
