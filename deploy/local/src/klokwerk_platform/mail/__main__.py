"""``python -m klokwerk_platform.mail``: SMTP on ``KLOKWERK_PORT_SMTP``, web on ``KLOKWERK_PORT_MAIL_WEB``.

``KLOKWERK_MAIL_FOLDER`` is where the mails are kept, ``KLOKWERK_HOST`` the address to listen on (127.0.0.1). With
``KLOKWERK_PORT_MAIL_POP3`` the mails to ``KLOKWERK_MAIL_RETURN_DOMAIN`` (bounces) can be read by POP3.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from klokwerk_platform.http_server import serving, wait_for_stop
from klokwerk_platform.mail import RETURN_DOMAIN
from klokwerk_platform.mail.messages import MailBox
from klokwerk_platform.mail.pop3 import Pop3Server
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
    pop3 = _pop3(mailbox, host)
    if pop3 is not None:
        await pop3.start()
    try:
        async with serving([(create_mail_app(mailbox, sink), web_port)], host):
            await wait_for_stop()
    finally:
        if pop3 is not None:
            await pop3.stop()
        await sink.stop()


def _pop3(mailbox: MailBox, host: str) -> Pop3Server | None:
    port = os.environ.get("KLOKWERK_PORT_MAIL_POP3")
    domain = os.environ.get("KLOKWERK_MAIL_RETURN_DOMAIN", RETURN_DOMAIN)
    return Pop3Server(mailbox, host, int(port), domain) if port else None


if __name__ == "__main__":
    asyncio.run(main())
