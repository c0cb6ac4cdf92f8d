"""Mails as mail servers and people write them to a return address."""

from email.message import EmailMessage

DSN = """\
Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: {to}
Subject: {subject}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Fri, 30 Jan 2026 12:00:00 +0000

{blocks}
--B
Content-Type: message/rfc822

Return-Path: <{to}>
From: ekt@voorbeeld.example
Subject: EKT

Text
--B--
"""


def block(address: str, action: str = "failed", status: str = "5.1.1", said: str = "550 No such user") -> str:
    """What a status report says of one recipient."""
    return (
        f"Final-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}\n"
    )


def dsn(to: str, *blocks: str, subject: str = "Undelivered Mail Returned to Sender") -> bytes:
    """A delivery status notification to a return address."""
    text = DSN.format(to=to, subject=subject, blocks="\n".join(blocks))
    return text.replace("\n", "\r\n").encode()


def letter(to: str, text: str, **headers: str) -> bytes:
    """A mail without fields for programs; headers with ``_`` for ``-``."""
    mail = EmailMessage()
    mail["To"] = to
    for name, value in {"From": "MAILER-DAEMON@mx.example", "Subject": "failure notice", **headers}.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()
