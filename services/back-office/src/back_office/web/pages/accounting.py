"""Finance > Accounting: fetch, see what will be sent, make a trial export; `accounting_bulk` acts on lines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Response

from back_office.clients.accounting import Administration, Counted, SyncLine
from back_office.clients.shapes import Page
from back_office.clients.transport import ServiceFailure, ServiceName
from back_office.web import lists
from back_office.web.components.addresses import segment, with_query
from back_office.web.components.message import Link, Message, done
from back_office.web.components.table import Empty, Matching, Table, reads
from back_office.web.explain import explained, tried
from back_office.web.pages import accounting_bulk, accounting_lines
from back_office.web.pages.accounting_lines import FILTERS
from back_office.web.pages.accounting_tabs import KINDS, tabs
from back_office.web.pages.downloads import streamed
from back_office.web.pages.jobs import job_address
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
PAGE_SIZE = "200"


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
    query = reads(visit.query, FILTERS)
    base = f"/accounting/{segment(administration)}/{kind}"
    administrations = await visit.clients.accounting.administrations()
    page, counted = await _page(administration, kind, query, visit)
    table = Table(
        id="lines",
        caption=t(f"accounting.caption_{kind}"),
        path=base,
        columns=accounting_lines.columns(visit),
        rows=tuple(accounting_lines.row(line, visit) for line in page.items),
        empty=Empty(t(f"accounting.empty_{kind}"), t("accounting.empty_why")),
        query=query,
        search_label=t("accounting.search"),
        filters=accounting_lines.filters(visit),
        actions=accounting_bulk.actions(base, kind, counted, filtered=bool(query), visit=visit),
        next=page.next,
        keeps_filters=True,
        matching=Matching(
            count=counted.count if counted else None,
            told=counted.exportable if counted else None,
            count_later="" if counted else with_query(base, query, part="bulk"),
        ),
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


async def _page(
    administration: str, kind: str, query: dict[str, str], visit: Visit
) -> tuple[Page[SyncLine], Counted | None]:
    """The lines, and how many the filter means.

    Those are counted for a whole page only: while somebody types, the service is asked for them a moment later
    (`Matching.count_later`).
    """
    service, part = visit.clients.accounting, visit.query.get("part", "")
    if part == "bulk":
        return Page[SyncLine](), await service.count(administration, kind, query)
    lines = service.lines(administration, kind, **query, cursor=lists.cursor_of(visit), limit=PAGE_SIZE)
    if part:
        return await lines, None
    page, counted = await asyncio.gather(lines, tried(service.count(administration, kind, query), visit.t))
    return page, counted.value


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
            back = f"/accounting/{segment(administration)}/{kind}"
            return visit.go(job_address(ServiceName.ACCOUNTING, fetched.job.rsplit("/", 1)[-1], back))
        message = done(visit.t.many("accounting.fetched", fetched.total))
    return await _back(administration, kind, message, visit)


@router.post("/accounting/{administration}/{kind}/trial")
async def trial(administration: str, kind: str, visit: SignedIn) -> Response:
    """A trial export, for support when exporting fails (EP-69)."""
    source = visit.clients.accounting.trial(administration, kind)
    return await streamed(source, f"trial-{administration}-{kind}.zip")


async def _back(administration: str, kind: str, message: Message, visit: Visit) -> Response:
    await visit.say(message)
    chosen = kind if kind in KINDS else KINDS[0]
    return visit.go(f"/accounting/{segment(administration)}/{chosen}")


def _lead(administrations: Sequence[Administration], code: str, visit: Visit) -> str:
    mode = next((one.mode for one in administrations if one.code == code), "file")
    return visit.t("accounting.lead_direct" if mode == "direct" else "accounting.lead_file")
