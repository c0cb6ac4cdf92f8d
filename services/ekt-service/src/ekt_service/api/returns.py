"""How EKTs can leave this installation and what comes back: for the settings page and for whoever looks after it."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from klokwerk.access import Person, SignedIn, allow
from klokwerk.database import Database
from klokwerk.http.problems import not_found
from pydantic import BaseModel

from ekt_service.domain.debtor import Way
from ekt_service.sending import Sending
from ekt_service.settings import EktSettings
from ekt_service.store import return_mails

router = APIRouter(tags=["Returns"])
_COUNTED = timedelta(days=30)


class ReturnsView(BaseModel):
    """The return mailbox.

    Attributes:
        address: where bounces go to; empty where mails carry no return address of their own.
        mailbox_read: a mailbox is configured, so bounces are noticed.
        read_at: when it was last read with success.
        trouble: why it can't be read at present, since `trouble_since`.
        counts: mails of the last 30 days by what they meant.
    """

    address: str
    mailbox_read: bool
    read_at: datetime | None
    trouble: str
    trouble_since: datetime | None
    counts: dict[str, int]


class SurroundingsView(BaseModel):
    """What this installation can do.

    Attributes:
        ways: whether each way of sending is possible here.
        confirmation_link_possible: it is known at which address customers reach the back office.
    """

    ways: dict[Way, bool]
    confirmation_link_possible: bool
    returns: ReturnsView


class AsideView(BaseModel):
    """A mail that told nothing, or was made up by somebody.

    Attributes:
        kept: the mail itself is there, at ``/v1/returns/aside/{sha256}``.
    """

    sha256: str
    read_at: datetime
    meaning: str
    words: str
    kept: bool


@router.get("/surroundings", summary="What this installation can do, and how its return mailbox is read")
async def read_surroundings(request: Request, _: SignedIn) -> SurroundingsView:
    """For the settings page."""
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    settings: EktSettings = request.app.state.ekt_settings
    async with database.connect() as connection:
        state = await return_mails.mailbox(connection)
        counts = await return_mails.counts(connection, sending.clock.now() - _COUNTED)
    possible = {Way.EMAIL: sending.abilities.email, Way.FOLDER: sending.abilities.folder}
    return SurroundingsView(
        ways={way: possible.get(way, True) for way in Way},
        confirmation_link_possible=request.app.state.links is not None,
        returns=ReturnsView(
            address=settings.bounce_address,
            mailbox_read=settings.mailbox() is not None,
            read_at=state.read_at,
            trouble=state.trouble,
            trouble_since=state.trouble_since,
            counts=counts,
        ),
    )


@router.get("/returns/aside", summary="Mails of the return mailbox that told nothing")
async def list_aside(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    _: Person = allow("ops"),
) -> list[AsideView]:
    """Newest first; they are forgotten after 90 days."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        return [
            AsideView(
                sha256=mail.sha256,
                read_at=mail.read_at,
                meaning=mail.meaning,
                words=mail.words,
                kept=mail.kept,
            )
            for mail in await return_mails.aside(connection, limit)
        ]


@router.get("/returns/aside/{sha256}", summary="One such mail as it came", response_class=Response)
async def read_aside(request: Request, sha256: str, _: Person = allow("ops")) -> Response:
    """Always saved, never shown: mails come from anywhere."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        content = await return_mails.content(connection, sha256)
    if content is None:
        raise not_found("mail put aside", sha256)
    headers = {
        "Content-Disposition": f'attachment; filename="{sha256[:12]}.eml"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type="message/rfc822", headers=headers)
