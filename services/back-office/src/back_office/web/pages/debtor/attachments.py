"""Attachments of a card: upload, download, with which documents they go along, remove (FA-63, D-19)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from back_office.web.components.form import new_once
from back_office.web.components.message import done
from back_office.web.pages import attached
from back_office.web.pages.attached import Place
from back_office.web.pages.debtor.frame import address_of, may_edit, shown
from back_office.web.pages.downloads import streamed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
PATH = "/debtors/{debtor_id}/attachments"


@router.get(PATH)
async def files(debtor_id: str, visit: SignedIn) -> Response:
    """The list, with a way to add one."""
    return await _page(visit, debtor_id)


@router.post(PATH)
async def upload(debtor_id: str, visit: SignedIn) -> Response:
    """Attach a file."""
    outcome = await attached.upload(visit, debtor_id)
    if outcome.trouble is not None:
        return await _page(visit, debtor_id, outcome)
    await visit.say(done(visit.t("attachments.added", name=outcome.name)))
    return visit.go(await _address(visit, debtor_id))


@router.get(PATH + "/{attachment_id}/file")
async def download(debtor_id: str, attachment_id: str, visit: SignedIn) -> Response:  # noqa: ARG001
    """The file, always to be saved."""
    return await streamed(visit.clients.attachments.download(attachment_id))


@router.post(PATH + "/{attachment_id}")
async def change(debtor_id: str, attachment_id: str, visit: SignedIn) -> Response:
    """With which documents it goes along, and what it is called."""
    await attached.change(visit, attachment_id)
    return visit.go(await _address(visit, debtor_id))


@router.post(PATH + "/{attachment_id}/remove")
async def remove(debtor_id: str, attachment_id: str, visit: SignedIn) -> Response:
    """Take it away."""
    await attached.remove(visit, attachment_id)
    return visit.go(await _address(visit, debtor_id))


async def _address(visit: Visit, debtor_id: str) -> str:
    return address_of((await visit.clients.debtors.card(debtor_id)).value, "attachments")


async def _page(visit: Visit, debtor_id: str, outcome: attached.Outcome | None = None) -> Response:
    card = (await visit.clients.debtors.card(debtor_id)).value
    found = await visit.clients.attachments.of(debtor_id)
    place = Place(address_of(card, "attachments"), editable=may_edit(card, visit))
    status, messages = (422, (outcome.trouble,)) if outcome and outcome.trouble else (200, ())
    return await shown(
        visit,
        card,
        "attachments",
        "pages/debtor_attachments.html",
        status=status,
        messages=messages,
        files=attached.rows(found, place, visit),
        place=place,
        documents=attached.documents(visit.t),
        once=new_once(),
    )
