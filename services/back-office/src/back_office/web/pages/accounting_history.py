"""Finance > Accounting > Export history: files, each line's outcome, imports that went wrong (EP-57 to EP-68)."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from back_office.clients.accounting import Export, ExportDetail, ExportEntry, Returned
from back_office.clients.transport import ServiceFailure
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.message import Message, Weight, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import explained
from back_office.web.pages.accounting_tabs import HISTORY, KINDS, tabs
from back_office.web.pages.downloads import streamed
from back_office.web.visit import SignedIn, Visit, posted

router = APIRouter(prefix="/accounting/{administration}/exports", include_in_schema=False)
OUTCOMES = {
    "planned": Tone.BUSY,
    "running": Tone.BUSY,
    "done": Tone.GOOD,
    "failed": Tone.BAD,
    "import_failed": Tone.BAD,
}
LINE_OUTCOMES = {
    "open": Tone.BUSY,
    "synced": Tone.GOOD,
    "failed": Tone.BAD,
    "left_out": Tone.CALM,
    "returned": Tone.WARN,
}
WITH_RESULT_FILE = "exact-xml"
POLL_SECONDS = 2


@router.get("")
async def history(administration: str, visit: SignedIn) -> Response:
    """The export history with its files (EP-57, EP-68)."""
    t = visit.t
    administrations = await visit.clients.accounting.administrations()
    page = await visit.clients.accounting.exports(
        administration, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE
    )
    table = Table(
        id="exports",
        caption=t("exports.caption"),
        path=_address(administration),
        columns=(
            Column("when", t("exports.when")),
            Column("kind", t("exports.kind")),
            Column("mode", t("exports.mode")),
            Column("lines", t("exports.lines"), Kind.NUMBER),
            Column("outcome", t("exports.outcome")),
            Column("who", t("exports.who")),
            Column("file", t("exports.file")),
            Column("details", t("exports.details")),
            Column("failed", t("exports.action")),
        ),
        rows=tuple(_export_row(export, administration, visit) for export in page.items),
        empty=Empty(t("exports.none"), t("exports.none_why")),
        next=page.next,
        poll_seconds=POLL_SECONDS if any(export.moving for export in page.items) else 0,
    )
    return await lists.answer(
        visit,
        table,
        title=t("exports.title"),
        template="pages/accounting_history.html",
        tabs=tabs(administration, visit),
        tab_chosen=len(KINDS),
        administrations=administrations,
        administration=administration,
        place=HISTORY,
    )


@router.get("/{export_id}")
async def one(administration: str, export_id: str, visit: SignedIn) -> Response:
    """One export: how far it is, what became of each line and why, and what can be recorded of its import."""
    t = visit.t
    export = await visit.clients.accounting.one_export(administration, export_id)
    table = Table(
        id="entries",
        caption=t("exports.entries"),
        path=_address(administration, export_id),
        columns=(
            Column("name", t("accounting.name"), Kind.MAIN),
            Column("number", t("accounting.number")),
            Column("action", t("accounting.action"), Kind.SHORT),
            Column("outcome", t("exports.outcome")),
            Column("message", t("accounting.message")),
            Column("open", t("accounting.relation"), Kind.SHORT),
        ),
        rows=tuple(_entry_row(entry, visit) for entry in export.entries),
        empty=Empty(t("exports.no_entries")),
        poll_seconds=POLL_SECONDS if export.moving else 0,
    )
    return await lists.answer(
        visit,
        table,
        title=t("exports.one_title", kind=t.either(f"exports.kind_{export.kind}", export.kind)),
        template="pages/accounting_export.html",
        export=export,
        base=_address(administration, export_id),
        history=_address(administration),
        outcome=_outcome(export),
        counts=_counts(export, visit),
        may_record=_may_record(export, visit),
        may_hand_in=_may_record(export, visit) and export.target == WITH_RESULT_FILE,
        left=max(0, export.lines - len(export.entries)),
    )


@router.get("/{export_id}/file")
async def file(administration: str, export_id: str, visit: SignedIn) -> Response:
    """The file of an export."""
    return await streamed(visit.clients.accounting.file(administration, export_id), f"{export_id}.xml")


@router.post("/{export_id}/import-failed")
async def import_failed(administration: str, export_id: str, visit: SignedIn) -> Response:
    """Record that the import went wrong (EP-66)."""
    note = (await visit.form()).get("note", "").strip()
    message: Message
    try:
        returned = await visit.clients.accounting.import_failed(administration, export_id, note)
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
    else:
        message = done(visit.t.many("exports.import_failed_done", returned.returned))
    await visit.say(message)
    return visit.go(_address(administration))


@router.post("/{export_id}/import-result")
async def import_result(administration: str, export_id: str, visit: SignedIn) -> Response:
    """Take in the result file of the accounting system: only the relations that it refused come back (EP-66)."""
    t = visit.t
    chosen = (await posted(visit.request)).get("file")
    content = await chosen.read() if isinstance(chosen, UploadFile) else b""
    message: Message
    if not content:
        message = Message(Weight.WARNING, t("exports.no_result_file"), t("exports.no_result_file_cure"))
    else:
        try:
            returned = await visit.clients.accounting.import_result(administration, export_id, content)
        except ServiceFailure as failure:
            message = explained(failure, t)
        else:
            message = _handed_in(returned, visit)
    await visit.say(message)
    return visit.go(_address(administration, export_id))


def _handed_in(returned: Returned, visit: Visit) -> Message:
    """What is said of a result file that was read."""
    t = visit.t
    if not (returned.refused or returned.returned):
        return done(t("exports.all_taken"))
    if not returned.returned:
        return Message(Weight.WARNING, t("exports.none_back"), t("exports.none_back_why"))
    title = t.many("exports.import_failed_done", returned.returned)
    if not returned.unknown:
        return done(title)
    return Message(
        Weight.WARNING, title, t("exports.unknown_refused", names=", ".join(returned.unknown[:20]))
    )


def _address(administration: str, export_id: str = "") -> str:
    base = f"/accounting/{segment(administration)}/exports"
    return f"{base}/{segment(export_id)}" if export_id else base


def _may_record(export: Export, visit: Visit) -> bool:
    return export.mode == "file" and export.state == "done" and visit.may("synchronise")


def _outcome(export: Export) -> Badge:
    return Badge(OUTCOMES.get(export.state, Tone.CALM), f"exports.outcome_{export.state}", export.message)


def _export_row(export: Export, administration: str, visit: Visit) -> Row:
    t = visit.t
    base = _address(administration, export.id)
    failed = Cell(
        button=t("exports.import_failed"),
        post=f"{base}/import-failed",
        confirm=t("exports.import_failed_confirm"),
    )
    return Row(
        id=export.id,
        cells=(
            Cell(at=export.created_at),
            Cell(t.either(f"exports.kind_{export.kind}", export.kind)),
            Cell(t.either(f"exports.mode_{export.mode}", export.mode)),
            Cell(visit.formats.number(export.lines), note=_counts(export, visit)),
            Cell(badge=_outcome(export)),
            Cell(export.created_by_name),
            Cell(export.file_name, f"{base}/file") if export.sha256 else Cell(),
            Cell(t("exports.open"), base),
            failed if _may_record(export, visit) else Cell(),
        ),
    )


def _counts(export: Export, visit: Visit) -> str:
    """How many are through; of a file that is being written, how many stand in it."""
    if export.mode == "direct":
        return visit.t("exports.counts", synced=export.synced, failed=export.failed)
    if export.moving and export.written:
        return visit.t("exports.written", written=visit.formats.number(export.written))
    return ""


def _entry_row(entry: ExportEntry, visit: Visit) -> Row:
    t = visit.t
    note = (
        t.either(f"accounting.origin_{entry.message_origin}", entry.message_origin) if entry.message else ""
    )
    return Row(
        id=entry.line_id,
        name=entry.name,
        cells=(
            Cell(entry.name),
            Cell(entry.number),
            Cell(t.either(f"accounting.action_{entry.action}", entry.action)),
            Cell(badge=Badge(LINE_OUTCOMES.get(entry.outcome, Tone.CALM), f"exports.entry_{entry.outcome}")),
            Cell(entry.message, note=note),
            Cell(t("accounting.open_relation"), f"/debtors/{segment(entry.debtor_id)}"),
        ),
    )


def told(made: Export | ExportDetail, visit: Visit) -> Message:
    """What is said when an export was started."""
    t = visit.t
    if made.state == "failed":
        why = f"{made.message.rstrip('.')}." if made.message else ""
        text = " ".join(part for part in (why, t("accounting.export_failed_text")) if part)
        return Message(Weight.ERROR, t("accounting.export_failed"), text)
    if made.mode == "file" and made.moving:
        return done(t.many("accounting.being_written", made.lines), t("accounting.being_written_text"))
    if made.moving:
        return done(t.many("accounting.handed_over", made.lines), t("accounting.handed_over_text"))
    return done(t.many("accounting.exported", made.lines), t("accounting.exported_text"))
