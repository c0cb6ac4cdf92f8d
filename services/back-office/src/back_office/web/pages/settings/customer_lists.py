"""Settings > Categories and price tiers: the lists that cards choose from (FA-80, FA-82)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Response

from back_office.clients.customers import Choice
from back_office.clients.transport import NotFound, Problem, Refused, ServiceFailure, ServiceName
from back_office.domain.roles import Action
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section, new_once
from back_office.web.components.message import Link, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import explained
from back_office.web.pages.settings.saving import Shown, above, refused, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/customer-lists"
ListName = Literal["categories", "price-tiers"]


@router.get(f"{ADDRESS}/{{of}}")
async def entries(of: ListName, visit: SignedIn) -> Response:
    """One list."""
    found = await visit.clients.customers.choices(of)
    add = Link(visit.t(f"settings.{_area(of)}.new"), f"{ADDRESS}/{of}/new")
    table = _table(of, found, visit)
    return await shown(
        visit, _about(of, visit), None, template="pages/setting_list.html", table=table, add=add
    )


@router.get(f"{ADDRESS}/{{of}}/new")
async def new(of: ListName, visit: SignedIn) -> Response:
    """A blank entry."""
    return await _page(of, visit, None, _form(of, None, visit))


@router.post(f"{ADDRESS}/{{of}}/new")
async def add(of: ListName, visit: SignedIn) -> Response:
    """Add an entry."""
    typed = await visit.form()
    body = _body(typed) | {"code": _code(typed.get("label", ""))}
    try:
        made = await visit.clients.customers.add_choice(of, body, typed.get("_once", ""))
    except Refused as refusal:
        form = _form(of, None, visit).with_values(typed)
        marked, status = refused(form, refusal, visit, _about(of, visit))
        return await _page(of, visit, None, marked, status)
    await visit.say(done(visit.t("settings.lists.added", name=made.label)))
    return visit.go(f"{ADDRESS}/{of}")


@router.get(f"{ADDRESS}/{{of}}/{{code}}")
async def one(of: ListName, code: str, visit: SignedIn) -> Response:
    """One entry."""
    found = await _found(of, code, visit)
    return await _page(of, visit, found, _form(of, found, visit))


@router.post(f"{ADDRESS}/{{of}}/{{code}}")
async def save(of: ListName, code: str, visit: SignedIn) -> Response:
    """Change its name or place; cards keep its code."""
    typed, found = await visit.form(), await _found(of, code, visit)
    try:
        saved = await visit.clients.customers.save_choice(of, code, _body(typed), typed.get("_revision", ""))
    except Refused as refusal:
        form = _form(of, found, visit).with_values(typed)
        marked, status = refused(form, refusal, visit, _about(of, visit))
        return await _page(of, visit, found, marked, status)
    await visit.say(done(visit.t("settings.lists.saved", name=saved.label)))
    return visit.go(f"{ADDRESS}/{of}")


@router.post(f"{ADDRESS}/{{of}}/{{code}}/remove")
async def remove(of: ListName, code: str, visit: SignedIn) -> Response:
    """Remove an entry that no card has chosen."""
    found = await _found(of, code, visit)
    try:
        await visit.clients.customers.remove_choice(of, code, str(found.revision))
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    else:
        await visit.say(done(visit.t("settings.lists.removed", name=found.label)))
    return visit.go(f"{ADDRESS}/{of}")


async def _found(of: ListName, code: str, visit: Visit) -> Choice:
    for choice in await visit.clients.customers.choices(of):
        if choice.code == code:
            return choice
    problem = Problem(title=visit.t("trouble.not_found"))
    raise NotFound(ServiceName.DEBTORS, 404, problem, visit.correlation)


def _area(of: ListName) -> str:
    return of.replace("-", "_")


def _code(label: str) -> str:
    """The code of a new entry, from its name; it stands on cards and events for good."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40]


def _body(typed: Mapping[str, str]) -> dict[str, Any]:
    position = typed.get("position", "").strip()
    return {
        "label": typed.get("label", "").strip(),
        "position": int(position) if position.isdecimal() else 0,
    }


def _about(of: ListName, visit: Visit, *more: Link) -> Shown:
    return Shown(
        area=_area(of),
        address=f"{ADDRESS}/{of}",
        path=(*above(visit, "nav.organisation"), *more),
        action=Action.SET_CUSTOMERS,
        rename=lambda name: "label" if name == "code" else name,
    )


async def _page(of: ListName, visit: Visit, found: Choice | None, form: Form, status: int = 200) -> Response:
    t, area = visit.t, _area(of)
    about = _about(of, visit, Link(t(f"settings.{area}.title"), f"{ADDRESS}/{of}"))
    title = found.label if found else t(f"settings.{area}.new")
    return await shown(visit, about, form, status=status, title=title)


def _form(of: ListName, found: Choice | None, visit: Visit) -> Form:
    t = visit.t
    base = f"{ADDRESS}/{of}"
    return Form(
        action=f"{base}/{segment(found.code)}" if found else f"{base}/new",
        submit=t("form.save") if found else t("debtor.submit_new"),
        revision=str(found.revision) if found else "",
        once="" if found else new_once(),
        cancel=base,
        read_only=not visit.may(Action.SET_CUSTOMERS),
        sections=(
            Section(
                t(f"settings.{_area(of)}.one"),
                (
                    Field("label", t("debtor.name"), found.label if found else "", required=True),
                    Field(
                        "position",
                        t("settings.own_fields.position"),
                        str(found.position if found else 0),
                        Control.NUMBER,
                    ),
                ),
            ),
        ),
    )


def _table(of: ListName, found: tuple[Choice, ...], visit: Visit) -> Table:
    t, may, area = visit.t, visit.may(Action.SET_CUSTOMERS), _area(of)
    return Table(
        id=of,
        caption=t(f"settings.{area}.title"),
        path=f"{ADDRESS}/{of}",
        columns=(
            Column("label", t("debtor.name"), Kind.MAIN),
            Column("code", t("settings.lists.code"), Kind.SHORT),
            *((Column("remove", t("contacts.actions")),) if may else ()),
        ),
        rows=tuple(_row(of, choice, visit, may=may) for choice in found),
        empty=Empty(t("settings.lists.none"), t(f"settings.{area}.none_why")),
    )


def _row(of: ListName, choice: Choice, visit: Visit, *, may: bool) -> Row:
    href = f"{ADDRESS}/{of}/{segment(choice.code)}"
    cells = [Cell(choice.label, href), Cell(choice.code)]
    if may:
        t = visit.t
        question = t("settings.own_fields.remove_question", name=choice.label)
        cells.append(Cell(button=t("contacts.remove"), post=f"{href}/remove", confirm=question))
    return Row(choice.code, tuple(cells), name=choice.label)
