"""The mails that were received, kept as files so that a restarted sink still knows them."""

from __future__ import annotations

import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import orjson
from pydantic import BaseModel, Field


class Attachment(BaseModel):
    """One attachment; its bytes are at ``/api/messages/{id}/attachments/{number}``."""

    number: int = Field(description="From 1, in order of appearance.")
    filename: str
    content_type: str
    size: int = Field(description="Bytes, decoded.")


class Summary(BaseModel):
    """One line of the inbox."""

    id: int = Field(description="From 1, in order of arrival.")
    received_at: datetime
    envelope_from: str
    envelope_to: list[str] = Field(description="Who got it, blind copies included.")
    message_id: str = Field(description="The Message-ID header, with its angle brackets; empty without one.")
    subject: str
    sender: str = Field(description="The From header.")
    to: str = Field(description="The To header.")
    size: int = Field(description="Bytes, as received.")
    attachments: list[Attachment]


class Received(Summary):
    """A whole mail, apart from the bytes of its attachments."""

    headers: list[tuple[str, str]]
    text: str
    html: str | None


class Envelope(BaseModel):
    """What SMTP said beside the mail itself."""

    id: int
    received_at: datetime
    envelope_from: str
    envelope_to: list[str]


class MailBox:
    """All received mails: one ``.eml`` and one line of envelope each, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._envelopes: dict[int, Envelope] = {}
        self._summaries: dict[int, Summary] = {}
        self._last = 0
        for file in sorted(folder.glob("*.json")):
            envelope = Envelope.model_validate_json(file.read_bytes())
            if self._file(envelope.id).exists():
                self._take(envelope)

    def add(self, content: bytes, envelope_from: str, envelope_to: list[str]) -> int:
        """Keep a mail and return its id."""
        envelope = Envelope(
            id=self._last + 1,
            received_at=datetime.now(UTC),
            envelope_from=envelope_from,
            envelope_to=envelope_to,
        )
        self._file(envelope.id).write_bytes(content)
        # The envelope comes last: a mail without one is the half of a killed process, and not listed.
        self._envelope_file(envelope.id).write_bytes(orjson.dumps(envelope.model_dump(mode="json")))
        self._take(envelope)
        return envelope.id

    def find(self, *, to: str = "", message_id: str = "", subject: str = "", after: int = 0) -> list[Summary]:
        """The mails that match, newest first.

        ``to`` is part of an envelope recipient and ``subject`` part of the subject, in any case;
        ``message_id`` is the whole header, with or without angle brackets.
        """
        wanted_id = message_id.strip().strip("<>")
        return [
            summary
            for summary in reversed(self._summaries.values())
            if summary.id > after
            and (not to or any(to.casefold() in each.casefold() for each in summary.envelope_to))
            and (not wanted_id or summary.message_id.strip("<>") == wanted_id)
            and (not subject or subject.casefold() in summary.subject.casefold())
        ]

    def get(self, number: int) -> Received | None:
        summary = self._summaries.get(number)
        if summary is None:
            return None
        message = _parse(self.raw(number))
        return Received(
            **summary.model_dump(),
            headers=[(name, str(value)) for name, value in message.items()],
            text=_body(message, "plain") or "",
            html=_body(message, "html"),
        )

    def raw(self, number: int) -> bytes:
        """The bytes as received. Raises ``KeyError`` for an unknown number."""
        return self._file(self._envelopes[number].id).read_bytes()

    def attachment(self, number: int, which: int) -> tuple[Attachment, bytes] | None:
        summary = self._summaries.get(number)
        if summary is None or not 1 <= which <= len(summary.attachments):
            return None
        part = list(_parse(self.raw(number)).iter_attachments())[which - 1]
        return summary.attachments[which - 1], _bytes_of(part)

    def envelope(self, number: int) -> Envelope:
        """What SMTP said beside a mail. Raises ``KeyError`` for an unknown number."""
        return self._envelopes[number]

    def numbers_to_domain(self, domain: str) -> list[int]:
        """The mails that went to anybody in a domain, oldest first."""
        ending = f"@{domain.lower()}"
        return [
            number
            for number, envelope in self._envelopes.items()
            if any(address.lower().endswith(ending) for address in envelope.envelope_to)
        ]

    def remove(self, number: int) -> None:
        """Forget one mail; nothing happens where it is gone already."""
        if self._envelopes.pop(number, None) is not None:
            self._summaries.pop(number, None)
            self._envelope_file(number).unlink(missing_ok=True)
            self._file(number).unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget all mails; ids go on counting, so that nobody takes a new mail for an old one."""
        for number in self._envelopes:
            self._envelope_file(number).unlink(missing_ok=True)
            self._file(number).unlink(missing_ok=True)
        self._envelopes.clear()
        self._summaries.clear()

    def _take(self, envelope: Envelope) -> None:
        content = self._file(envelope.id).read_bytes()
        message = _parse(content)
        self._last = max(self._last, envelope.id)
        self._envelopes[envelope.id] = envelope
        self._summaries[envelope.id] = Summary(
            **envelope.model_dump(),
            message_id=_header(message, "Message-ID"),
            subject=_header(message, "Subject"),
            sender=_header(message, "From"),
            to=_header(message, "To"),
            size=len(content),
            attachments=[
                Attachment(
                    number=number,
                    filename=part.get_filename() or f"attachment-{number}",
                    content_type=part.get_content_type(),
                    size=len(_bytes_of(part)),
                )
                for number, part in enumerate(message.iter_attachments(), start=1)
            ],
        )

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:08}.eml"

    def _envelope_file(self, number: int) -> Path:
        return self._folder / f"{number:08}.json"


def _parse(content: bytes) -> EmailMessage:
    message = BytesParser(policy=email.policy.default).parsebytes(content)
    assert isinstance(message, EmailMessage)  # noqa: S101 - the default policy makes no other
    return message


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name, "")).strip()


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, UnicodeDecodeError):  # an unknown or wrong character set: show what there is
        return _bytes_of(part).decode("utf-8", errors="replace")


def _bytes_of(part: object) -> bytes:
    payload = part.get_payload(decode=True) if hasattr(part, "get_payload") else b""
    if isinstance(payload, bytes):
        return payload
    return bytes(part) if hasattr(part, "__bytes__") else b""
