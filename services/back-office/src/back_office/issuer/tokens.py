"""Access tokens: short-lived signed statements of who somebody is and which roles they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, KeySetSerialization

ALGORITHM = "ES256"
AUDIENCE = "klokwerk"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a token is for: a user or a machine client.

    Attributes:
        id: stays the same for life.
        name: as written in the audit rows of the services.
        roles: names of roles.
    """

    id: str
    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair of the issuer."""

    kid: str
    key: ECKey


def new_signing_key(kid: str | None = None) -> SigningKey:
    """A fresh P-256 key pair."""
    kid = kid or uuid4().hex[:16]
    return SigningKey(kid, ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": ALGORITHM}))


def exported(key: SigningKey) -> bytes:
    """The whole key as bytes, for sealing."""
    return key.key.as_pem(private=True)


def imported(kid: str, pem: bytes) -> SigningKey:
    """The key again from `exported`."""
    return SigningKey(kid, ECKey.import_key(pem, {"kid": kid, "use": "sig", "alg": ALGORITHM}))


class Mint:
    """Makes tokens with the newest key and shows the public half of all that are still in use."""

    def __init__(self, keys: Sequence[SigningKey], issuer: str) -> None:
        if not keys:
            raise ValueError("an issuer needs a signing key")
        self._keys = tuple(keys)
        self.issuer = issuer

    def token(self, subject: Subject, *, now: datetime, lifetime: timedelta) -> str:
        """A signed token that ends `lifetime` after `now`."""
        signer = self._keys[0]
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject.id,
            "name": subject.name,
            "roles": list(subject.roles),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()) - 30,
            "exp": int((now + lifetime).timestamp()),
            "jti": uuid4().hex,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": signer.kid, "typ": "JWT"}, claims, signer.key)

    def key_set(self) -> KeySetSerialization:
        """The public keys, as served at ``/.well-known/jwks.json``."""
        return KeySet([entry.key for entry in self._keys]).as_dict(private=False)


def configuration(issuer: str) -> dict[str, str | list[str]]:
    """The discovery document of OpenID Connect, for what is offered here."""
    base = issuer.rstrip("/")
    flows: list[Literal["password", "client_credentials"]] = ["password", "client_credentials"]
    return {
        "issuer": issuer,
        "token_endpoint": f"{base}/oauth/token",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": list(flows),
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": ["iss", "aud", "sub", "name", "roles", "iat", "nbf", "exp"],
    }
