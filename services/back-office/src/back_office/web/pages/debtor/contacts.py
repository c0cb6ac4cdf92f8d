"""Contact persons of an organisation: departments and people, perhaps with an address of their own (FA-39..FA-44)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response
from klokwerk_contracts.debtor_changed import ContactPerson

from back_office.clients.debtors import Card
from back_office.clients.transport import NotFound, Refused, ServiceName, Stale
from back_office.clients.transport import Problem as ServiceProblem
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section, field_name, new_once
from back_office.web.components.message import done
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.pages.debtor.codes import countries
from back_office.web.pages.debtor.frame import address_of, may_edit, shown
from back_office.web.pages.staleness import told_stale
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
PATH = "/debtors/{debtor_id}/contacts"
TEXTS = ("name", "department", "email", "phone")


@router.get(PATH)
async def contacts(debtor_id: str, visit: SignedIn) -> Response:
    """The list, with the green button above it (FA-40)."""
    card = (await visit.clients.debtors.card(debtor_id)).value
    return await shown(visit, card, "contacts", "pages/debtor_contacts.html", table=_table(card, visit))


@router.get(PATH + "/new")
async def new(debtor_id: str, visit: SignedIn) -> Response:
    """A blank contact card (FA-40)."""
    answer = await visit.clients.debtors.card(debtor_id)
    return await _page(visit, answer.value, None, _form(answer.value, None, visit, answer.revision))


@router.post(PATH + "/new")
async def add(debtor_id: str, visit: SignedIn) -> Response:
    """Add the contact person."""
    typed = await visit.form()
    card = (await visit.clients.debtors.card(debtor_id)).value
    revision = typed.get("_revision", "")
    try:
        await visit.clients.debtors.add_contact(debtor_id, _body(typed), revision, typed.get("_once", ""))
    except Refused as refused:
        form = _form(card, None, visit, revision).with_values(typed)
        return await _refused(visit, card, None, form, refused)
    await visit.say(done(visit.t("contacts.added", name=_called(typed))))
    return visit.go(address_of(card, "contacts"))


@router.get(PATH + "/{contact_id}")
async def contact(debtor_id: str, contact_id: str, visit: SignedIn) -> Response:
    """One contact card."""
    answer = await visit.clients.debtors.card(debtor_id)
    found = _one(answer.value, contact_id, visit)
    return await _page(visit, answer.value, found, _form(answer.value, found, visit, answer.revision))


@router.post(PATH + "/{contact_id}")
async def save(debtor_id: str, contact_id: str, visit: SignedIn) -> Response:
    """Save it on the revision of the card that was read."""
    typed = await visit.form()
    card = (await visit.clients.debtors.card(debtor_id)).value
    found, revision = _one(card, contact_id, visit), typed.get("_revision", "")
    try:
        await visit.clients.debtors.save_contact(debtor_id, contact_id, _body(typed), revision)
    except Refused as refused:
        form = _form(card, found, visit, revision).with_values(typed)
        return await _refused(visit, card, found, form, refused)
    await visit.say(done(visit.t("contacts.saved", name=_called(typed))))
    return visit.go(address_of(card, "contacts"))


@router.post(PATH + "/{contact_id}/remove")
async def remove(debtor_id: str, contact_id: str, visit: SignedIn) -> Response:
    """Take it off the card; documents that name it stay as they are."""
    answer = await visit.clients.debtors.card(debtor_id)
    found = _one(answer.value, contact_id, visit)
    await visit.clients.debtors.remove_contact(debtor_id, contact_id, answer.revision)
    await visit.say(done(visit.t("contacts.removed", name=found.name or found.department)))
    return visit.go(address_of(answer.value, "contacts"))


def _one(card: Card, contact_id: str, visit: Visit) -> ContactPerson:
    for each in card.contact_persons:
        if each.contact_id == contact_id:
            return each
    problem = ServiceProblem(title=visit.t("contacts.gone"), detail=visit.t("contacts.gone"))
    raise NotFound(ServiceName.DEBTORS, 404, problem, visit.correlation)


async def _refused(
    visit: Visit, card: Card, found: ContactPerson | None, form: Form, refused: Refused
) -> Response:
    if isinstance(refused, Stale):
        tab = f"/contacts/{segment(found.contact_id)}" if found else "/contacts/new"
        return await _page(visit, card, found, told_stale(form, card, visit, tab), 409)
    if not refused.problem.errors:
        raise refused
    errors = tuple(
        each.model_copy(update={"field": _form_field(each.field)}) for each in refused.problem.errors
    )
    problem = refused.problem.model_copy(update={"errors": errors})
    return await _page(visit, card, found, form.refused(problem, visit.t("form.not_saved")), 422)


def _form_field(name: str) -> str:
    plain = field_name(name)
    return "address.lines" if plain.startswith("address.lines") or plain == "address" else plain


async def _page(
    visit: Visit, card: Card, found: ContactPerson | None, form: Form, status: int = 200
) -> Response:
    return await shown(
        visit, card, "contacts", "pages/debtor_contact.html", status=status, form=form, contact=found
    )


def _form(card: Card, found: ContactPerson | None, visit: Visit, revision: str) -> Form:
    t, address = visit.t, found.address if found else None
    base = address_of(card, "contacts")
    country = address.country if address else card.country
    shown_ = found or ContactPerson(contact_id="new")
    return Form(
        action=f"{base}/{segment(found.contact_id) if found else 'new'}",
        submit=t("form.save") if found else t("debtor.submit_new"),
        revision=revision,
        once="" if found else new_once(),
        cancel=base,
        read_only=not may_edit(card, visit),
        sections=(
            Section(
                t("contacts.who"),
                (
                    Field("name", t("debtor.name"), shown_.name),
                    Field("department", t("contacts.department"), shown_.department),
                    Field("email", t("debtors.email"), shown_.email, Control.EMAIL),
                    Field("phone", t("debtor.phone"), shown_.phone, Control.TEL),
                ),
                help=t("contacts.who_help"),
            ),
            Section(
                t("contacts.address"),
                (
                    Field(
                        "address.lines",
                        t("debtor.street"),
                        "\n".join(address.lines) if address else "",
                        Control.AREA,
                        rows=2,
                    ),
                    Field(
                        "address.postal_code", t("debtor.postal_code"), address.postal_code if address else ""
                    ),
                    Field("address.city", t("debtor.city"), address.city if address else ""),
                    Field(
                        "address.country",
                        t("debtor.country"),
                        country,
                        Control.SELECT,
                        countries(t, country),
                    ),
                ),
                help=t("contacts.address_help"),
            ),
        ),
    )


def _body(typed: Mapping[str, str]) -> dict[str, Any]:
    lines = [line.strip() for line in typed.get("address.lines", "").splitlines() if line.strip()]
    code, city = (typed.get(f"address.{name}", "").strip() for name in ("postal_code", "city"))
    address = {"lines": lines, "postal_code": code, "city": city, "country": typed.get("address.country", "")}
    return {name: typed.get(name, "").strip() for name in TEXTS} | {
        "address": address if lines or code or city else None
    }


def _called(typed: Mapping[str, str]) -> str:
    return typed.get("name", "").strip() or typed.get("department", "").strip()


def _table(card: Card, visit: Visit) -> Table:
    t, base = visit.t, address_of(card, "contacts")
    return Table(
        id="contacts",
        caption=t("debtor.tab_contacts"),
        path=base,
        columns=(
            Column("name", t("debtor.name"), Kind.MAIN),
            Column("department", t("contacts.department")),
            Column("email", t("debtors.email")),
            Column("phone", t("debtor.phone")),
            Column("address", t("contacts.attn")),
            *((Column("remove", t("contacts.actions")),) if may_edit(card, visit) else ()),
        ),
        rows=tuple(_row(each, card, visit, base) for each in card.contact_persons),
        empty=Empty(t("contacts.none"), t("contacts.none_why")),
    )


def _row(contact: ContactPerson, card: Card, visit: Visit, base: str) -> Row:
    t, called = visit.t, contact.name or contact.department
    href = f"{base}/{segment(contact.contact_id)}"
    address = contact.address
    where = (
        ", ".join((*address.lines, f"{address.postal_code} {address.city}".strip()))
        if address
        else t("contacts.address_of_card")
    )
    cells = [
        Cell(called, href),
        Cell(contact.department if contact.name else ""),
        Cell(contact.email),
        Cell(contact.phone),
        Cell(t("contacts.attn_name", name=called), note=where),
    ]
    if may_edit(card, visit):
        question = t("contacts.remove_question", name=called)
        cells.append(Cell(button=t("contacts.remove"), post=f"{href}/remove", confirm=question))
    return Row(contact.contact_id, tuple(cells), name=called)
