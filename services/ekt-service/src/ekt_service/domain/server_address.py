"""Where a customer's own server is, by the protocol that leads there."""

import ssl
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

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


AnyAddress = SftpAddress | FtpsAddress | HttpAddress
Address = Annotated[AnyAddress, Field(discriminator="way")]
"""An address as it comes in and is kept: ``way`` says which kind it is."""


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


def same_server(old: AnyAddress, new: AnyAddress) -> bool:
    """Whether a pinned key and a kept password still belong to the address."""
    return old.way == new.way and old.server == new.server


def same_place(old: AnyAddress, new: AnyAddress) -> bool:
    """Whether what was sent to the one can be found at the other."""
    return same_server(old, new) and old.place == new.place
