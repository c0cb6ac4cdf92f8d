"""The way to a customer's own server: its address, what is secret about it, and what a test of it found."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ekt_service.domain.debtor import Way
from ekt_service.domain.server_address import AnyAddress


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is never shown again.

    Args:
        password: for signing in to an SFTP or FTPS server.
        private_key: for signing in to an SFTP server, in OpenSSH or PEM form.
        passphrase: of the private key.
        signing_secret: shared with an HTTP receiver, who checks signatures with it.
    """

    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)

    @property
    def held(self) -> tuple[str, ...]:
        """Names of those that are there."""
        return tuple(name for name in SECRET_NAMES if getattr(self, name))


SECRET_NAMES = tuple(each.name for each in fields(Secrets))
SECRETS_OF: dict[Way, tuple[str, ...]] = {
    Way.SFTP: ("password", "private_key", "passphrase"),
    Way.FTPS: ("password",),
    Way.HTTP: ("signing_secret",),
}
"""Which secrets a way can have."""
ANY_OF: dict[Way, tuple[str, ...]] = {
    Way.SFTP: ("password", "private_key"),
    Way.FTPS: ("password",),
    Way.HTTP: ("signing_secret",),
}
"""One of these a way can't do without."""


class StepOutcome(StrEnum):
    """What became of one step of a test."""

    DONE = "done"
    FAILED = "failed"
    ASKS = "asks"
    """A person has to say whether what the server shows is right."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a connection test, with the server's own words.

    Args:
        name: e.g. ``connect``, ``host_key``, ``sign_in``, ``write``; pages have words for it.
    """

    name: str
    outcome: StepOutcome
    message: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a connection test found.

    Args:
        fingerprint: host key or certificate that the server showed, where one has to be accepted.
    """

    steps: tuple[Step, ...]
    fingerprint: str = ""

    @property
    def ok(self) -> bool:
        """Everything worked."""
        return bool(self.steps) and all(step.outcome is StepOutcome.DONE for step in self.steps)

    @property
    def asks(self) -> bool:
        """It goes on once a person accepts `fingerprint`."""
        return any(step.outcome is StepOutcome.ASKS for step in self.steps)


@dataclass(frozen=True, slots=True)
class LastTest:
    """The newest test of a connection as it stands."""

    at: datetime
    by: str
    report: Report


@dataclass(frozen=True, slots=True)
class Connection:
    """A debtor's connection with its secrets.

    Args:
        id: binds the secrets to it, also when a merge hands it to another debtor.
        fingerprint: accepted host key (``ssh-ed25519 SHA256:...``) or certificate (``SHA256:...``).
        address_changed_at: when it last began to lead to another place; what was sent before can't be asked
            about there.
    """

    id: UUID
    administration: str
    debtor_id: str
    address: AnyAddress
    secrets: Secrets
    fingerprint: str
    revision: int
    changed_at: datetime
    changed_by: str
    address_changed_at: datetime
    tested: LastTest | None = None

    @property
    def way(self) -> Way:
        """Which way it is for."""
        return Way(self.address.way)


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """What the requirements of an EKT need to know of a connection: nothing secret.

    Args:
        held: names of the secrets that are there.
        accepted: a host key or certificate was accepted.
        tested_well: the newest test of it as it stands succeeded.
    """

    way: Way
    held: frozenset[str]
    accepted: bool
    tested_well: bool

    @property
    def lacks_secret(self) -> bool:
        """There is nothing to sign in or sign with."""
        return not self.held.intersection(ANY_OF[self.way])


def secrets_kept(old: Secrets, typed: dict[str, str | None], way: Way) -> Secrets:
    """Secrets after an edit: what was not typed stays, an empty text takes one away, others' ways have none."""
    possible = SECRETS_OF[way]
    merged = {
        name: (getattr(old, name) if typed.get(name) is None else typed[name]) or "" for name in possible
    }
    return Secrets(**merged)
