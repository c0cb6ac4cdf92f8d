"""EKTs to a customer's SFTP server, whose host key was accepted by a person."""

import asyncio
import posixpath
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import asyncssh

from ekt_service.channels import placing
from ekt_service.channels.errand import Route
from ekt_service.channels.placing import (
    ShelfBusyError,
    ShelfLostError,
    ShelfRefusedError,
)
from ekt_service.channels.targets import TargetRefusedError, Targets, TargetUnknownError
from ekt_service.channels.trouble import plain, words_of
from ekt_service.domain.connection import Secrets
from ekt_service.domain.server_address import SftpAddress

T = TypeVar("T")

# It tells every connection and sign-in with names and addresses; what matters stands in the outcome.
asyncssh.set_log_level("WARNING")
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_NEVER = (
    asyncssh.SFTPPermissionDenied,
    asyncssh.SFTPNoSuchPath,
    asyncssh.SFTPFileAlreadyExists,
    asyncssh.SFTPWriteProtect,
    asyncssh.SFTPInvalidFilename,
)


class HostKeyError(ShelfRefusedError):
    """The server's host key is not the accepted one; `shown` is what it showed, as people compare it."""

    def __init__(self, shown: str, accepted: str) -> None:
        words = (
            "The customer's SFTP server shows another host key than the one that was accepted. Nothing was sent. "
            "Ask the customer whether the key was changed; if so, test the connection and accept the new one."
            if accepted
            else "Nobody has accepted the host key of the customer's SFTP server yet: test the connection."
        )
        super().__init__(words)
        self.shown = shown


class SignInError(ShelfRefusedError):
    """User, password or key were not accepted."""


@dataclass(slots=True)
class _KeyWatch(asyncssh.SSHClient):
    """Compares the host key before anything of ours is told to the server."""

    accepted: str
    shown: str = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.shown = f"{key.get_algorithm()} {key.get_fingerprint('sha256')}"
        return self.shown == self.accepted


@dataclass(frozen=True, slots=True)
class SftpShelf:
    """A folder over SFTP."""

    client: asyncssh.SFTPClient
    folder: str
    timeout: float

    async def read(self, name: str, size: int) -> bytes | None:
        """The first bytes of a file."""
        try:
            return await self._done(self._read(name, size))
        except FileNotFoundError:
            return None

    async def _read(self, name: str, size: int) -> bytes:
        found = await self.client.stat(self._path(name))
        try:
            async with self.client.open(self._path(name), "rb") as stream:
                content = await stream.read(size + 1)
        except asyncssh.SFTPPermissionDenied:
            return placing.Unreadable(found.size or 0)
        return content if isinstance(content, bytes) else content.encode()

    async def write(self, name: str, content: bytes) -> None:
        """Write a file; with OpenSSH's extension it is also written through to the disk."""
        try:
            await self._done(self._write(name, content))
        except FileNotFoundError:
            raise ShelfRefusedError(
                "The folder on the customer's SFTP server is not there: correct it under Configuration."
            ) from None

    async def _write(self, name: str, content: bytes) -> None:
        async with self.client.open(self._path(name), "wb") as stream:
            await stream.write(content)
            with suppress(asyncssh.SFTPOpUnsupported):
                await stream.fsync()

    async def rename(self, old: str, new: str) -> None:
        """Give a file its name; servers refuse it where another file has it."""
        try:
            await self._done(self.client.rename(self._path(old), self._path(new)))
        except FileNotFoundError:
            raise ShelfRefusedError(f"{old} was removed before it got its name.") from None

    async def remove(self, name: str) -> None:
        """Remove a file."""
        try:
            await self._done(self.client.remove(self._path(name)))
        except FileNotFoundError:
            raise ShelfRefusedError(f"{name} is not there any more.") from None

    async def _done(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self.timeout):
                return await work
        except asyncssh.SFTPNoSuchFile:
            raise FileNotFoundError from None
        except (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost) as trouble:
            raise ShelfLostError(_broke_off(trouble)) from trouble
        except _NEVER as trouble:
            raise ShelfRefusedError(f"The customer's SFTP server answered: {_reason(trouble)}.") from trouble
        except asyncssh.SFTPError as trouble:  # also "failure", which is all that a full disk is told as
            raise ShelfBusyError(f"The customer's SFTP server answered: {_reason(trouble)}.") from trouble
        except (asyncssh.Error, OSError, TimeoutError) as trouble:
            raise ShelfLostError(_broke_off(trouble)) from trouble

    def _path(self, name: str) -> str:
        return posixpath.join(self.folder, name) if self.folder else name


def _broke_off(trouble: BaseException) -> str:
    return f"The connection to the customer's SFTP server broke off: {words_of(trouble)}."


def _reason(trouble: asyncssh.SFTPError) -> str:
    return plain(trouble.reason) or type(trouble).__name__.removeprefix("SFTP")


def private_key(secrets: Secrets) -> asyncssh.SSHKey:
    """The key to sign in with.

    Raises:
        ShelfRefusedError: it can't be read, or its passphrase is wrong; the text says which.
    """
    try:
        return asyncssh.import_private_key(secrets.private_key, secrets.passphrase or None)
    except asyncssh.KeyEncryptionError:
        raise ShelfRefusedError("The private key can't be opened: check its passphrase.") from None
    except (asyncssh.KeyImportError, ValueError):
        raise ShelfRefusedError(
            "This is no private key: paste it whole, from BEGIN to END, in OpenSSH or PEM form."
        ) from None


@dataclass(frozen=True, slots=True)
class SftpDoor:
    """Opens folders on SFTP servers.

    Args:
        timeout: seconds for connecting and for each answer.
    """

    targets: Targets
    timeout: float = 15.0

    @asynccontextmanager
    async def opened(self, route: Route[SftpAddress]) -> AsyncIterator[SftpShelf]:
        """The folder of a route, until the block ends.

        Raises:
            ShelfError: it can't be reached, shows another key, or does not let us in.
        """
        connection = await self.connect(route.address, route.secrets, route.fingerprint)
        try:
            yield await self.shelf(connection, route.address)
        finally:
            connection.close()
            try:
                async with asyncio.timeout(2):
                    await connection.wait_closed()
            except TimeoutError:
                connection.abort()

    async def connect(
        self, address: SftpAddress, secrets: Secrets, accepted: str
    ) -> asyncssh.SSHClientConnection:
        """Connect and sign in; before the host key is found to be `accepted`, nothing of ours is told.

        Raises:
            ShelfError: as `opened`.
        """
        watch = _KeyWatch(accepted)
        try:
            target = await self.targets.resolve(address.host, address.port)
        except TargetRefusedError as refusal:
            raise ShelfRefusedError(str(refusal)) from None
        except TargetUnknownError as trouble:
            raise ShelfBusyError(str(trouble)) from None
        keys = [private_key(secrets)] if secrets.private_key else None
        try:
            connection, _ = await asyncssh.create_connection(
                lambda: watch,
                target,
                address.port,
                config=None,
                known_hosts=([], [], []),
                server_host_key_algs=_algorithms(accepted),
                username=address.user,
                password=secrets.password or None,
                client_keys=keys,
                agent_path=None,
                gss_host=None,
                connect_timeout=self.timeout,
                login_timeout=self.timeout,
                keepalive_interval=self.timeout,
            )
        except asyncssh.HostKeyNotVerifiable:
            raise HostKeyError(watch.shown, accepted) from None
        except asyncssh.KeyExchangeFailed as trouble:
            if accepted:
                raise HostKeyError("", accepted) from None
            words = f"The customer's SFTP server encrypts in no way that we know: {words_of(trouble)}."
            raise ShelfRefusedError(words) from None
        except asyncssh.PermissionDenied as trouble:
            raise SignInError(
                f"The customer's SFTP server did not accept user and {'key' if keys else 'password'}: "
                f"{plain(trouble.reason, address.user)}. Correct them under Configuration."
            ) from None
        except (asyncssh.Error, OSError, TimeoutError) as trouble:
            words = f"The customer's SFTP server can't be reached: {words_of(trouble)}."
            raise ShelfBusyError(words) from trouble
        return connection

    async def shelf(self, connection: asyncssh.SSHClientConnection, address: SftpAddress) -> SftpShelf:
        """The folder over a connection.

        Raises:
            ShelfError: the server offers no SFTP, or went away.
        """
        try:
            async with asyncio.timeout(self.timeout):
                client = await connection.start_sftp_client()
        except asyncssh.ChannelOpenError as trouble:
            words = f"The customer's server offers no SFTP: {plain(trouble.reason)}."
            raise ShelfRefusedError(words) from None
        except (asyncssh.Error, OSError, TimeoutError) as trouble:
            words = f"The customer's SFTP server does not go on: {words_of(trouble)}."
            raise ShelfBusyError(words) from trouble
        return SftpShelf(client, address.folder, self.timeout)


def _algorithms(accepted: str) -> Sequence[str]:
    """The kind of host key that was accepted, so that a server with several shows that one again."""
    algorithm = accepted.partition(" ")[0]
    return _RSA if algorithm == "ssh-rsa" else [algorithm] if algorithm else ()
