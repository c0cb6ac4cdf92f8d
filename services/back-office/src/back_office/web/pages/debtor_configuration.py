"""Organisation > Debtors > Configuration: the tick box "Use EKTs" and how EKTs are sent (EF-30..EF-39)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.debtors import Card
from back_office.clients.transport import Refused, Stale
from back_office.domain.badges import Tone
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section
from back_office.web.components.message import done
from back_office.web.components.table import Option
from back_office.web.pages.connection_panel import WAYS, panel_of
from back_office.web.pages.staleness import told_stale
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
TICKS = ("use_ekts", "accepts_ekts", "separate_files")
TEXTS = (
    "method", "folder", "buyer_code", "receiver_code", "auction_code", "bgm_code", "file_name_pattern",
    "character_set",
)  # fmt: skip


@router.get("/debtors/{debtor_id}/configuration")
async def configuration(debtor_id: str, visit: SignedIn) -> Response:
    """The page."""
    answer = await visit.clients.debtors.card(debtor_id)
    return await shown(visit, answer.value, _form(answer.value, visit, answer.revision))


@router.post("/debtors/{debtor_id}/configuration")
async def save(debtor_id: str, visit: SignedIn) -> Response:
    """Save it; until then a tick changes nothing (EF-33)."""
    typed = await visit.form()
    revision = typed.get("_revision", "")
    try:
        saved = await visit.clients.debtors.save_ekt(debtor_id, _changes(typed), revision)
    except Refused as refused:
        if not isinstance(refused, Stale) and not refused.problem.errors:
            raise
        current = (await visit.clients.debtors.card(debtor_id)).value
        form = _form(current, visit, revision).with_values(typed)
        if isinstance(refused, Stale):
            return await shown(visit, current, told_stale(form, current, visit, "/configuration"), status=409)
        for error in refused.problem.errors:
            error.field = error.field.removeprefix("ekt.").replace("transfer", "method")
        marked = form.refused(refused.problem, visit.t("form.not_saved"))
        return await shown(visit, current, marked, status=422)
    key = "configuration.saved_on" if saved.value.ekt.use_ekts else "configuration.saved_off"
    await visit.say(done(visit.t(key, name=saved.value.name)))
    return visit.go(f"/debtors/{segment(debtor_id)}/configuration")


def _changes(typed: Mapping[str, str]) -> dict[str, Any]:
    ticks = {name: bool(typed.get(name)) for name in TICKS}
    texts = {name: typed.get(name, "").strip() for name in TEXTS if name in typed}
    # One choice on the page: a transfer wins over the method, and choosing a method takes the transfer back.
    way = texts.pop("method", "")
    if way in WAYS:
        return ticks | texts | {"transfer": way}
    return ticks | texts | ({"method": way, "transfer": None} if way else {})


async def shown(
    visit: Visit,
    card: Card,
    form: Form | None = None,
    *,
    status: int = 200,
    connection_form: Form | None = None,
) -> Response:
    """The page; of its two forms those that are not given show what is kept."""
    t = visit.t
    if form is None:
        answer = await visit.clients.debtors.card(card.debtor_id)
        card, form = answer.value, _form(answer.value, visit, answer.revision)
    panel = await panel_of(card, visit)
    if panel is not None and connection_form is not None:
        panel = replace(panel, form=connection_form)
    return await visit.page(
        "pages/debtor_configuration.html",
        status=status,
        card=card,
        tab="configuration",
        form=form,
        explanation=_explanation(card, visit, read_only=form.read_only),
        panel=panel,
        step_tones={"done": Tone.GOOD, "asks": Tone.WARN, "failed": Tone.BAD},
        confirm_remove=t("connection.remove_ask"),
    )


def _explanation(card: Card, visit: Visit, *, read_only: bool) -> list[str]:
    t = visit.t
    lines = [t("debtor.read_only")] if read_only else []
    address = card.email("ekt") or card.email()
    if card.ekt.transfer is None and card.ekt.method == "email":
        hint = t("configuration.email_hint", address=address) if address else t("configuration.email_missing")
        lines.append(hint)
    return [*lines, t("configuration.cannot")]


def _form(card: Card, visit: Visit, revision: str) -> Form:
    t, ekt = visit.t, card.ekt
    ways = tuple(Option(way, t(f"connection.way_{way}")) for way in ("email", "folder", *WAYS))
    way = ekt.transfer or ekt.method
    documents = tuple(Option(code, t(f"configuration.bgm_{code}")) for code in ("493", "323", "231"))
    sets = tuple(Option(name, name) for name in ("ascii", "latin-1", "utf-8"))
    base = f"/debtors/{segment(card.debtor_id)}"
    use_help = t("configuration.use_ekts_help")
    return Form(
        action=f"{base}/configuration",
        submit=t("form.save"),
        revision=revision,
        cancel=base,
        read_only=not visit.may("edit_debtor") or card.state not in ("active", "blocked"),
        sections=(
            Section(
                t("configuration.section"),
                (
                    _tick("use_ekts", t("configuration.use_ekts"), ekt.use_ekts, use_help),
                    _tick("accepts_ekts", t("configuration.accepts_ekts"), ekt.accepts_ekts),
                    Field(
                        "method",
                        t("configuration.method"),
                        way,
                        Control.SELECT,
                        ways,
                        help=t("connection.way_help"),
                    ),
                    Field("folder", t("configuration.folder"), ekt.folder),
                ),
            ),
            Section(
                t("configuration.section_codes"),
                (
                    _code("buyer_code", ekt.buyer_code, visit),
                    _code("receiver_code", ekt.receiver_code, visit),
                    _code("auction_code", ekt.auction_code, visit),
                    Field("bgm_code", t("configuration.bgm_code"), ekt.bgm_code, Control.SELECT, documents),
                    Field(
                        "character_set",
                        t("configuration.character_set"),
                        ekt.character_set,
                        Control.SELECT,
                        sets,
                    ),
                    Field("file_name_pattern", t("configuration.file_name_pattern"), ekt.file_name_pattern),
                    _tick("separate_files", t("configuration.separate_files"), ekt.separate_files),
                ),
            ),
        ),
    )


def _code(name: str, value: str, visit: Visit) -> Field:
    return Field(name, visit.t(f"configuration.{name}"), value, help=visit.t(f"configuration.{name}_help"))


def _tick(name: str, label: str, on: bool, explanation: str = "") -> Field:
    return Field(name, label, "on" if on else "", Control.TICK, help=explanation, wide=bool(explanation))
