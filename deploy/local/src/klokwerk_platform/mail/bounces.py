"""The mail with which a mail server says that it could not deliver one (RFC 3464)."""

from __future__ import annotations

import email.policy
from collections.abc import Sequence
from datetime import datetime
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, make_msgid

HOST = "mail-sink.klokwerk.example"


def bounce_of(content: bytes, sender: str, failed: Sequence[str], at: datetime) -> bytes:
    """A delivery status notification about a mail that was taken and then could not be delivered.

    Args:
        content: the mail; its headers are given back.
        sender: its envelope sender, whom this goes to.
        failed: the recipients that it did not reach.
    """
    bounce = MIMEMultipart("report")
    bounce.set_param("report-type", "delivery-status")
    bounce["From"] = f"Mail Delivery System <MAILER-DAEMON@{HOST}>"
    bounce["To"] = f"<{sender}>"
    bounce["Subject"] = "Undelivered Mail Returned to Sender"
    bounce["Date"] = format_datetime(at)
    bounce["Message-ID"] = make_msgid(domain=HOST)
    bounce["Auto-Submitted"] = "auto-replied"
    names = "\n".join(f"  {address}" for address in failed)
    bounce.attach(
        MIMEText(f"This is the mail system at {HOST}.\n\nYour message could not be delivered to:\n{names}\n")
    )
    status = MIMEBase("message", "delivery-status")
    status.attach(_fields({"Reporting-MTA": f"dns; {HOST}", "Arrival-Date": format_datetime(at)}))
    for address in failed:
        status.attach(
            _fields(
                {
                    "Final-Recipient": f"rfc822; {address}",
                    "Action": "failed",
                    "Status": "5.1.1",
                    "Diagnostic-Code": f"smtp; 550 5.1.1 <{address}>: User unknown",
                }
            )
        )
    bounce.attach(status)
    headers = content.partition(b"\r\n\r\n")[0].decode(errors="replace")
    bounce.attach(MIMEText(headers, "rfc822-headers"))
    return bounce.as_bytes(policy=email.policy.SMTP)


def _fields(values: dict[str, str]) -> Message:
    block = Message()
    for name, value in values.items():
        block[name] = value
    return block
