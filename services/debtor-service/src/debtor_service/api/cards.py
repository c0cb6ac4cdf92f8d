"""Cards: make, read, edit, configure, number, list."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn, allow, trail
from klokwerk.http import Expected, Once, Page, Problem, check_revision, decode_cursor, etag
from klokwerk.http.pages import page_of
from klokwerk.http.problems import not_found
from klokwerk.pinned import Pin
from klokwerk_contracts.debtor_changed import CardState, EktConfiguration, Kind
from klokwerk_contracts.types import Identifier
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import answer_with, card_link, card_plain, services
from debtor_service.api.bodies import (
    EditedCardBody,
    EktBody,
    EktPatch,
    NewCardBody,
    NumberBody,
)
from debtor_service.api.refusals import (
    anonymised_card,
    bad_card,
    customer_number_taken,
    fixed_field,
    id_taken,
    merged_card,
    no_number,
    number_taken,
)
from debtor_service.changes import CustomerNumberTaken, IdTaken, NewCard, NumberTaken
from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks import FieldProblem, check_card
from debtor_service.domain.options import Options, check_options
from debtor_service.domain.own_fields import check_values
from debtor_service.domain.search import words_of
from debtor_service.settings import DebtorSettings
from debtor_service.store import cards, choices, finding, own_fields
from debtor_service.store.cards import CardFilter
from debtor_service.store.finding import OTHERS, STARTS_WITH, Position
from debtor_service.triggers import Trigger

EDITORS = ("sales", "finance", "ops")
"""Roles that may make and edit cards."""

KEPT_WHEN_ABSENT = ("contact_persons", "own_fields", "discount_kind", "category", "price_tier")
"""What has forms of its own, or may not be known to who saves a card."""

Editor = Annotated[Person, allow(*EDITORS)]

router = APIRouter(tags=["cards"])

DebtorId = Annotated[Identifier, Path()]


def wanted_cards(
    q: Annotated[str, Query(max_length=200)] = "",
    kind: Kind | None = None,
    state: Annotated[list[CardState] | None, Query()] = None,
    use_ekts: bool | None = None,
    administration: Identifier | None = None,
) -> CardFilter:
    """The filter that lists and exports share."""
    return CardFilter(tuple(words_of(q)), kind, tuple(state or ()), use_ekts, administration)


@router.post("/debtors", status_code=201)
async def create(body: NewCardBody, request: Request, person: Editor, once: Once) -> JSONResponse:
    """Make a card. It gets no number by this (EP-05)."""
    database, triggers, settings = services(request)
    typed = {Kind.DEBTOR: body.debtor_number, Kind.CREDITOR: body.creditor_number}
    given = {kind: number for kind, number in typed.items() if number}
    try:
        async with database.transaction() as connection:
            if answer := await once.answered(connection):
                return answer
            offered = await choices.options(connection)
            content = await checked(connection, body.content(offered.settings.card_defaults), offered)
            ekts_possible(content, None, settings)
            new = NewCard(content, body.administration, body.debtor_id or "", given, body.customer_number)
            (card,) = await triggers.create(connection, [new], person)
            card = await cards.get(connection, card.debtor_id) or card
            headers = {"ETag": etag(card.revision), "Location": card_link(card.debtor_id)}
            return await once.keep(connection, await card_plain(connection, card), headers=headers)
    except IdTaken:
        raise id_taken(body.debtor_id) from None
    except NumberTaken as error:
        raise number_taken(error) from None
    except CustomerNumberTaken as error:
        raise customer_number_taken(error) from None


@router.get("/debtors")
async def find(
    request: Request,
    _: SignedIn,
    q: Annotated[str, Query(max_length=200, description="Number, name, VAT number, e-mail, place...")] = "",
    kind: Kind | None = None,
    state: Annotated[list[CardState] | None, Query()] = None,
    use_ekts: bool | None = None,
    administration: Identifier | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[dict[str, Any]]:
    """Cards by name, those first whose name starts with what is searched for.

    A search ignores accents, case, dots and blanks; every word must be found somewhere on the card.
    """
    database, _triggers, _settings = services(request)
    at = decode_cursor(cursor, 3)
    after = (
        None
        if at is None
        else Position(STARTS_WITH if at[0] == STARTS_WITH else OTHERS, str(at[1]), str(at[2]))
    )
    wanted = wanted_cards(q, kind, state, use_ekts, administration)
    async with database.connect() as connection:
        rows = await finding.page(connection, wanted, after, limit + 1)
    page = page_of(rows, limit, lambda row: (row["rank"], row["sort_name"], row["debtor_id"]))
    for item in page.items:
        del item["sort_name"], item["rank"]
    return page


@router.get("/debtors/count")
async def count(request: Request, _: SignedIn, wanted: Annotated[CardFilter, Depends(wanted_cards)]) -> Pin:
    """How many cards the filter finds, and which: what a person confirms who does not see them all."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        return await cards.counted(connection, wanted)


@router.get("/debtors/{debtor_id}")
async def read(debtor_id: DebtorId, request: Request, _: SignedIn) -> JSONResponse:
    """One card; a merged one says which card took over."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        card = await cards.get(connection, debtor_id)
        if card is None:
            raise not_found("card", debtor_id)
        return await answer_with(connection, card)


@router.put("/debtors/{debtor_id}")
async def replace(
    debtor_id: DebtorId,
    body: EditedCardBody,
    request: Request,
    expected: Expected,
    person: Editor,
) -> JSONResponse:
    """Save a whole card. Saving gives no number (EP-10)."""
    database, triggers, settings = services(request)
    try:
        async with database.transaction() as connection:
            card = editable(await cards.lock(connection, [debtor_id]), debtor_id, expected)
            offered = await choices.options(connection)
            wanted = body.content(offered.settings.card_defaults)
            content = await checked(connection, wanted, offered, card.content, body.model_fields_set)
            ekts_possible(content, card, settings)
            unchangeable(body, card)
            typed = {Kind.DEBTOR: body.debtor_number, Kind.CREDITOR: body.creditor_number}
            saved = await triggers.changes.replace(
                connection,
                card,
                content,
                person,
                state=body.state,
                typed={k: n for k, n in typed.items() if n},
                customer_number=body.customer_number,
            )
            return await answer_with(connection, saved)
    except NumberTaken as error:
        raise number_taken(error) from None
    except CustomerNumberTaken as error:
        raise customer_number_taken(error) from None


@router.patch("/debtors/{debtor_id}/ekt")
async def configure_ekt(
    debtor_id: DebtorId,
    body: EktPatch,
    request: Request,
    expected: Expected,
    person: Editor,
) -> JSONResponse:
    """Save the EKT configuration: "Use EKTs" and what belongs to it (EF-30..EF-39)."""
    database, triggers, settings = services(request)
    async with database.transaction() as connection:
        card = editable(await cards.lock(connection, [debtor_id]), debtor_id, expected)
        changes = body.model_dump(exclude_none=True)
        if "transfer" in body.model_fields_set:
            changes["transfer"] = body.transfer
        try:
            ekt = EktBody.model_validate(card.content.ekt.model_dump() | changes)
        except ValidationError as error:
            raise bad_card(
                [
                    FieldProblem(".".join(str(part) for part in p["loc"]), p["msg"], "Write it as described.")
                    for p in error.errors()
                ]
            ) from None
        plain = EktConfiguration.model_validate(ekt.model_dump())
        content, problems = check_card(card.content.model_copy(update={"ekt": plain}))
        ours = [problem for problem in problems if problem.field.startswith("ekt")]
        if ours:
            raise bad_card(ours)
        ekts_possible(content, card, settings)
        kept = card.content.model_copy(update={"ekt": content.ekt})
        saved = await triggers.changes.replace(
            connection, card, kept, person, action="EKT configuration changed"
        )
        return await answer_with(connection, saved)


@router.post("/debtors/{debtor_id}/numbers")
async def give_number(
    debtor_id: DebtorId, body: NumberBody, request: Request, person: Editor
) -> JSONResponse:
    """The button beside the number field (EP-09). A card that has a number keeps it (EP-15).

    For a merged card the target gets the number, and is the answer.
    """
    database, triggers, _settings = services(request)
    async with database.transaction() as connection:
        if await cards.get(connection, debtor_id) is None:
            raise not_found("card", debtor_id)
        outcome = await triggers.pull(connection, body.kind, [debtor_id], Trigger.BUTTON, person)
        card = (await cards.lock_targets(connection, [debtor_id]))[debtor_id]
        answer = await answer_with(connection, card)
    if outcome.waiting:
        raise no_number(body.kind, next(iter(outcome.waiting.values())))
    answer.headers["Content-Location"] = card_link(card.debtor_id)
    return answer


@router.get("/debtors/{debtor_id}/history")
async def history(
    debtor_id: DebtorId, request: Request, _: SignedIn, limit: Annotated[int, Query(ge=1, le=200)] = 100
) -> Page[dict[str, Any]]:
    """What changed, newest first: who, when, the fields before and after."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        if await cards.get(connection, debtor_id) is None:
            raise not_found("card", debtor_id)
        return Page(items=await trail(connection, "debtor", debtor_id, limit=limit))


async def checked(
    connection: AsyncConnection,
    content: CardContent,
    offered: Options,
    stored: CardContent | None = None,
    sent: Collection[str] = (),
) -> CardContent:
    """The content of a form, tidied; or 422 with every field that is wrong.

    Args:
        offered: what cards may choose from.
        stored: the content that is replaced; its contact persons and own fields stay where the form has none.
        sent: names of the fields that the form has.
    """
    if stored is not None:
        kept = {name: getattr(stored, name) for name in KEPT_WHEN_ABSENT if name not in sent}
        content = content.model_copy(update=kept)
    content, problems = check_card(content)
    problems = [*problems, *check_options(content, stored, offered)]
    if content.own_fields:
        values, wrong = check_values(
            content.own_fields, await own_fields.held_definitions(connection), content.kinds
        )
        content, problems = content.model_copy(update={"own_fields": values}), [*problems, *wrong]
    if problems:
        raise bad_card(problems)
    return content


def editable(locked: dict[str, Card], debtor_id: str, expected: int) -> Card:
    """The card to edit, if it is there, is not a tombstone, and is still the revision that was seen."""
    card = locked.get(debtor_id)
    if card is None:
        raise not_found("card", debtor_id)
    if card.state is CardState.MERGED:
        raise merged_card(card)
    check_revision(
        expected,
        card.revision,
        changed_by=card.changed_by,
        changed_at=card.changed_at.isoformat("T", "seconds"),
    )
    if card.state is CardState.ANONYMISED:
        raise anonymised_card()
    return card


def ekts_possible(content: CardContent, card: Card | None, settings: DebtorSettings) -> None:
    """Refuse to tick "Use EKTs" where EKTs are not set up for the installation (EF-39)."""
    was_on = card is not None and card.content.ekt.use_ekts
    if content.ekt.use_ekts and not was_on and not settings.ekt_module:
        raise Problem(
            409,
            "EKTs are not set up for this system",
            f'"Use EKTs" can\'t be switched on. Contact {settings.ekt_contact}.',
        )


def unchangeable(body: EditedCardBody, card: Card) -> None:
    """Refuse to change by hand what only the service changes."""
    if body.debtor_id not in (None, card.debtor_id):
        raise fixed_field("debtor_id", f"this is card {card.debtor_id}", "Leave it as it is.")
    if body.administration not in (None, card.administration):
        raise fixed_field(
            "administration", f"the card belongs to {card.administration}", "Make a card in the other one."
        )
    if body.state not in (None, card.state, CardState.ACTIVE, CardState.BLOCKED):
        raise fixed_field("state", f"{body.state} is not set by hand", "Choose active or blocked.")
    if body.merged_into not in (None, card.merged_into):
        raise fixed_field("merged_into", "a merge is an action of its own", "Leave it out.")
    for kind, number in ((Kind.DEBTOR, body.debtor_number), (Kind.CREDITOR, body.creditor_number)):
        if number and card.number_of(kind) and number != card.number_of(kind):
            raise fixed_field(
                f"{kind.value}_number",
                f"the card has number {card.number_of(kind)}, which stays",
                "Leave it as it is.",
            )
