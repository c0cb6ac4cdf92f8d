"""Sales > Settings > Billing settings > Automatic dispatch: draft, Activate, switch off (NV-01..NV-07, NV-25)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.dispatch import ActiveChoices, AutomaticChoices, AutomaticSettings
from back_office.clients.transport import Refused, ServiceFailure
from back_office.domain.automatic_dispatch import CHAIN, SOURCES, remarks
from back_office.domain.roles import Action
from back_office.web.components.form import Control, Field, Form, Section, Submit
from back_office.web.components.message import Item, Link, Message, Weight, done
from back_office.web.explain import explained
from back_office.web.pages.settings.saving import Shown, refused, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/automatic-dispatch"
TICKS = ("by_invoice_date", "report_ignored", "consumer_einvoicing", "belgian_rule")
TEXTS = ("notice_email", "notice_phone", "factoring_email")


@router.get(ADDRESS)
async def page(visit: SignedIn) -> Response:
    """The page."""
    answer = await visit.clients.dispatch.settings()
    return await _shown(visit, answer.value, _form(answer.value.draft, answer.revision, visit))


@router.post(ADDRESS)
async def save(visit: SignedIn) -> Response:
    """Save the draft; it has no effect before Activate (NV-05)."""
    saved = await _saved(visit)
    if isinstance(saved, AutomaticSettings):
        t = visit.t
        text = t("settings.automatic.saved_text") if saved.changed else t("settings.automatic.saved_same")
        await visit.say(done(t("settings.automatic.saved"), text))
        return visit.go(ADDRESS)
    return saved


@router.post(f"{ADDRESS}/activate")
async def activate(visit: SignedIn) -> Response:
    """Activate what is on the screen: it is saved first, so that nothing unseen comes into force."""
    saved = await _saved(visit)
    if not isinstance(saved, AutomaticSettings):
        return saved
    t = visit.t
    try:
        active = await visit.clients.dispatch.activate()
    except Refused as refusal:
        answer = await visit.clients.dispatch.settings()
        form = _form(answer.value.draft, answer.revision, visit)
        marked, status = refused(form, refusal, visit, _about(answer.value, visit))
        message = marked.message and replace(marked.message, title=t("settings.automatic.not_activated"))
        return await _shown(visit, answer.value, replace(marked, message=message), status)
    items = tuple(Item(text) for text in _remarks(active.draft, visit))
    run = visit.formats.instant(active.next_run)
    text = t("settings.automatic.activated_text", time=run)
    weight = Weight.WARNING if items else Weight.DONE
    await visit.say(Message(weight, t("settings.automatic.activated"), text, items))
    return visit.go(ADDRESS)


@router.post(f"{ADDRESS}/deactivate")
async def deactivate(visit: SignedIn) -> Response:
    """Switch it off, also for invoices that wait (NV-68)."""
    message: Message
    try:
        await visit.clients.dispatch.deactivate()
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        message = done(
            visit.t("settings.automatic.deactivated"), visit.t("settings.automatic.deactivated_text")
        )
    await visit.say(message)
    return visit.go(ADDRESS)


async def _saved(visit: Visit) -> AutomaticSettings | Response:
    """What the service saved, or the page with what it refused."""
    typed = await visit.form()
    revision = typed.get("_revision", "")
    try:
        return (await visit.clients.dispatch.save_settings(_body(typed), revision)).value
    except Refused as refusal:
        current = (await visit.clients.dispatch.settings()).value
        form = _form(current.draft, revision, visit).with_values(typed)
        marked, status = refused(form, refusal, visit, _about(current, visit))
        return await _shown(visit, current, marked, status)


def _body(typed: Mapping[str, str]) -> dict[str, Any]:
    return {
        "sources": [name for name in SOURCES if typed.get(f"sources.{name}")],
        "channels": [name for name in CHAIN if typed.get(f"channels.{name}")],
        **{name: bool(typed.get(name)) for name in TICKS},
        **{name: typed.get(name, "").strip() for name in TEXTS},
    }


def _about(settings: AutomaticSettings, visit: Visit) -> Shown:
    t = visit.t
    return Shown(
        area="automatic",
        address=ADDRESS,
        path=(
            Link(t("nav.sales"), "/invoices"),
            Link(t("nav.settings"), "/settings"),
            Link(t("settings.billing"), ""),
        ),
        action=Action.SET_AUTOMATIC_DISPATCH,
        changed_at=settings.changed_at,
        changed_by=settings.changed_by,
        forms={name: t("invalid.email") for name in ("notice_email", "factoring_email")},
    )


async def _shown(visit: Visit, settings: AutomaticSettings, form: Form, status: int = 200) -> Response:
    return await shown(
        visit,
        _about(settings, visit),
        form,
        status=status,
        template="pages/automatic_dispatch.html",
        settings_=settings,
        in_force=_facts(settings.active, visit) if settings.active else (),
        differences=_differences(settings, visit),
        remarks=_remarks(settings.draft, visit),
    )


def _remarks(choices: AutomaticChoices, visit: Visit) -> tuple[str, ...]:
    contact = bool(choices.notice_email or choices.notice_phone)
    found = remarks(choices.sources, choices.channels, has_contact=contact)
    return tuple(visit.t(f"settings.automatic.remark_{key}") for key in found)


def _facts(choices: AutomaticChoices, visit: Visit) -> tuple[tuple[str, str], ...]:
    """Choices in words, label and value."""
    t = visit.t
    none = t("settings.none")
    yes_no = {True: t("form.yes"), False: t("form.no")}

    def named(prefix: str, order: tuple[str, ...], chosen: tuple[str, ...]) -> str:
        return ", ".join(t(f"{prefix}_{name}") for name in order if name in chosen) or none

    notice = ", ".join(part for part in (choices.notice_email, choices.notice_phone) if part)
    return (
        (t("settings.automatic.sources"), named("invoice.source", SOURCES, choices.sources)),
        (t("settings.automatic.channels"), named("dispatch.channel", CHAIN, choices.channels)),
        (t("settings.automatic.by_invoice_date"), yes_no[choices.by_invoice_date]),
        (t("settings.automatic.notice"), notice or none),
        (t("settings.automatic.report_ignored"), yes_no[choices.report_ignored]),
        (t("settings.automatic.consumer_einvoicing"), yes_no[choices.consumer_einvoicing]),
        (t("settings.automatic.belgian_rule"), yes_no[choices.belgian_rule]),
        (t("settings.automatic.factoring_email"), choices.factoring_email or none),
    )


def _differences(settings: AutomaticSettings, visit: Visit) -> tuple[tuple[str, str, str], ...]:
    """Label, what is in force, what the draft says; only where they differ."""
    active: ActiveChoices | None = settings.active
    if active is None or not settings.changed:
        return ()
    pairs = zip(_facts(active, visit), _facts(settings.draft, visit), strict=True)
    return tuple((label, now, then) for (label, now), (_, then) in pairs if now != then)


def _form(draft: AutomaticChoices, revision: str, visit: Visit) -> Form:
    t = visit.t
    area = "settings.automatic"

    def tick(name: str, *, on: bool, label: str = "") -> Field:
        words = t(f"{area}.{name.replace('.', '_')}_help")
        label = label or t(f"{area}.{name}")
        return Field(name, label, "on" if on else "", Control.TICK, help=words, wide=True)

    return Form(
        action=ADDRESS,
        submit=t(f"{area}.save"),
        revision=revision,
        read_only=not visit.may(Action.SET_AUTOMATIC_DISPATCH),
        also=(Submit(t(f"{area}.activate"), f"{ADDRESS}/activate", primary=True),),
        sections=(
            Section(
                t(f"{area}.sources"),
                tuple(
                    tick(f"sources.{name}", on=name in draft.sources, label=t(f"invoice.source_{name}"))
                    for name in SOURCES
                ),
                help=t(f"{area}.sources_help"),
                name="sources",
            ),
            Section(
                t(f"{area}.channels"),
                tuple(
                    tick(f"channels.{name}", on=name in draft.channels, label=t(f"dispatch.channel_{name}"))
                    for name in CHAIN
                ),
                help=t(f"{area}.channels_help"),
                name="channels",
            ),
            Section(t(f"{area}.when"), (tick("by_invoice_date", on=draft.by_invoice_date),)),
            Section(
                t(f"{area}.notice"),
                (
                    Field("notice_email", t(f"{area}.notice_email"), draft.notice_email, Control.EMAIL),
                    Field(
                        "notice_phone",
                        t(f"{area}.notice_phone"),
                        draft.notice_phone,
                        Control.TEL,
                        help=t(f"{area}.notice_phone_help"),
                    ),
                    tick("report_ignored", on=draft.report_ignored),
                ),
                help=t(f"{area}.notice_help"),
            ),
            Section(
                t(f"{area}.special"),
                (
                    tick("belgian_rule", on=draft.belgian_rule),
                    tick("consumer_einvoicing", on=draft.consumer_einvoicing),
                    Field(
                        "factoring_email",
                        t(f"{area}.factoring_email"),
                        draft.factoring_email,
                        Control.EMAIL,
                        help=t(f"{area}.factoring_email_help"),
                    ),
                ),
            ),
        ),
    )
