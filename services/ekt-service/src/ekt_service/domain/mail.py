"""The mail around an EKT: addresses, templates, and the whole message as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from typing import Annotated, ClassVar

from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, StringConstraints

from ekt_service.domain.ekt import EktFile

MEDIA_TYPE = ("application", "EDIFACT")
_POLICY = SMTP.clone(cte_type="7bit")
_JINJA = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
)


class TemplateUnusableError(ValueError):
    """A mail template that can't be filled; the text names language, part and cause."""


class MailTemplate(BaseModel):
    """Subject and text with fields in double braces, such as ``{{ order_day }}``."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    subject: Annotated[str, StringConstraints(max_length=200)] = ""
    text: Annotated[str, StringConstraints(max_length=10_000)] = ""


@dataclass(frozen=True, slots=True)
class MailFields:
    """What a template may use.

    Args:
        order_day: shown as 30-01-2026.
        lines: number of order lines.
        resend: true for everything after the first sending.
        file_names: names of the attachments, separated by a comma.
        confirm_url: where the customer says that it arrived; empty where that is not asked for.
    """

    debtor_name: str
    order_day: date
    lines: int
    resend: bool
    sender_name: str
    file_names: str
    confirm_url: str = ""

    def values(self) -> dict[str, object]:
        """By the names used in templates."""
        return {
            "debtor_name": self.debtor_name,
            "order_day": f"{self.order_day:%d-%m-%Y}",
            "lines": self.lines,
            "resend": self.resend,
            "sender_name": self.sender_name,
            "file_names": self.file_names,
            "confirm_url": self.confirm_url,
        }


_EXAMPLE = MailFields("Example", date(2026, 1, 30), 2, True, "Sender", "EKT260130-1.edi")


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


def check_template(language: str, template: MailTemplate) -> None:
    """Fill a template with an example, so that a broken one is refused when it is saved.

    Raises:
        TemplateUnusableError: unknown field, wrong syntax, or an empty subject or text.
    """
    for part, source in (("subject", template.subject), ("text", template.text)):
        for fields in (_EXAMPLE, MailFields("Example", date(2026, 1, 30), 1, False, "Sender", "a.edi")):
            try:
                filled = _compiled(source).render(fields.values())
            except (TemplateError, TypeError, ValueError, ArithmeticError) as problem:
                names = ", ".join(_EXAMPLE.values())
                raise TemplateUnusableError(
                    f"The {part} of template {language!r} can't be filled: {problem}. Known fields: {names}."
                ) from problem
            if not filled.strip():
                raise TemplateUnusableError(f"The {part} of template {language!r} is empty when filled.")


@lru_cache(maxsize=256)
def _compiled(source: str):  # type: ignore[no-untyped-def]  # jinja2's Template
    return _JINJA.from_string(source)


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
    message = EmailMessage(policy=_POLICY)
    subject = " ".join(_compiled(template.subject).render(fields.values()).split())
    message["Subject"] = subject
    message["From"] = Address(display_name=sender[0], addr_spec=sender[1])
    message["To"] = [Address(addr_spec=recipient) for recipient in recipients]
    if reply_to:
        message["Reply-To"] = Address(addr_spec=reply_to)
    message["Date"] = format_datetime(made)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_compiled(template.text).render(fields.values()))
    for file in files:
        message.add_attachment(
            file.content, maintype=MEDIA_TYPE[0], subtype=MEDIA_TYPE[1], filename=file.name
        )
    return message.as_bytes()
