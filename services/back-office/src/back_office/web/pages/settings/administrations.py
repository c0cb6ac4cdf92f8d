"""Settings > Administrations: where relations go, by which codes, and whether the way there works."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Response

from back_office.clients.accounting import Administration
from back_office.clients.transport import Refused, ServiceFailure
from back_office.domain.badges import Badge, Tone
from back_office.domain.roles import Action
from back_office.web.components.addresses import segment
from back_office.web.components.form import Form
from back_office.web.components.message import Link, Message, Weight, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import explained
from back_office.web.pages.settings import administration_form
from back_office.web.pages.settings.saving import Shown, above, refused, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/administrations"
BACK = f"{ADDRESS}/consents"
"""Where the consent page of Exact Online sends the person back to; no administration can have this code."""


@router.get(ADDRESS)
async def administrations(visit: SignedIn) -> Response:
    """Every administration with its way to the accounting system."""
    found = await visit.clients.accounting.administrations()
    return await shown(visit, _about(visit), None, table=_table(found, visit), add=f"{ADDRESS}/new")


@router.get(f"{ADDRESS}/new")
async def new(visit: SignedIn) -> Response:
    """A blank administration."""
    form = administration_form.of(None, visit, "")
    return await _shown(visit, None, form)


@router.post(f"{ADDRESS}/new")
async def add(visit: SignedIn) -> Response:
    """Make it."""
    typed = await visit.form()
    code = typed.get("code", "").strip()
    known = {one.code for one in await visit.clients.accounting.administrations()}
    form = administration_form.of(None, visit, "").with_values(typed)
    if not code or code in {*known, "new"}:
        problem = administration_form.no_code(visit.t, taken=bool(code))
        return await _shown(visit, None, form.refused(problem, visit.t("form.not_saved")), 422)
    return await _save(code, None, form, "", typed, visit)


@router.get(BACK)
async def consented(visit: SignedIn) -> Response:
    """Come back from the consent page. The service takes its state once, from the person who began only."""
    t = visit.t
    given = visit.query
    if given.get("error"):
        reason = given.get("error_description") or given["error"]
        text = t("settings.administrations.consent_declined_text", reason=reason[:300])
        await visit.say(Message(Weight.WARNING, t("settings.administrations.consent_declined"), text))
        return visit.go(ADDRESS)
    if not given.get("code") or not given.get("state"):
        await visit.say(Message(Weight.WARNING, t("settings.administrations.consent_incomplete")))
        return visit.go(ADDRESS)
    try:
        finished = await visit.clients.accounting.finish_consent(given["code"], given["state"])
    except ServiceFailure as failure:
        await visit.say(explained(failure, t))
        return visit.go(ADDRESS)
    await visit.say(done(t("settings.administrations.consent_given")))
    return visit.go(f"{ADDRESS}/{segment(finished.administration)}")


@router.get(f"{ADDRESS}/{{code}}")
async def one(code: str, visit: SignedIn) -> Response:
    """One administration."""
    answer = await visit.clients.accounting.administration(code)
    return await _shown(visit, answer.value, administration_form.of(answer.value, visit, answer.revision))


@router.post(f"{ADDRESS}/{{code}}")
async def save(code: str, visit: SignedIn) -> Response:
    """Save its settings on the revision they were read at."""
    typed = await visit.form()
    revision = typed.get("_revision", "")
    current = (await visit.clients.accounting.administration(code)).value
    form = administration_form.of(current, visit, revision).with_values(typed)
    return await _save(code, current, form, revision, typed, visit)


@router.post(f"{ADDRESS}/{{code}}/test")
async def test(code: str, visit: SignedIn) -> Response:
    """Test the connection by one harmless call."""
    t = visit.t
    message: Message
    try:
        result = await visit.clients.accounting.test(code)
    except ServiceFailure as failure:
        message = explained(failure, t)
    else:
        key = "test_good" if result.ok else "test_bad"
        weight = Weight.DONE if result.ok else Weight.ERROR
        message = Message(weight, t(f"settings.administrations.{key}"), result.message, support=not result.ok)
    await visit.say(message)
    return visit.go(f"{ADDRESS}/{segment(code)}")


@router.post(f"{ADDRESS}/{{code}}/consent")
async def consent(code: str, visit: SignedIn) -> Response:
    """Begin a consent. The page then has a link to the accounting system, for a form may not lead away from here."""
    request = visit.request
    scheme = "https" if visit.office.settings.secure_cookies else request.url.scheme
    try:
        begun = await visit.clients.accounting.begin_consent(code, f"{scheme}://{request.url.netloc}{BACK}")
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
        return visit.go(f"{ADDRESS}/{segment(code)}")
    leads_out = begun.authorize_url.startswith(("https://", "http://"))
    return await visit.page(
        "pages/consent.html",
        title=visit.t("settings.administrations.consent"),
        address=begun.authorize_url if leads_out else "",
        back=f"{ADDRESS}/{segment(code)}",
    )


async def _save(
    code: str, current: Administration | None, form: Form, revision: str, typed: dict[str, str], visit: Visit
) -> Response:
    if problem := administration_form.faults(typed, visit.t):
        return await _shown(visit, current, form.refused(problem, visit.t("form.not_saved")), 422)
    body = administration_form.to_body(current, typed)
    try:
        saved = await visit.clients.accounting.save_administration(code, body, revision)
    except Refused as refusal:
        about = _about(visit, current)
        named = replace(about, rename=administration_form.renaming(typed), forms=_forms(visit))
        marked, status = refused(form, refusal, visit, named)
        return await _shown(visit, current, marked, status)
    name = saved.value.name or code
    await visit.say(done(visit.t("settings.administrations.saved", name=name)))
    return visit.go(f"{ADDRESS}/{segment(code)}")


def _forms(visit: Visit) -> dict[str, str]:
    return {
        "folder": visit.t("settings.administrations.folder_form"),
        "code": visit.t("settings.administrations.code_form"),
        "source_administration": visit.t("settings.administrations.code_form"),
    }


def _about(visit: Visit, current: Administration | None = None) -> Shown:
    return Shown(
        area="administrations",
        address=f"{ADDRESS}/{segment(current.code)}" if current else ADDRESS,
        path=above(visit, "nav.finance"),
        action=Action.SET_ADMINISTRATIONS,
    )


async def _shown(visit: Visit, current: Administration | None, form: Form, status: int = 200) -> Response:
    t = visit.t
    about = _about(visit, current)
    about = replace(about, path=(*about.path, Link(t("settings.administrations.title"), ADDRESS)))
    title = (current.name or current.code) if current else t("settings.administrations.new")
    return await shown(
        visit,
        about,
        form,
        status=status,
        template="pages/administration.html",
        title=title,
        administration=current,
        connection=_connection(current) if current else None,
    )


def _table(found: tuple[Administration, ...], visit: Visit) -> Table:
    t = visit.t
    add = Link(t("settings.administrations.new"), f"{ADDRESS}/new")
    return Table(
        id="administrations",
        caption=t("settings.administrations.title"),
        path=ADDRESS,
        columns=(
            Column("name", t("settings.administrations.name"), Kind.MAIN),
            Column("code", t("settings.administrations.code")),
            Column("target", t("settings.administrations.target")),
            Column("connection", t("settings.administrations.connection")),
            Column("folder", t("settings.administrations.folder")),
        ),
        rows=tuple(_row(one, visit) for one in found),
        empty=Empty(
            t("accounting.no_administration"),
            t("accounting.no_administration_why"),
            add if visit.may(Action.SET_ADMINISTRATIONS) else None,
        ),
    )


def _row(one: Administration, visit: Visit) -> Row:
    t = visit.t
    return Row(
        one.code,
        (
            Cell(one.name or one.code, f"{ADDRESS}/{segment(one.code)}"),
            Cell(one.code),
            Cell(t.either(f"settings.administrations.target_{one.target}", one.target)),
            Cell(badge=_connection(one)),
            Cell(one.folder or (t("settings.administrations.own_folder") if one.mode == "file" else "")),
        ),
    )


def _connection(one: Administration) -> Badge:
    """What is known of the connection without trying it."""
    if one.mode != "direct":
        return Badge(Tone.CALM, "settings.administrations.connection_file")
    if not one.connection.has_credentials:
        return Badge(Tone.WARN, "settings.administrations.connection_missing")
    if one.connection.needs_consent:
        return Badge(Tone.BAD, "settings.administrations.connection_consent")
    if one.connection.paused_until:
        return Badge(Tone.WARN, "settings.administrations.connection_paused")
    if one.connection.check_ok is False:
        return Badge(Tone.BAD, "settings.administrations.connection_failing", one.connection.check_message)
    return Badge(Tone.GOOD, "settings.administrations.connection_ready")
