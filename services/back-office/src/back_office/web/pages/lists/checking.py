"""Step three of an import: what the dry run found, decisions on doubles, the run with its progress, the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.imports import Import, ImportRow
from back_office.clients.transport import ServiceFailure, ServiceName
from back_office.texts.catalogue import Translator
from back_office.web import lists
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.table import Cell, Column, Empty, Kind, Option, Row, Table
from back_office.web.explain import explained
from back_office.web.pages.jobs import job_address, shown_counts
from back_office.web.pages.lists.imports import address_of, state_of
from back_office.web.pages.lists.mapping import field_label, labels_of, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)

BEFORE = ("wrong", "duplicate", "new", "update", "unchanged")
AFTER = ("failed", "skipped", "created", "updated", "unchanged")
BACK = ("left", "removed", "restored")
DECISIONS = ("skip", "update", "new")


@dataclass(frozen=True, slots=True)
class Tab:
    """Lines of one sort, with how many there are."""

    name: str
    label: str
    count: int
    href: str


@dataclass(frozen=True, slots=True)
class Double:
    """A line that may be a double, with what can be decided on it."""

    row: ImportRow
    changes: str
    matches: tuple[tuple[str, str, str], ...]
    options: tuple[Option, ...]
    chosen: str


@router.get("/imports/{import_id}")
async def page(import_id: str, visit: SignedIn) -> Response:
    """Where the import is: its columns, what is being done, what was found, what came of it."""
    answer = await visit.clients.imports.one(import_id)
    each = answer.value
    if each.under_way:
        return await _progress(visit, each)
    if each.state in ("mapping", "checking"):
        return await shown(visit, each, answer.revision)
    return await _found(visit, each, answer.revision)


@router.post("/imports/{import_id}/decisions")
async def decide(import_id: str, visit: SignedIn) -> Response:
    """Keep what was decided on the doubles of the page, and on all others."""
    typed = await visit.form()
    rows: list[dict[str, Any]] = []
    for name, value in typed.items():
        number = name.removeprefix("decision.")
        if number == name or not number.isdigit():
            continue
        decision, _, card = value.partition(":")
        rows.append({"number": int(number), "decision": decision or None, "debtor_id": card or None})
    default = typed.get("default", "")
    try:
        await visit.clients.imports.decide(import_id, default if default in DECISIONS else "", rows)
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    query = {"show": "duplicate", "cursor": visit.query.get("cursor", "")}
    return visit.go(with_query(f"/imports/{segment(import_id)}", query))


@router.post("/imports/{import_id}/run")
async def run(import_id: str, visit: SignedIn) -> Response:
    """Import the lines that are right."""
    try:
        await visit.clients.imports.run(import_id, (await visit.form()).get("_revision", ""))
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    return visit.go(f"/imports/{segment(import_id)}")


@router.post("/imports/{import_id}/take-back")
async def take_back(import_id: str, visit: SignedIn) -> Response:
    """Take it back, as far as its cards are untouched."""
    try:
        await visit.clients.imports.take_back(import_id, (await visit.form()).get("_revision", ""))
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    return visit.go(f"/imports/{segment(import_id)}")


async def _progress(visit: Visit, each: Import) -> Response:
    assert each.job is not None  # noqa: S101
    return await visit.page(
        "pages/import_progress.html",
        each=each,
        address=address_of(each),
        job=each.job,
        job_address=job_address(ServiceName.DEBTORS, each.job.id),
        counts=shown_counts(each.job, visit),
        step=3,
    )


async def _found(visit: Visit, each: Import, revision: str) -> Response:
    t = visit.t
    what, names = _sorts(each)
    tabs = [
        Tab(name, t(f"imports.{what}_{name}"), each.count(what, name), f"{address_of(each)}?show={name}")
        for name in names
        if each.count(what, name)
    ]
    wanted = visit.query.get("show", "")
    chosen = wanted if wanted in names else tabs[0].name if tabs else ""
    rows = await visit.clients.imports.rows(
        each.id, **{what: chosen or None}, cursor=lists.cursor_of(visit), limit="100"
    )
    doubles: tuple[Double, ...] = ()
    if each.state == "checked" and chosen == "duplicate":
        doubles = tuple(_double(row, each, t) for row in rows.items)
    table = None if doubles else _table(rows.items, rows.next, each, chosen, visit)
    if table and visit.query.get("part") in ("rows", "table"):
        return visit.part("parts.html", table=table, part=visit.query["part"])
    return await visit.page(
        "pages/import_found.html",
        each=each,
        address=address_of(each),
        revision=revision,
        state=state_of(each),
        tabs=tabs,
        chosen=chosen,
        doubles=doubles,
        defaults=tuple(Option(name, t(f"imports.default_{name}")) for name in DECISIONS),
        next=with_query(address_of(each), {"show": chosen}, cursor=rows.next)
        if doubles and rows.next
        else "",
        cursor=lists.cursor_of(visit) or "",
        table=table,
        to_run=each.count("verdict", "new", "update", "duplicate", "unchanged") - each.count("outcome"),
        rejected=each.count("verdict", "wrong") + each.count("outcome", "failed"),
        to_take_back=each.count("outcome", "created", "updated") - each.count("taken_back"),
        may=visit.may("edit_debtor"),
        step=3,
    )


def _sorts(each: Import) -> tuple[str, tuple[str, ...]]:
    if each.state in ("taking_back", "taken_back"):
        return "taken_back", BACK
    return ("verdict", BEFORE) if each.state == "checked" else ("outcome", AFTER)


def _double(row: ImportRow, each: Import, t: Translator) -> Double:
    labels = labels_of(each)
    options = [Option("", t("imports.as_default")), Option("skip", t("imports.decide_skip"))]
    matches = []
    for match in row.matches:
        sign = t.either(f"imports.sign_{match.by}", match.by)
        if match.row is not None:
            matches.append((t("imports.line", number=match.row), "", sign))
            continue
        name = f"{match.name} ({match.number})" if match.number else match.name
        matches.append((name, f"/debtors/{segment(match.debtor_id)}", sign))
        options.append(Option(f"update:{match.debtor_id}", t("imports.decide_update", name=name)))
    if not any(match.by in ("number", "customer_number") for match in row.matches):
        options.append(Option("new", t("imports.decide_new")))
    chosen = row.decision
    if chosen == "update":
        target = row.target or next((match.debtor_id for match in row.matches if match.debtor_id), "")
        chosen = f"update:{target}"
    changes = ", ".join(
        t.either(f"imports.content.{name}", field_label(name, t, labels)) for name in row.changes
    )
    return Double(row, changes, tuple(matches), tuple(options), chosen)


def _table(rows: tuple[ImportRow, ...], after: str | None, each: Import, chosen: str, visit: Visit) -> Table:
    t = visit.t
    wrong = chosen == "wrong"
    columns = (
        Column("line", t("imports.line_number"), Kind.SHORT),
        Column("name", t("debtors.name"), Kind.MAIN),
        *(
            (
                Column("column", t("imports.column")),
                Column("value", t("imports.value")),
                Column("wrong", t("imports.what_is_wrong")),
                Column("cure", t("imports.cure")),
            )
            if wrong
            else (Column("what", t("imports.what")), Column("card", t("imports.card")))
        ),
    )
    made = [
        cells for row in rows for cells in (_findings(row, each, t) if wrong else (_plain(row, each, t),))
    ]
    return Table(
        id="lines",
        caption=t("imports.lines"),
        path=address_of(each),
        columns=columns,
        rows=tuple(Row(str(position), cells) for position, cells in enumerate(made)),
        empty=Empty(t("imports.no_lines")),
        query={"show": chosen} if chosen else {},
        next=after,
    )


def _findings(row: ImportRow, each: Import, t: Translator) -> list[tuple[Cell, ...]]:
    labels = labels_of(each)
    return [
        (
            Cell(str(row.number)),
            Cell(row.name or t("imports.nameless")),
            Cell(found.heading or field_label(found.field, t, labels)),
            Cell(found.value),
            Cell(found.message),
            Cell(found.cure),
        )
        for found in row.problems
        if not found.remark
    ] or [(Cell(str(row.number)), Cell(row.name), Cell(), Cell(), Cell(row.message), Cell())]


def _plain(row: ImportRow, each: Import, t: Translator) -> tuple[Cell, ...]:
    labels = labels_of(each)
    said = [row.message] if row.message else []
    said += [
        f"{found.heading or field_label(found.field, t, labels)}: {found.message}" for found in row.problems
    ]
    if row.changes and not row.outcome:
        fields = ", ".join(
            t.either(f"imports.content.{name}", field_label(name, t, labels)) for name in row.changes
        )
        said.append(t("imports.changes", fields=fields))
    card = row.card_id or next((match.debtor_id for match in row.matches if match.debtor_id), "")
    return (
        Cell(str(row.number)),
        Cell(row.name or t("imports.nameless")),
        Cell("; ".join(said)),
        Cell(t("imports.to_card"), f"/debtors/{segment(card)}") if card else Cell(),
    )
