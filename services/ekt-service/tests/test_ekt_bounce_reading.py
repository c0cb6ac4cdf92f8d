"""What mails to the return address mean: bounces, delays, automatic answers, and what nobody can read."""

from uuid import UUID, uuid4

import pytest
from ekt_service.domain.bounce import Failing, Meaning, read_notice
from ekt_service.domain.returns import LONGEST_LOCAL_PART, ReturnAddress
from hypothesis import given
from hypothesis import strategies as st
from return_mails import block, dsn, letter

RETURNS = ReturnAddress("bounce@returns.example", "a secret that makes the seals")
DELIVERY = UUID("01a213b2-f67a-7621-a3eb-b7beb91ea8e4")
TO = RETURNS.of(DELIVERY)


def test_a_return_address_names_its_delivery_and_fits_into_an_address() -> None:
    assert TO.startswith("bounce+01a213b2f67a7621a3ebb7beb91ea8e4.")
    longest = ReturnAddress("b" * LONGEST_LOCAL_PART + "@returns.example", "secret of enough length")
    assert len(longest.of(uuid4()).partition("@")[0]) == 64
    (token,) = RETURNS.read(TO.upper())
    assert (token.delivery, token.genuine) == (DELIVERY, True)


def test_an_address_that_somebody_made_up_is_told_from_ours() -> None:
    (token,) = RETURNS.read(TO.replace(TO[-28:-20], "00000000"))
    assert not token.genuine
    assert ReturnAddress("bounce@returns.example", "another secret of ours").read(TO)[0].genuine is False
    assert read_notice(dsn(TO.replace("e4.", "e5."), block("a@b.example")), RETURNS).meaning is Meaning.FORGED


def test_the_failing_recipients_are_named_with_the_other_sides_words() -> None:
    mail = dsn(TO, block("jan@b.example"), block("piet@b.example", "delivered", "2.0.0", "250 OK"))
    notice = read_notice(mail, RETURNS)
    assert notice.meaning is Meaning.BOUNCED
    assert notice.failing == (Failing("jan@b.example", "550 No such user"),)
    assert [token.delivery for token in notice.tokens] == [DELIVERY]


@pytest.mark.parametrize(
    ("action", "status", "meaning"),
    [
        ("failed", "5.1.1", Meaning.BOUNCED),
        ("failed", "4.4.7", Meaning.BOUNCED),
        ("Failed", "5.7.1", Meaning.BOUNCED),
        ("delayed", "4.4.1", Meaning.DELAYED),
        ("delayed", "5.4.1", Meaning.DELAYED),
        ("relayed", "2.1.9", Meaning.DELIVERED),
        ("delivered", "2.0.0", Meaning.DELIVERED),
        ("", "5.1.1", Meaning.BOUNCED),
        ("", "4.2.2", Meaning.DELAYED),
        ("", "", Meaning.UNREADABLE),
    ],
)
def test_the_action_of_a_report_decides_and_then_its_status(
    action: str, status: str, meaning: Meaning
) -> None:
    assert read_notice(dsn(TO, block("a@b.example", action, status)), RETURNS).meaning is meaning


@pytest.mark.parametrize(
    ("mail", "meaning"),
    [
        (letter(TO, "<a@b.example>:\n550 5.1.1 no mailbox here"), Meaning.BOUNCED),
        (letter(TO, "Hi. This is qmail-send. I'm sorry it did not work out."), Meaning.BOUNCED),
        (
            letter(TO, "It failed", X_Failed_Recipients="a@b.example", Auto_Submitted="auto-replied"),
            Meaning.BOUNCED,
        ),
        (letter(TO, "still trying", Subject="Warning: message delayed 24 hours"), Meaning.DELAYED),
        (letter(TO, "no news", Subject="Newsletter"), Meaning.UNREADABLE),
        (
            letter(TO, "back on Monday", From="jan@b.example", Auto_Submitted="auto-replied"),
            Meaning.AUTO_REPLY,
        ),
        (letter(TO, "back on Monday", From="jan@b.example", X_Autoreply="yes"), Meaning.AUTO_REPLY),
        (letter(TO, "is 550 a good price?", From="jan@b.example", Subject="Your EKT"), Meaning.UNREADABLE),
        (letter("bounce@returns.example", "550 5.1.1"), Meaning.UNREADABLE),
        (b"", Meaning.UNREADABLE),
        (b"\x00\xff\xfe" * 100, Meaning.UNREADABLE),
    ],
)
def test_letters_are_taken_for_bounces_only_when_a_mail_server_wrote_them(
    mail: bytes, meaning: Meaning
) -> None:
    assert read_notice(mail, RETURNS).meaning is meaning


def test_a_read_receipt_is_an_automatic_answer() -> None:
    mail = dsn(TO, "Disposition: automatic-action; displayed\n").replace(
        b"message/delivery-status", b"message/disposition-notification"
    )
    assert read_notice(mail, RETURNS).meaning is Meaning.AUTO_REPLY


def test_the_delivery_is_found_in_what_is_given_back_where_the_envelope_is_hidden() -> None:
    mail = dsn(TO, block("a@b.example"))
    hidden = mail.replace(f"Delivered-To: {TO}".encode(), b"X-Nothing: 1").replace(
        f"\r\nTo: {TO}".encode(), b"\r\nTo: postmaster@returns.example", 1
    )
    assert read_notice(hidden, RETURNS).tokens[0].delivery == DELIVERY


def test_words_of_a_letter_are_the_line_that_says_why() -> None:
    mail = letter(TO, "Dear sender,\n\n<a@b.example>: 552 5.2.2 mailbox \x00full\n\nYours, the server")
    assert read_notice(mail, RETURNS).words == "<a@b.example>: 552 5.2.2 mailbox full"


@given(st.binary(max_size=400))
def test_whatever_comes_is_read_without_falling_over(rubbish: bytes) -> None:
    head = f"To: {TO}\r\nContent-Type: multipart/report; boundary=B\r\n".encode()
    notice = read_notice(head + rubbish, RETURNS)
    assert len(notice.words) <= 600
    assert "\x00" not in notice.words
    notice.words.encode()
