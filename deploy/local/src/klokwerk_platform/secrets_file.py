"""Passwords and keys of one installation: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

_ALL_ROLES = ("sales", "finance", "billing-admin", "ops", "read-only")


@dataclass(frozen=True)
class Secrets:
    """What is secret in one state folder.

    Attributes:
        seed: what the passwords of database roles and the keys of services are derived from.
        admin_password: of the back office's first user.
        client_secret: of the machine client that the demo and the tests use.
    """

    seed: str
    admin_password: str
    client_secret: str

    def key_for(self, name: str) -> str:
        """A key of 43 characters for ``name``, always the same in this installation."""
        return hashlib.sha256(f"{self.seed}/{name}".encode()).hexdigest()[:43]

    def clients_json(self, name: str) -> str:
        """The machine clients of the back office's issuer, as its settings want them."""
        return json.dumps({name: {"secret": self.client_secret, "roles": _ALL_ROLES}})


def load_secrets(state: Path) -> Secrets:
    """The secrets of a state folder; made the first time."""
    file = state / "secrets.json"
    if file.exists():
        return Secrets(**json.loads(file.read_text()))
    made = Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(9), secrets.token_urlsafe(24))
    state.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(asdict(made), out)
    draft.replace(file)
    return made
