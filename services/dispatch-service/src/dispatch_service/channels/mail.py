"""E-mail: one message for one recipient, with a Message-ID that is known before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from klokwerk.deliveries import Delivery, Outcome, refused, unknown
from klokwerk.smtp import Mailer

LARGEST_ATTACHMENT = 15 * 1024 * 1024
"""Bytes; many mail servers take no more than 20 MB with encoding."""


@dataclass(frozen=True, slots=True)
class MailChannel:
    """Mail as a channel of `klokwerk.deliveries`.

    The delivery's context holds ``subject``, ``text``, ``language`` and ``reply_to``; its payload is the
    attachment, and there is none when its media type is plain text.

    Args:
        mailer: the way to the mail server; none when none is set up.
        mail_from: sender of invoices and notices.
    """

    mailer: Mailer | None
    mail_from: str

    async def send(self, delivery: Delivery) -> Outcome:
        """Send the message; a break after DATA leaves it open whether it arrived."""
        if self.mailer is None:
            return refused("No mail server is set up: set KLOKWERK_SMTP for the dispatch service.")
        if len(delivery.payload or b"") > LARGEST_ATTACHMENT:
            return refused("The document is too large for e-mail; send it by another channel.")
        message = compose(delivery, self.mail_from)
        outcome = await self.mailer.hand_over(self.mail_from, [delivery.recipient], message.as_bytes())
        return replace(outcome, reference=str(message["Message-ID"]))

    async def ask(self, delivery: Delivery) -> Outcome:
        """Whether a mail with this Message-ID arrived, where somebody can be asked."""
        if self.mailer is None:
            return unknown("No mail server is set up: set KLOKWERK_SMTP for the dispatch service.")
        return await self.mailer.find(message_id(delivery, self.mail_from), delivery.asked)


def message_id(delivery: Delivery, mail_from: str) -> str:
    """The Message-ID of a delivery: derived, so that it is known also after a crash."""
    return f"<{delivery.id}@{mail_from.rpartition('@')[2]}>"


def compose(delivery: Delivery, mail_from: str) -> EmailMessage:
    """The message of a delivery; the same delivery gives the same headers and text."""
    context = delivery.context
    message = EmailMessage(policy=SMTP)
    message["From"] = mail_from
    message["To"] = delivery.recipient
    message["Subject"] = " ".join(str(context.get("subject", "")).split())
    message["Message-ID"] = message_id(delivery, mail_from)
    message["Date"] = formatdate(delivery.created_at.timestamp())
    message["Auto-Submitted"] = "auto-generated"
    if context.get("reply_to"):
        message["Reply-To"] = str(context["reply_to"])
    if context.get("language"):
        message["Content-Language"] = str(context["language"])
    message.set_content(str(context.get("text", "")))
    if delivery.payload is not None and delivery.media_type != "text/plain":
        kind, _, subtype = delivery.media_type.partition("/")
        message.add_attachment(delivery.payload, maintype=kind, subtype=subtype, filename=delivery.file_name)
    return message
