"""Settings > Own fields: fields that the office makes itself for customers and suppliers (FA-28..FA-30)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.customers import OwnFieldDefinition
from back_office.clients.transport import NotFound, Problem, Refused, ServiceFailure, ServiceName
from back_office.domain.roles import Action
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section, new_once
from back_office.web.components.message import Link, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import explained
from back_office.web.pages.debtor.codes import named
from back_office.web.pages.debtor.form import tick
from back_office.web.pages.settings.saving import Shown, above, refused, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/own-fields"
TYPES = ("text", "number", "date", "yes_no", "choice")
KINDS = ("debtor", "creditor")


@router.get(ADDRESS)
async def fields(visit: SignedIn) -> Response:
    """Every own field, in the order of the card."""
    found = await visit.clients.customers.own_fields()
    add = Link(visit.t("settings.own_fields.new"), f"{ADDRESS}/new")
    return await shown(
        visit, _about(visit), None, template="pages/setting_list.html", table=_table(found, visit), add=add
    )


@router.get(f"{ADDRESS}/new")
async def new(visit: SignedIn) -> Response:
    """A blank definition."""
    return await _page(visit, None, _form(None, visit))


@router.post(f"{ADDRESS}/new")
async def define(visit: SignedIn) -> Response:
    """Make the field; it is then on every card of its kinds."""
    typed = await visit.form()
    body = _body(typed) | {"key": _key(typed.get("label", "")), "type": typed.get("type", "text")}
    try:
        made = await visit.clients.customers.define_field(body, typed.get("_once", ""))
    except Refused as refusal:
        marked, status = refused(_form(None, visit).with_values(typed), refusal, visit, _about(visit))
        return await _page(visit, None, marked, status)
    await visit.say(done(visit.t("settings.own_fields.made", name=made.label)))
    return visit.go(ADDRESS)


@router.get(f"{ADDRESS}/{{key}}")
async def one(key: str, visit: SignedIn) -> Response:
    """One definition."""
    found = await _found(key, visit)
    return await _page(visit, found, _form(found, visit))


@router.post(f"{ADDRESS}/{{key}}")
async def save(key: str, visit: SignedIn) -> Response:
    """Change it; its type stays, and what cards hold must still fit."""
    typed, found = await visit.form(), await _found(key, visit)
    body = _body(typed) | {"type": found.type}
    try:
        saved = await visit.clients.customers.save_field(key, body, typed.get("_revision", ""))
    except Refused as refusal:
        form = _form(found, visit).with_values(typed)
        marked, status = refused(form, refusal, visit, _about(visit))
        return await _page(visit, found, marked, status)
    await visit.say(done(visit.t("settings.own_fields.saved", name=saved.label)))
    return visit.go(ADDRESS)


@router.post(f"{ADDRESS}/{{key}}/remove")
async def remove(key: str, visit: SignedIn) -> Response:
    """Remove a field that no card has a value for."""
    found = await _found(key, visit)
    try:
        await visit.clients.customers.remove_field(key, str(found.revision))
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    else:
        await visit.say(done(visit.t("settings.own_fields.removed", name=found.label)))
    return visit.go(ADDRESS)


async def _found(key: str, visit: Visit) -> OwnFieldDefinition:
    for field in await visit.clients.customers.own_fields():
        if field.key == key:
            return field
    problem = Problem(title=visit.t("trouble.not_found"))
    raise NotFound(ServiceName.DEBTORS, 404, problem, visit.correlation)


def _key(label: str) -> str:
    """The key of a new field, from its label: plain letters, fixed for good."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().casefold()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return (words if words[:1].isalpha() else f"f_{words}".strip("_"))[:40]


def _body(typed: Mapping[str, str]) -> dict[str, Any]:
    position = typed.get("position", "").strip()
    return {
        "label": typed.get("label", "").strip(),
        "kinds": [kind for kind in KINDS if typed.get(f"kinds.{kind}")],
        "choices": [line.strip() for line in typed.get("choices", "").splitlines() if line.strip()],
        "on_documents": bool(typed.get("on_documents")),
        "position": int(position) if position.isdecimal() else 0,
    }


def _about(visit: Visit, *more: Link) -> Shown:
    return Shown(
        area="own_fields",
        address=ADDRESS,
        path=(*above(visit, "nav.organisation"), *more),
        action=Action.SET_CUSTOMERS,
        rename=lambda name: {"kinds": "kinds.debtor", "key": "label"}.get(name, name),
    )


async def _page(visit: Visit, found: OwnFieldDefinition | None, form: Form, status: int = 200) -> Response:
    about = _about(visit, Link(visit.t("settings.own_fields.title"), ADDRESS))
    title = found.label if found else visit.t("settings.own_fields.new")
    return await shown(visit, about, form, status=status, title=title)


def _form(found: OwnFieldDefinition | None, visit: Visit) -> Form:
    t = visit.t
    field = found or OwnFieldDefinition(key="", label="")
    types = named(TYPES, "settings.own_fields.type_", t, field.type)
    which = Field("type", t("settings.own_fields.type"), field.type, Control.SELECT, types)
    return Form(
        action=f"{ADDRESS}/{segment(found.key)}" if found else f"{ADDRESS}/new",
        submit=t("form.save") if found else t("debtor.submit_new"),
        revision=str(found.revision) if found else "",
        once="" if found else new_once(),
        cancel=ADDRESS,
        read_only=not visit.may(Action.SET_CUSTOMERS),
        sections=(
            Section(
                t("settings.own_fields.field"),
                (
                    Field("label", t("settings.own_fields.label"), field.label, required=True),
                    *((which,) if found is None else ()),  # a field keeps its type
                    Field(
                        "choices",
                        t("settings.own_fields.choices"),
                        "\n".join(field.choices),
                        Control.AREA,
                        help=t("settings.own_fields.choices_help"),
                    ),
                    *(
                        Field(
                            f"kinds.{kind}",
                            t(f"settings.own_fields.for_{kind}"),
                            tick(kind in field.kinds),
                            Control.TICK,
                        )
                        for kind in KINDS
                    ),
                    Field(
                        "on_documents",
                        t("settings.own_fields.on_documents"),
                        tick(field.on_documents),
                        Control.TICK,
                    ),
                    Field("position", t("settings.own_fields.position"), str(field.position), Control.NUMBER),
                ),
            ),
        ),
    )


def _table(found: tuple[OwnFieldDefinition, ...], visit: Visit) -> Table:
    t, may = visit.t, visit.may(Action.SET_CUSTOMERS)
    return Table(
        id="own-fields",
        caption=t("settings.own_fields.title"),
        path=ADDRESS,
        columns=(
            Column("label", t("settings.own_fields.label"), Kind.MAIN),
            Column("type", t("settings.own_fields.type")),
            Column("kinds", t("debtors.kind")),
            Column("on_documents", t("settings.own_fields.on_documents")),
            *((Column("remove", t("contacts.actions")),) if may else ()),
        ),
        rows=tuple(_row(field, visit, may=may) for field in found),
        empty=Empty(t("settings.own_fields.none"), t("settings.own_fields.none_why")),
    )


def _row(field: OwnFieldDefinition, visit: Visit, *, may: bool) -> Row:
    t = visit.t
    href = f"{ADDRESS}/{segment(field.key)}"
    cells = [
        Cell(field.label, href, note=field.key),
        Cell(t.either(f"settings.own_fields.type_{field.type}", field.type), note=", ".join(field.choices)),
        Cell(", ".join(t(f"debtor.kind_{kind}") for kind in field.kinds)),
        Cell(t("form.yes") if field.on_documents else t("form.no")),
    ]
    if may:
        question = t("settings.own_fields.remove_question", name=field.label)
        cells.append(Cell(button=t("contacts.remove"), post=f"{href}/remove", confirm=question))
    return Row(field.key, tuple(cells), name=field.label)
