"""Mail over SMTP, on a mail sink of the tests' own that misbehaves as it is told."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from klokwerk.deliveries import Outcome, Verdict
from klokwerk.smtp import Mailer, MailServer, MailTrace
from klokwerk_platform.mail.messages import MailBox
from klokwerk_platform.mail.smtp import MailBehaviour, SmtpSink
from klokwerk_platform.ports import free_ports
from klokwerk_platform.testing import Servers


def mail(number: int) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "us@trade.example", "jan@vis.example"
    message["Message-ID"] = f"<{number}@trade.example>"
    message.set_content("Hello")
    return message.as_bytes()


@dataclass
class Side:
    """The sink with its mailbox, and a mailer that knows the way to it."""

    sink: SmtpSink
    mailbox: MailBox
    mailer: Mailer

    async def send(self, number: int, *recipients: str) -> Outcome:
        return await self.mailer.hand_over(
            "us@trade.example", recipients or ("jan@vis.example",), mail(number)
        )

    @property
    def ids(self) -> list[str]:
        return sorted(entry.message_id for entry in self.mailbox.find())


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[Side]:
    mailbox, port = MailBox(tmp_path), free_ports(1)[0]
    sink = SmtpSink(mailbox, "127.0.0.1", port)
    await sink.start()
    mailer = Mailer(MailServer("127.0.0.1", port, timeout=3, data_timeout=0.5))
    yield Side(sink, mailbox, mailer)
    await mailer.close()
    await sink.stop()


async def test_a_mail_is_taken_once_and_the_connection_is_used_again(side: Side) -> None:
    for number in (1, 2):
        outcome = await side.send(number)
        assert outcome.verdict is Verdict.SENT
        assert "250 2.0.0 OK" in outcome.message
    assert side.ids == ["<1@trade.example>", "<2@trade.example>"]
    assert len(side.mailer._idle) == 1


@pytest.mark.parametrize(
    ("behaviour", "verdict", "words", "arrived"),
    [
        (MailBehaviour(fail_next=1), Verdict.TEMPORARY, "451 4.3.0", 0),
        (MailBehaviour(reject_content=True), Verdict.REFUSED, "554 5.6.0", 0),
        (MailBehaviour(reject_recipients=["jan"]), Verdict.REFUSED, "For jan@vis.example", 0),
        (MailBehaviour(delay_recipients=["jan"]), Verdict.TEMPORARY, "450 4.2.1", 0),
        (MailBehaviour(refuse_connections=True), Verdict.TEMPORARY, "can't be reached", 0),
        (MailBehaviour(drop_after_data=True), Verdict.UNKNOWN, "may have arrived", 1),
        (MailBehaviour(drop_before_storing=True), Verdict.UNKNOWN, "may have arrived", 0),
        (MailBehaviour(hang_seconds=2), Verdict.UNKNOWN, "may have arrived", None),
    ],
)
async def test_what_is_known_when_it_goes_wrong(
    side: Side, behaviour: MailBehaviour, verdict: Verdict, words: str, arrived: int | None
) -> None:
    await side.sink.behave(behaviour)
    outcome = await side.send(1)
    assert outcome.verdict is verdict
    assert words in outcome.message
    if arrived is not None:
        assert len(side.ids) == arrived
    await side.sink.behave(MailBehaviour())
    assert (await side.send(2)).verdict is Verdict.SENT, "the trouble of one mail is not that of the next"


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_server_that_closes_after_each_mail_costs_no_try(says_so: bool) -> None:
    mails = 0

    async def one_mail_a_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal mails
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            verb, taken = line[:4].upper(), mails
            if verb == b"MAIL" and getattr(writer, "used", False):
                if says_so:
                    writer.write(b"421 4.4.2 one mail is enough\r\n")
                break
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                mails, writer.used = taken + 1, True  # type: ignore[attr-defined]
            writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(one_mail_a_connection, "127.0.0.1", 0)
    mailer = Mailer(MailServer("127.0.0.1", server.sockets[0].getsockname()[1], timeout=3))
    try:
        for number in (1, 2, 3):
            outcome = await mailer.hand_over("us@trade.example", ["jan@vis.example"], mail(number))
            assert outcome.verdict is Verdict.SENT, outcome
    finally:
        await mailer.close()
        server.close()
    assert mails == 3


async def test_one_bad_recipient_keeps_the_mail_from_all(side: Side) -> None:
    await side.sink.behave(MailBehaviour(reject_recipients=["piet"]))
    outcome = await side.send(1, "jan@vis.example", "piet@vis.example")
    assert outcome.verdict is Verdict.REFUSED
    assert side.ids == []


async def test_without_a_trace_nobody_can_be_asked(side: Side) -> None:
    outcome = await side.mailer.find("<1@trade.example>", 1)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "KLOKWERK_MAIL_TRACE_URL" in outcome.message


async def test_the_trace_finds_a_mail_by_its_message_id_and_is_believed_the_second_time(
    platform_servers: Servers,
) -> None:
    host, _, port = platform_servers.smtp.rpartition(":")
    mailer = Mailer(MailServer(host, int(port)), MailTrace(platform_servers.mail_api))
    number = secrets.randbits(60)
    await mailer.hand_over("us@trade.example", ["jan@vis.example"], mail(number))
    assert (await mailer.find(f"<{number}@trade.example>", 1)).verdict is Verdict.SENT
    missing = f"<{number + 1}@trade.example>"
    assert (await mailer.find(missing, 1)).verdict is Verdict.UNKNOWN
    assert (await mailer.find(missing, 2)).verdict is Verdict.NOT_THERE
    await mailer.close()
