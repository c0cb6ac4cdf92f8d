"""Settings > Number ranges: which numbers debtors and creditors get, and how full each range is (EP-11..EP-14)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from fastapi import APIRouter, Response

from back_office.clients.debtors import NumberRange
from back_office.clients.shapes import Page
from back_office.clients.transport import Refused
from back_office.domain.badges import Badge, Tone
from back_office.domain.roles import Action
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section
from back_office.web.components.message import Link, Message, Weight, done
from back_office.web.components.table import Cell, Column, Empty, Gauge, Kind, Row, Table
from back_office.web.explain import tried
from back_office.web.pages.settings.number_spaces import spaces, waiting_table
from back_office.web.pages.settings.saving import Shown, above, refused, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/number-ranges"
NumberKind = Literal["debtor", "creditor"]
KINDS: tuple[NumberKind, ...] = ("debtor", "creditor")
FIRST_ADMINISTRATION = "main"
WARN_FROM_PERCENT = 90


@router.get(ADDRESS)
async def ranges(visit: SignedIn) -> Response:
    """Every range, also those that are not set yet."""
    found = await visit.clients.debtors.number_ranges()
    links = await tried(visit.clients.accounting.administrations(), visit.t)
    sources = {one.source_administration or one.code for one in links.value or ()}
    cursor = lists.cursor_of(visit) or ""
    waiting = (await tried(visit.clients.debtors.waiting(cursor=cursor), visit.t)).value or Page()
    table = waiting_table(waiting, visit)
    if visit.query.get("part") in ("rows", "table"):
        return visit.part("parts.html", table=table, part=visit.query["part"])
    return await shown(
        visit,
        _about(visit),
        None,
        template="pages/number_ranges.html",
        table=_table(found, sources, visit),
        spaces=spaces(found),
        waiting=table,
    )


@router.get(f"{ADDRESS}/{{administration}}/{{kind}}")
async def one(administration: str, kind: NumberKind, visit: SignedIn) -> Response:
    """One range as a form."""
    found = await _found(administration, kind, visit)
    return await _shown(visit, administration, kind, found, _form(administration, kind, found, visit))


@router.post(f"{ADDRESS}/{{administration}}/{{kind}}")
async def save(administration: str, kind: NumberKind, visit: SignedIn) -> Response:
    """Set or change a range; what waits for a number is handled at once (EP-14)."""
    typed = await visit.form()
    try:
        saved = await visit.clients.debtors.save_number_range(administration, kind, _body(typed))
    except Refused as refusal:
        found = await _found(administration, kind, visit)
        form = _form(administration, kind, found, visit).with_values(typed)
        marked, status = refused(form, refusal, visit, _about(visit))
        return await _shown(visit, administration, kind, found, marked, status)
    await visit.say(_told(saved, visit))
    return visit.go(ADDRESS)


def _told(saved: NumberRange, visit: Visit) -> Message:
    t = visit.t
    given = t.many("settings.ranges.given", saved.given) if saved.given else ""
    title = t("settings.ranges.saved", range=_named(saved, visit))
    if saved.warning:
        return Message(Weight.WARNING, title, " ".join(part for part in (saved.warning, given) if part))
    return done(title, given)


def _body(typed: Mapping[str, str]) -> dict[str, Any]:
    def number(name: str) -> int | str:
        text = typed.get(name, "").strip().replace(".", "").replace(" ", "")
        return int(text) if text.isdecimal() else text

    return {"first": number("first"), "last": number("last"), "fill_gaps": bool(typed.get("fill_gaps"))}


async def _found(administration: str, kind: str, visit: Visit) -> NumberRange | None:
    known = await visit.clients.debtors.number_ranges()
    return next((one for one in known if (one.administration, one.kind) == (administration, kind)), None)


def _about(visit: Visit, *more: Link) -> Shown:
    return Shown(
        area="ranges",
        address=ADDRESS,
        path=(*above(visit, "nav.organisation"), *more),
        action=Action.SET_NUMBER_RANGES,
    )


async def _shown(
    visit: Visit,
    administration: str,
    kind: str,
    found: NumberRange | None,
    form: Form,
    status: int = 200,
) -> Response:
    title = visit.t(f"settings.ranges.one_{kind}", administration=administration)
    about = _about(visit, Link(visit.t("settings.ranges.title"), ADDRESS))
    gauge = _gauge(found, visit) if found else None
    return await shown(
        visit,
        about,
        form,
        status=status,
        template="pages/number_range.html",
        title=title,
        gauge=gauge,
        warning=found.warning if found else "",
    )


def _form(administration: str, kind: str, found: NumberRange | None, visit: Visit) -> Form:
    t = visit.t
    gaps = t("settings.ranges.fill_gaps_help")
    return Form(
        action=f"{ADDRESS}/{segment(administration)}/{kind}",
        submit=t("form.save"),
        cancel=ADDRESS,
        read_only=not visit.may(Action.SET_NUMBER_RANGES),
        sections=(
            Section(
                t("settings.ranges.numbers"),
                (
                    Field(
                        "first",
                        t("settings.ranges.first"),
                        str(found.first) if found else "",
                        Control.NUMBER,
                        required=True,
                    ),
                    Field(
                        "last",
                        t("settings.ranges.last"),
                        str(found.last) if found else "",
                        Control.NUMBER,
                        required=True,
                    ),
                    Field(
                        "fill_gaps",
                        t("settings.ranges.fill_gaps"),
                        "on" if found and found.fill_gaps else "",
                        Control.TICK,
                        help=gaps,
                        wide=True,
                    ),
                ),
                help=t("settings.ranges.numbers_help"),
            ),
        ),
    )


def _table(found: Iterable[NumberRange], sources: Iterable[str], visit: Visit) -> Table:
    t = visit.t
    known = {(one.administration, one.kind): one for one in found}
    places: set[tuple[str, str]] = {(FIRST_ADMINISTRATION, kind) for kind in KINDS}
    places |= {(source, kind) for source in sources for kind in KINDS} | set(known)
    ordered = sorted(
        places, key=lambda place: (place[0] != FIRST_ADMINISTRATION, place[0], place[1] != "debtor")
    )
    return Table(
        id="ranges",
        caption=t("settings.ranges.title"),
        path=ADDRESS,
        columns=(
            Column("kind", t("settings.ranges.kind"), Kind.MAIN),
            Column("administration", t("accounting.administration")),
            Column("range", t("settings.ranges.numbers"), Kind.SHORT),
            Column("use", t("settings.ranges.in_use")),
            Column("remaining", t("settings.ranges.remaining"), Kind.NUMBER),
            Column("state", t("ekt.state")),
        ),
        rows=tuple(_row(place, known.get(place), visit) for place in ordered),
        empty=Empty(t("settings.ranges.title")),
    )


def _row(place: tuple[str, str], found: NumberRange | None, visit: Visit) -> Row:
    t = visit.t
    administration, kind = place
    href = f"{ADDRESS}/{segment(administration)}/{segment(kind)}"
    name = Cell(t.either(f"settings.ranges.kind_{kind}", kind), href)
    row_id = f"{administration}-{kind}"
    if found is None:
        not_set = Cell(
            badge=Badge(Tone.WARN, "settings.ranges.not_set"), note=t("settings.ranges.not_set_why")
        )
        return Row(row_id, (name, Cell(administration), Cell(), Cell(), Cell(), not_set))
    return Row(
        row_id,
        (
            name,
            Cell(administration),
            Cell(f"{found.first} - {found.last}"),
            Cell(gauge=_gauge(found, visit)),
            Cell(visit.formats.number(found.remaining)),
            Cell(badge=Badge(_tone(found), _state(found)), note=found.warning),
        ),
    )


def _gauge(found: NumberRange, visit: Visit) -> Gauge:
    percent = found.used_percent
    return Gauge(percent, _tone(found), visit.t("settings.ranges.percent", percent=percent))


def _tone(found: NumberRange) -> Tone:
    if found.remaining == 0:
        return Tone.BAD
    return Tone.WARN if found.used_percent >= WARN_FROM_PERCENT else Tone.GOOD


def _state(found: NumberRange) -> str:
    if found.remaining == 0:
        return "settings.ranges.full"
    return "settings.ranges.nearly" if found.used_percent >= WARN_FROM_PERCENT else "settings.ranges.room"


def _named(saved: NumberRange, visit: Visit) -> str:
    kind = visit.t.either(f"settings.ranges.kind_{saved.kind}", saved.kind)
    return f"{kind} {saved.first} - {saved.last}"
