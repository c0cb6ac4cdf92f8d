"""The customer said by phone that an EKT arrived: somebody writes it down (EF-47)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from back_office.clients.ekts import DebtorDay, Ekt
from back_office.clients.transport import ServiceFailure
from back_office.web.components.addresses import segment
from back_office.web.components.message import done
from back_office.web.components.table import Option
from back_office.web.explain import explained
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
CUSTOMER = "customer"
"""Who confirmed, where it was done by the link in the mail."""


def confirmed_words(ekt: Ekt, visit: Visit) -> str:
    """That the customer confirmed, by whom it was written down and when; empty before that."""
    if ekt.confirmed_at is None:
        return ""
    time = visit.formats.instant(ekt.confirmed_at)
    if ekt.confirmed_by == CUSTOMER:
        return visit.t("ekt_confirm.by_customer", time=time)
    words = visit.t("ekt_confirm.by_person", name=ekt.confirmed_by, time=time)
    return f"{words}: {ekt.confirm_note}" if ekt.confirm_note else words


def confirmable(log: DebtorDay, visit: Visit) -> tuple[Option, ...]:
    """The EKTs of a day that a customer can say something about, newest first."""
    built = [ekt for ekt in log.ekts if ekt.file_name and ekt.confirmed_at is None]
    newest_first = sorted(built, key=lambda ekt: ekt.requested_at or visit.now, reverse=True)
    return tuple(
        Option(ekt.id, f"{ekt.file_name} ({visit.formats.instant(ekt.changed_at or visit.now)})")
        for ekt in newest_first
    )


@router.post("/sales/{day}/{debtor_id}/confirmed")
async def confirmed(day: str, debtor_id: str, visit: SignedIn) -> Response:
    """Write it down."""
    form, t = await visit.form(), visit.t
    try:
        await visit.clients.ekts.confirm(
            form.get("ekt", ""), form.get("note", "").strip(), form.get("_once", "")
        )
    except ServiceFailure as failure:
        message = explained(failure, t)
    else:
        message = done(t("ekt_confirm.noted"))
    await visit.say(message)
    return visit.go(f"/sales/{segment(day)}/{segment(debtor_id)}")
