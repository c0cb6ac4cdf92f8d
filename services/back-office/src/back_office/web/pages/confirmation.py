"""The page behind the link in a mail: the customer says that the EKT arrived, without signing in (EF-47)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from back_office.clients.confirmations import Confirmation
from back_office.clients.transport import NotFound, ServiceFailure
from back_office.web.explain import explained
from back_office.web.office import Office
from back_office.web.visit import Visit

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]
NO_SUCH, AWAY = 404, 502


async def passer_by(request: Request) -> Visit:
    """A visit of somebody who holds a link; the link itself is what allows the form, so it carries no token."""
    office: Office = request.app.state.office
    return Visit(request, office, None)


Passer = Annotated[Visit, Depends(passer_by)]


@router.get("/confirm/{token}")
async def look(token: Token, visit: Passer) -> Response:
    """Shows what can be confirmed. Programs that look into mails open every address, so this changes nothing."""
    return await _answer(token, visit, confirm=False)


@router.post("/confirm/{token}")
async def confirm(token: Token, visit: Passer) -> Response:
    """Confirms it; doing it again changes nothing."""
    return await _answer(token, visit, confirm=True)


async def _answer(token: str, visit: Visit, *, confirm: bool) -> Response:
    client = visit.office.services.confirmations(visit.correlation, visit.wording)
    try:
        found = await (client.confirm(token) if confirm else client.look(token))
    except NotFound:
        return await _page(visit, None, status=NO_SUCH)
    except ServiceFailure as failure:
        message = explained(failure, visit.t)
        return await _page(visit, None, status=AWAY, trouble=message, token=token)
    return await _page(visit, found, just_now=confirm, token=token)


async def _page(visit: Visit, found: Confirmation | None, *, status: int = 200, **more: object) -> Response:
    about = {"found": found, "token": "", "trouble": None, "just_now": False} | more
    response = await visit.page("pages/confirm.html", status=status, **about)
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
