"""EKTs to a customer's FTP server with explicit TLS (passive mode), over the standard library's client in a thread."""

# ruff: noqa: S321 - both connections are encrypted, or nothing is told
import asyncio
import ftplib
import hashlib
import io
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from ekt_service.channels import placing
from ekt_service.channels.errand import Route
from ekt_service.channels.placing import (
    ShelfBusyError,
    ShelfLostError,
    ShelfRefusedError,
)
from ekt_service.channels.targets import TargetRefusedError, Targets, TargetUnknownError
from ekt_service.channels.trouble import plain, words_of
from ekt_service.domain.server_address import FtpsAddress

_NO_SUCH_FILE, _NOT_KNOWN = "550", ("500", "502", "504")
# Threads of their own: servers that hang must not take those that look up names for everybody.
_THREADS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="ftps")
T = TypeVar("T")


class CertificateError(ShelfRefusedError):
    """The server's certificate is not accepted; `shown` is its fingerprint, as people compare it."""

    def __init__(self, words: str, shown: str) -> None:
        super().__init__(words)
        self.shown = shown


class SignInError(ShelfRefusedError):
    """User or password were not accepted."""


class _Ftp(ftplib.FTP_TLS):
    """FTP with TLS on both connections, of which the second one goes on with the first one's session.

    Many servers refuse a data connection that does not: it could be anybody's.
    """

    pinned = ""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        plain_socket, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        control = self.sock
        session = control.session if isinstance(control, ssl.SSLSocket) else None
        data = self.context.wrap_socket(plain_socket, server_hostname=self.host, session=session)
        if self.pinned and fingerprint_of(data) != self.pinned:
            data.close()
            raise ftplib.error_proto("the data connection shows another certificate")
        return data, size

    def store(self, name: str, content: bytes) -> None:
        """Store a file whole."""
        self.voidcmd("TYPE I")
        with self.transfercmd(f"STOR {name}") as data:
            data.sendall(content)
            # Servers that close without taking leave are usual; whether they have it all is told by the answer.
            with suppress(OSError):
                if isinstance(data, ssl.SSLSocket):
                    data.unwrap()
        self.voidresp()

    def fetch(self, name: str, most: int) -> bytes:
        """At most the first `most` bytes of a file."""
        self.voidcmd("TYPE I")
        found = io.BytesIO()
        with self.transfercmd(f"RETR {name}") as data:
            while found.tell() < most and (part := data.recv(min(65_536, most - found.tell()))):
                found.write(part)
            with suppress(OSError):
                if isinstance(data, ssl.SSLSocket):
                    data.unwrap()
        try:
            self.voidresp()
        except ftplib.error_temp:  # it was cut short because it is longer than ours
            if found.tell() < most:
                raise
        return found.getvalue()


def fingerprint_of(connection: Any) -> str:
    """SHA-256 of the certificate that a TLS connection shows."""
    certificate = connection.getpeercert(binary_form=True) or b""
    digits = hashlib.sha256(certificate).hexdigest().upper()
    return "SHA256:" + ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))


@dataclass(frozen=True, slots=True)
class FtpsShelf:
    """A folder over FTP with TLS; one call at a time."""

    ftp: _Ftp

    async def read(self, name: str, size: int) -> bytes | None:
        """The first bytes of a file."""
        return await in_thread(lambda: self._read(name, size))

    def _read(self, name: str, size: int) -> bytes | None:
        try:
            self.ftp.voidcmd("TYPE I")
            known = self.ftp.size(name)
        except ftplib.error_perm as answer:
            if str(answer)[:3] not in _NOT_KNOWN:
                return None
            known = None
        try:
            return self.ftp.fetch(name, size + 1)
        except ftplib.error_perm as answer:
            if str(answer)[:3] != _NO_SUCH_FILE:
                raise
            # A file with a size that can't be fetched is there, in a folder that lets nobody read.
            return placing.Unreadable(known) if known is not None else None

    async def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        await in_thread(lambda: self.ftp.store(name, content))

    async def rename(self, old: str, new: str) -> None:
        """Give a file its name."""
        await in_thread(lambda: self.ftp.rename(old, new))

    async def remove(self, name: str) -> None:
        """Remove a file."""
        await in_thread(lambda: self.ftp.delete(name))


async def _apart(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


async def in_thread(work: Callable[[], T]) -> T:
    """Do one call, with the server's answers as what they mean for a folder."""
    try:
        return await _apart(work)
    except ftplib.error_temp as answer:
        raise ShelfBusyError(f"The customer's FTPS server answered: {plain(str(answer))}.") from answer
    except ftplib.error_perm as answer:
        raise ShelfRefusedError(f"The customer's FTPS server answered: {plain(str(answer))}.") from answer
    except (ftplib.Error, EOFError, OSError) as trouble:
        words = f"The connection to the customer's FTPS server broke off: {words_of(trouble)}."
        raise ShelfLostError(words) from trouble


@dataclass(frozen=True, slots=True)
class FtpsDoor:
    """Opens folders on FTPS servers.

    Args:
        timeout: seconds for connecting and for each answer.
    """

    targets: Targets
    timeout: float = 15.0

    @asynccontextmanager
    async def opened(self, route: Route[FtpsAddress]) -> AsyncIterator[FtpsShelf]:
        """The folder of a route, until the block ends.

        Raises:
            ShelfError: it can't be reached, shows another certificate, or does not let us in.
        """
        ftp = await self.connect(route)
        try:
            await self.sign_in(ftp, route)
            await self.enter(ftp, route)
            yield FtpsShelf(ftp)
        finally:
            await _apart(lambda: _leave(ftp))

    async def connect(self, route: Route[FtpsAddress]) -> _Ftp:
        """Connect and check the certificate; until then nothing of ours is told."""
        address = route.address
        try:
            target = await self.targets.resolve(address.host, address.port)
        except TargetRefusedError as refusal:
            raise ShelfRefusedError(str(refusal)) from None
        except TargetUnknownError as trouble:
            raise ShelfBusyError(str(trouble)) from None
        ftp = _Ftp(context=_context(route), timeout=self.timeout, encoding="utf-8")
        try:
            await _apart(lambda: _greet(ftp, address.host, target, address.port))
        except ssl.SSLCertVerificationError as problem:
            await _apart(lambda: _leave(ftp))
            shown = await _apart(lambda: _shown(address.host, target, address.port, self.timeout))
            raise CertificateError(
                f"The certificate of the customer's FTPS server is not accepted: {problem.verify_message}. Test the "
                "connection and accept it, or paste the certificate that it comes from.",
                shown,
            ) from None
        except ftplib.error_perm as answer:
            await _apart(lambda: _leave(ftp))
            words = f"The customer's FTP server does not encrypt (AUTH TLS): {plain(str(answer))}."
            raise ShelfRefusedError(words) from None
        except (ftplib.Error, EOFError, OSError) as trouble:
            await _apart(lambda: _leave(ftp))
            words = f"The customer's FTPS server can't be reached: {words_of(trouble)}."
            raise ShelfBusyError(words) from trouble
        if route.fingerprint and (shown := fingerprint_of(ftp.sock)) != route.fingerprint:
            await _apart(lambda: _leave(ftp))
            raise CertificateError(
                "The customer's FTPS server shows another certificate than the one that was accepted. Nothing was "
                "sent. Ask the customer whether it was renewed; if so, test the connection and accept the new one.",
                shown,
            )
        ftp.pinned = route.fingerprint
        return ftp

    async def sign_in(self, ftp: _Ftp, route: Route[FtpsAddress]) -> None:
        """Sign in, and have the data connections encrypted too."""

        def work() -> None:
            ftp.login(route.address.user, route.secrets.password)
            ftp.prot_p()

        try:
            await _apart(work)
        except ftplib.error_perm as answer:
            raise SignInError(
                "The customer's FTPS server did not accept user and password: "
                f"{plain(str(answer), route.address.user)}. Correct them under Configuration."
            ) from None
        except (ftplib.Error, EOFError, OSError) as trouble:
            words = f"The customer's FTPS server does not go on: {words_of(trouble)}."
            raise ShelfBusyError(words) from trouble

    async def enter(self, ftp: _Ftp, route: Route[FtpsAddress]) -> None:
        """Go to the folder."""
        if not route.address.folder:
            return
        try:
            await in_thread(lambda: ftp.cwd(route.address.folder))
        except ShelfRefusedError as words:
            raise ShelfRefusedError(
                f"The folder can't be entered. {words} Correct it under Configuration."
            ) from None
        except ShelfLostError as words:
            raise ShelfBusyError(str(words)) from None


def _context(route: Route[FtpsAddress]) -> ssl.SSLContext:
    if route.fingerprint:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the fingerprint is compared instead, before anything is told
    else:
        context = ssl.create_default_context(cadata=route.address.ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _greet(ftp: _Ftp, host: str, target: str, port: int) -> None:
    ftp.connect(target, port)
    ftp.host = host  # the name that the certificate is for
    ftp.auth()


def _shown(host: str, target: str, port: int, timeout: float) -> str:
    """The fingerprint of a certificate that can't be checked; empty when the server does not show it again."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    ftp = _Ftp(context=context, timeout=timeout)
    try:
        _greet(ftp, host, target, port)
        return fingerprint_of(ftp.sock)
    except (ftplib.Error, EOFError, OSError):
        return ""
    finally:
        _leave(ftp)


def _leave(ftp: _Ftp) -> None:
    """Take leave in two seconds at most; a connection that is broken is dropped."""
    try:
        if ftp.sock is not None:
            ftp.sock.settimeout(2)
            ftp.quit()
    except (ftplib.Error, EOFError, OSError):
        pass
    finally:
        ftp.close()
