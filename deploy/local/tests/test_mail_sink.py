"""The mail sink over real SMTP and HTTP."""

import asyncio
import email
import poplib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest
from klokwerk.testing import eventually
from klokwerk_platform.http_server import serving
from klokwerk_platform.mail.messages import MailBox
from klokwerk_platform.mail.pop3 import Pop3Server
from klokwerk_platform.mail.smtp import SmtpSink
from klokwerk_platform.mail.web import create_mail_app
from klokwerk_platform.ports import free_ports


@dataclass
class Sink:
    smtp_port: int
    http: httpx.AsyncClient
    folder: Path
    box: MailBox

    async def send(self, mail: EmailMessage, **about) -> object:
        return await aiosmtplib.send(
            mail, hostname="127.0.0.1", port=self.smtp_port, start_tls=False, timeout=5, **about
        )

    async def behave(self, **behaviour) -> None:
        (await self.http.put("/api/behaviour", json=behaviour)).raise_for_status()

    async def messages(self, **query) -> list[dict]:
        return (await self.http.get("/api/messages", params=query)).raise_for_status().json()


@pytest.fixture
async def sink(tmp_path) -> AsyncIterator[Sink]:
    smtp_port, web_port = free_ports(2)
    mailbox = MailBox(tmp_path / "mail")
    smtp = SmtpSink(mailbox, "127.0.0.1", smtp_port)
    await smtp.start()
    async with (
        serving([(create_mail_app(mailbox, smtp), web_port)]),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{web_port}") as http,
    ):
        yield Sink(smtp_port, http, tmp_path / "mail", mailbox)
    await smtp.stop()


def mail(to: str = "bloom@shop.example", subject: str = "Héllo", message_id: str = "<1@house.example>"):
    message = EmailMessage()
    message["From"] = "sales@house.example"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = message_id
    message.set_content("Good morning")
    message.add_attachment(b"UNB+UNOA", maintype="application", subtype="edifact", filename="order.edi")
    return message


async def test_a_mail_is_kept_with_headers_text_and_attachments(sink):
    await sink.send(mail())
    (summary,) = await sink.messages(message_id="<1@house.example>")
    assert summary["subject"] == "Héllo"
    assert summary["attachments"] == [
        {"number": 1, "filename": "order.edi", "content_type": "application/edifact", "size": 8}
    ]
    whole = (await sink.http.get(f"/api/messages/{summary['id']}")).json()
    assert whole["text"].strip() == "Good morning"
    assert ["From", "sales@house.example"] in whole["headers"]
    attachment = await sink.http.get(f"/api/messages/{summary['id']}/attachments/1")
    assert attachment.content == b"UNB+UNOA"
    assert (
        b"Message-ID: <1@house.example>"
        in (await sink.http.get(f"/api/messages/{summary['id']}/raw")).content
    )


async def test_mails_are_found_by_recipient_blind_copies_included(sink):
    await sink.send(mail(), recipients=["bloom@shop.example", "secret@house.example"])
    await sink.send(mail(to="other@shop.example", message_id="<2@house.example>"))
    assert [each["message_id"] for each in await sink.messages(to="SECRET@")] == ["<1@house.example>"]
    assert await sink.messages(message_id="unknown@house.example") == []
    assert len(await sink.messages(subject="héllo")) == 2


async def test_the_next_mails_are_put_off_and_then_taken(sink):
    await sink.behave(fail_next=1)
    with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
        await sink.send(mail())
    assert refusal.value.code == 451
    assert await sink.messages() == []
    await sink.send(mail())
    assert len(await sink.messages()) == 1


async def test_it_refuses_connections_until_told_otherwise(sink):
    await sink.behave(refuse_connections=True)
    with pytest.raises(aiosmtplib.SMTPConnectError):
        await sink.send(mail())
    await sink.http.delete("/api/behaviour")
    await sink.send(mail())
    assert len(await sink.messages()) == 1


@pytest.mark.parametrize(("behaviour", "kept"), [("drop_after_data", 1), ("drop_before_storing", 0)])
async def test_the_connection_breaks_after_data_with_or_without_the_mail(sink, behaviour, kept):
    await sink.behave(**{behaviour: 1})
    with pytest.raises((aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPReadTimeoutError)):
        await sink.send(mail())
    assert len(await sink.messages(message_id="1@house.example")) == kept
    await sink.send(mail(message_id="<2@house.example>"))
    assert len(await sink.messages(message_id="2@house.example")) == 1


async def test_named_recipients_are_rejected_and_the_others_get_the_mail(sink):
    await sink.behave(reject_recipients=["gone@"])
    errors, _ = await sink.send(mail(), recipients=["gone@shop.example", "bloom@shop.example"])
    assert errors["gone@shop.example"][0] == 550
    assert (await sink.messages())[0]["envelope_to"] == ["bloom@shop.example"]


async def test_wrong_credentials_are_refused_at_login(sink):
    await sink.send(mail(), username="house", password="right")
    await sink.behave(wrong_credentials=True)
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await sink.send(mail(), username="house", password="wrong")


async def test_a_hanging_server_outlasts_an_impatient_sender(sink):
    await sink.behave(hang_seconds=30)
    with pytest.raises((aiosmtplib.SMTPReadTimeoutError, TimeoutError)):
        await aiosmtplib.send(mail(), hostname="127.0.0.1", port=sink.smtp_port, start_tls=False, timeout=0.3)


async def test_a_restarted_sink_still_knows_its_mails_and_ignores_half_of_one(sink):
    await sink.send(mail())
    (sink.folder / "00000002.eml").write_bytes(b"half")
    again = MailBox(sink.folder)
    assert [each.message_id for each in again.find()] == ["<1@house.example>"]
    assert again.add(b"Subject: next\r\n\r\n", "a@b.example", ["c@d.example"]) == 2


async def test_the_inbox_shows_mails_and_runs_nothing_of_theirs(sink):
    evil = EmailMessage()
    evil["Subject"], evil["To"], evil["From"] = "<script>alert(1)</script>", "a@b.example", "c@d.example"
    evil.set_content("plain")
    evil.add_alternative("<p>Hi <script>alert(2)</script></p>", subtype="html")
    evil.add_attachment(b"UNB+UNOA", maintype="application", subtype="edifact", filename="order.edi")
    await sink.send(evil)
    page = await sink.http.get("/")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    message = await sink.http.get("/messages/1")
    assert "order.edi" in message.text
    assert "UNB+UNOA" in message.text
    assert "<script>alert" not in message.text
    assert "script-src 'self'" in message.headers["content-security-policy"]


# --- mails that come back, read by POP3 -------------------------------------------------------------------


@pytest.fixture
async def pop3(sink) -> AsyncIterator[Callable[[], poplib.POP3]]:
    """Opens the mailbox of ``returns.example`` over real POP3."""
    (port,) = free_ports(1)
    server = Pop3Server(sink.box, "127.0.0.1", port, "returns.example")
    await server.start()
    yield lambda: poplib.POP3("127.0.0.1", port, timeout=5)
    await server.stop()


async def test_a_mail_is_taken_and_sent_back_to_its_envelope_sender(sink, pop3):
    await sink.behave(bounce_recipients=["gone@"])
    recipients = ["gone@shop.example", "bloom@shop.example"]
    await sink.send(mail(), sender="bounce+1@returns.example", recipients=recipients)

    def read() -> tuple[int, bytes]:
        box = pop3()
        box.user("any")
        box.pass_("any")
        content = b"\r\n".join(box.retr(1)[1])
        assert box.uidl()[1] == [b"1 mail-2"]
        assert b"".join(box.top(1, 0)[1]) in content.replace(b"\r\n", b"")
        box.dele(1)
        left = len(sink.box.numbers_to_domain("returns.example"))
        box.quit()
        return left, content

    left, content = await asyncio.to_thread(read)
    assert left == 1, "what is removed goes when the reader takes leave"
    assert sink.box.numbers_to_domain("returns.example") == []
    bounce = email.message_from_bytes(content)
    assert bounce["Return-Path"] == "<>"
    assert bounce["Delivered-To"] == "bounce+1@returns.example"
    assert bounce.get_content_type() == "multipart/report"
    status = bounce.get_payload()[1].get_payload()
    assert [block["Final-Recipient"] for block in status[1:]] == ["rfc822; gone@shop.example"]
    assert status[1]["Action"] == "failed"


async def test_the_mailbox_lets_in_one_reader_at_a_time_and_forgets_what_was_not_finished(sink, pop3):
    sink.box.add(b"Subject: one\r\n\r\n.leading dot\r\n", "", ["bounce@returns.example"])
    sink.box.add(b"Subject: other\r\n\r\n", "", ["else@shop.example"])

    def read() -> None:
        first, second = pop3(), pop3()
        for box in (first, second):
            box.user("any")
        first.pass_("any")
        with pytest.raises(poplib.error_proto, match="IN-USE"):
            second.pass_("any")
        assert first.stat()[0] == 1
        assert b".leading dot" in first.retr(1)[1]
        first.dele(1)
        first.close()
        second.close()

    await asyncio.to_thread(read)
    await eventually(lambda: _free(pop3))
    assert len(sink.box.numbers_to_domain("returns.example")) == 1


async def _free(pop3) -> bool:
    def sign_in() -> bool:
        box = pop3()
        box.user("any")
        try:
            box.pass_("any")
        except poplib.error_proto:
            return False
        finally:
            box.close()
        return True

    return await asyncio.to_thread(sign_in)
