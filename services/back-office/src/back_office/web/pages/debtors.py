"""Organisation > Debtors: the list, the card, and a card's numbers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.debtors import Card
from back_office.clients.transport import Refused, ServiceFailure, Stale
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.form import Form, new_once
from back_office.web.components.message import Link, Message, done
from back_office.web.components.table import Cell, Column, Empty, Filter, Kind, Option, Row, Table, reads
from back_office.web.explain import explained
from back_office.web.pages import debtor_form
from back_office.web.pages.downloads import streamed
from back_office.web.pages.staleness import told_stale
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
FILTERS = ("q", "kind", "use_ekts")
EXPORTS = ("csv", "xlsx")


@router.get("/debtors")
async def find(visit: SignedIn) -> Response:
    """The list with its search (EF-31)."""
    t = visit.t
    query = reads(visit.query, FILTERS)
    page = await visit.clients.debtors.find(**query, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE)
    table = Table(
        id="debtors",
        caption=t("debtors.caption"),
        path="/debtors",
        columns=(
            Column("name", t("debtors.name"), Kind.MAIN),
            Column("number", t("debtors.number")),
            Column("city", t("debtors.city")),
            Column("country", t("debtors.country")),
            Column("email", t("debtors.email")),
            Column("kind", t("debtors.kind")),
            Column("use_ekts", t("debtors.use_ekts")),
        ),
        rows=tuple(_row(card, visit) for card in page.items),
        empty=Empty(t("debtors.none"), t("debtors.none_why")),
        query=query,
        search_label=t("debtors.search"),
        filters=(
            Filter("kind", t("debtors.kind"), _options(visit, "debtor.kind_", ("debtor", "creditor"))),
            Filter(
                "use_ekts",
                t("debtors.use_ekts"),
                (Option("true", t("form.yes")), Option("false", t("form.no"))),
            ),
        ),
        next=page.next,
    )
    links = [
        Link(t(f"debtors.export_{suffix}"), with_query(f"/debtors.{suffix}", query)) for suffix in EXPORTS
    ]
    if visit.may("edit_debtor"):
        links.insert(0, Link(t("debtors.add"), "/debtors/new"))
    return await lists.answer(
        visit,
        table,
        title=t("debtors.title"),
        lead=t("debtors.lead"),
        links=links,
        primary_first=visit.may("edit_debtor"),
    )


@router.get("/debtors.{suffix}")
async def export(suffix: str, visit: SignedIn) -> Response:
    """The filtered list as a file, all pages of it (D-15)."""
    query = reads(visit.query, FILTERS)
    chosen = suffix if suffix in EXPORTS else EXPORTS[0]
    return await streamed(visit.clients.debtors.export(chosen, **query), f"debtors.{chosen}")


@router.get("/debtors/new")
async def new(visit: SignedIn) -> Response:
    """A blank card."""
    form = debtor_form.of_card(None, visit.t, revision="", read_only=not visit.may("edit_debtor"))
    return await visit.page("pages/debtor.html", card=None, tab="card", form=form, explanation=())


@router.post("/debtors/new")
async def add(visit: SignedIn) -> Response:
    """Add the card; what is refused comes back with everything that was typed."""
    typed = await visit.form()
    wanted = debtor_form.to_card(None, typed)
    try:
        added = await visit.clients.debtors.create(wanted, typed.get("_once", ""))
    except Refused as refused:
        form = debtor_form.of_card(None, visit.t, revision="", read_only=False)
        return await _refused(visit, None, form.with_values(typed), refused, wanted)
    await visit.say(done(visit.t("debtor.added", name=added.value.name)))
    return visit.go(f"/debtors/{segment(added.value.debtor_id)}")


@router.get("/debtors/{debtor_id}")
async def card(debtor_id: str, visit: SignedIn) -> Response:
    """The card of a relation."""
    answer = await visit.clients.debtors.card(debtor_id)
    return await _card_page(visit, answer.value, answer.revision)


@router.post("/debtors/{debtor_id}")
async def save(debtor_id: str, visit: SignedIn) -> Response:
    """Save the card on the revision it was read at."""
    typed = await visit.form()
    current = await visit.clients.debtors.card(debtor_id)
    form = debtor_form.of_card(current.value, visit.t, revision=typed.get("_revision", ""), read_only=False)
    changed = debtor_form.to_card(current.value, typed)
    try:
        saved = await visit.clients.debtors.save(debtor_id, changed, typed.get("_revision", ""))
    except Stale:
        stale = told_stale(form.with_values(typed), current.value, visit)
        return await _card_page(visit, current.value, "", stale, 409)
    except Refused as refused:
        return await _refused(visit, current.value, form.with_values(typed), refused, changed)
    await visit.say(done(visit.t("debtor.saved", name=saved.value.name)))
    return visit.go(f"/debtors/{segment(debtor_id)}")


@router.post("/debtors/{debtor_id}/numbers")
async def give_number(debtor_id: str, visit: SignedIn) -> Response:
    """The "Save" button beside the number field (EP-09)."""
    typed = await visit.form()
    kind = "creditor" if typed.get("kind") == "creditor" else "debtor"
    message: Message
    try:
        given = await visit.clients.debtors.give_number(debtor_id, kind, typed.get("_once", ""))
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        number = given.value.creditor_number if kind == "creditor" else given.value.debtor_number
        message = done(visit.t("debtor.number_given", number=number))
    await visit.say(message)
    return visit.go(f"/debtors/{segment(debtor_id)}")


async def _refused(
    visit: Visit, card: Card | None, form: Form, refused: Refused, sent: dict[str, Any]
) -> Response:
    if not refused.problem.errors:
        raise refused
    marked = form.refused(debtor_form.renamed(refused.problem, sent), visit.t("form.not_saved"))
    return await _card_page(visit, card, "", marked, 422)


async def _card_page(
    visit: Visit, card: Card | None, revision: str, form: Form | None = None, status: int = 200
) -> Response:
    editable = visit.may("edit_debtor") and (card is None or card.state in ("active", "blocked"))
    form = form or debtor_form.of_card(card, visit.t, revision=revision, read_only=not editable)
    numbers = [
        (kind, getattr(card, f"{kind}_number"))
        for kind in ("debtor", "creditor")
        if card and kind in card.kinds
    ]
    return await visit.page(
        "pages/debtor.html",
        status=status,
        card=card,
        tab="card",
        form=form,
        numbers=numbers,
        once=new_once(),
        explanation=() if editable else (visit.t("debtor.read_only"),),
    )


def _row(card: Card, visit: Visit) -> Row:
    t = visit.t
    number = card.debtor_number or card.creditor_number
    on = Badge(Tone.GOOD, "debtors.ekts_on")
    return Row(
        id=card.debtor_id,
        name=card.name,
        cells=(
            Cell(card.name, f"/debtors/{segment(card.debtor_id)}", note=card.search_name),
            Cell(number),
            Cell(card.city),
            Cell(card.country),
            Cell(card.email()),
            Cell(", ".join(t(f"debtor.kind_{kind}") for kind in card.kinds)),
            Cell(badge=on) if card.ekt.use_ekts else Cell(t("debtors.ekts_off")),
        ),
    )


def _options(visit: Visit, prefix: str, values: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(Option(value, visit.t(prefix + value)) for value in values)
