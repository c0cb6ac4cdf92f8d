"""Merging two cards: what it would do, and doing it (FA-52, FA-55)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from klokwerk.access import SignedIn
from klokwerk.http import Expected, FieldProblem, Once, Problem, check_revision, etag
from klokwerk.http.problems import not_found
from klokwerk_contracts.debtor_changed import CardState
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict, Field

from debtor_service.api.answers import card_link, card_plain, services
from debtor_service.api.bodies import STRICT
from debtor_service.api.cards import DebtorId, Editor
from debtor_service.domain import merge
from debtor_service.domain.card import Card
from debtor_service.merging import MergeRefused, merge_locked, refuse
from debtor_service.store import cards, numbers

router = APIRouter(tags=["merging"])


class MergeBody(BaseModel):
    """What to merge into, and that the user was warned.

    Attributes:
        into: the card that stays.
        into_revision: the revision of it that the user saw; that of the removed card stands in If-Match.
        fill_empty: also fill the target's empty fields from the removed card; never notes, contact persons
            or own fields (D-17).
        confirm: the user read that it can't be undone.
    """

    model_config: ClassVar[ConfigDict] = STRICT

    into: Identifier
    into_revision: Annotated[int, Field(ge=1)]
    fill_empty: bool = False
    confirm: bool = False


class Side(BaseModel):
    """One of the two cards, enough to recognise it."""

    debtor_id: str
    revision: int
    name: str
    state: CardState
    debtor_number: str
    creditor_number: str

    @classmethod
    def of(cls, card: Card) -> Side:
        """The side for `card`."""
        return cls(
            debtor_id=card.debtor_id,
            revision=card.revision,
            name=card.content.name,
            state=card.state,
            debtor_number=card.debtor_number,
            creditor_number=card.creditor_number,
        )


class MergePreview(BaseModel):
    """What a merge would do.

    Attributes:
        moves: what comes under the target, in words.
        lost: what the removed card says and the target will not say, by field.
        kept: what the target says, by field; nothing of it changes.
        filled: what the target takes over where ``fill_empty`` is asked for.
        notices: what else to know before confirming.
        warning: that it can't be undone.
    """

    removed: Side
    target: Side
    moves: list[str]
    lost: dict[str, Any]
    kept: dict[str, Any]
    filled: dict[str, Any]
    notices: list[str]
    warning: str = merge.WARNING


@router.get("/debtors/{debtor_id}/merge-preview")
async def preview(
    debtor_id: DebtorId,
    request: Request,
    _: SignedIn,
    into: Annotated[Identifier, Query(description="The card that stays.")],
    fill_empty: bool = False,
) -> MergePreview:
    """What merging this card into another would do; nothing is changed."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        removed, target = both(
            {i: c for i in (debtor_id, into) if (c := await cards.get(connection, i))}, debtor_id, into
        )
        waiting = await numbers.waiting_for_number(connection, debtor_id)
    _refuse(removed, target)
    found = merge.preview(removed, target, fill_empty=fill_empty)
    return MergePreview(
        removed=Side.of(removed),
        target=Side.of(target),
        moves=_moves(removed, waiting),
        lost=found.lost,
        kept=found.kept,
        filled=found.filled,
        notices=_notices(removed, target),
    )


@router.post("/debtors/{debtor_id}/merge")
async def merge_into(
    debtor_id: DebtorId,
    body: MergeBody,
    request: Request,
    expected: Expected,
    person: Editor,
    once: Once,
) -> JSONResponse:
    """Merge this card into another. It can't be undone; ask for the preview and show it first."""
    if not body.confirm:
        raise Problem(
            422,
            "The merge is not confirmed",
            merge.WARNING,
            errors=[
                FieldProblem(
                    field="confirm",
                    message="it is not true",
                    cure="Show the preview, then send confirm: true.",
                )
            ],
        )
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        locked = await cards.lock(connection, [debtor_id, body.into])
        removed, target = both(locked, debtor_id, body.into)
        _refuse(removed, target)
        for card, seen in ((removed, expected), (target, body.into_revision)):
            check_revision(
                seen,
                card.revision,
                changed_by=card.changed_by,
                changed_at=card.changed_at.isoformat("T", "seconds"),
            )
        tombstone, kept = await merge_locked(
            connection, triggers.changes, removed, target, person, fill_empty=body.fill_empty
        )
        result = {
            "removed": await card_plain(connection, tombstone),
            "target": await card_plain(connection, kept),
        }
        headers = {"ETag": etag(tombstone.revision), "Content-Location": card_link(kept.debtor_id)}
        return await once.keep(connection, result, status=200, headers=headers)


def both(found: dict[str, Card], debtor_id: str, into: str) -> tuple[Card, Card]:
    """The card to remove and the target, if they exist (FA-60)."""
    if debtor_id not in found:
        raise not_found("card", debtor_id)
    if into not in found:
        raise Problem(
            422,
            "The cards can't be merged",
            f"There is no card {into} to merge into.",
            errors=[
                FieldProblem(
                    field="into", message=f"there is no card {into}", cure="Choose an existing card."
                )
            ],
        )
    return found[debtor_id], found[into]


def _refuse(removed: Card, target: Card) -> None:
    try:
        refuse(removed, target)
    except MergeRefused as error:
        found = error.obstacle
        status = 409 if found.card else 422
        link = card_link(found.card) if found.card else ""
        raise Problem(
            status,
            "The cards can't be merged",
            f"{found.message[0].upper()}{found.message[1:].rstrip('.')}. {found.cure}",
            errors=[FieldProblem(field=found.field, message=found.message, cure=found.cure, link=link)],
        ) from None


def _moves(removed: Card, waiting: int) -> list[str]:
    moves = [
        "Sales of every order day, with their EKTs and their log",
        "Invoices and credit notes, with their dispatches; what stands in them is not changed",
        "Later messages about the removed card",
    ]
    if waiting:
        moves.append(f"{waiting} trigger(s) that wait for a number")
    if removed.previous_ids:
        moves.append(f"What was merged into it before: {', '.join(removed.previous_ids)}")
    return moves


def _notices(removed: Card, target: Card) -> list[str]:
    notices = [
        f"{kind.value.capitalize()} number {number} of the removed card is never given again."
        for kind in sorted(removed.content.kinds, reverse=True)
        if (number := removed.number_of(kind))
    ]
    for kind in sorted(set(removed.content.kinds) - set(target.content.kinds), reverse=True):
        notices.append(
            f"The removed card is a {kind.value}, the target is not; set it there if it should be."
        )
    if target.state is CardState.BLOCKED:
        notices.append("The target is blocked.")
    return notices
