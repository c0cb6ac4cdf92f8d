"""Settings > Attachments of the company, e.g. the general terms (FA-65)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from back_office.domain.roles import Action
from back_office.web.components.form import new_once
from back_office.web.components.message import done
from back_office.web.pages import attached
from back_office.web.pages.attached import Outcome, Place
from back_office.web.pages.downloads import streamed
from back_office.web.pages.settings.saving import Shown, above, shown
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
ADDRESS = "/settings/company-attachments"


@router.get(ADDRESS)
async def files(visit: SignedIn) -> Response:
    """The list, with a way to add one."""
    return await _page(visit)


@router.post(ADDRESS)
async def upload(visit: SignedIn) -> Response:
    """Attach a file to the company."""
    outcome = await attached.upload(visit, "")
    if outcome.trouble is not None:
        return await _page(visit, outcome)
    await visit.say(done(visit.t("attachments.added", name=outcome.name)))
    return visit.go(ADDRESS)


@router.get(ADDRESS + "/{attachment_id}/file")
async def download(attachment_id: str, visit: SignedIn) -> Response:
    """The file, always to be saved."""
    return await streamed(visit.clients.attachments.download(attachment_id))


@router.post(ADDRESS + "/{attachment_id}")
async def change(attachment_id: str, visit: SignedIn) -> Response:
    """With which documents it goes along, and what it is called."""
    await attached.change(visit, attachment_id)
    return visit.go(ADDRESS)


@router.post(ADDRESS + "/{attachment_id}/remove")
async def remove(attachment_id: str, visit: SignedIn) -> Response:
    """Take it away."""
    await attached.remove(visit, attachment_id)
    return visit.go(ADDRESS)


async def _page(visit: Visit, outcome: Outcome | None = None) -> Response:
    found = await visit.clients.attachments.of("")
    place = Place(ADDRESS, editable=visit.may(Action.SET_CUSTOMERS))
    about = Shown("company_files", ADDRESS, above(visit, "nav.organisation"), Action.SET_CUSTOMERS)
    failed = outcome is not None and outcome.trouble is not None
    return await shown(
        visit,
        about,
        None,
        status=422 if failed else 200,
        template="pages/company_attachments.html",
        messages=(outcome.trouble,) if outcome and outcome.trouble else (),
        files=attached.rows(found, place, visit),
        place=place,
        documents=attached.documents(visit.t),
        once=new_once(),
    )
