"""Settings > Newsletter: the account at Mailchimp, who gets it, and how things stand (FA-84, FA-85)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.newsletter import Audience, Newsletter
from back_office.clients.transport import Refused, ServiceFailure, ServiceName, Stale
from back_office.domain.badges import Badge, Tone
from back_office.domain.roles import Action
from back_office.texts.catalogue import Translator
from back_office.web.components.form import Control, Field, Form, Section, Submit
from back_office.web.components.message import Message, Weight, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Option, Row, Table
from back_office.web.explain import explained, tried
from back_office.web.pages.jobs import job_address
from back_office.web.pages.settings import saving
from back_office.web.pages.settings.saving import Shown, above
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/newsletter"


@router.get(ADDRESS)
async def page(visit: SignedIn) -> Response:
    """The settings, and how things stand; a key without an audience is asked which there are."""
    answer = await visit.clients.newsletter.settings()
    audiences: tuple[Audience, ...] = ()
    trouble = None
    if answer.value.key_hint and not answer.value.list_id and visit.may(Action.SET_NEWSLETTER):
        found = await tried(visit.clients.newsletter.test(), visit.t)
        audiences, trouble = (found.value.audiences if found.value else ()), found.trouble
    form = _form(answer.value, answer.revision, visit, audiences)
    return await _page(visit, answer.value, form, message=trouble)


@router.post(ADDRESS)
async def save(visit: SignedIn) -> Response:
    """Save; key and audience are tried at Mailchimp first."""
    typed = await visit.form()
    answer = await visit.clients.newsletter.settings()
    form = _form(answer.value, typed.get("_revision", ""), visit).with_values(typed)
    try:
        await visit.clients.newsletter.save(_body(typed), typed.get("_revision", ""))
    except Stale as stale:
        marked, status = saving.refused(form, stale, visit, _about(answer.value, visit))
        return await _page(visit, answer.value, marked, status)
    except Refused as refusal:
        if not refusal.problem.errors:
            return await _page(visit, answer.value, form, refusal.status, explained(refusal, visit.t))
        marked, status = saving.refused(form, refusal, visit, _about(answer.value, visit))
        return await _page(visit, answer.value, marked, status)
    await visit.say(done(visit.t("settings.newsletter.saved")))
    return visit.go(ADDRESS)


@router.post(f"{ADDRESS}/test")
async def test(visit: SignedIn) -> Response:
    """Try the stored key, and offer the audiences it gives access to; a new key is tried when it is saved."""
    answer = await visit.clients.newsletter.settings()
    found = await tried(visit.clients.newsletter.test(), visit.t)
    if found.value is None:
        form = _form(answer.value, answer.revision, visit)
        return await _page(visit, answer.value, form, 422, found.trouble)
    words = visit.t.many("settings.newsletter.audiences", len(found.value.audiences))
    form = _form(answer.value, answer.revision, visit, found.value.audiences)
    return await _page(visit, answer.value, form, message=done(visit.t("settings.newsletter.works"), words))


@router.post(f"{ADDRESS}/sync")
async def sync(visit: SignedIn) -> Response:
    """Bring both sides in step now, and watch it."""
    try:
        job = await visit.clients.newsletter.sync()
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
        return visit.go(ADDRESS)
    return visit.go(job_address(ServiceName.DEBTORS, job.id))


def _about(stored: Newsletter, visit: Visit) -> Shown:
    return Shown(
        area="newsletter",
        address=ADDRESS,
        path=above(visit, "nav.organisation"),
        action=Action.SET_NEWSLETTER,
        changed_at=stored.changed_at,
        changed_by=stored.changed_by,
    )


async def _page(
    visit: Visit, stored: Newsletter, form: Form, status: int = 200, message: Message | None = None
) -> Response:
    t = visit.t
    messages = [message] if message else []
    if stored.trouble:
        messages.append(Message(Weight.WARNING, t("settings.newsletter.trouble"), stored.trouble))
    return await saving.shown(
        visit,
        _about(stored, visit),
        form,
        status=status,
        template="pages/newsletter.html",
        stored=stored,
        state=_state(stored),
        counts=[
            (t.either(f"settings.newsletter.status_{name}", name), count)
            for name, count in stored.counts.items()
            if count
        ],
        refused=_refused(stored, visit),
        messages=messages,
    )


def _state(stored: Newsletter) -> Badge:
    if not stored.active:
        return Badge(Tone.CALM, "settings.newsletter.not_active")
    if not stored.ready:
        return Badge(Tone.WARN, "settings.newsletter.not_ready")
    if stored.trouble:
        return Badge(Tone.BAD, "settings.newsletter.in_trouble")
    return Badge(Tone.GOOD, "settings.newsletter.in_step")


def _form(stored: Newsletter, revision: str, visit: Visit, audiences: tuple[Audience, ...] = ()) -> Form:
    t = visit.t
    return Form(
        action=ADDRESS,
        submit=t("form.save"),
        revision=revision,
        read_only=not visit.may(Action.SET_NEWSLETTER),
        also=(Submit(t("settings.newsletter.test"), f"{ADDRESS}/test"),) if stored.key_hint else (),
        sections=(
            Section(
                t("settings.newsletter.account"),
                (
                    Field(
                        "api_key",
                        t("settings.newsletter.api_key"),
                        control=Control.UNSEEN,
                        help=t("settings.newsletter.api_key_kept", hint=stored.key_hint)
                        if stored.key_hint
                        else t("settings.newsletter.api_key_help"),
                        wide=True,
                    ),
                    _audience(stored, t, audiences),
                ),
            ),
            Section(
                t("settings.newsletter.who"),
                (
                    Field(
                        "policy",
                        t("settings.newsletter.policy"),
                        stored.policy,
                        Control.SELECT,
                        tuple(Option(p, t(f"settings.newsletter.policy_{p}")) for p in ("opt_out", "opt_in")),
                        help=t("settings.newsletter.policy_help"),
                        wide=True,
                    ),
                    Field(
                        "tags",
                        t("settings.newsletter.tags"),
                        ", ".join(stored.tags),
                        help=t("settings.newsletter.tags_help"),
                    ),
                ),
            ),
            Section(
                t("settings.newsletter.when"),
                (
                    Field(
                        "nightly",
                        t("settings.newsletter.nightly"),
                        "on" if stored.nightly else "",
                        Control.TICK,
                    ),
                    Field("at_time", t("settings.newsletter.at_time"), stored.at_time[:5], required=True),
                ),
            ),
        ),
    )


def _audience(stored: Newsletter, t: Translator, audiences: tuple[Audience, ...]) -> Field:
    label = t("settings.newsletter.audience")
    if audiences:
        options = (
            Option("", t("settings.newsletter.choose")),
            *(
                Option(a.id, t("settings.newsletter.an_audience", name=a.name, count=a.members))
                for a in audiences
            ),
        )
        return Field("list_id", label, stored.list_id, Control.SELECT, options)
    help_ = (
        t("settings.newsletter.audience_is", name=stored.list_name)
        if stored.list_name
        else t("settings.newsletter.audience_help")
    )
    return Field("list_id", label, stored.list_id, help=help_)


def _body(typed: dict[str, str]) -> dict[str, Any]:
    return {
        "api_key": typed.get("api_key", "").strip(),
        "list_id": typed.get("list_id", "").strip(),
        "policy": typed.get("policy", "opt_out"),
        "tags": [tag.strip() for tag in typed.get("tags", "").split(",") if tag.strip()],
        "nightly": typed.get("nightly") == "on",
        "at_time": typed.get("at_time", "").strip(),
    }


def _refused(stored: Newsletter, visit: Visit) -> Table:
    t = visit.t
    return Table(
        id="refused",
        caption=t("settings.newsletter.refused"),
        path=ADDRESS,
        columns=(
            Column("email", t("debtors.email"), Kind.MAIN),
            Column("why", t("settings.newsletter.why")),
            Column("detail", t("settings.newsletter.their_words")),
            Column("at", t("imports.at")),
        ),
        rows=tuple(
            Row(
                each.email,
                (
                    Cell(each.email),
                    Cell(t.either(f"settings.newsletter.why_{each.why}", each.why)),
                    Cell(each.detail),
                    Cell(at=each.at),
                ),
            )
            for each in stored.refused
        ),
        empty=Empty(t("settings.newsletter.none_refused")),
    )
