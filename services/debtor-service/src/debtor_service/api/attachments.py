"""Attachments of a card and of the company: upload, list, download, flags, removal (FA-63, FA-65, D-19)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, StreamingResponse
from klokwerk.access import Person, SignedIn, allow
from klokwerk.database import Database
from klokwerk.http import Expected, FieldProblem, Once, Page, Problem, check_revision, etag
from klokwerk.http.problems import not_found
from klokwerk_contracts.debtor_changed import CardState, DocumentKind
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.bodies import STRICT
from debtor_service.api.cards import DebtorId, Editor
from debtor_service.api.refusals import anonymised_card, merged_card
from debtor_service.attaching import AttachedAlready, Attaching, NewFile, NoRoom
from debtor_service.domain.attachments import StoredAttachment, UnwantedFile
from debtor_service.domain.card import Card
from debtor_service.scanning import Infected, ScannerAway
from debtor_service.store import attachments, cards

router = APIRouter(tags=["attachments"])

CompanyEditor = Annotated[Person, allow("ops", "finance")]
AttachmentId = Annotated[Identifier, Path()]
FileName = Annotated[str, Query(min_length=1, max_length=255, description="As people know the file.")]
Documents = Annotated[
    list[DocumentKind] | None, Query(description="Kinds of document it goes along with; none: it stays here.")
]


class AttachmentPatch(BaseModel):
    """What changes of an attachment; what is absent stays."""

    model_config: ClassVar[ConfigDict] = STRICT

    name: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    documents: Annotated[tuple[DocumentKind, ...], Field(max_length=20)] | None = None


@router.get("/debtors/{debtor_id}/attachments")
async def of_card(debtor_id: DebtorId, request: Request, _: SignedIn) -> Page[dict[str, Any]]:
    """The attachments of a card, oldest first; those of a merged card stay readable on it (FA-62)."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        if await cards.get(connection, debtor_id) is None:
            raise not_found("card", debtor_id)
        return Page(items=[_plain(each) for each in await attachments.of_card(connection, debtor_id)])


@router.post("/debtors/{debtor_id}/attachments", status_code=201)
async def attach(
    debtor_id: DebtorId,
    request: Request,
    person: Editor,
    once: Once,
    name: FileName,
    documents: Documents = None,
) -> JSONResponse:
    """Attach a file, the body of the request, to a card. What it is, is found in its bytes."""
    database, _triggers, _settings = services(request)
    file = await _looked_at(request, database, debtor_id, name, person)
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        card = await _open_card(connection, debtor_id)
        stored = await _stored(_attaching(request), connection, card, file, documents or [], person)
        return await once.keep(connection, _plain(stored), headers=_headers(stored))


@router.get("/company-attachments")
async def of_company(
    request: Request, _: SignedIn, document: DocumentKind | None = None
) -> Page[dict[str, Any]]:
    """The attachments of the company itself, e.g. its terms; those for one kind of document, if asked."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        found = await attachments.of_company(connection)
    return Page(items=[_plain(each) for each in found if document is None or document in each.documents])


@router.post("/company-attachments", status_code=201)
async def attach_to_company(
    request: Request, person: CompanyEditor, once: Once, name: FileName, documents: Documents = None
) -> JSONResponse:
    """Attach a file to the company (FA-65)."""
    database, _triggers, _settings = services(request)
    file = await _looked_at(request, database, None, name, person)
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        await attachments.lock_company(connection)
        stored = await _stored(_attaching(request), connection, None, file, documents or [], person)
        return await once.keep(connection, _plain(stored), headers=_headers(stored))


@router.get("/attachments/{attachment_id}")
async def download(attachment_id: AttachmentId, request: Request, _: SignedIn) -> StreamingResponse:
    """The bytes, always as a file to keep, never as a page to show."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        found = await attachments.get(connection, attachment_id)
    if found is None:
        raise not_found("attachment", attachment_id)
    return StreamingResponse(
        _bytes(database, found),
        media_type=found.media_type,
        headers={
            "Content-Disposition": _disposition(found.name),
            "Content-Length": str(found.size),
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
            "ETag": etag(found.revision),
        },
    )


@router.patch("/attachments/{attachment_id}")
async def change(
    attachment_id: AttachmentId,
    body: AttachmentPatch,
    request: Request,
    expected: Expected,
    person: Editor,
) -> JSONResponse:
    """Change the name, or with which kinds of document it goes along (D-19)."""
    database, _triggers, _settings = services(request)
    async with database.transaction() as connection:
        card, old = await _locked(connection, attachment_id, expected, person)
        new = await _attaching(request).change(connection, card, old, body.name, body.documents, person)
    return JSONResponse(_plain(new), headers=_headers(new))


@router.delete("/attachments/{attachment_id}", status_code=204)
async def remove(
    attachment_id: AttachmentId, request: Request, expected: Expected, person: Editor
) -> Response:
    """Take it away. That it was there stays in the history; its bytes go, unless another card has them too."""
    database, _triggers, _settings = services(request)
    async with database.transaction() as connection:
        card, old = await _locked(connection, attachment_id, expected, person)
        await _attaching(request).remove(connection, card, old, person)
    return Response(status_code=204)


def _attaching(request: Request) -> Attaching:
    attaching: Attaching = request.app.state.attaching
    return attaching


async def _looked_at(
    request: Request, database: Database, debtor_id: str | None, name: str, person: Person
) -> NewFile:
    attaching = _attaching(request)
    try:
        return await attaching.looked_at(name, await request.body())
    except UnwantedFile as error:
        raise _refused(name, str(error), error.cure) from None
    except Infected as error:
        async with database.transaction() as connection:
            await attaching.note_infected(connection, debtor_id, name, error, person)
        cure = "Do not open it. Ask the sender for another one, and tell your administrator."
        raise _refused(name, str(error), cure) from None
    except ScannerAway:
        raise Problem(
            503,
            "The virus scanner does not answer",
            "Nothing was stored, since the file could not be looked at. Try again in a few minutes.",
            headers={"Retry-After": "60"},
        ) from None


def _refused(name: str, message: str, cure: str) -> Problem:
    return Problem(
        422,
        "The file can't be attached",
        f"{name[:120]!r}: {message}. {cure}",
        errors=[FieldProblem(field="file", message=message, cure=cure)],
    )


async def _stored(
    attaching: Attaching,
    connection: AsyncConnection,
    card: Card | None,
    file: NewFile,
    documents: list[DocumentKind],
    person: Person,
) -> StoredAttachment:
    try:
        stored, _card = await attaching.attach(connection, card, file, documents, person)
    except AttachedAlready as error:
        message = f"{str(error)[0].upper()}{str(error)[1:]}"
        raise Problem(
            409,
            "The file is attached already",
            f"{message}.",
            errors=[FieldProblem(field="file", message=str(error), cure="Nothing needs to be done.")],
        ) from None
    except NoRoom as error:
        cure = "Remove what is not needed any more."
        raise Problem(
            409,
            "There is no room for the file",
            f"{error} {cure}",
            errors=[FieldProblem(field="file", message=str(error), cure=cure)],
        ) from None
    return stored


async def _open_card(connection: AsyncConnection, debtor_id: str) -> Card:
    """The card, locked, if files may be attached to it."""
    card = (await cards.lock(connection, [debtor_id])).get(debtor_id)
    if card is None:
        raise not_found("card", debtor_id)
    if card.state is CardState.MERGED:
        raise merged_card(card)
    if card.state is CardState.ANONYMISED:
        raise anonymised_card()
    return card


async def _locked(
    connection: AsyncConnection, attachment_id: str, expected: int, person: Person
) -> tuple[Card | None, StoredAttachment]:
    """The attachment and its card, both locked, the card first as everywhere."""
    found = await attachments.get(connection, attachment_id)
    if found is None:
        raise not_found("attachment", attachment_id)
    card = None
    if found.debtor_id is not None:
        card = await _open_card(connection, found.debtor_id)
    elif not person.roles & {"ops", "finance"}:
        raise Problem(
            403,
            "Your role does not allow this",
            f"{person.name} has {', '.join(sorted(person.roles))}; attachments of the company need finance or ops.",
        )
    else:
        await attachments.lock_company(connection)
    locked = await attachments.lock(connection, attachment_id)
    if locked is None:
        raise not_found("attachment", attachment_id)
    check_revision(expected, locked.revision)
    return card, locked


async def _bytes(database: Database, attachment: StoredAttachment) -> AsyncIterator[bytes]:
    """A piece at a time, so that a slow reader holds neither the file in memory nor a connection."""
    for number in range(attachments.piece_count(attachment)):
        async with database.connect() as connection:
            found = await attachments.piece(connection, attachment, number)
        if found is None:
            raise RuntimeError(f"attachment {attachment.attachment_id} was removed while it was being read")
        yield found


def _disposition(name: str) -> str:
    plain = "".join(c if c.isascii() and c not in '"\\;%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _headers(attachment: StoredAttachment) -> dict[str, str]:
    return {"ETag": etag(attachment.revision), "Location": f"/v1/attachments/{attachment.attachment_id}"}


def _plain(attachment: StoredAttachment) -> dict[str, Any]:
    plain: dict[str, Any] = jsonable_encoder(
        attachment.told().model_dump(mode="json")
        | {
            "debtor_id": attachment.debtor_id,
            "scan": attachment.scan,
            "revision": attachment.revision,
            "uploaded_at": attachment.uploaded_at,
            "uploaded_by": attachment.uploaded_by,
        }
    )
    return plain
