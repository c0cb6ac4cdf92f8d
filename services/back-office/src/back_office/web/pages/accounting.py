"""Finance > Accounting: fetch, change status, open the relation, export, export history (EP-19..EP-72)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.accounting import Administration, Export, SyncLine
from back_office.clients.transport import ServiceFailure
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.message import Link, Message, Weight, done
from back_office.web.components.table import (
    BulkAction,
    Cell,
    Column,
    Empty,
    Filter,
    Kind,
    Option,
    Row,
    Table,
    reads,
)
from back_office.web.explain import explained
from back_office.web.pages.downloads import streamed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
KINDS = ("debtors", "creditors")
ACTIONS = ("Insert", "Update", "Ignore")
TONES = {"Insert": Tone.BUSY, "Update": Tone.CALM, "Ignore": Tone.WARN}
OUTCOMES = {
    "planned": Tone.BUSY,
    "running": Tone.BUSY,
    "done": Tone.GOOD,
    "failed": Tone.BAD,
    "import_failed": Tone.BAD,
}
POLL_SECONDS = 2


@router.get("/accounting")
async def first(visit: SignedIn) -> Response:
    """Go to the debtors of the first administration."""
    found = await visit.clients.accounting.administrations()
    if found:
        return visit.go(f"/accounting/{segment(found[0].code)}/debtors")
    t = visit.t
    table = Table(
        id="lines",
        caption=t("nav.accounting"),
        path="/accounting",
        columns=(),
        rows=(),
        empty=Empty(
            t("accounting.no_administration"),
            t("accounting.no_administration_why"),
            Link(t("settings.administrations.title"), "/settings/administrations"),
        ),
    )
    return await lists.answer(visit, table, title=t("nav.accounting"))


@router.get("/accounting/{administration}/exports")
async def history(administration: str, visit: SignedIn) -> Response:
    """The export history with its files (EP-57, EP-68)."""
    t = visit.t
    administrations = await visit.clients.accounting.administrations()
    page = await visit.clients.accounting.exports(
        administration, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE
    )
    moving = any(export.state in ("planned", "running") for export in page.items)
    table = Table(
        id="exports",
        caption=t("exports.caption"),
        path=f"/accounting/{segment(administration)}/exports",
        columns=(
            Column("when", t("exports.when")),
            Column("kind", t("exports.kind")),
            Column("mode", t("exports.mode")),
            Column("lines", t("exports.lines"), Kind.NUMBER),
            Column("outcome", t("exports.outcome")),
            Column("who", t("exports.who")),
            Column("file", t("exports.file")),
            Column("failed", t("exports.action")),
        ),
        rows=tuple(_export_row(export, administration, visit) for export in page.items),
        empty=Empty(t("exports.none"), t("exports.none_why")),
        next=page.next,
        poll_seconds=POLL_SECONDS if moving else 0,
    )
    return await lists.answer(
        visit,
        table,
        title=t("exports.title"),
        template="pages/accounting_history.html",
        tabs=_tabs(administration, visit),
        tab_chosen=len(KINDS),
        administrations=administrations,
        administration=administration,
        place="exports",
    )


@router.get("/accounting/{administration}/exports/{export_id}/file")
async def file(administration: str, export_id: str, visit: SignedIn) -> Response:
    """The file of an export."""
    return await streamed(visit.clients.accounting.file(administration, export_id), f"{export_id}.xml")


@router.post("/accounting/{administration}/exports/{export_id}/import-failed")
async def import_failed(administration: str, export_id: str, visit: SignedIn) -> Response:
    """Record that the import went wrong (EP-66)."""
    message: Message
    try:
        returned = await visit.clients.accounting.import_failed(administration, export_id)
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        message = done(visit.t.many("exports.import_failed_done", returned.returned))
    await visit.say(message)
    return visit.go(f"/accounting/{segment(administration)}/exports")


@router.get("/accounting/{administration}/{kind}")
async def lines(administration: str, kind: str, visit: SignedIn) -> Response:
    """The lines that wait, with all the data that will be sent (EP-31)."""
    t = visit.t
    if kind not in KINDS:
        return visit.go(f"/accounting/{segment(administration)}/debtors")
    query = reads(visit.query, ("q", "action", "with_message"))
    administrations = await visit.clients.accounting.administrations()
    page = await visit.clients.accounting.lines(
        administration, kind, **query, cursor=lists.cursor_of(visit), limit="200"
    )
    base = f"/accounting/{segment(administration)}/{kind}"
    table = Table(
        id="lines",
        caption=t(f"accounting.caption_{kind}"),
        path=base,
        columns=(
            Column("name", t("accounting.name"), Kind.MAIN),
            Column("number", t("accounting.number")),
            Column("action", t("accounting.action"), Kind.SHORT),
            Column("message", t("accounting.message")),
            Column("data", t("accounting.data")),
            Column("open", t("accounting.relation"), Kind.SHORT),
        ),
        rows=tuple(_line_row(line, visit) for line in page.items),
        empty=Empty(t(f"accounting.empty_{kind}"), t("accounting.empty_why")),
        query=query,
        search_label=t("accounting.search"),
        filters=(
            Filter("action", t("accounting.action"), tuple(Option(one, one) for one in ACTIONS)),
            Filter(
                "with_message",
                t("accounting.filter_message"),
                (
                    Option("true", t("accounting.with_message")),
                    Option("false", t("accounting.without_message")),
                ),
            ),
        ),
        actions=_actions(base, kind, visit),
        next=page.next,
    )
    return await lists.answer(
        visit,
        table,
        title=t(f"accounting.title_{kind}"),
        lead=_lead(administrations, administration, visit),
        template="pages/accounting.html",
        tabs=_tabs(administration, visit),
        tab_chosen=KINDS.index(kind),
        base=base,
        kind=kind,
        can_synchronise=visit.may("synchronise"),
        can_try=visit.may("trial_export"),
        administrations=administrations,
        administration=administration,
        place=kind,
    )


@router.post("/accounting/{administration}/{kind}/fetch")
async def fetch(administration: str, kind: str, visit: SignedIn) -> Response:
    """Fetch debtors: list everybody who has to be forwarded (EP-19); nothing is sent yet."""
    message: Message
    try:
        fetched = await visit.clients.accounting.fetch(administration, kind)
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        message = done(visit.t.many("accounting.fetched", fetched.total))
    return await _back(administration, kind, message, visit)


@router.post("/accounting/{administration}/{kind}/status")
async def change_status(administration: str, kind: str, visit: SignedIn) -> Response:
    """Change the status of the selected lines (EP-28, EP-29)."""
    t = visit.t
    chosen = await visit.chosen()
    action = (await visit.form()).get("action", "")
    message: Message
    if not chosen:
        message = Message(Weight.WARNING, t("accounting.none_selected"))
    else:
        try:
            changed = await visit.clients.accounting.set_action(administration, kind, chosen, action)
        except ServiceFailure as failure:
            message = explained(failure, t)
        else:
            message = done(t.many("accounting.changed", changed.changed))
    return await _back(administration, kind, message, visit)


@router.post("/accounting/{administration}/{kind}/export")
async def export(administration: str, kind: str, visit: SignedIn) -> Response:
    """Export the selected lines, or all where none is selected (EP-41, EP-42)."""
    chosen = await visit.chosen()
    once = (await visit.form()).get("_once", "")
    message: Message
    try:
        made = await visit.clients.accounting.export(administration, kind, chosen, once)
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        message = _told(made, visit)
    return await _back(administration, kind, message, visit)


@router.post("/accounting/{administration}/{kind}/trial")
async def trial(administration: str, kind: str, visit: SignedIn) -> Response:
    """A trial export, for support when exporting fails (EP-69)."""
    source = visit.clients.accounting.trial(administration, kind)
    return await streamed(source, f"trial-{administration}-{kind}.zip")


def _told(made: Export, visit: Visit) -> Message:
    t = visit.t
    if made.state == "failed":
        text = " ".join(part for part in (made.message, t("accounting.export_failed_text")) if part)
        return Message(Weight.ERROR, t("accounting.export_failed"), text)
    if made.state in ("planned", "running"):
        return done(t.many("accounting.handed_over", made.lines), t("accounting.handed_over_text"))
    return done(t.many("accounting.exported", made.lines), t("accounting.exported_text"))


async def _back(administration: str, kind: str, message: Message, visit: Visit) -> Response:
    await visit.say(message)
    chosen = kind if kind in KINDS else KINDS[0]
    return visit.go(f"/accounting/{segment(administration)}/{chosen}")


def _tabs(administration: str, visit: Visit) -> tuple[Link, ...]:
    base = f"/accounting/{segment(administration)}"
    kinds = tuple(Link(visit.t(f"accounting.tab_{kind}"), f"{base}/{kind}") for kind in KINDS)
    return (*kinds, Link(visit.t("accounting.tab_history"), f"{base}/exports"))


def _lead(administrations: Sequence[Administration], code: str, visit: Visit) -> str:
    mode = next((one.mode for one in administrations if one.code == code), "file")
    return visit.t("accounting.lead_direct" if mode == "direct" else "accounting.lead_file")


def _actions(base: str, kind: str, visit: Visit) -> tuple[BulkAction, ...]:
    """Change status and Export; the export is for all lines when none is selected."""
    if not visit.may("synchronise"):
        return ()
    t = visit.t
    label = t(f"accounting.export_{kind}")
    change = tuple(
        BulkAction(
            f"{base}/status",
            t("accounting.change_to", action=action),
            t("accounting.change_to", action=action),
            value=action,
        )
        for action in ACTIONS[:2]
    )
    export = BulkAction(
        f"{base}/export",
        f"{label} {t('accounting.export_all_suffix')}",
        f"{label} {t('accounting.export_some_suffix')}",
        needs_selection=False,
        primary=True,
    )
    return (*change, export)


def _line_row(line: SyncLine, visit: Visit) -> Row:
    t = visit.t
    origin = t.either(f"accounting.origin_{line.message_origin}", line.message_origin)
    trouble = line.message or "; ".join(line.preflight)
    note = origin if line.message else (t("accounting.before_export") if line.preflight else "")
    if line.state in ("exporting", "sending"):
        note = t("accounting.under_way")
    elif line.retry_at:
        note = f"{note} · {t('accounting.retry', time=visit.formats.instant(line.retry_at))}"
    by_hand = t("accounting.by_hand") if line.by_hand else ""
    return Row(
        id=line.id,
        name=line.name,
        cells=(
            Cell(line.name, note=t("accounting.never_synced") if line.never_synced else ""),
            Cell(line.number),
            Cell(
                badge=Badge(TONES.get(line.action, Tone.CALM), f"accounting.action_{line.action}"),
                note=by_hand,
            ),
            Cell(trouble, note=note),
            Cell(data_words({k: v for k, v in line.data.items() if v not in (line.number, line.name)})),
            Cell(t("accounting.open_relation"), f"/debtors/{segment(line.debtor_id)}"),
        ),
    )


def data_words(data: Any) -> str:
    """The values that will be sent, in one line."""
    if isinstance(data, dict):
        return " · ".join(part for part in map(data_words, data.values()) if part)
    if isinstance(data, list | tuple):
        return " · ".join(part for part in map(data_words, data) if part)
    return "" if data is None or isinstance(data, bool) else str(data)


def _export_row(export: Export, administration: str, visit: Visit) -> Row:
    t = visit.t
    base = f"/accounting/{segment(administration)}/exports/{segment(export.id)}"
    can_fail = export.mode == "file" and export.state == "done" and visit.may("synchronise")
    failed = Cell(
        button=t("exports.import_failed"),
        post=f"{base}/import-failed",
        confirm=t("exports.import_failed_confirm"),
    )
    outcome = Badge(OUTCOMES.get(export.state, Tone.CALM), f"exports.outcome_{export.state}", export.message)
    return Row(
        id=export.id,
        cells=(
            Cell(at=export.created_at),
            Cell(t.either(f"exports.kind_{export.kind}", export.kind)),
            Cell(t.either(f"exports.mode_{export.mode}", export.mode)),
            Cell(visit.formats.number(export.lines), note=_counts(export, visit)),
            Cell(badge=outcome),
            Cell(export.created_by_name),
            Cell(export.file_name, f"{base}/file") if export.sha256 else Cell(),
            failed if can_fail else Cell(),
        ),
    )


def _counts(export: Export, visit: Visit) -> str:
    if export.mode != "direct":
        return ""
    return visit.t("exports.counts", synced=export.synced, failed=export.failed)
