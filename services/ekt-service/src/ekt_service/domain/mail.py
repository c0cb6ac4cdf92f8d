"""The mail around an EKT: addresses, fields, and the whole message as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.headerregistry import Address
from email.utils import format_datetime
from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from ekt_service.domain.default_templates import written_day
from ekt_service.domain.ekt import EktFile
from ekt_service.domain.mime import Attachment, mail_bytes
from ekt_service.domain.templates import MailTemplate, TemplateFault, compiled, faults_of

MEDIA_TYPE = "application/EDIFACT"


@dataclass(frozen=True, slots=True)
class MailFields:
    """What a template may use.

    Args:
        order_day: written as the language does, in Dutch 30-01-2026.
        lines: number of order lines.
        resend: true for everything after the first sending.
        file_names: names of the attachments, separated by a comma.
        debtor_number: empty while there is none.
        language: of the template.
        confirm_url: where the customer says that it arrived; empty where that is not asked for.
    """

    debtor_name: str
    order_day: date
    lines: int
    resend: bool
    sender_name: str
    file_names: str
    debtor_number: str = ""
    language: str = "nl"
    confirm_url: str = ""

    def values(self) -> dict[str, object]:
        """By the names used in templates."""
        return {
            "debtor_name": self.debtor_name,
            "debtor_number": self.debtor_number,
            "order_day": written_day(self.order_day, self.language),
            "lines": self.lines,
            "resend": self.resend,
            "sender_name": self.sender_name,
            "file_names": self.file_names,
            "confirm_url": self.confirm_url,
        }


SAMPLE = MailFields(
    "Bloemen & Co", date(2026, 1, 30), 12, False, "", "EKT260130-1001.edi", debtor_number="10001"
)
"""A mail that never was, for trying templates out."""


SAMPLE_LINK = "https://office.example/confirm/example"
"""Stands for a confirmation link in such a mail."""


def template_faults(template: MailTemplate, *, with_link: bool = False) -> list[TemplateFault]:
    """Everything that keeps a template from being filled, tried with one line and several, first time and again.

    Args:
        with_link: mails hold a confirmation link, so the text must have a place for it.
    """
    once = replace(SAMPLE, sender_name="Sender", confirm_url=SAMPLE_LINK if with_link else "")
    again = replace(once, lines=1, resend=True, debtor_number="")
    found = faults_of(template, (once.values(), again.values()))
    if with_link and not found:
        found += [_NO_LINK] * any(SAMPLE_LINK not in filled(template, each).text for each in (once, again))
    return found


_NO_LINK = TemplateFault(
    "text",
    "no_link",
    1,
    "{{ confirm_url }}",
    "",
    "There is no place for the confirmation link, {{ confirm_url }}.",
    "Write {{ confirm_url }} in it, or switch the link off.",
)


@dataclass(frozen=True, slots=True)
class FilledMail:
    """Subject and text as they go out."""

    subject: str
    text: str


def filled(template: MailTemplate, fields: MailFields) -> FilledMail:
    """A template with its fields; the subject is one line whatever stands in them."""
    values = fields.values()
    subject = " ".join(compiled(template.subject).render(values).split())
    return FilledMail(subject, compiled(template.text).render(values))


@lru_cache(maxsize=16_384)
def _validated(address: str) -> ValidatedEmail:
    return validate_email(
        address, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False
    )


def address_problem(address: str) -> str:
    """Why an e-mail address can't be used; empty when it can."""
    try:
        _validated(address)
    except EmailNotValidError as problem:
        return f"{address!r} is no e-mail address: {problem}"
    return ""


def wire_address(address: str) -> str:
    """A valid address as SMTP takes it: ASCII, with an international domain in its coded form."""
    return _validated(address).ascii_email or address


def compose(
    template: MailTemplate,
    fields: MailFields,
    files: Sequence[EktFile],
    *,
    sender: tuple[str, str],
    reply_to: str,
    recipients: Sequence[str],
    message_id: str,
    made: datetime,
) -> bytes:
    """The whole mail as it will go over the wire, so that a second try sends the same bytes.

    Args:
        sender: name and address.
        recipients: one address or several.
        message_id: with its angle brackets; the receiver's trace is asked by it.
        made: aware instant for the Date header.
    """
    mail = filled(template, fields)
    headers = [
        ("Subject", mail.subject),
        ("From", _from(*sender)),
        ("To", ", ".join(recipients)),
        *((("Reply-To", reply_to),) if reply_to else ()),
        ("Date", format_datetime(made)),
        ("Message-ID", message_id),
        ("Auto-Submitted", "auto-generated"),
    ]
    attachments = [Attachment(file.name, MEDIA_TYPE, file.content) for file in files]
    return mail_bytes(headers, mail.text, attachments, message_id)


@lru_cache(maxsize=64)
def _from(name: str, address: str) -> str:
    return str(Address(display_name=name, addr_spec=address))
