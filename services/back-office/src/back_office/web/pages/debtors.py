"""Klanten, Organisation > Debtors: the list with its search, and the menu of what is done with all of it (FA-50)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Response

from back_office.clients.debtors import Card
from back_office.clients.shapes import Page, Pin
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.menu import MenuItem
from back_office.web.components.table import (
    BulkAction,
    Cell,
    Column,
    Empty,
    Filter,
    Kind,
    Matching,
    Option,
    Row,
    Table,
    reads,
)
from back_office.web.pages.downloads import streamed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
FILTERS = ("q", "kind", "state", "use_ekts")
EXPORTS = ("csv", "xlsx")
STATES = ("active", "blocked", "merged")

Slot = Callable[[Visit, Mapping[str, str]], MenuItem | None]


def _export(suffix: str) -> Slot:
    def item(visit: Visit, query: Mapping[str, str]) -> MenuItem | None:
        address = with_query(f"/exports/debtors.{suffix}", query)
        return MenuItem(visit.t(f"debtors.export_{suffix}"), address, follows="debtors")

    return item


def _import(visit: Visit, _: Mapping[str, str]) -> MenuItem | None:
    return MenuItem(visit.t("imports.title"), "/imports/new") if visit.may("edit_debtor") else None


def _merge(visit: Visit, _: Mapping[str, str]) -> MenuItem | None:
    return (
        MenuItem(visit.t("merge.title"), "/debtors/merge", apart=True) if visit.may("edit_debtor") else None
    )


ACTIONS: tuple[Slot, ...] = (_import, _export("csv"), _export("xlsx"), _merge)
"""What stands in the menu "Actions", in this order; merging is the last (FA-53). An item may hide itself."""


@router.get("/debtors")
async def find(visit: SignedIn) -> Response:
    """The list with its search (EF-31)."""
    t = visit.t
    query = reads(visit.query, FILTERS)
    page, counted = await _page(query, visit)
    table = Table(
        id="debtors",
        caption=t("debtors.caption"),
        path="/debtors",
        columns=(
            Column("name", t("debtors.name"), Kind.MAIN),
            Column("customer_number", t("debtor.customer_number"), Kind.SHORT),
            Column("number", t("debtors.number"), Kind.SHORT),
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
            Filter("state", t("debtors.state"), _options(visit, "debtor.state_", STATES)),
            Filter(
                "use_ekts",
                t("debtors.use_ekts"),
                (Option("true", t("form.yes")), Option("false", t("form.no"))),
            ),
        ),
        next=page.next,
        actions=tuple(_export_selected(suffix, visit, query) for suffix in EXPORTS),
        keeps_filters=True,
        matching=Matching(
            count=counted.count if counted else None,
            told=counted,
            count_later="" if counted else with_query("/debtors", query, part="bulk"),
        ),
    )
    return await lists.answer(
        visit,
        table,
        title=t("debtors.title"),
        template="pages/debtors.html",
        lead=t("debtors.lead"),
        actions=tuple(item for slot in ACTIONS if (item := slot(visit, query)) is not None),
        may_add=visit.may("edit_debtor"),
    )


async def _page(query: dict[str, str], visit: Visit) -> tuple[Page[Card], Pin | None]:
    """The cards; how many the filter means is asked for a moment later (`Matching.count_later`)."""
    if visit.query.get("part") == "bulk":
        return Page[Card](), await visit.clients.debtors.count(query)
    cursor, limit = lists.cursor_of(visit), lists.PAGE_SIZE
    return await visit.clients.debtors.find(**query, cursor=cursor, limit=limit), None


@router.get("/debtors.{suffix}")
async def export(suffix: str, visit: SignedIn) -> Response:
    """The filtered list as a file, all pages of it (D-15)."""
    query = reads(visit.query, FILTERS)
    chosen = suffix if suffix in EXPORTS else EXPORTS[0]
    return await streamed(visit.clients.debtors.export(chosen, **query), f"debtors.{chosen}")


def _export_selected(suffix: str, visit: Visit, query: Mapping[str, str]) -> BulkAction:
    all_of_it = visit.t(f"kept_exports.{'filter' if query else 'all'}_{suffix}")
    return BulkAction(
        with_query("/exports/debtors", query),
        all_of_it,
        visit.t(f"kept_exports.selected_{suffix}", count="{count}"),
        all_of_it,
        needs_selection=False,
        value=suffix,
    )


def _row(card: Card, visit: Visit) -> Row:
    t = visit.t
    number = card.debtor_number or card.creditor_number
    on = Badge(Tone.GOOD, "debtors.ekts_on")
    state = None if card.state == "active" else Badge(Tone.WARN, f"debtor.state_{card.state}")
    return Row(
        id=card.debtor_id,
        name=card.name,
        cells=(
            Cell(card.name, f"/debtors/{segment(card.debtor_id)}", badge=state, note=card.search_name),
            Cell(card.customer_number),
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
