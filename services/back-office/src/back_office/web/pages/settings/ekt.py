"""Settings > EKT: switched on or not, sender, and the mails around EKTs (EF-66..EF-68)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.connections import Returns, Surroundings
from back_office.clients.ekts import EktSettings, MailTemplate, Preview, TemplateFault
from back_office.clients.transport import FieldProblem, Problem, Refused
from back_office.domain.badges import Badge, Tone
from back_office.domain.roles import Action
from back_office.texts.catalogue import Translator
from back_office.web.components.form import Control, Field, Form, Section, Submit
from back_office.web.components.message import done
from back_office.web.components.table import Option
from back_office.web.explain import tried
from back_office.web.pages.connection_panel import WAYS
from back_office.web.pages.settings.saving import Shown, above, refused, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/ekt"
NOT_SENT = ("revision", "changed_at", "changed_by", "email_possible", "folder_possible")
TEXTS = (
    "sender_name", "sender_code", "auction_code", "seller_gln", "mail_from", "reply_to", "default_language",
    "file_name_pattern",
)  # fmt: skip
NEW = "new"
OFFERED = ("nl", "en", "fr", "sv", "de")
"""Languages that the EKT service supplies a mail in."""
_NO_LANGUAGE = re.compile(r"'([^']*)' is no language")


@router.get(ADDRESS)
async def page(visit: SignedIn) -> Response:
    """The page; ``?add=fr`` fills in the supplied mail of a language that has none yet."""
    answer = await visit.clients.ekts.settings()
    form = _form(answer.value, answer.revision, visit)
    language = visit.query.get("add", "")
    if visit.may(Action.SET_EKT) and language and language not in answer.value.templates:
        supplied = (await visit.clients.ekts.supplied_templates()).get(language)
        if supplied:
            form = replace(form.filled(_typed(language, supplied)), dirty=True)
    return await _shown(visit, answer.value, form)


@router.post(f"{ADDRESS}/preview")
async def preview(visit: SignedIn) -> Response:
    """The mails as they would go out with what is typed; nothing is saved."""
    typed = await visit.form()
    current = (await visit.clients.ekts.settings()).value
    form = replace(_form(current, typed.get("_revision", ""), visit).with_values(typed), dirty=True)
    sale = "last" if visit.query.get("sale") == "last" else "sample"
    try:
        shown = await visit.clients.ekts.preview(_body(current, typed), sale)
    except Refused as refusal:
        refusal.problem = _placed(refusal.problem, current)
        marked, status = refused(form, refusal, visit, _about(current, visit))
        return await _shown(visit, current, marked, status)
    faults = tuple(_fault(fault, current, visit.t) for mail in shown.mails for fault in mail.faults)
    if faults:
        problem = Problem(errors=faults)
        form = form.refused(problem, visit.t("settings.ekt.preview_broken"))
    return await _shown(visit, current, form, preview=shown)


def _fault(fault: TemplateFault, current: EktSettings, t: Translator) -> FieldProblem:
    """What is wrong with a template, in the reader's language."""
    names = {"line": fault.line, "word": fault.word, "instead": fault.instead}
    known = t.has(f"template_fault.{fault.code}")
    message = t(f"template_fault.{fault.code}", **names) if known else fault.says
    cure = t(f"template_cure.{fault.code}") if known else fault.cure
    if fault.instead:
        cure = t("template_cure.instead", **names)
    return FieldProblem(field=_field(fault.field, current), message=message, cure=cure)


@router.post(ADDRESS)
async def save(visit: SignedIn) -> Response:
    """Keep the settings; a template that can't be filled is refused beside its field."""
    typed = await visit.form()
    revision = typed.get("_revision", "")
    current = (await visit.clients.ekts.settings()).value
    if problem := _already_there(current, typed, visit):
        marked = _form(current, revision, visit).with_values(typed)
        marked = marked.refused(problem, visit.t("form.not_saved"))
        return await _shown(visit, current, marked, 422)
    try:
        saved = await visit.clients.ekts.save_settings(_body(current, typed), revision)
    except Refused as refusal:
        refusal.problem = await _worded(refusal.problem, current, typed, visit)
        form = _form(current, revision, visit).with_values(typed)
        marked, status = refused(form, refusal, visit, _about(current, visit))
        return await _shown(visit, current, marked, status)
    key = "saved_on" if saved.value.active else "saved_off"
    await visit.say(done(visit.t(f"settings.ekt.{key}")))
    return visit.go(ADDRESS)


async def _worded(problem: Problem, current: EktSettings, typed: Mapping[str, str], visit: Visit) -> Problem:
    """The problem placed on the form, what is wrong with templates in the reader's words."""
    if not any(error.field.removeprefix("body.").startswith("templates.") for error in problem.errors):
        return _placed(problem, current)
    shown = await tried(visit.clients.ekts.preview(_body(current, typed), "sample"), visit.t)
    mails = shown.value.mails if shown.value else ()
    faults = tuple(_fault(fault, current, visit.t) for mail in mails for fault in mail.faults)
    return Problem(errors=faults) if faults else _placed(problem, current)


def _body(current: EktSettings, typed: Mapping[str, str]) -> dict[str, Any]:
    """The whole settings: what the form does not show stays as it is."""
    known = {name: value for name, value in current.model_dump(mode="json").items() if name not in NOT_SENT}
    length = typed.get("name_length", "").strip()
    return known | {
        "active": bool(typed.get("active")),
        "test": bool(typed.get("test")),
        "other_address_allowed": bool(typed.get("other_address_allowed")),
        "confirmation_link": bool(typed.get("confirmation_link")),
        "name_length": int(length) if length.isdecimal() else length,
        "templates": _templates(current, typed),
        **{name: typed.get(name, "").strip() for name in TEXTS},
    }


def _templates(current: EktSettings, typed: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Templates by language; one that was emptied is taken out."""
    found: dict[str, dict[str, str]] = {}
    for place in (*sorted(current.templates), NEW):
        subject = typed.get(f"templates.{place}.subject", "").strip()
        text = typed.get(f"templates.{place}.text", "").replace("\r\n", "\n")
        file_name = typed.get(f"templates.{place}.file_name", "").strip()
        language = _new_language(typed) if place == NEW else place
        if subject or text.strip() or (place == NEW and language):
            found[language] = {"subject": subject, "text": text, "file_name": file_name}
    return found


def _typed(language: str, template: MailTemplate) -> dict[str, str]:
    """A template as somebody would have typed it for a further language."""
    base = f"templates.{NEW}"
    return {
        f"{base}.language": language,
        f"{base}.subject": template.subject,
        f"{base}.text": template.text,
        f"{base}.file_name": template.file_name,
    }


def _already_there(current: EktSettings, typed: Mapping[str, str], visit: Visit) -> Problem | None:
    """A further language that has a mail already would take its place unseen."""
    if _new_language(typed) not in current.templates:
        return None
    words = visit.t("settings.ekt.language_taken")
    return Problem(errors=(FieldProblem(field="templates.new.language", message=words),))


def _new_language(typed: Mapping[str, str]) -> str:
    return typed.get("templates.new.language", "").strip().lower()


def _placed(problem: Problem, current: EktSettings) -> Problem:
    """The problem with findings about a further language moved to the fields it was typed into."""
    return problem.model_copy(update={"errors": tuple(_place(error, current) for error in problem.errors)})


def _place(error: FieldProblem, current: EktSettings) -> FieldProblem:
    if _NO_LANGUAGE.search(error.original):
        return error.model_copy(update={"field": "templates.new.language"})
    return error.model_copy(update={"field": _field(error.field, current)})


def _field(name: str, current: EktSettings) -> str:
    """Name of a field of a template as the form has it: one in a new language stands under ``new``."""
    area, _, rest = name.removeprefix("body.").partition(".")
    language, _, part = rest.partition(".")
    if area != "templates" or not part or language in current.templates:
        return name
    return f"templates.{NEW}.{part}"


def _about(settings: EktSettings, visit: Visit) -> Shown:
    t = visit.t
    return Shown(
        area="ekt",
        address=ADDRESS,
        path=above(visit, "nav.sales"),
        action=Action.SET_EKT,
        changed_at=settings.changed_at,
        changed_by=settings.changed_by,
        forms={
            "auction_code": t("settings.ekt.auction_code_form"),
            "seller_gln": t("settings.ekt.seller_gln_form"),
            "sender_code": t("settings.ekt.sender_code_form"),
            "default_language": t("settings.ekt.language_form"),
        },
    )


async def _shown(
    visit: Visit, settings: EktSettings, form: Form, status: int = 200, preview: Preview | None = None
) -> Response:
    known = await tried(visit.clients.connections.surroundings(), visit.t)
    around = known.value or Surroundings()
    possible = {"email": settings.email_possible, "folder": settings.folder_possible} | around.ways
    return await shown(
        visit,
        _about(settings, visit),
        form,
        status=status,
        template="pages/ekt_settings.html",
        active=settings.active,
        methods=[(way, possible[way]) for way in ("email", "folder", *WAYS) if way in possible],
        preview=preview,
        language_name=lambda code: visit.t.either(f"settings.language_{code}", code),
        further=[code for code in OFFERED if code not in settings.templates]
        if visit.may(Action.SET_EKT)
        else [],
        around=around if known.value else None,
        returns_badge=_returns_badge(around.returns),
    )


def _returns_badge(returns: Returns) -> Badge:
    if returns.trouble:
        return Badge(Tone.BAD, "returns.trouble")
    if returns.mailbox_read:
        return Badge(Tone.GOOD, "returns.read")
    return Badge(Tone.WARN, "returns.not_read" if returns.address else "returns.off")


def _form(settings: EktSettings, revision: str, visit: Visit) -> Form:
    t = visit.t

    def text(name: str, control: Control = Control.TEXT) -> Field:
        words = t.either(f"settings.ekt.{name}_help", "")
        return Field(name, t(f"settings.ekt.{name}"), str(getattr(settings, name)), control, help=words)

    def tick(name: str, *, on: bool) -> Field:
        words = t(f"settings.ekt.{name}_help")
        return Field(name, t(f"settings.ekt.{name}"), "on" if on else "", Control.TICK, help=words, wide=True)

    languages = sorted({*settings.templates, settings.default_language})
    choices = tuple(Option(code, t.either(f"settings.language_{code}", code)) for code in languages)
    language = Field(
        "default_language",
        t("settings.ekt.default_language"),
        settings.default_language,
        Control.SELECT,
        choices,
        help=t("settings.ekt.default_language_help"),
    )
    return Form(
        action=ADDRESS,
        submit=t("form.save"),
        revision=revision,
        read_only=not visit.may(Action.SET_EKT),
        also=(
            Submit(t("settings.ekt.preview_sample"), f"{ADDRESS}/preview"),
            Submit(t("settings.ekt.preview_last"), f"{ADDRESS}/preview?sale=last"),
        ),
        sections=(
            Section(t("settings.ekt.section_module"), (tick("active", on=settings.active),)),
            Section(
                t("settings.ekt.section_sender"),
                (text("sender_name"), text("sender_code"), text("auction_code"), text("seller_gln")),
            ),
            Section(
                t("settings.ekt.section_mail"),
                (
                    text("mail_from", Control.EMAIL),
                    text("reply_to", Control.EMAIL),
                    language,
                    _further("other_address_allowed", visit, on=settings.other_address_allowed),
                    _further("confirmation_link", visit, on=settings.confirmation_link),
                ),
            ),
            *(
                _template(code, template, visit, explained=not number)
                for number, (code, template) in enumerate(sorted(settings.templates.items()))
            ),
            _new_template(visit),
            Section(
                t("settings.ekt.section_file"),
                (
                    text("file_name_pattern"),
                    text("name_length", Control.NUMBER),
                    tick("test", on=settings.test),
                ),
            ),
        ),
    )


def _further(name: str, visit: Visit, *, on: bool) -> Field:
    t = visit.t
    words = t(f"returns.{name}_help")
    return Field(name, t(f"returns.{name}"), "on" if on else "", Control.TICK, help=words, wide=True)


def _template(code: str, template: MailTemplate, visit: Visit, *, explained: bool) -> Section:
    """The fields of one mail; what may stand in them is explained above the first."""
    t = visit.t
    language = t.either(f"settings.language_{code}", code)
    return Section(
        t("settings.ekt.template", language=language),
        _parts(code, template, visit),
        help=t("settings.ekt.template_help") if explained else "",
    )


def _new_template(visit: Visit) -> Section:
    t = visit.t
    help_ = t("settings.ekt.new_language_help")
    language = Field("templates.new.language", t("settings.ekt.new_language"), help=help_)
    return Section(
        t("settings.ekt.new_template"),
        (language, *_parts(NEW, MailTemplate(), visit)),
        help=t("settings.ekt.new_template_help"),
    )


def _parts(place: str, template: MailTemplate, visit: Visit) -> tuple[Field, Field, Field]:
    t = visit.t
    base = f"templates.{place}"
    return (
        Field(f"{base}.subject", t("settings.ekt.subject"), template.subject, wide=True),
        Field(
            f"{base}.text",
            t("settings.ekt.text"),
            template.text,
            Control.AREA,
            rows=9 if template.text else 4,
        ),
        Field(
            f"{base}.file_name",
            t("settings.ekt.template_file_name"),
            template.file_name,
            help=t("settings.ekt.template_file_name_help"),
            wide=True,
        ),
    )
