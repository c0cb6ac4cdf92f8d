"""E-mail: one message for one recipient, with a Message-ID that is known before anything is sent."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

import aiosmtplib
import httpx
from klokwerk.deliveries import Delivery, Outcome, not_there, refused, sent, temporary, unknown

from dispatch_service.settings import DispatchSettings

LARGEST_ATTACHMENT = 15 * 1024 * 1024
"""Bytes; many mail servers take no more than 20 MB with encoding."""

_REASONS = (aiosmtplib.SMTPException, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class MailChannel:
    """The mail server as a channel of `klokwerk.deliveries`.

    The delivery's context holds ``subject``, ``text``, ``language`` and ``reply_to``; its payload is the
    attachment, and there is none when its media type is plain text.
    """

    settings: DispatchSettings
    client: httpx.AsyncClient

    async def send(self, delivery: Delivery) -> Outcome:
        """Send the message; a break after DATA leaves it open whether it arrived."""
        if not self.settings.smtp:
            return refused("No mail server is set up: set KLOKWERK_SMTP for the dispatch service.")
        if len(delivery.payload or b"") > LARGEST_ATTACHMENT:
            return refused("The document is too large for e-mail; send it by another channel.")
        message = compose(delivery, self.settings.mail_from)
        connection = self._connection()
        try:
            await self._open(connection)
            await connection.mail(self.settings.mail_from)
            await connection.rcpt(delivery.recipient)
        except _REASONS as error:
            await _leave(connection)
            return _before_data(error)
        try:
            code, words = await connection.data(message.as_bytes())
        except aiosmtplib.SMTPDataError as error:
            await _leave(connection)
            return _said(error.code, error.message)
        except _REASONS as error:
            connection.close()
            return unknown(
                f"The mail server gave no answer after the message was handed over ({_words(error)})."
            )
        await _leave(connection)
        return sent(f"Taken by the mail server ({code} {words}).", message["Message-ID"])

    async def ask(self, delivery: Delivery) -> Outcome:
        """Whether a mail with this Message-ID arrived, where somebody can be asked."""
        if not self.settings.mail_trace_url:
            return unknown(
                "Nobody can be asked whether the mail arrived (KLOKWERK_MAIL_TRACE_URL is not set)."
            )
        wanted = message_id(delivery, self.settings.mail_from)
        url = f"{self.settings.mail_trace_url.rstrip('/')}/api/messages"
        try:
            answer = await self.client.get(url, params={"message_id": wanted})
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            return unknown(f"The mail trace could not be asked ({_words(error)}).")
        if not isinstance(found, list):
            return unknown("The mail trace gave an answer that could not be read.")
        if found:
            return sent("The mail arrived; found by its Message-ID after the answer was lost.", wanted)
        return not_there("The mail server never took it.")

    def _connection(self) -> aiosmtplib.SMTP:
        host, _, port = self.settings.smtp.rpartition(":")
        return aiosmtplib.SMTP(
            hostname=host,
            port=int(port),
            timeout=self.settings.provider_timeout_seconds,
            use_tls=self.settings.smtp_tls == "tls",
            start_tls=self.settings.smtp_tls == "starttls",
            tls_context=ssl.create_default_context() if self.settings.smtp_tls != "none" else None,
        )

    async def _open(self, connection: aiosmtplib.SMTP) -> None:
        await connection.connect()
        await connection.ehlo()
        if self.settings.smtp_user:
            await connection.login(self.settings.smtp_user, self.settings.smtp_password.get_secret_value())


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


def _before_data(error: BaseException) -> Outcome:
    """Nothing was handed over yet: final when the server said so for good, else temporary."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return refused(
            f"The mail server did not accept our credentials ({_words(error)}). Have the administrator check "
            "KLOKWERK_SMTP_USER and KLOKWERK_SMTP_PASSWORD, then send by hand."
        )
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _said(error.code, error.message)
    return temporary(f"The mail server could not be reached ({_words(error)}); nothing was handed over.")


def _said(code: int, words: str) -> Outcome:
    if 400 <= code < 500:
        return temporary(f"The mail server can't take it now ({code} {words}).")
    return refused(f"Refused by the mail server ({code} {words}).")


async def _leave(connection: aiosmtplib.SMTP) -> None:
    """Say goodbye; what was settled before does not depend on it."""
    try:
        await connection.quit()
    except _REASONS:
        connection.close()


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
