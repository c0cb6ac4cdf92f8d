"""Resend EKT: what it asks for, and the request itself. It changes neither the sale nor any invoice (EF-06)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from fastapi import APIRouter
from klokwerk.access import Person, allow, audit
from klokwerk.http import FieldProblem, Once, Problem
from klokwerk_contracts import new_event_id
from klokwerk_contracts.debtor_changed import DebtorChanged
from klokwerk_contracts.ekt_resend_requested import EktResendRequested, ResendReason
from klokwerk_contracts.types import Identifier, LongText
from pydantic import BaseModel

from sales_service.api.context import Sales
from sales_service.api.sale_views import MissingView
from sales_service.domain.completeness import Missing, missing
from sales_service.entry.body import Body
from sales_service.store import debtors, outcomes, sales
from sales_service.store.outcomes import Asked
from sales_service.store.sales import DayKey, DayRow

router = APIRouter(tags=["sales"])


class ResendBody(Body):
    """Why it is sent again (EF-03), and a note for the log."""

    reason: ResendReason = ResendReason.UNSAID
    note: LongText = ""


class ResendView(BaseModel):
    """The request that was made; the EKT service builds from exactly this revision or a newer one."""

    request_id: str
    sale_revision: int


def requirements(
    card: DebtorChanged | None, row: DayRow | None, gaps: Sequence[Missing]
) -> list[MissingView]:
    """Every requirement of a resend that this service knows of and that is not met (EF-05, EF-63, EF-69..71)."""
    found = []
    if card is None or not card.ekt.use_ekts:
        found.append(
            MissingView(
                rule="EF-63",
                field="ekt.use_ekts",
                message='"Use EKTs" is not ticked for this debtor',
                cure='tick "Use EKTs" under Organisation > Debtors > Configuration',
                link=f"/debtors/{card.debtor_id}/configuration" if card else "",
            )
        )
    found += [MissingView.of(gap) for gap in gaps]
    if not gaps and (row is None or not row.revision):
        found.append(
            MissingView(
                rule="EF-69",
                field="lines",
                message="this distribution was never completed",
                cure="allocate its lines",
            )
        )
    return found


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
        target = (await debtors.hold(connection, [debtor_id])).get(debtor_id, debtor_id)
        key = DayKey(target, day)
        card = await debtors.card(connection, target)
        row = await sales.lock_existing(connection, key)
        if row is not None:
            # The request names a revision, so what waits to be published goes first.
            row = (await sales_.distributions.publish_pending(connection, [row]))[key]
        gaps = missing((await sales.lines(connection, [key]))[key])
        lacking = requirements(card, row, gaps)
        if lacking or row is None:
            raise Problem(
                409,
                "The EKT can't be resent yet",
                f"{len(lacking)} requirement(s) are not met; nothing was sent.",
                errors=[
                    FieldProblem(
                        field=f"lines.{entry.line_id}.{entry.field}" if entry.line_id else entry.field,
                        message=f"{entry.label}: {entry.message}" if entry.label else entry.message,
                        cure=entry.cure,
                        code=entry.rule,
                        link=entry.link,
                    )
                    for entry in lacking
                ],
            )
        now = sales_.clock.now()
        asked = Asked(new_event_id().hex, row.revision, person.name, now, wanted.reason, wanted.note)
        await outcomes.add_request(connection, target, day, asked)
        await sales_.outbox.append(
            connection,
            EktResendRequested(
                administration=sales_.distributions.administration,
                request_id=asked.request_id,
                debtor_id=target,
                order_day=day,
                sale_revision=asked.sale_revision,
                requested_by=person.name[:200],
                requested_at=now,
                reason=wanted.reason,
                note=wanted.note,
            ),
            time=now,
        )
        await audit(
            connection,
            person,
            now,
            "resend requested",
            "sale",
            f"{target}/{day}",
            new={
                "request_id": asked.request_id,
                "sale_revision": asked.sale_revision,
                "reason": wanted.reason,
            },
        )
        view = ResendView(request_id=asked.request_id, sale_revision=asked.sale_revision)
        return await once.keep(connection, view, 202)
