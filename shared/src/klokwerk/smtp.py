"""Mail over SMTP, for every service that sends some.

What is known when the connection breaks decides everything: before the server's last answer to DATA nothing
counts as handed over, so the mail may be tried again; after the bytes went out without an answer the outcome
is unknown and is settled by asking a trace of received mails by Message-ID, never by sending again blindly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import httpx
from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException
from pydantic import Field, SecretStr

from klokwerk.deliveries import Outcome, not_there, refused, sent, temporary, unknown
from klokwerk.settings import ServiceSettings

_KEPT_CONNECTIONS = 8
_IDLE_SECONDS = 20.0
_CLOSING = 421
_TRUSTED_SECONDS = 1.0
"""A connection that was used so shortly ago is not asked first whether it still answers."""


class _WentStale(Exception):
    """A kept connection was closed by the server before the mail began."""


class Encryption(StrEnum):
    """How the way to the mail server is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over.

    Args:
        timeout: seconds for connecting and for each answer.
        data_timeout: seconds for the answer after the mail itself; servers may scan it for long.
    """

    host: str
    port: int
    user: str = ""
    password: str = ""
    encryption: Encryption = Encryption.NONE
    timeout: float = 15.0
    data_timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class MailTrace:
    """A service that knows which mails the server took: ``GET {url}/api/messages?message_id=`` gives a list.

    Args:
        believed_after: questions after which "not there" is believed; a server may still be busy storing.
    """

    url: str
    believed_after: int = 2


class MailSettings(ServiceSettings):
    """Settings of a service that sends mail.

    Attributes:
        smtp: ``host:port`` of the mail server; empty: the service sends no mail.
        smtp_user, smtp_password: for signing in there.
        smtp_encryption: none, starttls or tls.
        smtp_timeout_seconds: for connecting and for each answer.
        smtp_data_timeout_seconds: for the answer after the mail itself.
        mail_trace_url: where it can be asked which mails were received; empty: nobody can be asked.
    """

    smtp: Annotated[str, Field(pattern=r"^([^\s:/]+:\d+)?$")] = ""
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_encryption: Encryption = Encryption.NONE
    smtp_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 15.0
    smtp_data_timeout_seconds: Annotated[float, Field(gt=0, le=900)] = 60.0
    mail_trace_url: str = ""

    def mailer(self) -> Mailer | None:
        """The way to the mail server; none where there is none."""
        if not self.smtp:
            return None
        host, _, port = self.smtp.rpartition(":")
        server = MailServer(
            host=host,
            port=int(port),
            user=self.smtp_user,
            password=self.smtp_password.get_secret_value(),
            encryption=self.smtp_encryption,
            timeout=self.smtp_timeout_seconds,
            data_timeout=self.smtp_data_timeout_seconds,
        )
        return Mailer(server, MailTrace(self.mail_trace_url) if self.mail_trace_url else None)


@dataclass(slots=True)
class Mailer:
    """Hands mails over to one server on kept connections; what a channel of deliveries does with a mail."""

    server: MailServer
    trace: MailTrace | None = None
    _idle: list[tuple[float, SMTP]] = field(default_factory=list)

    async def hand_over(self, sender: str, recipients: Sequence[str], message: bytes) -> Outcome:
        """Hand one mail over, to all of its recipients or to none.

        Args:
            sender: envelope sender, where bounces go.
            recipients: envelope recipients.
            message: the whole mail as it goes over the wire, with a Message-ID that is stored already.
        """
        try:
            try:
                async with self._connection() as (client, kept):
                    return await self._hand_over(client, sender, recipients, message, kept=kept)
            except _WentStale:
                async with self._connection(fresh=True) as (client, _):
                    return await self._hand_over(client, sender, recipients, message)
        except SMTPAuthenticationError as answer:
            return refused(
                f"The mail server did not accept our credentials: {answer.code} {answer.message}. Have the "
                "administrator check KLOKWERK_SMTP_USER and KLOKWERK_SMTP_PASSWORD."
            )
        except SMTPResponseException as answer:
            return self._by_code(answer.code, str(answer.message), "The mail server")
        except (SMTPException, OSError, TimeoutError) as trouble:
            return temporary(
                f"The mail server {self.server.host}:{self.server.port} can't be reached: {_words(trouble)}."
            )

    async def _hand_over(
        self, client: SMTP, sender: str, recipients: Sequence[str], message: bytes, *, kept: bool = False
    ) -> Outcome:
        try:
            await client.mail(sender)
        except (SMTPException, OSError, TimeoutError) as problem:
            # Servers close connections after so many mails or so long; nothing was handed over yet.
            if kept and getattr(problem, "code", _CLOSING) == _CLOSING:
                raise _WentStale from problem
            raise
        for recipient in recipients:
            try:
                await client.rcpt(recipient)
            except SMTPResponseException as answer:
                await _forget(client)
                return self._by_code(answer.code, str(answer.message), f"For {recipient} the mail server")
        try:
            taken = await client.data(message, timeout=self.server.data_timeout)
        except SMTPResponseException as problem:
            await _forget(client)
            return self._by_code(problem.code, str(problem.message), "After the mail itself the server")
        except (SMTPException, OSError, TimeoutError) as trouble:
            client.close()
            return unknown(
                f"The connection ended after the mail was handed over and before the server's answer "
                f"({_words(trouble)}). It may have arrived; the receiving side is asked."
            )
        return sent(f"The mail server took it: {taken.code} {taken.message}")

    @staticmethod
    def _by_code(code: int, text: str, who: str) -> Outcome:
        message = f"{who} answered: {code} {text}"
        if 400 <= code < 500:
            return temporary(message)
        return refused(message)

    async def find(self, message_id: str, asked: int) -> Outcome:
        """Whether the mail with this Message-ID was received; `asked` counts the questions so far."""
        if self.trace is None:
            return unknown(
                "It is not known whether the mail arrived, and no trace of received mails is configured "
                "(KLOKWERK_MAIL_TRACE_URL). Ask the recipient before sending it again."
            )
        url = f"{self.trace.url.rstrip('/')}/api/messages"
        try:
            async with httpx.AsyncClient(timeout=self.server.timeout) as http:
                answer = await http.get(url, params={"message_id": message_id})
                answer.raise_for_status()
                found = answer.json()
        except (httpx.HTTPError, ValueError) as trouble:
            return unknown(f"The trace of received mails could not be asked: {_words(trouble)}.")
        if not isinstance(found, list):
            return unknown("The trace of received mails gave an answer that could not be read.")
        if found:
            return sent("The trace of received mails holds it by its Message-ID, so it was sent.", message_id)
        if asked < self.trace.believed_after:
            return unknown("The trace of received mails does not hold it yet; it is asked again.")
        return not_there("The trace of received mails does not hold it, so it is sent again.")

    async def close(self) -> None:
        """Take leave of the mail server."""
        while self._idle:
            _, client = self._idle.pop()
            await _quit(client)

    @asynccontextmanager
    async def _connection(self, *, fresh: bool = False) -> AsyncIterator[tuple[SMTP, bool]]:
        """A connection, and whether it was kept from an earlier mail."""
        kept = None if fresh else await self._idle_connection()
        client = kept or await self._open()
        try:
            yield client, kept is not None
        except BaseException:
            client.close()
            raise
        if client.is_connected and len(self._idle) < _KEPT_CONNECTIONS:
            self._idle.append((asyncio.get_running_loop().time(), client))
        else:
            await _quit(client)

    async def _idle_connection(self) -> SMTP | None:
        """A kept connection that still answers; a dead one costs a question, never a mail."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            since, client = self._idle.pop()
            if now - since > _IDLE_SECONDS or not client.is_connected:
                await _quit(client)
                continue
            if now - since < _TRUSTED_SECONDS:
                return client
            try:
                await client.rset(timeout=2)
            except (SMTPException, OSError, TimeoutError):
                client.close()
                continue
            return client
        return None

    async def _open(self) -> SMTP:
        server = self.server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.encryption is Encryption.TLS,
            start_tls=server.encryption is Encryption.STARTTLS,
            timeout=server.timeout,
        )
        await client.connect()
        return client


async def _forget(client: SMTP) -> None:
    """Leave a mail that was begun, so that the connection can carry the next one."""
    try:
        await client.rset(timeout=2)
    except (SMTPException, OSError, TimeoutError):
        client.close()


async def _quit(client: SMTP) -> None:
    try:
        if client.is_connected:
            await client.quit(timeout=2)
    except (SMTPException, OSError, TimeoutError):
        client.close()


def _words(trouble: BaseException) -> str:
    return str(trouble).strip().rstrip(".") or type(trouble).__name__
