"""What a mail to the return address means: a bounce, a delay, an automatic answer, or nothing that can be read.

Delivery status notifications (RFC 3464) say it in fields. Older servers only write a letter; then the mail must at
least look like one of a mail server, because people and their absence notices answer to the same address.
"""

import email.policy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.utils import parseaddr
from enum import StrEnum

from ekt_service.domain.returns import ReturnAddress, Token

_WORDS = 600
_TEXT_READ = 20_000
_FROM_SERVERS = re.compile(r"^(mailer-daemon|postmaster|mail-daemon|mailerdaemon)\b", re.IGNORECASE)
_BOUNCED = re.compile(
    r"undeliver|returned mail|delivery (?:status notification|failure|has failed|problem)|failure notice|"
    r"mail delivery (?:failed|failure)|could not be delivered|onbestelbaar|unzustellbar|non remis",
    re.IGNORECASE,
)
_DELAYED = re.compile(
    r"\bdelay|\bwarning\b|still trying|vertraag|will (?:keep trying|be retried)", re.IGNORECASE
)
_FINAL_STATUS = re.compile(r"(?<![\d.])5\.\d{1,3}\.\d{1,3}(?![\d.])|(?<!\d)55\d[ -]")
_ADDRESSED = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To")


class Meaning(StrEnum):
    """What became known by a mail."""

    BOUNCED = "bounced"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    AUTO_REPLY = "auto_reply"
    FORGED = "forged"
    UNREADABLE = "unreadable"

    @property
    def is_put_aside(self) -> bool:
        """Nobody can act on it by its contents, so the mail itself is kept for a person."""
        return self is Meaning.UNREADABLE


@dataclass(frozen=True, slots=True)
class Failing:
    """One address that a mail did not reach, with the other side's words."""

    address: str
    words: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to the return address, read.

    Args:
        tokens: the deliveries it names.
        failing: whom it is about; empty where the mail does not say.
        words: the other side's own words, for the log.
    """

    meaning: Meaning
    tokens: tuple[Token, ...]
    failing: tuple[Failing, ...] = ()
    words: str = ""


def read_notice(content: bytes, returns: ReturnAddress) -> Notice:
    """Read a mail from the return mailbox; it never raises, whatever the mail holds."""
    try:
        message = BytesParser(policy=email.policy.default).parsebytes(content)
        tokens = tuple(returns.read(_addressed(message)) or returns.read(_returned_sender(message)))
        if not tokens:
            return Notice(Meaning.UNREADABLE, (), words=_subject(message))
        if not any(token.genuine for token in tokens):
            return Notice(Meaning.FORGED, tokens, words=_subject(message))
        return _meaning(message, tuple(token for token in tokens if token.genuine))
    except Exception as problem:  # mails come from anywhere, and the parser of headers raises many things
        return Notice(Meaning.UNREADABLE, (), words=f"The mail could not be read: {problem!r}"[:_WORDS])


def _meaning(message: Message, tokens: tuple[Token, ...]) -> Notice:
    subject = _subject(message)
    reports = list(_status_reports(message))
    if reports:
        return _by_status(reports, tokens, subject)
    if _has_part(message, "message/disposition-notification"):
        return Notice(Meaning.AUTO_REPLY, tokens, words=subject)
    text = _text(message)
    failed = [address.strip() for address in str(message.get("X-Failed-Recipients", "")).split(",")]
    if failing := tuple(Failing(address, _words(text)) for address in failed if "@" in address):
        return Notice(Meaning.BOUNCED, tokens, failing, _words(text))
    if not _from_a_server(message):
        if _is_automatic(message):
            return Notice(Meaning.AUTO_REPLY, tokens, words=subject)
        if _flat(message.get("Return-Path")) != "<>" or not _BOUNCED.search(subject):
            return Notice(Meaning.UNREADABLE, tokens, words=subject)
    if _DELAYED.search(subject) and not _FINAL_STATUS.search(text):
        return Notice(Meaning.DELAYED, tokens, words=_words(text) or subject)
    if _BOUNCED.search(subject) or _FINAL_STATUS.search(text):
        return Notice(Meaning.BOUNCED, tokens, (), _words(text) or subject)
    return Notice(Meaning.UNREADABLE, tokens, words=subject)


def _by_status(reports: list[Message], tokens: tuple[Token, ...], subject: str) -> Notice:
    """By the fields of RFC 3464; what the field Action says counts more than the status beside it."""
    by_meaning: dict[Meaning, list[Failing]] = {}
    for report in reports:
        address = _typed(report.get("Original-Recipient")) or _typed(report.get("Final-Recipient"))
        words = _typed(report.get("Diagnostic-Code")) or f"status {_flat(report.get('Status'))}"
        meaning = _by_action(_flat(report.get("Action")).lower(), _flat(report.get("Status")))
        by_meaning.setdefault(meaning, []).append(Failing(address, words[:_WORDS]))
    for meaning in (Meaning.BOUNCED, Meaning.DELAYED, Meaning.DELIVERED):
        if found := by_meaning.get(meaning):
            words = "; ".join(
                f"{each.address}: {each.words}" if each.address else each.words for each in found
            )
            return Notice(meaning, tokens, tuple(found), words[:_WORDS])
    return Notice(Meaning.UNREADABLE, tokens, words=subject)


def _by_action(action: str, status: str) -> Meaning:
    if action == "failed":
        return Meaning.BOUNCED
    if action == "delayed":
        return Meaning.DELAYED
    if action in ("delivered", "relayed", "expanded"):
        return Meaning.DELIVERED
    if status.startswith("5."):
        return Meaning.BOUNCED
    return Meaning.DELAYED if status.startswith("4.") else Meaning.UNREADABLE


def _status_reports(message: Message) -> Iterator[Message]:
    """The blocks about single recipients in every delivery status of a mail."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            for block in _blocks(part):
                if block.get("Final-Recipient") or block.get("Original-Recipient") or block.get("Action"):
                    yield block


def _blocks(part: Message) -> Iterable[Message]:
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _has_part(message: Message, kind: str) -> bool:
    return any(part.get_content_type() == kind for part in message.walk())


def _addressed(message: Message) -> str:
    """Everything that says to whom the mail came."""
    return "\n".join(_flat(value) for name in _ADDRESSED for value in message.get_all(name, []))


def _returned_sender(message: Message) -> str:
    """The return address in what a bounce gives back of our own mail, for mailboxes that hide the envelope."""
    returned = [
        part
        for part in message.walk()
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers")
    ]
    texts = []
    for part in returned:
        inner = part.get_payload()
        if isinstance(inner, list) and inner and isinstance(inner[0], Message):
            texts.append(_flat(inner[0].get("Return-Path")))
        elif part.get_content_type() == "text/rfc822-headers":
            texts.append(_decoded(part))
    return "\n".join(texts)


def _from_a_server(message: Message) -> bool:
    return bool(_FROM_SERVERS.match(parseaddr(_flat(message.get("From")))[1]))


def _is_automatic(message: Message) -> bool:
    submitted = _flat(message.get("Auto-Submitted")).lower()
    marks = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress")
    return (
        submitted.startswith(("auto-replied", "auto-generated"))
        or any(message.get(name) is not None for name in marks)
        or _flat(message.get("Precedence")).lower() in ("auto_reply", "bulk", "junk")
    )


def _typed(value: object) -> str:
    """A field like ``rfc822; a@b.example`` without its type."""
    text = _flat(value)
    return text.partition(";")[2].strip() if ";" in text else text


def _flat(value: object) -> str:
    """On one line, with nothing in it that a database refuses."""
    if value is None:
        return ""
    text = str(value).replace("\x00", "").encode(errors="replace").decode()
    return " ".join(text.split())


def _subject(message: Message) -> str:
    return _flat(message.get("Subject"))[:_WORDS]


def _text(message: Message) -> str:
    if isinstance(message, EmailMessage):
        part = message.get_body(preferencelist=("plain",))
        if part is not None:
            return _decoded(part)
    return ""


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload[:_TEXT_READ].decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return payload[:_TEXT_READ].decode(errors="replace")


def _words(text: str) -> str:
    """The part of a letter that says what happened, else its beginning."""
    lines = [flat for line in text.splitlines() if (flat := _flat(line))]
    telling = [line for line in lines if _FINAL_STATUS.search(line)]
    return " ".join(telling or lines)[:_WORDS]
