"""``python -m klokwerk_platform.mail``: SMTP on ``KLOKWERK_PORT_SMTP``, web on ``KLOKWERK_PORT_MAIL_WEB``.

``KLOKWERK_MAIL_FOLDER`` is where the mails are kept, ``KLOKWERK_HOST`` the address to listen on (127.0.0.1).
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from klokwerk_platform.http_server import serving, wait_for_stop
from klokwerk_platform.mail.messages import MailBox
from klokwerk_platform.mail.smtp import SmtpSink
from klokwerk_platform.mail.web import create_mail_app


async def main() -> None:
    host = os.environ.get("KLOKWERK_HOST", "127.0.0.1")
    try:
        smtp_port = int(os.environ["KLOKWERK_PORT_SMTP"])
        web_port = int(os.environ["KLOKWERK_PORT_MAIL_WEB"])
        folder = Path(os.environ["KLOKWERK_MAIL_FOLDER"])
    except (KeyError, ValueError) as problem:
        sys.exit(f"Set KLOKWERK_PORT_SMTP, KLOKWERK_PORT_MAIL_WEB and KLOKWERK_MAIL_FOLDER: {problem}")
    mailbox = MailBox(folder)
    sink = SmtpSink(mailbox, host, smtp_port)
    await sink.start()
    try:
        async with serving([(create_mail_app(mailbox, sink), web_port)], host):
            await wait_for_stop()
    finally:
        await sink.stop()


if __name__ == "__main__":
    asyncio.run(main())
