"""Confirmation links: whoever has one may see which EKT it is for, and say that it arrived (EF-47).

These routes ask for no sign-in: the link, which only we can make, is the right to use it. The back office shows
the page; a link is confirmed by a button, because programs that look for danger in mails open every address.
"""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from klokwerk.access import Person, audit
from klokwerk.database import Database
from klokwerk.http import Problem
from pydantic import BaseModel

from ekt_service import confirming
from ekt_service.domain.confirmation import CUSTOMER, ConfirmationLinks, LinkUnusableError
from ekt_service.domain.ekt import Ekt
from ekt_service.sending import Sending
from ekt_service.store import ekts, module

router = APIRouter(prefix="/confirmations", tags=["Confirmations"])
Token = Annotated[str, Path(max_length=200)]
_BY_LINK = "By the link in the mail."
_CUSTOMER = Person(CUSTOMER, CUSTOMER, frozenset())


class ConfirmationView(BaseModel):
    """As little as the customer needs to know which EKT it is.

    Attributes:
        by_customer: it was confirmed by the link, not by somebody of ours.
    """

    sender_name: str
    order_day: date
    file_name: str
    confirmed_at: datetime | None
    by_customer: bool


@router.get("/{token}", summary="Which EKT a link is for; nothing changes by looking")
async def read_confirmation(request: Request, token: Token) -> ConfirmationView:
    """The EKT of a link."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        links, sending = _parts(request)
        try:
            ekt = await ekts.get(connection, links.read(token, sending.clock.now()))
        except LinkUnusableError as problem:
            raise _unusable(str(problem)) from None
        sender = (await module.get(connection)).settings.sender_name
    return _view(ekt, sender)


@router.post("/{token}", summary="The customer confirms that the EKT arrived; a second time changes nothing")
async def confirm_by_link(request: Request, token: Token) -> ConfirmationView:
    """Confirm it."""
    database: Database = request.app.state.database
    links, sending = _parts(request)
    now = sending.clock.now()
    async with database.transaction() as connection:
        try:
            ekt_id = links.read(token, now)
        except LinkUnusableError as problem:
            raise _unusable(str(problem)) from None
        before = await ekts.get(connection, ekt_id)
        ekt = await confirming.confirm(connection, sending, ekt_id, CUSTOMER, _BY_LINK, again=False)
        if before is not None and before.confirmed_at is None:
            await audit(connection, _CUSTOMER, now, "confirmed", "ekt", str(ekt_id), new={"note": _BY_LINK})
        sender = (await module.get(connection)).settings.sender_name
    return _view(ekt, sender)


def _parts(request: Request) -> tuple[ConfirmationLinks, Sending]:
    links: ConfirmationLinks | None = request.app.state.links
    if links is None:
        raise _unusable("Confirmation links are not in use here.")
    return links, request.app.state.sending


def _view(ekt: Ekt | None, sender_name: str) -> ConfirmationView:
    if ekt is None:
        raise _unusable("This link is of an EKT that is not there any more.")
    return ConfirmationView(
        sender_name=sender_name,
        order_day=ekt.sale.order_day,
        file_name=ekt.file_name,
        confirmed_at=ekt.confirmed_at,
        by_customer=ekt.confirmed_by == CUSTOMER,
    )


def _unusable(detail: str) -> Problem:
    return Problem(404, "This link can't be used", detail)
