"""Sales > (Sold) Per debtor: the order day, who bought, what each one's EKT came to."""

from __future__ import annotations

from datetime import date, timedelta

from fastapi import APIRouter, Response

from back_office.clients.sale_shapes import SoldToDebtor, SoldTotals
from back_office.domain import badges
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.message import Link, Message, Weight
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
from back_office.web.explain import tried
from back_office.web.pages.downloads import streamed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
DAYS_OFFERED = "8"
NARROWED = ("q", "complete", "ekt", "use_ekts")
FILTERS = (*NARROWED, "sort")
EKT_STATES = ("never", "under_way", "sent", "failed", "bounced", "unknown", "ignored")
EXPORTS = ("csv", "xlsx")


@router.get("/sales")
async def per_debtor(visit: SignedIn) -> Response:
    """The customers of an order day: the one asked for, else the last one looked at, else today (D-02)."""
    t = visit.t
    remembered = visit.session.order_day if visit.session else None
    day = day_of(visit.query.get("day", "")) or remembered or visit.today
    await visit.remember_day(day)
    asked = reads(visit.query, FILTERS)
    sold = await visit.clients.sales.per_debtor(
        day, **asked, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE
    )
    shown = visit.formats.day(day)
    table = Table(
        id="sold",
        caption=t("sales.caption", day=shown),
        path="/sales",
        columns=(
            Column("name", t("debtors.name"), Kind.MAIN, sortable=True),
            Column("number", t("debtors.number")),
            Column("ekt", t("sales.use_ekts")),
            Column("lines", t("sales.lines_count"), Kind.NUMBER),
            Column("total", t("sales.total"), Kind.NUMBER, sortable=True),
            Column("distribution", t("sales.distribution")),
            Column("last", t("sales.last_ekt")),
        ),
        rows=tuple(_row(row, day, visit) for row in sold.items),
        empty=Empty(t("sales.empty", day=shown), t("sales.empty_why")),
        query={"day": day.isoformat(), **asked},
        search_label=t("sales.search"),
        filters=filters(visit),
        actions=_actions(day, sold.totals, visit),
        next=sold.next,
        keeps_filters=True,
        matching=Matching(count=sold.totals.debtors if sold.totals else None),
        sums=_sums(sold.totals, visit),
    )
    messages: tuple[Message, ...] = ()
    if visit.query.get("day") and not day_of(visit.query["day"]):
        messages = (Message(Weight.WARNING, t("sales.bad_day")),)
    whole = not visit.query.get("part")
    batches = await tried(visit.clients.resends.of_day(day), t) if whole else None
    return await lists.answer(
        visit,
        table,
        title=t("sales.title"),
        lead=t("sales.lead"),
        template="pages/sales.html",
        links=_links(day, asked, visit),
        day=day,
        before=(day - timedelta(days=1)).isoformat(),
        after=(day + timedelta(days=1)).isoformat(),
        days=await _days(visit) if whole else (),
        batches=(batches.value or ()) if batches else (),
        messages=messages,
    )


@router.get("/sales/{day}/lines.{suffix}")
async def export(day: date, suffix: str, visit: SignedIn) -> Response:
    """The lines of a day, of the customers of the filter, in the layout in which they can be imported."""
    query = reads(visit.query, FILTERS)
    query.pop("sort", None)
    suffix = suffix if suffix in EXPORTS else "csv"
    source = visit.clients.sales.export_lines(day, suffix, language=visit.language, **query)
    return await streamed(source, f"sales-{day}.{suffix}")


def day_of(text: str) -> date | None:
    """The day that an address names; none when it is no day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def kept_elsewhere(source: str) -> str:
    """How the keeper of a sale is shown: the end of its name, which is what people know it by."""
    return source.rstrip("/").rsplit("/", 1)[-1] or source


def filters(visit: Visit) -> tuple[Filter, ...]:
    """What the list can be narrowed to."""
    t = visit.t
    yes_no = (Option("true", t("form.yes")), Option("false", t("form.no")))
    states = tuple(Option(state, t(f"sales.ekt_{state}")) for state in EKT_STATES)
    complete = (Option("true", t("sales.complete")), Option("false", t("sales.incomplete")))
    return (
        Filter("complete", t("sales.distribution"), complete),
        Filter("ekt", t("sales.last_ekt"), states),
        Filter("use_ekts", t("sales.use_ekts"), yes_no),
    )


def _actions(day: date, totals: SoldTotals | None, visit: Visit) -> tuple[BulkAction, ...]:
    t = visit.t
    address = f"/sales/{day.isoformat()}/resends/preview"
    count = visit.formats.number(totals.debtors) if totals else ""
    return (
        BulkAction(
            address,
            t("resends.all_failed"),
            t("resends.selected", count="{count}"),
            t("resends.selected", count=count) if count else t("resends.matching"),
            needs_selection=False,
        ),
    )


def _links(day: date, asked: dict[str, str], visit: Visit) -> tuple[Link, ...]:
    t = visit.t
    exports = tuple(
        Link(t(f"sales.export_{suffix}"), with_query(f"/sales/{day.isoformat()}/lines.{suffix}", asked))
        for suffix in EXPORTS
    )
    if not visit.may("edit_sale"):
        return exports
    return (Link(t("sale_import.open"), f"/sales/import?day={day.isoformat()}"), *exports)


def _sums(totals: SoldTotals | None, visit: Visit) -> tuple[tuple[str, str], ...]:
    """Of the whole filter, as the service added it up; further rows come without."""
    if totals is None or not totals.debtors:
        return ()
    t, formats = visit.t, visit.formats
    incomplete = ((t("sales.incomplete"), formats.number(totals.incomplete)),) if totals.incomplete else ()
    return (
        (t("debtors.title"), formats.number(totals.debtors)),
        (t("sales.lines_count"), formats.number(totals.lines)),
        *incomplete,
        (t("table.sum_all"), formats.money(totals.total, totals.currency)),
    )


async def _days(visit: Visit) -> tuple[date, ...]:
    days = await tried(visit.clients.sales.days(limit=DAYS_OFFERED), visit.t)
    return tuple(one.order_day for one in days.value.items) if days.value else ()


def _row(row: SoldToDebtor, day: date, visit: Visit) -> Row:
    t, formats = visit.t, visit.formats
    last = row.ekt
    complete = Badge(Tone.GOOD, "sales.complete") if row.complete else Badge(Tone.WARN, "sales.incomplete")
    elsewhere = "" if row.own else t("sales.kept_by", source=kept_elsewhere(row.source))
    confirmed = t("sales.confirmed") if last and last.confirmed_at else ""
    return Row(
        id=row.debtor_id,
        name=row.name,
        cells=(
            Cell(
                row.name or row.debtor_id,
                f"/sales/{day.isoformat()}/{segment(row.debtor_id)}",
                note=elsewhere,
            ),
            Cell(row.debtor_number),
            Cell(badge=Badge(Tone.GOOD, "debtors.ekts_on")) if row.use_ekts else Cell(t("debtors.ekts_off")),
            Cell(formats.number(row.lines)),
            Cell(formats.money(row.total, row.currency)),
            Cell(badge=complete, note=t("sales.pending") if row.pending else ""),
            Cell(badge=badges.delivery(last.state, last.message), at=last.at, note=confirmed)
            if last
            else Cell(t("delivery.none") if row.use_ekts else ""),
        ),
    )
