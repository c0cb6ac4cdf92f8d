"""Contact persons of an organisation (FA-39); each change is a revision of the card."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn
from klokwerk.http import Expected, Once, Page, Problem, etag
from klokwerk.http import FieldProblem as HttpFieldProblem
from klokwerk.http.problems import not_found
from klokwerk_contracts.debtor_changed import ContactPerson, Party
from klokwerk_contracts.types import Identifier
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import card_link, services
from debtor_service.api.bodies import ContactBody
from debtor_service.api.cards import DebtorId, Editor, editable
from debtor_service.api.refusals import bad_contact
from debtor_service.changes import Changes
from debtor_service.domain.card import Card
from debtor_service.domain.checks.contacts import check_contact
from debtor_service.store import cards

router = APIRouter(prefix="/debtors/{debtor_id}/contacts", tags=["contact persons"])

MOST_CONTACTS = 100
ContactId = Annotated[Identifier, Path()]


@router.get("")
async def contacts_of(debtor_id: DebtorId, request: Request, _: SignedIn) -> JSONResponse:
    """The contact persons, with the ETag of the card."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        card = await cards.get(connection, debtor_id)
    if card is None:
        raise not_found("card", debtor_id)
    page: Page[dict[str, Any]] = Page(items=[_plain(contact) for contact in card.content.contact_persons])
    return JSONResponse(page.model_dump(mode="json"), headers={"ETag": etag(card.revision)})


@router.post("", status_code=201)
async def add(
    debtor_id: DebtorId,
    body: ContactBody,
    request: Request,
    expected: Expected,
    person: Editor,
    once: Once,
) -> JSONResponse:
    """Add a contact person to the card of an organisation."""
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        card = editable(await cards.lock(connection, [debtor_id]), debtor_id, expected)
        contact = _checked(body, card)
        present = card.content.contact_persons
        if contact.contact_id in {each.contact_id for each in present}:
            raise Problem(
                409,
                "The contact person exists",
                f"The card has a contact person {contact.contact_id} already.",
            )
        if len(present) >= MOST_CONTACTS:
            raise Problem(409, "The card is full", f"A card has at most {MOST_CONTACTS} contact persons.")
        saved = await _save(
            connection, triggers.changes, card, (*present, contact), person, "contact person added"
        )
        location = f"{card_link(debtor_id)}/contacts/{contact.contact_id}"
        headers = {"ETag": etag(saved.revision), "Location": location}
        return await once.keep(connection, _plain(contact), headers=headers)


@router.put("/{contact_id}")
async def replace(
    debtor_id: DebtorId,
    contact_id: ContactId,
    body: ContactBody,
    request: Request,
    expected: Expected,
    person: Editor,
) -> JSONResponse:
    """Save a contact person as a whole."""
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        card = editable(await cards.lock(connection, [debtor_id]), debtor_id, expected)
        _one(card, contact_id)
        contact = _checked(body, card).model_copy(update={"contact_id": contact_id})
        after = tuple(
            contact if each.contact_id == contact_id else each for each in card.content.contact_persons
        )
        saved = await _save(connection, triggers.changes, card, after, person, "contact person changed")
    return JSONResponse(_plain(contact), headers={"ETag": etag(saved.revision)})


@router.delete("/{contact_id}", status_code=204)
async def remove(
    debtor_id: DebtorId, contact_id: ContactId, request: Request, expected: Expected, person: Editor
) -> Response:
    """Take a contact person off the card; documents that name them stay as they are."""
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        card = editable(await cards.lock(connection, [debtor_id]), debtor_id, expected)
        _one(card, contact_id)
        after = tuple(each for each in card.content.contact_persons if each.contact_id != contact_id)
        saved = await _save(connection, triggers.changes, card, after, person, "contact person removed")
    return Response(status_code=204, headers={"ETag": etag(saved.revision)})


def _checked(body: ContactBody, card: Card) -> ContactPerson:
    if card.content.party is Party.PERSON:
        raise Problem(
            422,
            "The card is of a person",
            "Only an organisation has contact persons.",
            errors=[
                HttpFieldProblem(
                    field="party", message="it is person", cure="Make it the card of an organisation first."
                )
            ],
        )
    contact, problems = check_contact(ContactPerson.model_validate(body.model_dump()), card.content.country)
    if problems:
        raise bad_contact(problems)
    return contact


def _one(card: Card, contact_id: str) -> None:
    if contact_id not in {each.contact_id for each in card.content.contact_persons}:
        raise not_found("contact person", f"{contact_id} on card {card.debtor_id}")


async def _save(
    connection: AsyncConnection,
    changes: Changes,
    card: Card,
    contacts: tuple[ContactPerson, ...],
    person: Person,
    action: str,
) -> Card:
    content = card.content.model_copy(update={"contact_persons": contacts})
    return await changes.replace(connection, card, content, person, action=action)


def _plain(contact: ContactPerson) -> dict[str, Any]:
    plain: dict[str, Any] = jsonable_encoder(contact)
    return plain
