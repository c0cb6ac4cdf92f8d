"""Finance > Accounting: fetch, change status, open the relation, export (EP-19..EP-53)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.accounting import Administration, Changed, LineChange, SyncLine
from back_office.clients.transport import ServiceFailure, ServiceName
from back_office.domain.badges import Badge, Tone
from back_office.web import lists
from back_office.web.components.addresses import segment
from back_office.web.components.message import Item, Link, Message, Weight, done
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
from back_office.web.pages.accounting_history import told
from back_office.web.pages.accounting_tabs import KINDS, tabs
from back_office.web.pages.downloads import streamed
from back_office.web.pages.jobs import job_address
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ACTIONS = ("Insert", "Update", "Ignore")
TONES = {"Insert": Tone.BUSY, "Update": Tone.CALM, "Ignore": Tone.WARN}
MOST_CHANGES = 6
"""Changed values shown of a line; the relation's own page has them all."""


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


@router.get("/accounting/{administration}/{kind}")
async def lines(administration: str, kind: str, visit: SignedIn) -> Response:
    """The lines that wait, with all the data that will be sent (EP-31)."""
    t = visit.t
    if kind not in KINDS:
        return visit.go(f"/accounting/{segment(administration)}/debtors")
    query = reads(visit.query, ("q", "action", "with_message", "never_synced"))
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
            Column("changes", t("accounting.changes")),
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
            Filter(
                "never_synced",
                t("accounting.filter_synced"),
                (
                    Option("true", t("accounting.never_synced")),
                    Option("false", t("accounting.synced_before")),
                ),
            ),
        ),
        actions=_actions(base, kind, visit),
        next=page.next,
        keeps_filters=True,
    )
    return await lists.answer(
        visit,
        table,
        title=t(f"accounting.title_{kind}"),
        lead=_lead(administrations, administration, visit),
        template="pages/accounting.html",
        tabs=tabs(administration, visit),
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
        if fetched.job:
            return visit.go(job_address(ServiceName.ACCOUNTING, fetched.job.rsplit("/", 1)[-1]))
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
            message = _status_answer(changed, visit)
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
        message = told(made, visit)
    return await _back(administration, kind, message, visit)


@router.post("/accounting/{administration}/{kind}/trial")
async def trial(administration: str, kind: str, visit: SignedIn) -> Response:
    """A trial export, for support when exporting fails (EP-69)."""
    source = visit.clients.accounting.trial(administration, kind)
    return await streamed(source, f"trial-{administration}-{kind}.zip")


def _status_answer(changed: Changed, visit: Visit) -> Message:
    """How many lines were changed; of each that was not, why."""
    title = visit.t.many("accounting.changed", changed.changed)
    if not changed.skipped:
        return done(title)
    words = [f"{line.name}: {line.reason}" if line.name else line.reason for line in changed.skipped]
    return Message(Weight.WARNING, title, items=tuple(Item(text) for text in words))


async def _back(administration: str, kind: str, message: Message, visit: Visit) -> Response:
    await visit.say(message)
    chosen = kind if kind in KINDS else KINDS[0]
    return visit.go(f"/accounting/{segment(administration)}/{chosen}")


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
            t("accounting.change_to", action=t(f"accounting.action_{action}")),
            t("accounting.change_to", action=t(f"accounting.action_{action}")),
            value=action,
        )
        for action in ACTIONS
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
            Cell(_changes(line.changes, visit)),
            Cell(data_words({k: v for k, v in line.data.items() if v not in (line.number, line.name)})),
            Cell(t("accounting.open_relation"), f"/debtors/{segment(line.debtor_id)}"),
        ),
    )


def _changes(changes: Sequence[LineChange], visit: Visit) -> str:
    """What accounting was told before and what it will be told, value by value."""
    t = visit.t
    nothing = t("accounting.nothing")
    words = [
        f"{field_words(change.field, visit)}: {change.before or nothing} → {change.after or nothing}"
        for change in changes[:MOST_CHANGES]
    ]
    more = len(changes) - MOST_CHANGES
    return "; ".join((*words, *((t("accounting.more_changes", count=more),) if more > 0 else ())))


def field_words(path: str, visit: Visit) -> str:
    """Words for a field of a relation, such as ``addresses.invoice.city``."""
    parts = [part for part in path.split(".") if part not in ("addresses", "bank_accounts")]
    return " ".join(visit.t.either(f"accounting.field.{part}", part) for part in parts)


def data_words(data: Any) -> str:
    """The values that will be sent, in one line."""
    if isinstance(data, dict):
        return " · ".join(part for part in map(data_words, data.values()) if part)
    if isinstance(data, list | tuple):
        return " · ".join(part for part in map(data_words, data) if part)
    return "" if data is None or isinstance(data, bool) else str(data)
