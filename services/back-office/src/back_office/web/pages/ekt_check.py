"""EKT file check: a file from whomever, explained segment by segment; nothing of it is kept."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from back_office.clients.ekts import FileFinding, FileReport
from back_office.clients.transport import ServiceFailure
from back_office.domain.badges import Badge, Tone
from back_office.web.components.message import Message, Weight
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table
from back_office.web.explain import explained
from back_office.web.visit import SignedIn, Visit, posted

router = APIRouter(include_in_schema=False)


@router.get("/ekt-check")
async def page(visit: SignedIn) -> Response:
    """The page."""
    return await _page(visit)


@router.post("/ekt-check")
async def check(visit: SignedIn) -> Response:
    """Have the file explained."""
    t = visit.t
    chosen = (await posted(visit.request)).get("file")
    content = await chosen.read() if isinstance(chosen, UploadFile) else b""
    if not content:
        return await _page(
            visit, Message(Weight.WARNING, t("check.no_file"), t("check.no_file_cure")), status=422
        )
    try:
        report = await visit.clients.ekts.check(content)
    except ServiceFailure as failure:
        return await _page(visit, explained(failure, t), status=502)
    name = (chosen.filename or "") if isinstance(chosen, UploadFile) else ""
    return await _page(visit, _verdict(report, name, visit), _table(report, visit))


async def _page(
    visit: Visit, message: Message | None = None, table: Table | None = None, status: int = 200
) -> Response:
    messages = (message,) if message else ()
    return await visit.page("pages/ekt_check.html", status=status, messages=messages, table=table)


def _verdict(report: FileReport, name: str, visit: Visit) -> Message:
    t = visit.t
    what = t(
        "check.counts",
        lines=report.lines,
        messages=report.messages,
        goods=visit.formats.number(report.goods_total) or "-",
    )
    if report.findings:
        key = "check.usable" if report.acceptable else "check.bad"
        return Message(Weight.WARNING, t(key, name=name), what)
    return Message(Weight.DONE, t("check.good", name=name), what)


def _table(report: FileReport, visit: Visit) -> Table:
    t = visit.t
    ordered = sorted(enumerate(report.findings), key=lambda pair: (pair[1].segment, pair[0]))
    return Table(
        id="findings",
        caption=t("check.findings"),
        path="/ekt-check",
        columns=(
            Column("segment", t("check.segment"), Kind.SHORT),
            Column("severity", t("ekt.state")),
            Column("says", t("check.says"), Kind.MAIN),
            Column("cure", t("check.cure")),
            Column("found", t("check.found")),
        ),
        rows=tuple(_row(finding, index, visit) for index, finding in ordered),
        empty=Empty(t("check.nothing"), t("check.nothing_why")),
        sums=((t("check.left_off"), visit.formats.number(report.left_off)),) if report.left_off else (),
    )


def _row(finding: FileFinding, index: int, visit: Visit) -> Row:
    error = finding.severity == "error"
    badge = Badge(Tone.BAD if error else Tone.WARN, "check.error" if error else "check.warning")
    place = " ".join(part for part in (str(finding.segment or ""), finding.tag) if part)
    within = finding.place.removeprefix(f"segment {finding.segment}, {finding.tag}").lstrip(", ")
    return Row(
        str(index),
        (
            Cell(place or visit.t("check.whole_file"), note=within),
            Cell(badge=badge),
            Cell(finding.says),
            Cell(finding.cure),
            Cell(finding.found),
        ),
    )
