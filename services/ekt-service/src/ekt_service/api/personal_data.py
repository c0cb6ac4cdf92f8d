"""Everything this service holds about one debtor, for whoever has a right to ask for it."""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from klokwerk import deliveries
from klokwerk.access import Person, allow, audit, trail
from klokwerk.database import Database
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.api.connection_views import ConnectionView
from ekt_service.api.views import AttemptView, EktDetail, EktView, NoteView
from ekt_service.domain.ekt import Ekt
from ekt_service.sending import Sending
from ekt_service.store import connections, debtors, ekt_log, ekts, notes, privacy, sales
from ekt_service.store.debtors import DebtorKey

router = APIRouter(prefix="/debtors/{debtor_id}/personal-data", tags=["Privacy"])
_AT_ONCE = 200


@router.get("", summary="Everything this service holds about a debtor", response_class=StreamingResponse)
async def read_personal_data(
    request: Request,
    debtor_id: str,
    administration: str = "main",
    person: Person = allow("ops", "finance"),
) -> StreamingResponse:
    """Cards, connection without secrets, sales by day, every EKT with its attempts and notes, and the audit trail.

    Files and sales are named, not included: a file is at its link, a sale is the sales service's to give.
    """
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    now = sending.clock.now()
    async with database.transaction() as connection:
        owner = (await debtors.owners(connection, [(administration, debtor_id)]))[(administration, debtor_id)]
        await audit(connection, person, now, "exported", "personal-data", "/".join(owner))
    return StreamingResponse(
        _document(database, owner, now),
        media_type="application/json",
        headers={
            "Content-Disposition": 'attachment; filename="ekt-service.json"',
            "Cache-Control": "no-store",
        },
    )


async def _document(database: Database, owner: DebtorKey, now: datetime) -> AsyncIterator[bytes]:
    """The document in pieces, so that a customer of many years takes no more memory than a new one."""
    async with database.connect() as connection:
        whole = await privacy.family(connection, [owner]) or [owner]
        kept = await connections.get(connection, owner)
        head = {
            "service": "ekt-service",
            "administration": owner[0],
            "debtor_id": owner[1],
            "at": now,
            "cards": await debtors.cards(connection, whole),
            "connection": ConnectionView.of(kept).model_dump(mode="json") if kept else None,
            "sales": await sales.days_of_owner(connection, owner),
            "audit": [
                row
                for key in whole
                for entity in ("connection", "personal-data")
                for row in await trail(connection, entity, "/".join(key))
            ],
        }
        yield _json(head)[:-1] + b',"ekts":['
        first = True
        after: tuple[datetime, UUID] | None = None
        while True:
            page = await ekt_log.page(connection, ekt_log.Filters(*owner), after, _AT_ONCE)
            shown = page[:_AT_ONCE]
            for detail in await _details(connection, [row.ekt for row in shown]):
                yield (b"" if first else b",") + _json(detail.model_dump(mode="json"))
                first = False
            if len(page) <= _AT_ONCE:
                break
            after = shown[-1].place
        yield b"]}"


async def _details(connection: AsyncConnection, found: Iterable[Ekt]) -> list[EktDetail]:
    page = list(found)
    ids = [ekt.id for ekt in page]
    facts = await ekts.file_facts(connection, ids)
    noted = await notes.of_ekts(connection, ids)
    return [
        EktDetail(
            **EktView.of(ekt, facts.get(ekt.id, ())).model_dump(),
            attempts=[AttemptView.of(attempt) for attempt in await deliveries.attempts(connection, ekt.id)],
            notes=[NoteView.of(note) for note in noted.get(ekt.id, ())],
        )
        for ekt in page
    ]


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=str)
