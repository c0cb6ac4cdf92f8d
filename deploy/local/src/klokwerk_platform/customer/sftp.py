"""The customer's SFTP server: one user, one folder, nothing above it to be seen."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Any

import asyncssh

from klokwerk_platform.customer.trouble import Troubles


class SftpSink:
    """Listens for SFTP on one port and keeps what comes in `folder`.

    Args:
        password: what the user signs in with; empty for by key only.
        authorized_key: public key that may sign in, in OpenSSH form; empty for none.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        key: asyncssh.SSHKey,
        *,
        host: str = "127.0.0.1",
        user: str = "klokwerk",
        password: str = "",
        authorized_key: str = "",
        troubles: Troubles | None = None,
    ) -> None:
        self.folder = folder
        self.key = key
        self.user, self.password, self.authorized_key = user, password, authorized_key
        self.troubles = troubles or Troubles.none()
        self._host, self._port = host, port
        self._listener: asyncssh.SSHAcceptor | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def fingerprint(self) -> str:
        """The host key as people compare it."""
        return f"{self.key.get_algorithm()} {self.key.get_fingerprint('sha256')}"

    async def start(self) -> None:
        """Begin to listen."""
        self._listener = await asyncssh.create_server(
            lambda: _Session(self),
            self._host,
            self._port,
            server_host_keys=[self.key],
            sftp_factory=self._sftp,
            allow_scp=False,
        )

    async def stop(self) -> None:
        """Stop listening; connections that are open are broken off."""
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
            self._listener = None

    def _sftp(self, channel: asyncssh.SSHServerChannel[bytes]) -> _Files:
        return _Files(channel, self.folder, self.troubles)


class _Session(asyncssh.SSHServer):
    """Lets the one user in."""

    def __init__(self, sink: SftpSink) -> None:
        self._sink = sink

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - whoever it is has to prove it
        return True

    def password_auth_supported(self) -> bool:
        return bool(self._sink.password)

    def validate_password(self, username: str, password: str) -> bool:
        right = hmac.compare_digest(password.encode(), self._sink.password.encode())
        return username == self._sink.user and right

    def public_key_auth_supported(self) -> bool:
        return bool(self._sink.authorized_key)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        known = asyncssh.import_public_key(self._sink.authorized_key)
        return username == self._sink.user and key == known


class _Files(asyncssh.SFTPServer):
    """The folder, behaving as it was told to."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], folder: Path, troubles: Troubles) -> None:
        super().__init__(channel, chroot=str(folder).encode())
        self._troubles = troubles
        self._written = 0

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        trouble = self._troubles.now
        if trouble.full:
            raise asyncssh.SFTPFailure("No space left on device")
        self._written += len(data)
        if trouble.drop_after_bytes is not None and self._written > trouble.drop_after_bytes:
            super().write(file_obj, offset, data[: len(data) // 2])
            self._break_off()
        super().write(file_obj, offset, data)
        return len(data)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        trouble = self._troubles.now
        if trouble.slow_seconds:
            await asyncio.sleep(trouble.slow_seconds)
        if trouble.drop_before_rename:
            self._break_off()
        done: Any = super().rename(oldpath, newpath)
        if asyncio.iscoroutine(done):
            await done
        if trouble.drop_after_rename:
            self._break_off()

    def _break_off(self) -> None:
        self._troubles.broke_off()
        self.channel.get_extra_info("connection").abort()
        raise asyncssh.SFTPConnectionLost("broken off, as ordered")
