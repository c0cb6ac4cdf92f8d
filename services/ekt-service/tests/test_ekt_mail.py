"""The mail as bytes: what the standard library reads out of it is what went in, whatever that was."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from ekt_service.domain.ekt import EktFile
from ekt_service.domain.mail import SAMPLE, compose
from ekt_service.domain.templates import MailTemplate
from hypothesis import given, settings
from hypothesis import strategies as st

MADE = datetime(2026, 1, 30, 12, 5, tzinfo=UTC)
_character = st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")) | st.sampled_from(" .=?é€\t\0")
_line = st.text(_character, max_size=90)


def read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)  # type: ignore[return-value]


def mail(
    text: str = "Hello",
    subject: str = "EKT",
    name: str = "Voorbeeld",
    recipients: tuple[str, ...] = ("a@b.example",),
    files: tuple[EktFile, ...] = (EktFile("EKT-1.edi", b"UNB+'", "1", 1),),
    reply_to: str = "",
) -> bytes:
    template = MailTemplate(subject="{{ debtor_name }}", text="{{ sender_name }}")
    fields = SAMPLE.__class__(subject, SAMPLE.order_day, 1, False, text, "f")
    return compose(
        template,
        fields,
        files,
        sender=(name, "ekt@voorbeeld.example"),
        reply_to=reply_to,
        recipients=recipients,
        message_id="<1@ekt.example>",
        made=MADE,
    )


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(_line, min_size=1, max_size=6).filter(any),
    subject=_line.filter(lambda text: text.strip()),
    content=st.binary(max_size=400),
)
def test_text_subject_and_file_are_read_back_as_they_went_in(
    lines: list[str], subject: str, content: bytes
) -> None:
    data = mail("\n".join(lines), subject, files=(EktFile("EKT-1.edi", content, "1", 1),))
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    assert b"\n" not in data.replace(b"\r\n", b"")
    data.decode("ascii")
    message = read(data)
    assert message.defects == []
    assert " ".join(message["Subject"].split()) == " ".join(subject.split())
    body = message.get_body()
    assert body is not None
    assert body.get_content().splitlines() == "\n".join(lines).splitlines()
    (file,) = message.iter_attachments()
    assert file.get_payload(decode=True) == content


def test_headers_and_files_are_those_of_a_mail_that_a_program_sent() -> None:
    recipients = tuple(f"address-number-{number}@bloemist.example" for number in range(12))
    files = tuple(
        EktFile(f"om260130-{number}.0705", b"x" * number, str(number), 1) for number in (0, 56, 57, 58)
    )
    message = read(
        mail(
            recipients=recipients, files=files, name="Fleurs & Crème, 's-Gravenzande", reply_to="r@b.example"
        )
    )
    assert message["From"].addresses[0].display_name == "Fleurs & Crème, 's-Gravenzande"
    assert message["From"].addresses[0].addr_spec == "ekt@voorbeeld.example"
    assert [address.addr_spec for address in message["To"].addresses] == list(recipients)
    assert message["Reply-To"] == "r@b.example"
    assert message["Message-ID"] == "<1@ekt.example>"
    assert message["Date"].datetime == MADE
    assert message["Auto-Submitted"] == "auto-generated"
    parts = list(message.iter_attachments())
    assert [part.get_filename() for part in parts] == [file.name for file in files]
    assert {part.get_content_type() for part in parts} == {"application/edifact"}
    assert [part.get_payload(decode=True) for part in parts] == [file.content for file in files]


def test_the_same_mail_is_the_same_bytes() -> None:
    assert mail() == mail()


def test_a_text_that_holds_the_boundary_does_not_end_early() -> None:
    boundary = read(mail()).get_boundary()
    assert boundary is not None
    body = read(mail(f"--{boundary}--\nand more")).get_body()
    assert body is not None
    assert body.get_content().splitlines() == [f"--{boundary}--", "and more"]


@pytest.mark.parametrize("text", ["x" * 2000, "a\0b", "tail \n.\nFrom me", "é" * 500])
def test_awkward_texts_arrive_whole(text: str) -> None:
    body = read(mail(text)).get_body()
    assert body is not None
    assert body.get_content().splitlines() == text.splitlines()
