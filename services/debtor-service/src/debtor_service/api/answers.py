"""What routes share: the parts of the service, and how a card is answered."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from klokwerk.database import Database
from klokwerk.http import etag
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.bodies import card_answer
from debtor_service.domain.card import Card
from debtor_service.domain.own_fields import shown
from debtor_service.settings import DebtorSettings
from debtor_service.store import customer_settings, own_fields
from debtor_service.triggers import Triggers


def services(request: Request) -> tuple[Database, Triggers, DebtorSettings]:
    """What the routes work with."""
    state = request.app.state
    return state.database, state.triggers, state.settings


def card_link(debtor_id: str) -> str:
    """Where a card is."""
    return f"/v1/debtors/{debtor_id}"


async def card_plain(connection: AsyncConnection, card: Card) -> dict[str, Any]:
    """A card as plain JSON, with every own field that cards of its kinds have, also the empty ones (FA-30)."""
    definitions = await own_fields.definitions(connection)
    fields = shown(card.content.own_fields, definitions, card.content.kinds)
    home = (await customer_settings.read(connection)).settings.default_country
    return card_answer(card, home) | {"own_fields": fields}


async def answer_with(connection: AsyncConnection, card: Card) -> JSONResponse:
    """A card with its ETag."""
    return JSONResponse(
        jsonable_encoder(await card_plain(connection, card)), headers={"ETag": etag(card.revision)}
    )
