"""Everything this service holds about one customer, for whoever has a right to ask for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import orjson
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from klokwerk.access import Person, allow, audit
from klokwerk.database import Database
from klokwerk.http.problems import not_found
from klokwerk_contracts.types import Identifier

from dispatch_service.api.context import In
from dispatch_service.store import debtors, privacy

router = APIRouter(tags=["Privacy"])


@router.get("/debtors/{debtor_id}/personal-data", response_class=StreamingResponse)
async def personal_data(
    debtor_id: Identifier, service: In, person: Person = allow("ops", "finance")
) -> StreamingResponse:
    """The copy of the card, invoices as they were issued with their history, and how they were delivered.

    The files that were delivered are named with their checksums; they are at ``/v1/invoices/{id}/documents``.
    """
    now = service.clock.now()
    async with service.database.transaction() as connection:
        card = await debtors.card_of(connection, debtor_id)
        if card is None:
            raise not_found("customer", debtor_id)
        ids = await privacy.family(connection, [card.debtor_id])
        await audit(connection, person, now, "personal data exported", "debtor", card.debtor_id)
    return StreamingResponse(
        _document(service.database, card.debtor_id, ids, now),
        media_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="personal-data-dispatch-service-{card.debtor_id}.json"',
            "Cache-Control": "no-store",
        },
    )


async def _document(
    database: Database, debtor_id: str, ids: list[str], now: datetime
) -> AsyncIterator[bytes]:
    """The document in pieces, so that a customer of many years takes no more memory than a new one."""
    yield orjson.dumps({"service": "dispatch-service", "debtor_id": debtor_id, "made_at": now})[:-1]
    async with database.connect() as connection:
        for section in privacy.SECTIONS:
            yield b"," + orjson.dumps(section) + b":["
            first = True
            async for item in privacy.held(connection, section, ids):
                yield item if first else b"," + item
                first = False
            yield b"]"
    yield b"}"
