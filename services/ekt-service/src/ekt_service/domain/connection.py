"""The way to a customer's own server: its address, what is secret about it, and what a test of it found."""

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from ekt_service.domain.debtor import Way

Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.:_-]{0,251}[A-Za-z0-9])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]
User = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Folder = Annotated[
    str, StringConstraints(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$", strip_whitespace=True)
]
Url = Annotated[str, StringConstraints(max_length=1000, strip_whitespace=True)]
Certificate = Annotated[str, StringConstraints(max_length=30_000, strip_whitespace=True)]


class _Address(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


class _OnServer(_Address):
    """A folder on a server that one signs in to."""

    host: Host
    user: User
    folder: Folder = ""

    @field_validator("folder")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        if ".." in value.split("/"):
            raise ValueError("write the folder without ..")
        return value


class SftpAddress(_OnServer):
    """A folder reached by SFTP; an empty one is where the sign-in leads."""

    way: Literal["sftp"]
    port: Port = 22

    @property
    def place(self) -> str:
        """In one line, for people."""
        return f"sftp://{self.user}@{self.host}:{self.port}/{self.folder.lstrip('/')}"

    @property
    def server(self) -> str:
        """What a pinned host key and a password belong to."""
        return f"{self.host.lower()}:{self.port}"


class FtpsAddress(_OnServer):
    """A folder reached by FTP with explicit TLS.

    Attributes:
        ca: certificates (PEM) that the server's must come from, instead of the public ones.
    """

    way: Literal["ftps"]
    port: Port = 21
    ca: Certificate = ""

    @field_validator("ca")
    @classmethod
    def _certificates(cls, value: str) -> str:
        return checked_certificates(value)

    @property
    def place(self) -> str:
        """In one line, for people."""
        return f"ftps://{self.user}@{self.host}:{self.port}/{self.folder.lstrip('/')}"

    @property
    def server(self) -> str:
        """What a pinned certificate and a password belong to."""
        return f"{self.host.lower()}:{self.port}"


class HttpAddress(_Address):
    """A web address that takes files by POST.

    Attributes:
        url: where files are posted.
        status_url: asked with a sending's key whether it arrived; ``{key}`` in it stands for that key.
        ca: certificates (PEM) that the server's must come from, instead of the public ones.
    """

    way: Literal["http"]
    url: Url
    status_url: Url = ""
    ca: Certificate = ""

    @field_validator("url", "status_url")
    @classmethod
    def _a_web_address(cls, value: str) -> str:
        return checked_url(value) if value else value

    @field_validator("url")
    @classmethod
    def _filled_in(cls, value: str) -> str:
        if not value:
            raise ValueError("fill in the web address that takes the files")
        return value

    @field_validator("ca")
    @classmethod
    def _certificates(cls, value: str) -> str:
        return checked_certificates(value)

    @property
    def place(self) -> str:
        """In one line, for people."""
        return self.url

    @property
    def server(self) -> str:
        """What it belongs to."""
        return urlsplit(self.url).netloc.lower()


Address = Annotated[SftpAddress | FtpsAddress | HttpAddress, Field(discriminator="way")]


def checked_url(value: str) -> str:
    """A web address without user, password or fragment.

    Raises:
        ValueError: it is none; the text says what to write.
    """
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(f"{value!r} is no web address: write one like https://host/path") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise ValueError(f"{value!r} is no web address: write one like https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave user and password out of the web address; the signature says who sends")
    if parts.fragment or any(ord(sign) <= 0x20 or ord(sign) == 0x7F for sign in value):
        raise ValueError("write the web address without spaces and without #")
    return value


def checked_certificates(value: str) -> str:
    """Certificates in PEM form, or nothing.

    Raises:
        ValueError: they can't be read.
    """
    if value:
        try:
            ssl.create_default_context(cadata=value)
        except (ssl.SSLError, ValueError):
            raise ValueError(
                "these are no certificates: paste them whole, from BEGIN CERTIFICATE to END CERTIFICATE"
            ) from None
    return value


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
    address: SftpAddress | FtpsAddress | HttpAddress
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


def same_server(
    old: SftpAddress | FtpsAddress | HttpAddress, new: SftpAddress | FtpsAddress | HttpAddress
) -> bool:
    """Whether a pinned key and a kept password still belong to the address."""
    return old.way == new.way and old.server == new.server


def same_place(
    old: SftpAddress | FtpsAddress | HttpAddress, new: SftpAddress | FtpsAddress | HttpAddress
) -> bool:
    """Whether what was sent to the one can be found at the other."""
    return same_server(old, new) and old.place == new.place


def failed_at(steps: Iterable[Step], name: str, message: str, fingerprint: str = "") -> Report:
    """A report that ends with a failed step."""
    return Report((*steps, Step(name, StepOutcome.FAILED, message)), fingerprint)


def secrets_kept(old: Secrets, typed: dict[str, str | None], way: Way) -> Secrets:
    """Secrets after an edit: what was not typed stays, an empty text takes one away, others' ways have none."""
    possible = SECRETS_OF[way]
    merged = {
        name: (getattr(old, name) if typed.get(name) is None else typed[name]) or "" for name in possible
    }
    return Secrets(**merged)


def names(held: Sequence[str]) -> str:
    """Names of secrets for people."""
    return ", ".join(name.replace("_", " ") for name in held)
