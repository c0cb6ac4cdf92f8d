"""``python -m klokwerk_platform.customer``: a customer's SFTP, FTPS and web server in one process.

Ports come from ``KLOKWERK_PORT_CUSTOMER_SFTP``, ``KLOKWERK_PORT_CUSTOMER_FTPS`` and ``KLOKWERK_PORT_CUSTOMER_HTTP``;
``KLOKWERK_CUSTOMER_FOLDER`` is where files are kept, ``KLOKWERK_HOST`` the address to listen on (127.0.0.1).
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from klokwerk_platform.customer import PASSWORD, SIGNING_SECRET, USER
from klokwerk_platform.customer.ftps import FtpsSink
from klokwerk_platform.customer.http import create_receiver
from klokwerk_platform.customer.identity import certificate, host_key
from klokwerk_platform.customer.sftp import SftpSink
from klokwerk_platform.customer.trouble import Troubles
from klokwerk_platform.http_server import serving, wait_for_stop


async def main() -> None:
    host = os.environ.get("KLOKWERK_HOST", "127.0.0.1")
    try:
        ports = {name: int(os.environ[f"KLOKWERK_PORT_CUSTOMER_{name}"]) for name in ("SFTP", "FTPS", "HTTP")}
        folder = Path(os.environ["KLOKWERK_CUSTOMER_FOLDER"])
    except (KeyError, ValueError) as problem:
        sys.exit(f"Set KLOKWERK_PORT_CUSTOMER_SFTP, _FTPS, _HTTP and KLOKWERK_CUSTOMER_FOLDER: {problem}")
    troubles = Troubles.none()
    sftp = SftpSink(
        folder / "sftp",
        ports["SFTP"],
        host_key(folder),
        host=host,
        user=USER,
        password=PASSWORD,
        troubles=troubles,
    )
    ftps = FtpsSink(
        folder / "ftps",
        ports["FTPS"],
        certificate(folder),
        host=host,
        user=USER,
        password=PASSWORD,
        troubles=troubles,
    )
    await sftp.start()
    ftps.start()
    try:
        async with serving([(create_receiver(SIGNING_SECRET, troubles), ports["HTTP"])], host):
            await wait_for_stop()
    finally:
        ftps.stop()
        await sftp.stop()


if __name__ == "__main__":
    asyncio.run(main())
