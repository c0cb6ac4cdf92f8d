"""The EKT module's own settings, as the administrator keeps them: active, sender, templates."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from ekt_service.domain.default_templates import DEFAULT_TEMPLATES
from ekt_service.domain.file_name import DEFAULT_PATTERN, check_pattern
from ekt_service.domain.mail import address_problem, template_faults
from ekt_service.domain.templates import MailTemplate, TemplateFault
from ekt_service.edifact.clockt import is_gln

Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\r\n]*$", strip_whitespace=True)]


class EktModule(BaseModel):
    """Settings of the EKT module (EF-66..EF-68).

    Attributes:
        active: EKT functionality is switched on for this system; off until somebody has set it up.
        sender_name: the wholesaler's name, for mails.
        sender_code: GLN (13 digits) or an agreed code, sender in UNB.
        auction_code: our own code in NAD+FLA unless the debtor has another; own codes are above 30.
        seller_gln: NAD+SE, optional.
        mail_from: address the mails come from.
        reply_to: where answers should go; empty: mail_from.
        default_language: template that is used where the debtor's language has none.
        templates: subject and text for each language.
        file_name_pattern: for debtors without their own.
        name_length: characters of the product name.
        test: mark every interchange as a test (UNB element 0035).
        other_address_allowed: a resend may go to another address than the customer's (EF-56).
        confirmation_link: mails hold a link with which the customer says that the EKT arrived (EF-47).
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    active: bool = False
    sender_name: Line = ""
    sender_code: Annotated[str, StringConstraints(max_length=35, pattern=r"^[ -~]*$")] = ""
    auction_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,3}$")] = ""
    seller_gln: Annotated[str, StringConstraints(pattern=r"^([0-9]{13})?$")] = ""
    application: Annotated[str, StringConstraints(max_length=14, pattern=r"^[ -~]*$")] = "KLOKWERK"
    mail_from: Annotated[str, StringConstraints(max_length=254)] = ""
    reply_to: Annotated[str, StringConstraints(max_length=254)] = ""
    default_language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "en"
    templates: Annotated[dict[str, MailTemplate], Field(max_length=30)] = DEFAULT_TEMPLATES
    file_name_pattern: Annotated[str, StringConstraints(max_length=100)] = DEFAULT_PATTERN
    name_length: Annotated[int, Field(ge=1, le=35)] = 20
    test: bool = False
    other_address_allowed: bool = False
    confirmation_link: bool = False

    @field_validator("mail_from", "reply_to")
    @classmethod
    def _an_address(cls, value: str) -> str:
        problem = address_problem(value) if value else ""
        if problem:
            raise ValueError(problem)
        return value

    @field_validator("file_name_pattern")
    @classmethod
    def _a_pattern(cls, value: str) -> str:
        check_pattern(value)
        return value

    @field_validator("seller_gln")
    @classmethod
    def _a_gln(cls, value: str) -> str:
        if value and not is_gln(value):
            raise ValueError(f"{value} is no GLN: its last digit is not the check digit of the others")
        return value

    @field_validator("templates")
    @classmethod
    def _by_language(cls, value: dict[str, MailTemplate]) -> dict[str, MailTemplate]:
        for language in value:
            if len(language) != 2 or not (language.isascii() and language.isalpha() and language.islower()):
                raise ValueError(f"{language!r} is no language: write two letters such as nl")
        return value

    def faults(self) -> dict[str, list[TemplateFault]]:
        """What is wrong with the templates, by language; those without fault and unset ones are left out.

        Not part of the validation, because the settings are read with every batch of sales and templates are
        kept only where this found nothing.
        """
        found = {
            language: template_faults(template, with_link=self.confirmation_link)
            for language, template in self.templates.items()
            if template != MailTemplate()
        }
        return {language: faults for language, faults in found.items() if faults}

    def mail_for(self, language: str) -> tuple[str, MailTemplate] | None:
        """Language and template of a mail: the customer's own, else the default one, else none (EF-68)."""
        for code in (language, self.default_language):
            template = self.templates.get(code)
            if template is not None and template.complete:
                return code, template
        return None

    @property
    def sender_qualifier(self) -> str:
        """Qualifier of the sender in UNB: 14 for a GLN, ZZ for an agreed code."""
        return "14" if len(self.sender_code) == 13 and self.sender_code.isdigit() else "ZZ"
