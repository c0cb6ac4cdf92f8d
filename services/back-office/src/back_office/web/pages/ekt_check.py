"""Explain an EKT file: one from whomever is dropped and told segment by segment; nothing of it is kept.

The browser keeps the file and hands it in again for each page of it.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from starlette.datastructures import FormData, UploadFile

from back_office.clients.transport import Refused, ServiceFailure
from back_office.web.components import told
from back_office.web.components.message import Message, Weight
from back_office.web.explain import explained
from back_office.web.visit import SignedIn, Visit, posted

router = APIRouter(include_in_schema=False)

MOST_BYTES = 5 * 1024 * 1024
TOO_LARGE = 413
PART = "explained"


@router.get("/ekt-check")
async def page(visit: SignedIn) -> Response:
    """The page."""
    return await visit.page("pages/ekt_check.html", verdict=None, page=None, shown=told.ALL)


@router.post("/ekt-check")
async def check(visit: SignedIn) -> Response:
    """Have the file explained."""
    form = await posted(visit.request)
    name, content = await _file(form)
    shown = told.ONLY_FINDINGS if form.get("shown") == told.ONLY_FINDINGS else told.ALL
    first = place_of(form.get("from"))
    t = visit.t
    if not content:
        trouble = Message(Weight.WARNING, t("check.no_file"), t("check.no_file_cure"))
        return await _answer(visit, 422, verdict=trouble, page=None, shown=shown)
    if len(content) > MOST_BYTES:
        trouble = Message(Weight.WARNING, t("check.too_large"), t("check.too_large_cure"))
        return await _answer(visit, TOO_LARGE, verdict=trouble, page=None, shown=shown)
    try:
        file = await visit.clients.ekts.explain(
            content, first=first, limit=told.PER_PAGE, only_findings=shown == told.ONLY_FINDINGS
        )
    except ServiceFailure as failure:
        status = failure.status if isinstance(failure, Refused) else 502
        return await _answer(visit, status, verdict=explained(failure, t), page=None, shown=shown)
    return await _answer(
        visit,
        200,
        verdict=told.verdict(file, name, t, visit.formats),
        page=told.told(file, t, visit.formats, first=first, shown=shown),
        shown=shown,
    )


async def _file(form: FormData) -> tuple[str, bytes]:
    chosen = form.get("file")
    if not isinstance(chosen, UploadFile):
        return "", b""
    return chosen.filename or "", await chosen.read()


async def _answer(visit: Visit, status: int, **context: Any) -> Response:
    """The whole page, or where scripts run the part that follows from the file; those show no refused answers."""
    if visit.query.get("part") == PART:
        return visit.part("components/explained.html", **context)
    return await visit.page("pages/ekt_check.html", status=status, **context)


def place_of(text: object) -> int:
    """Place of a segment as an address or a form gives it; the first where it gives none."""
    return max(1, int(text)) if isinstance(text, str) and text.isascii() and text.isdigit() else 1
