"""The customer's FTP server with TLS on both connections: one user, one folder."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from klokwerk_platform.customer.trouble import Troubles

_EVERYTHING = "elradfmwMT"


class FtpsSink:
    """Listens for FTP with explicit TLS on one port, in a thread of its own.

    Args:
        certificate: file with key and certificate.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        certificate: Path,
        *,
        host: str = "127.0.0.1",
        user: str = "klokwerk",
        password: str,
        troubles: Troubles | None = None,
    ) -> None:
        self.folder = folder
        self.troubles = troubles or Troubles.none()
        self._address, self._certificate = (host, port), certificate
        self._user, self._password = user, password
        self._server: FTPServer | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Begin to listen."""
        authorizer = DummyAuthorizer()
        authorizer.add_user(self._user, self._password, str(self.folder), perm=_EVERYTHING)
        troubles = self.troubles

        class Data(TLS_DTPHandler):  # type: ignore[misc]
            """A data connection that breaks off as it was told to."""

            def recv(self, size: int) -> bytes:
                data: bytes = super().recv(size)
                most = troubles.now.drop_after_bytes
                if most is None or self.tot_bytes_received + len(data) <= most:
                    return data
                troubles.broke_off()
                self.file_obj.write(data[: len(data) // 2])
                self.cmd_channel.close()
                return b""

        class Control(TLS_FTPHandler):  # type: ignore[misc]
            """A control connection that breaks off as it was told to."""

            dtp_handler = Data
            certfile = str(self._certificate)
            tls_control_required = True
            tls_data_required = True
            banner = "Customer's server"
            # A wrong password is answered at once: nobody guesses here.
            auth_failed_timeout = 0

            def ftp_STOR(self, file: str, mode: str = "w") -> Any:  # noqa: N802
                if troubles.now.full:
                    self.respond("452 No space left on device.")
                    return None
                return super().ftp_STOR(file, mode)

            def ftp_RNTO(self, path: str) -> Any:  # noqa: N802
                if troubles.now.drop_before_rename:
                    return self._break_off()
                if not troubles.now.drop_after_rename:
                    return super().ftp_RNTO(path)
                self.run_as_current_user(self.fs.rename, self._rnfr, path)
                return self._break_off()

            def _break_off(self) -> None:
                troubles.broke_off()
                self.close()

        Control.authorizer = authorizer
        self._stop.clear()
        self._server = FTPServer(self._address, Control, ioloop=IOLoop())
        self._thread = threading.Thread(target=self._serve, name="customer-ftps", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        server = self._server
        while server is not None and not self._stop.is_set():
            server.serve_forever(timeout=0.05, blocking=False, handle_exit=False)
        if server is not None:
            server.close_all()
            server.ioloop.close()

    def stop(self) -> None:
        """Stop listening, and break off what is open."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None
