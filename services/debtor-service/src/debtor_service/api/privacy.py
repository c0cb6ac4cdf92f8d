"""A person's rights: everything about them in one document, and being forgotten."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.clock import Clock
from klokwerk.http import Expected, Once, Problem, etag
from klokwerk.http import FieldProblem as HttpFieldProblem
from klokwerk.http.problems import not_found
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict, StringConstraints

from debtor_service.api.answers import card_link, card_plain, services
from debtor_service.api.cards import DebtorId, editable
from debtor_service.domain.anonymise import KEPT, lost
from debtor_service.privacy import about_contact, anonymise, everything, family_of, obstacles, signs_of
from debtor_service.store import attachments, cards, newsletter, usage
from debtor_service.store import privacy as store

router = APIRouter(tags=["privacy"])

Keeper = Annotated[Person, allow("ops", "finance")]


class AnonymiseBody(BaseModel):
    """The decision; it can't be undone.

    Attributes:
        reason: e.g. the number of the request; kept in the audit trail, so nothing personal.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    confirm: Literal[True]
    reason: Annotated[str, StringConstraints(max_length=200)] = ""


@router.get("/debtors/{debtor_id}/personal-data")
async def personal_data(
    debtor_id: DebtorId, request: Request, person: Keeper, contact_id: Identifier | None = None
) -> Response:
    """Everything this service holds about the person on a card, or about one contact person; noted in the trail."""
    database, _triggers, _settings = services(request)
    clock: Clock = request.app.state.clock
    async with database.transaction() as connection:
        card = await cards.get(connection, debtor_id)
        if card is not None and card.merged_into:
            card = (await cards.lock_targets(connection, [debtor_id]))[debtor_id]
        if card is None:
            raise not_found("card", debtor_id)
        if contact_id is None:
            held: dict[str, Any] | None = await everything(connection, card)
        else:
            held = await about_contact(connection, card, contact_id)
            if held is None:
                raise not_found("contact person", f"{contact_id} on card {debtor_id}")
        head = {"service": "debtor-service", "debtor_id": card.debtor_id, "made_at": clock.now()}
        about = {} if contact_id is None else {"contact_id": contact_id}
        await audit(
            connection,
            person,
            clock.now(),
            "personal data exported",
            "debtor",
            card.debtor_id,
            new=about or None,
        )
    name = f"personal-data-debtor-service-{card.debtor_id}.json"
    return Response(
        orjson.dumps(head | about | (held or {}), default=str),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@router.get("/debtors/{debtor_id}/anonymise-preview")
async def preview(debtor_id: DebtorId, request: Request, _: SignedIn) -> dict[str, Any]:
    """What anonymising a card would take away, what stays, and what forbids it."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        card = await cards.get(connection, debtor_id)
        if card is None:
            raise not_found("card", debtor_id)
        family = await family_of(connection, card)
        ids = [each.debtor_id for each in family]
        since = min(each.created_at for each in family)
        counts = await store.counts(connection, ids, signs_of(family), since)
        files = [name for each in ids for name in await attachments.of_card(connection, each)]
        email = card.content.general_email
        member = await newsletter.member(connection, email) if email else None
        return {
            "debtor_id": debtor_id,
            "revision": card.revision,
            "state": card.state.value,
            "name": card.content.name,
            "goes": {
                "fields": lost(card.content),
                "merged_cards": len(family) - 1,
                "attachments": len(files),
                "newsletter": member is not None,
                **counts,
            },
            "stays": {
                "fields": list(KEPT),
                "customer_number": card.customer_number,
                "debtor_number": card.debtor_number,
                "creditor_number": card.creditor_number,
                "administration": card.administration,
                "used_for": (await usage.used(connection, [debtor_id])).get(debtor_id, ""),
            },
            "obstacles": [
                {"code": o.code, "message": o.message, "cure": o.cure, "card": o.card}
                for o in await obstacles(connection, card)
            ],
        }


@router.post("/debtors/{debtor_id}/anonymise")
async def forget(
    debtor_id: DebtorId,
    body: AnonymiseBody,
    request: Request,
    expected: Expected,
    person: Keeper,
    once: Once,
) -> JSONResponse:
    """Forget the person on a card, here and by event everywhere; numbers and issued documents stay. No way back."""
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        found = await cards.get(connection, debtor_id)
        if found is None:
            raise not_found("card", debtor_id)
        # Tombstones hold the same person's data, so all are locked at once, in the order of ids.
        locked = await cards.lock(connection, [debtor_id, *found.previous_ids])
        if hindering := await obstacles(connection, locked[debtor_id]):
            raise Problem(
                409,
                "The card can't be anonymised",
                "See errors.",
                errors=[
                    HttpFieldProblem(
                        field="debtor_id",
                        message=o.message,
                        cure=o.cure,
                        code=o.code,
                        link=card_link(o.card) if o.card else "",
                    )
                    for o in hindering
                ],
            )
        card = editable(locked, debtor_id, expected)
        saved = await anonymise(connection, triggers.changes, card, person, body.reason)
        headers = {"ETag": etag(saved.revision)}
        return await once.keep(connection, await card_plain(connection, saved), status=200, headers=headers)


@router.post("/debtors/{debtor_id}/contacts/{contact_id}/forget", status_code=204)
async def forget_contact(
    debtor_id: DebtorId, contact_id: Identifier, request: Request, expected: Expected, person: Keeper
) -> Response:
    """Take a contact person off the card and out of its history; documents that name them stay as they are."""
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        card = editable(await cards.lock(connection, [debtor_id]), debtor_id, expected)
        kept = tuple(c for c in card.content.contact_persons if c.contact_id != contact_id)
        if len(kept) == len(card.content.contact_persons):
            raise not_found("contact person", f"{contact_id} on card {debtor_id}")
        content = card.content.model_copy(update={"contact_persons": kept})
        saved = await triggers.changes.replace(
            connection, card, content, person, action="contact person forgotten"
        )
        await store.blank_contact(connection, debtor_id)
    return Response(status_code=204, headers={"ETag": etag(saved.revision)})
