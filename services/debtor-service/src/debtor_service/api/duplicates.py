"""Cards that may be the one being typed: a warning while typing, never a block."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Request
from klokwerk.access import SignedIn
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from debtor_service.api.answers import services
from debtor_service.api.bodies import STRICT
from debtor_service.domain.duplicates import Found, Typed, judge
from debtor_service.store import duplicates

router = APIRouter(tags=["duplicates"])

MOST_SHOWN = 5
Short = Annotated[str, StringConstraints(max_length=254)]


class TypedBody(BaseModel):
    """What stands in the form so far; anything may be missing or half typed.

    Attributes:
        except_id: the card that is being edited.
    """

    model_config: ClassVar[ConfigDict] = STRICT

    name: Short = ""
    country: Annotated[str, StringConstraints(max_length=2)] = "NL"
    vat_number: Short = ""
    chamber_number: Short = ""
    emails: Annotated[tuple[Short, ...], Field(max_length=20)] = ()
    postal_codes: Annotated[tuple[Short, ...], Field(max_length=20)] = ()
    except_id: Identifier | None = None


@router.post("/debtors/duplicates")
async def possible_duplicates(body: TypedBody, request: Request, _: SignedIn) -> dict[str, Any]:
    """At most five cards, the most certain first, each with the reasons. Nothing is stored or refused."""
    database, _triggers, _settings = services(request)
    typed = Typed(**body.model_dump(exclude={"except_id"}))
    async with database.transaction() as connection:
        candidates = await duplicates.candidates(connection, typed, body.except_id or "")
    return {"items": [_plain(found) for found in judge(typed, candidates, MOST_SHOWN)]}


def _plain(found: Found) -> dict[str, Any]:
    card = found.card
    return {
        "debtor_id": card.debtor_id,
        "name": card.content.name,
        "city": next((a.city for a in card.content.addresses if a.city), ""),
        "state": card.state.value,
        "kinds": [kind.value for kind in card.content.kinds],
        "customer_number": card.customer_number,
        "debtor_number": card.debtor_number,
        "reasons": [reason.value for reason in found.reasons],
        "similarity": found.similarity,
    }
