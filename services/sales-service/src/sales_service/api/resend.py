"""Resend EKT of one debtor and day: one click, or everything that is missing at once."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from klokwerk.access import Person, allow
from klokwerk.http import FieldProblem, Once, Problem
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.types import Email, Identifier, LongText
from pydantic import BaseModel, Field

from sales_service.api.context import Sales, gap_problem
from sales_service.entry.body import Body
from sales_service.resending import Wish

router = APIRouter(tags=["resends"])


class ResendBody(Body):
    """Why it is sent again (EF-03), and a note for the log.

    Attributes:
        recipients: addresses of this one sending instead of the customer's own, where the EKT settings allow it
            (EF-56).
    """

    reason: ResendReason = ResendReason.UNSAID
    note: LongText = ""
    recipients: Annotated[tuple[Email, ...], Field(max_length=10)] = ()


class ResendView(BaseModel):
    """The request that was made; the EKT service builds from exactly this revision or a newer one."""

    request_id: str
    sale_revision: int


@router.post("/days/{day}/debtors/{debtor_id}/resend", status_code=202, response_model=ResendView)
async def resend(
    day: date,
    debtor_id: Identifier,
    sales_: Sales,
    once: Once,
    body: ResendBody | None = None,
    person: Person = allow("sales", "ops"),
) -> Any:
    """Ask for a new EKT from the distribution as it stands now (EF-45, D-22)."""
    wanted = body or ResendBody()
    async with sales_.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        (checked,) = await sales_.resending.check(connection, day, [debtor_id], ask=True)
        if not checked.can:
            errors: list[FieldProblem] = [gap_problem(gap) for gap in checked.missing]
            raise Problem(
                409,
                "The EKT can't be resent yet",
                f"{len(errors)} requirement(s) are not met; nothing was sent.",
                errors=errors,
            )
        wish = Wish(wanted.reason, wanted.note, wanted.recipients)
        (asked,) = (await sales_.resending.ask(connection, [checked], wish, person)).values()
        view = ResendView(request_id=asked.request_id, sale_revision=asked.sale_revision)
        return await once.keep(connection, view, 202)
