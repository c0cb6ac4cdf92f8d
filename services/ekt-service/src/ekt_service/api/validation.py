"""An EKT file, from whomever, explained: every finding with its place and cure."""

from decimal import Decimal

from fastapi import APIRouter, Request
from klokwerk.access import SignedIn
from klokwerk.http import Problem
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from ekt_service.edifact.findings import Finding
from ekt_service.edifact.validator import Report, validate

router = APIRouter(tags=["Validation"])

MOST_BYTES = 5 * 1024 * 1024


class FindingView(BaseModel):
    """One fault."""

    code: str
    severity: str
    segment: int
    tag: str
    element: int
    component: int
    place: str
    found: str
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


@router.post("/validate", summary="Explain what is wrong with an EKT file")
async def validate_file(request: Request, _: SignedIn) -> ReportView:
    """Send the file itself as the body; nothing of it is kept."""
    data = await request.body()
    if len(data) > MOST_BYTES:
        raise Problem(413, "The file is too large", f"An EKT of at most {MOST_BYTES} bytes is taken.")
    return view_of(await run_in_threadpool(validate, data))


def view_of(report: Report, most: int = 500) -> ReportView:
    """Show a report, at most `most` findings of it."""
    return ReportView(
        acceptable=report.acceptable,
        messages=report.messages,
        lines=report.lines,
        goods_total=report.goods,
        findings=[_of(finding) for finding in report.findings[:most]],
        left_off=max(0, len(report.findings) - most),
    )


def _of(finding: Finding) -> FindingView:
    return FindingView(
        code=finding.fault.value,
        severity=finding.severity.value,
        segment=finding.segment,
        tag=finding.tag,
        element=finding.element,
        component=finding.component,
        place=finding.place,
        found=finding.found[:200],
        says=finding.says,
        cure=finding.cure,
    )
