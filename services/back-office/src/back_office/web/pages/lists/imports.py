"""Tools > Imports: the imports there are, and the first step of a new one, choosing the file (FA-45..FA-47)."""

from __future__ import annotations

from fastapi import APIRouter, Response
from klokwerk.tables import DELIMITERS, ENCODINGS
from starlette.datastructures import UploadFile

from back_office.clients.imports import Import
from back_office.clients.transport import Refused, ServiceFailure
from back_office.domain.badges import Badge, Tone
from back_office.texts.catalogue import Translator
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.form import new_once
from back_office.web.components.message import Link, Message, Weight, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Option, Row, Table
from back_office.web.explain import explained
from back_office.web.visit import SignedIn, Visit, posted

router = APIRouter(include_in_schema=False)

UPLOADS = r"/imports/new"
"""Paths that take a file."""
MOST_UPLOAD_BYTES = 10_400_000
"""Largest request with a list; the service takes a little less, and says so in words."""

TONES = {
    "mapping": Tone.CALM,
    "checking": Tone.BUSY,
    "checked": Tone.CALM,
    "running": Tone.BUSY,
    "done": Tone.GOOD,
    "taking_back": Tone.BUSY,
    "taken_back": Tone.WARN,
}


def address_of(each: Import) -> str:
    """The page of an import."""
    return f"/imports/{segment(each.id)}"


def state_of(each: Import) -> Badge:
    """How far an import is; what broke off is said so."""
    if each.job is not None and each.job.over and each.job.state != "done" and each.state.endswith("ing"):
        return Badge(Tone.BAD, "imports.state_broken_off", each.job.message)
    return Badge(TONES.get(each.state, Tone.CALM), f"imports.state_{each.state}")


def encodings(t: Translator) -> tuple[Option, ...]:
    """Encodings to choose from."""
    return (Option("", t("imports.by_itself")), *(Option(name, name) for name in ENCODINGS))


def delimiters(t: Translator) -> tuple[Option, ...]:
    """Delimiters to choose from, by name."""
    names = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
    return (
        Option("", t("imports.by_itself")),
        *(Option(each, t(f"imports.delimiter_{names[each]}")) for each in DELIMITERS),
    )


@router.get("/imports")
async def page(visit: SignedIn) -> Response:
    """Every import that is kept, newest first."""
    t = visit.t
    found = await visit.clients.imports.page(lists.cursor_of(visit), lists.PAGE_SIZE)
    table = Table(
        id="imports",
        caption=t("imports.caption"),
        path="/imports",
        columns=(
            Column("file", t("imports.file"), Kind.MAIN),
            Column("kind", t("debtors.kind")),
            Column("state", t("ekt.state")),
            Column("rows", t("imports.rows"), Kind.NUMBER),
            Column("came", t("imports.came_of_it")),
            Column("by", t("imports.by")),
            Column("at", t("imports.at")),
        ),
        rows=tuple(_row(each, visit) for each in found.items),
        empty=Empty(t("imports.none"), t("imports.none_why"), Link(t("imports.new"), "/imports/new")),
        next=found.next,
    )
    links = [Link(t("imports.new"), "/imports/new")] if visit.may("edit_debtor") else []
    return await lists.answer(
        visit, table, title=t("imports.title"), lead=t("imports.lead"), links=links, primary_first=True
    )


@router.get("/imports/new")
async def new(visit: SignedIn) -> Response:
    """Step one: choose the file."""
    return await _first_step(visit, {"kind": visit.query.get("kind", "debtor")})


@router.post("/imports/new")
async def hand_in(visit: SignedIn) -> Response:
    """Hand the file in; the next page shows what its columns seem to be."""
    t = visit.t
    typed = await visit.form()
    chosen = (await posted(visit.request)).get("file")
    content = await chosen.read() if isinstance(chosen, UploadFile) else b""
    if not content:
        missing = Message(Weight.WARNING, t("imports.no_file"), t("imports.no_file_cure"))
        return await _first_step(visit, typed, missing, 422)
    name = (chosen.filename or t("imports.file")) if isinstance(chosen, UploadFile) else ""
    try:
        made = await visit.clients.imports.hand_in(
            name[-200:],
            content,
            typed.get("_once", ""),
            kind=typed.get("kind", "debtor"),
            administration=typed.get("administration", "").strip(),
            encoding=typed.get("encoding", ""),
            delimiter=typed.get("delimiter", ""),
        )
    except ServiceFailure as failure:
        status = failure.status if isinstance(failure, Refused) else 502
        return await _first_step(visit, typed, explained(failure, t), status)
    return visit.go(address_of(made))


@router.post("/imports/{import_id}/throw-away")
async def throw_away(import_id: str, visit: SignedIn) -> Response:
    """Throw an import away; its cards stay."""
    try:
        await visit.clients.imports.throw_away(import_id)
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
        return visit.go(f"/imports/{segment(import_id)}")
    await visit.say(done(visit.t("imports.thrown_away")))
    return visit.go("/imports")


async def _first_step(
    visit: Visit, typed: dict[str, str], message: Message | None = None, status: int = 200
) -> Response:
    t = visit.t
    return await visit.page(
        "pages/import_file.html",
        status=status,
        messages=(message,) if message else (),
        may=visit.may("edit_debtor"),
        typed=typed,
        kinds=tuple(Option(kind, t(f"imports.kind_{kind}")) for kind in ("debtor", "creditor")),
        encodings=encodings(t),
        delimiters=delimiters(t),
        once=new_once(),
        step=1,
    )


def _row(each: Import, visit: Visit) -> Row:
    t = visit.t
    came = ", ".join(
        f"{visit.formats.number(count)} {t(f'imports.{what}_{name}').lower()}"
        for what in (("taken_back",) if each.state == "taken_back" else ("outcome",))
        for name, count in each.counts.get(what, {}).items()
    )
    return Row(
        each.id,
        (
            Cell(each.file_name, address_of(each)),
            Cell(t(f"imports.kind_{each.kind}")),
            Cell(badge=state_of(each)),
            Cell(visit.formats.number(each.row_count)),
            Cell(came),
            Cell(each.created_by),
            Cell(at=each.created_at),
        ),
    )
