"""Secrets of a connection, encrypted at rest with the key in KLOKWERK_SECRET_KEY."""

import base64
import hashlib
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken


class SealBroken(Exception):
    """What is stored was sealed with another key."""


class SecretBox:
    """Seals small JSON documents; `key` is any text of at least 16 characters, such as 32 random bytes in
    base64."""

    def __init__(self, key: str) -> None:
        if len(key) < 16:
            raise ValueError("KLOKWERK_SECRET_KEY must have at least 16 characters; 44 random ones are good")
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))

    def seal(self, document: dict[str, Any]) -> bytes:
        """Encrypt and sign a document."""
        return self._fernet.encrypt(orjson.dumps(document))

    def open(self, sealed: bytes) -> dict[str, Any]:
        """The document again.

        Raises:
            SealBroken: the key is not the one it was sealed with.
        """
        try:
            document: dict[str, Any] = orjson.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise SealBroken(
                "stored credentials can't be read with this KLOKWERK_SECRET_KEY; set the key they were "
                "stored with, or enter the credentials of the administration again"
            ) from None
        return document
