"""The SMTP side of the mail sink, with trouble to order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from pydantic import BaseModel, ConfigDict, Field

from klokwerk_platform.mail.bounces import bounce_of
from klokwerk_platform.mail.messages import MailBox

_MAX_BYTES = 50 * 1024 * 1024


class MailBehaviour(BaseModel):
    """How the sink answers from now on; the default takes everything."""

    model_config = ConfigDict(extra="forbid")

    refuse_connections: bool = Field(False, description="Do not listen at all.")
    hang_seconds: float = Field(0, ge=0, le=3600, description="Wait so long before the answer to DATA.")
    fail_next: int = Field(0, ge=0, description="Answer 451 to the next n mails, then take them.")
    reject_recipients: list[str] = Field(
        default_factory=list, description="Answer 550 to recipients that contain one of these."
    )
    delay_recipients: list[str] = Field(
        default_factory=list, description="Answer 450 to recipients that contain one of these."
    )
    reject_content: bool = Field(False, description="Answer 554 to the mail itself.")
    drop_after_data: bool | int = Field(
        False, description="Take the mail, then break the connection: always, or for the next n."
    )
    drop_before_storing: bool | int = Field(
        False, description="Break the connection after DATA without keeping the mail: always, or the next n."
    )
    wrong_credentials: bool = Field(False, description="Answer 535 to every login.")
    bounce_recipients: list[str] = Field(
        default_factory=list,
        description="Take mails for recipients that contain one of these, and send them back afterwards.",
    )


class SmtpSink:
    """Listens for SMTP on one port and puts the mails in a :class:`MailBox`."""

    def __init__(self, mailbox: MailBox, host: str, port: int) -> None:
        self._mailbox = mailbox
        self._host, self._port = host, port
        self._listener: asyncio.Server | None = None
        self.behaviour = MailBehaviour()

    async def behave(self, behaviour: MailBehaviour) -> None:
        """Set the behaviour; opens or closes the port where that is asked."""
        self.behaviour = behaviour
        if behaviour.refuse_connections:
            await self.stop()
        elif self._listener is None:
            await self.start()

    async def start(self) -> None:
        self._listener = await asyncio.get_running_loop().create_server(self._session, self._host, self._port)

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _session(self) -> SMTP:
        return SMTP(
            self,
            data_size_limit=_MAX_BYTES,
            enable_SMTPUTF8=True,
            hostname="mail-sink.klokwerk.example",
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(self, *_about: Any) -> AuthResult:
        refused = AuthResult(
            success=False, handled=False, message="535 5.7.8 These credentials are not accepted"
        )
        return refused if self.behaviour.wrong_credentials else AuthResult(success=True)

    # The names below are those aiosmtpd calls.

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if any(part in address for part in self.behaviour.reject_recipients):
            return f"550 5.1.1 <{address}> is not known here"
        if any(part in address for part in self.behaviour.delay_recipients):
            return f"450 4.2.1 <{address}> can't take mail at this moment"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        behaviour = self.behaviour
        if behaviour.hang_seconds:
            await asyncio.sleep(behaviour.hang_seconds)
        if behaviour.fail_next:
            self.behaviour = behaviour.model_copy(update={"fail_next": behaviour.fail_next - 1})
            return "451 4.3.0 Try again later"
        if behaviour.reject_content:
            return "554 5.6.0 This mail is not taken"
        if behaviour.drop_before_storing:
            self._count_down("drop_before_storing")
            return _break_connection(server)
        content = envelope.original_content or b""
        number = self._mailbox.add(content, envelope.mail_from or "", list(envelope.rcpt_tos))
        self._bounce(content, envelope)
        if behaviour.drop_after_data:
            self._count_down("drop_after_data")
            return _break_connection(server)
        return f"250 2.0.0 OK: taken as {number}"

    def _bounce(self, content: bytes, envelope: Envelope) -> None:
        """Send a mail back to its envelope sender, after the answer that it was taken."""
        wanted = self.behaviour.bounce_recipients
        failed = [each for each in envelope.rcpt_tos if any(part in each for part in wanted)]
        sender = envelope.mail_from or ""
        if failed and sender:
            bounce = bounce_of(content, sender, failed, datetime.now(UTC))
            asyncio.get_running_loop().call_soon(self._mailbox.add, bounce, "", [sender])

    def _count_down(self, name: str) -> None:
        left = getattr(self.behaviour, name)
        if not isinstance(left, bool):
            self.behaviour = self.behaviour.model_copy(update={name: left - 1 or False})


def _break_connection(server: SMTP) -> str:
    transport = server.transport
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    return "421 4.4.2 (never arrives: the connection is broken)"
