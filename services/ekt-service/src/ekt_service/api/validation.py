"""An EKT file, from whomever, explained: every finding with its place and cure, every segment in words."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from klokwerk.access import SignedIn
from klokwerk.database import Database
from klokwerk.http import Problem
from klokwerk.http.problems import not_found
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from ekt_service.edifact.explain import Explanation, Told, explain
from ekt_service.edifact.findings import Finding
from ekt_service.edifact.validator import Report, validate
from ekt_service.store import ekts

router = APIRouter(tags=["Validation"])

MOST_BYTES = 5 * 1024 * 1024
MOST_FINDINGS = 500
_LONGEST_TEXT = 500
_LONGEST_RAW = 2000

From = Annotated[int, Query(alias="from", ge=1, description="1-based place to tell segments from.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many segments to tell.")]
OnlyFindings = Annotated[bool, Query(description="Only segments that something was found in.")]


class FindingView(BaseModel):
    """One fault.

    Attributes:
        code: stable name of the fault.
        segment, element, component: where it is; 0 for the whole file, the whole segment, the whole element.
        found: what stands there.
        expected: what should stand there, where the rest of the file tells it.
    """

    code: str
    severity: str
    segment: int
    tag: str
    element: int
    component: int
    place: str
    found: str
    expected: str
    says: str
    cure: str


class ReportView(BaseModel):
    """What was found in a file."""

    acceptable: bool
    messages: int
    lines: int
    goods_total: Decimal
    findings: list[FindingView]
    left_off: int


class ValueView(BaseModel):
    """One value of a segment.

    Attributes:
        code: what it is; empty where nothing is known about its place. `label` is the same in English.
        kind: how it is read: text, day, time, moment, number, price, code or country.
        reads: as it is read: a day in ISO form, a time, the name of a code; empty: as it stands.
    """

    code: str
    label: str
    element: int
    component: int
    text: str
    kind: str
    reads: str


class SegmentView(BaseModel):
    """One segment in words.

    Attributes:
        name: tag with qualifier, such as ``NAD+BY``.
        meaning: code of what it stands for; `title` is the same in English.
        part: file, message or line: what it belongs to, `message` and `line` say which (0: none).
        raw: as it stands in the file.
    """

    segment: int
    tag: str
    name: str
    meaning: str
    title: str
    part: str
    message: int
    line: int
    raw: str
    values: list[ValueView]
    findings: list[FindingView]


class ExplanationView(BaseModel):
    """A file told segment by segment, a page of it.

    Attributes:
        total: segments to page through (of the whole file, or those with a finding).
        next: place of the next page; none after the last segment.
        about_file: findings that concern no single segment.
    """

    acceptable: bool
    messages: int
    lines: int
    goods_total: Decimal
    errors: int
    warnings: int
    message_type: str
    message_version: str
    sender: str
    receiver: str
    total: int
    next: int | None
    segments: list[SegmentView]
    about_file: list[FindingView]


@router.post("/validate", summary="Tell what is wrong with an EKT file")
async def validate_file(request: Request, _: SignedIn) -> ReportView:
    """Send the file itself as the body; nothing of it is kept."""
    return view_of(await run_in_threadpool(validate, await _body(request)))


@router.post("/explain", summary="Tell a file segment by segment, with what is wrong beside it")
async def explain_file(
    request: Request, _: SignedIn, first: From = 1, limit: Limit = 200, only_findings: OnlyFindings = False
) -> ExplanationView:
    """Send the file itself as the body; nothing of it is kept, so send it again for the next page."""
    return await _explained(await _body(request), first, limit, only_findings=only_findings)


@router.get("/ekts/{ekt_id}/explain", summary="Tell a kept EKT file segment by segment")
async def explain_kept(
    request: Request,
    _: SignedIn,
    ekt_id: UUID,
    number: Annotated[int, Query(ge=1)] = 1,
    first: From = 1,
    limit: Limit = 200,
    only_findings: OnlyFindings = False,
) -> ExplanationView:
    """As for a file that is handed in."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        files = await ekts.files(connection, ekt_id)
    if number > len(files):
        raise not_found("file of EKT", f"{ekt_id} with number {number}")
    return await _explained(files[number - 1].content, first, limit, only_findings=only_findings)


async def _body(request: Request) -> bytes:
    data = await request.body()
    if len(data) > MOST_BYTES:
        raise Problem(413, "The file is too large", f"An EKT of at most {MOST_BYTES} bytes is taken.")
    return data


async def _explained(data: bytes, first: int, limit: int, *, only_findings: bool) -> ExplanationView:
    told = await run_in_threadpool(explain, data, first, limit, only_findings=only_findings)
    return explanation_of(told, first, limit)


def view_of(report: Report, most: int = MOST_FINDINGS) -> ReportView:
    """Show a report, at most `most` findings of it."""
    return ReportView(
        acceptable=report.acceptable,
        messages=report.messages,
        lines=report.lines,
        goods_total=report.goods,
        findings=[_finding(found) for found in report.findings[:most]],
        left_off=max(0, len(report.findings) - most) + report.left_off,
    )


def explanation_of(told: Explanation, first: int, limit: int) -> ExplanationView:
    """Show a page of an explanation."""
    report = told.report
    errors = len(report.errors) + report.errors_left_off
    after = first + limit
    return ExplanationView(
        acceptable=report.acceptable,
        messages=report.messages,
        lines=report.lines,
        goods_total=report.goods,
        errors=errors,
        warnings=len(report.findings) + report.left_off - errors,
        message_type=told.message_type,
        message_version=told.message_version,
        sender=told.sender,
        receiver=told.receiver,
        total=told.total,
        next=after if after <= told.total else None,
        segments=[_segment(segment) for segment in told.segments],
        about_file=[_finding(found) for found in told.about_file[:MOST_FINDINGS]],
    )


def _segment(told: Told) -> SegmentView:
    return SegmentView(
        segment=told.number,
        tag=told.tag[:40],
        name=told.name[:40],
        meaning=told.meaning,
        title=told.title,
        part=told.part.value,
        message=told.message,
        line=told.line,
        raw=told.raw[:_LONGEST_RAW],
        values=[
            ValueView(
                code=value.code,
                label=value.label,
                element=value.element,
                component=value.component,
                text=value.text[:_LONGEST_TEXT],
                kind=value.kind.value,
                reads=value.reads,
            )
            for value in told.values
        ],
        findings=[_finding(found) for found in told.findings[:MOST_FINDINGS]],
    )


def _finding(found: Finding) -> FindingView:
    return FindingView(
        code=found.fault.value,
        severity=found.severity.value,
        segment=found.segment,
        tag=found.tag[:40],
        element=found.element,
        component=found.component,
        place=found.place[:200],
        found=found.found[:200],
        expected=found.expected[:200],
        says=found.says,
        cure=found.cure,
    )
