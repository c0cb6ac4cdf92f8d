"""The EKT log across all customers: filters, search, export, renewed by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal

from fastapi import APIRouter, Response

from back_office.clients.ekts import Ekt
from back_office.web import lists
from back_office.web.components import ekt_words
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.message import Link
from back_office.web.components.table import Cell, Column, Empty, Filter, Kind, Option, Row, Table, reads
from back_office.web.pages.deliveries import tabs
from back_office.web.pages.translated import SPOKEN_LANGUAGE, Telling, translated, word_of
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
STATES = ("failed", "unknown", "waiting", "planned", "sending", "sent")
METHODS = ("email", "folder", "sftp", "ftps", "http")
PRESETS = {"today": (0, 0), "yesterday": (1, 1), "week": (6, 0), "month": (30, 0)}
"""Days back from today: the first and the last order day."""
READ = ("q", "state", "method", "trigger", "days", "from_day", "until_day", "debtor_id")
POLL_SECONDS = 5


@router.get("/deliveries")
async def log(visit: SignedIn) -> Response:
    """EKTs, newest first."""
    t = visit.t
    query = _query(visit)
    page = await visit.clients.ekts.find(
        **_asked(query, visit.today), cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE
    )
    exports = {name: value for name, value in query.items() if name != "cursor"}
    table = Table(
        id="deliveries",
        caption=t("ekt_log.caption"),
        path="/deliveries",
        columns=(
            Column("made", t("ekt_log.made")),
            Column("customer", t("ekt_log.debtor"), Kind.MAIN),
            Column("day", t("deliveries.day"), Kind.SHORT),
            Column("state", t("deliveries.state")),
            Column("trigger", t("ekt.trigger")),
            Column("recipient", t("ekt.recipient")),
            Column("file", t("ekt.file")),
            Column("who", t("ekt.who")),
        ),
        rows=tuple(_row(ekt, visit) for ekt in page.items),
        empty=Empty(t("deliveries.none"), t("deliveries.none_why")),
        query=query,
        search_label=t("ekt_log.search"),
        filters=_filters(query, page.items, visit),
        next=page.next,
        keeps_filters=True,
        also_read=("debtor_id",),
        poll_seconds=0 if lists.cursor_of(visit) else POLL_SECONDS,
    )
    return await lists.answer(
        visit,
        table,
        title=t("ekt_log.title"),
        lead=t("ekt_log.lead"),
        links=(
            Link(t("ekt_log.export_csv"), with_query("/deliveries/ekts.csv", exports)),
            Link(t("ekt_log.export_xlsx"), with_query("/deliveries/ekts.xlsx", exports)),
            Link(t("check.title"), "/ekt-check"),
            Link(t("ekt.to_settings"), "/settings/ekt"),
        ),
        tabs=tabs(visit),
        tab_chosen=0,
    )


@router.get("/deliveries/ekts.{ending}")
async def export(ending: Literal["csv", "xlsx"], visit: SignedIn) -> Response:
    """The filtered log, all of it, as a file for a spreadsheet in the reader's language."""
    asked = _asked(_query(visit), visit.today) | {"language": SPOKEN_LANGUAGE}
    source = visit.clients.ekts.export("csv", asked)
    return await translated(source, _telling(visit), visit, file_name=f"ekt-log.{ending}")


def _telling(visit: Visit) -> Telling:
    t = visit.t

    return Telling(
        "file.ekt_log",
        {
            "trigger": word_of(t, "ekt.trigger_"),
            "reason": word_of(t, "ekt.reason_"),
            "state": word_of(t, "delivery."),
            "method": word_of(t, "ekt_method."),
            "message": visit.said,
            "recipient": visit.said,
            "confirmed_by": lambda who: t("ekt_log.by_link") if who == ekt_words.BY_LINK else who,
        },
        numbers=frozenset({"lines", "sale_revision"}),
    )


def _query(visit: Visit) -> dict[str, str]:
    """What the address asks for; a day that is none and a preset that is none are left out."""
    query = reads(visit.query, READ)
    for name in ("from_day", "until_day"):
        if name in query and _day(query[name]) is None:
            del query[name]
    if query.get("days") not in PRESETS:
        query.pop("days", None)
    return query


def _asked(query: Mapping[str, str], today: date) -> dict[str, str]:
    """The same as the service takes it: a preset becomes its days, unless days are given themselves."""
    asked = {name: value for name, value in query.items() if name != "days"}
    if query.get("days"):
        first, last = PRESETS[query["days"]]
        asked.setdefault("from_day", (today - timedelta(days=first)).isoformat())
        asked.setdefault("until_day", (today - timedelta(days=last)).isoformat())
    return asked


def _filters(query: Mapping[str, str], shown: tuple[Ekt, ...], visit: Visit) -> tuple[Filter, ...]:
    t, formats = visit.t, visit.formats

    def choice(name: str, label: str, prefix: str, values: tuple[str, ...]) -> Filter:
        return Filter(name, t(label), tuple(Option(value, t(prefix + value)) for value in values))

    def day(name: str) -> Filter:
        chosen = _day(query.get(name, ""))
        return Filter(name, t(f"ekt_log.{name}"), day=formats.short_day(chosen))

    found = [
        choice("state", "deliveries.state", "delivery.", STATES),
        choice("trigger", "ekt.trigger", "ekt.trigger_", ("first", "resend")),
        choice("method", "ekt_log.method", "ekt_method.", METHODS),
        choice("days", "ekt_log.presets", "ekt_log.", tuple(PRESETS)),
        day("from_day"),
        day("until_day"),
    ]
    if debtor_id := query.get("debtor_id"):
        name = next((ekt.debtor_name for ekt in shown if ekt.debtor_name), debtor_id)
        found.insert(0, Filter("debtor_id", t("ekt_log.debtor"), (Option(debtor_id, name),)))
    return tuple(found)


def _row(ekt: Ekt, visit: Visit) -> Row:
    t = visit.t
    page = f"/sales/{ekt.order_day.isoformat()}/{segment(ekt.debtor_id)}"
    name = ekt.debtor_name or ekt.debtor_id
    file = Cell(ekt.file_name, ekt_words.file_address(ekt)) if ekt.file_name else Cell()
    return Row(
        id=ekt.id,
        name=name,
        cells=(
            Cell(at=ekt.made_at),
            Cell(name, page, note=ekt.debtor_number),
            Cell(visit.formats.short_day(ekt.order_day), ekt_words.address(ekt)),
            Cell(badge=ekt_words.badge(ekt), note=ekt_words.standing(ekt, t)),
            Cell(t.either(f"ekt.trigger_{ekt.trigger}", ekt.trigger), note=ekt_words.why(ekt, t)),
            Cell(ekt.recipient, note=t.either(f"ekt_method.{ekt.method}", ekt.method)),
            file,
            Cell(ekt.requested_by),
        ),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
