"""The mails as they would go out: templates tried before they are kept, and shown with a sale in them."""

from dataclasses import replace
from datetime import date
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from klokwerk.access import SignedIn
from klokwerk.database import Database
from klokwerk.http import FieldProblem, Problem
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.file_name import PatternError, file_name
from ekt_service.domain.mail import SAMPLE, SAMPLE_LINK, MailFields, filled
from ekt_service.domain.module import EktModule
from ekt_service.domain.templates import MailTemplate, TemplateFault
from ekt_service.sending import Sending
from ekt_service.store import debtors, ekt_log

router = APIRouter(prefix="/settings", tags=["Settings"])


class PreviewRequest(BaseModel):
    """Settings that are not kept yet, and what to fill their templates with.

    Attributes:
        sale: ``sample``, or ``last``: the newest EKT that was made (the sample where there is none).
    """

    settings: EktModule
    sale: Literal["sample", "last"] = "sample"


class FaultView(BaseModel):
    """One thing that is wrong with a template; `code`, `line`, `word` and `instead` say it for programs."""

    field: str
    code: str
    line: int
    word: str
    instead: str
    says: str
    cure: str


class MailView(BaseModel):
    """The mail of one language as it would go out; empty with what is wrong where it can't be filled."""

    language: str
    sender: str
    reply_to: str
    subject: str
    text: str
    file_name: str
    faults: list[FaultView]


class PreviewView(BaseModel):
    """Every mail, and what it was filled with.

    Attributes:
        ekt_id: the EKT it was filled from; none for the sample.
    """

    ekt_id: UUID | None
    debtor_name: str
    order_day: date
    lines: int
    mails: list[MailView]


@router.post(
    "/preview", summary="The mails as they would go out, with everything that is wrong with a template"
)
async def preview(request: Request, _: SignedIn, body: PreviewRequest) -> PreviewView:
    """Nothing is kept and nothing is sent."""
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    settings = body.settings
    ekt_id, fields = None, replace(SAMPLE, sender_name=settings.sender_name)
    if settings.confirmation_link:
        fields = replace(fields, confirm_url=SAMPLE_LINK)
    if body.sale == "last":
        async with database.connect() as connection:
            ekt_id, fields = await _newest(connection, fields)
    faults = settings.faults()
    made = sending.clock.now().astimezone(sending.clock.zone)

    def name_of(template: MailTemplate) -> str:
        pattern = template.file_name or settings.file_name_pattern
        number = fields.debtor_number or fields.debtor_name
        try:
            return file_name(pattern, fields.order_day, made, "1001", number, 1)
        except PatternError:
            return ""

    return PreviewView(
        ekt_id=ekt_id,
        debtor_name=fields.debtor_name,
        order_day=fields.order_day,
        lines=fields.lines,
        mails=[
            _mail(language, template, settings, fields, name_of(template), faults.get(language, []))
            for language, template in settings.templates.items()
            if template != MailTemplate()
        ],
    )


def refuse_faulty(settings: EktModule) -> None:
    """Refuse settings with a template that can't be filled, naming language, part, line and cure.

    Raises:
        Problem: 422.
    """
    faults = [
        FieldProblem(
            field=f"templates.{language}.{fault.part}",
            message=f"Line {fault.line}: {fault.says}",
            cure=fault.cure,
        )
        for language, found in settings.faults().items()
        for fault in found
    ]
    if faults:
        title = "A mail template can't be used"
        detail = "Nothing was kept. Mend what is named below and save again."
        raise Problem(422, title, detail, errors=faults)


async def _newest(connection: AsyncConnection, sample: MailFields) -> tuple[UUID | None, MailFields]:
    """The newest EKT with a file, as its mail would be filled."""
    ekt = await ekt_log.newest_built(connection)
    if ekt is None:
        return None, sample
    key = (ekt.sale.administration, ekt.debtor_id)
    debtor = (await debtors.load(connection, [key])).get(key)
    return ekt.id, replace(
        sample,
        debtor_name=debtor.name if debtor else ekt.debtor_id,
        debtor_number=debtor.number if debtor else "",
        order_day=ekt.sale.order_day,
        lines=ekt.lines,
        resend=ekt.trigger is EktTrigger.RESEND,
        file_names=ekt.file_name,
    )


def _mail(
    language: str,
    template: MailTemplate,
    settings: EktModule,
    fields: MailFields,
    name: str,
    faults: list[TemplateFault],
) -> MailView:
    broken = {fault.part for fault in faults}
    mail = None
    if not broken & {"subject", "text"}:
        own = replace(fields, language=language, file_names=name or fields.file_names)
        mail = filled(template, own)
    sender = settings.mail_from
    return MailView(
        language=language,
        sender=f"{settings.sender_name} <{sender}>" if settings.sender_name and sender else sender,
        reply_to=settings.reply_to,
        subject=mail.subject if mail else "",
        text=mail.text if mail else "",
        file_name=name,
        faults=[
            FaultView(
                field=f"templates.{language}.{fault.part}",
                code=fault.code,
                line=fault.line,
                word=fault.word,
                instead=fault.instead,
                says=fault.says,
                cure=fault.cure,
            )
            for fault in faults
        ],
    )
