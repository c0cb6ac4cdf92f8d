"""One EKT of the log: its attempts, its files, and what a person learned about it."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from klokwerk import deliveries
from klokwerk.access import Person, SignedIn, allow, audit
from klokwerk.database import Database
from klokwerk.deliveries import State
from klokwerk.http import Once, Problem
from klokwerk.http.problems import not_found
from pydantic import BaseModel, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service import confirming
from ekt_service.api.views import AttemptView, EktDetail, EktView, NoteView
from ekt_service.domain.ekt import Ekt
from ekt_service.sending import Sending
from ekt_service.store import ekts, notes

router = APIRouter(tags=["EKTs"])

Note = Annotated[str, StringConstraints(max_length=4000)]


class Confirmation(BaseModel):
    """The customer said that the EKT arrived and is the right one (EF-47)."""

    note: Note = ""


class Settlement(BaseModel):
    """What a person found out about an EKT whose outcome is unknown."""

    outcome: Literal["received", "not_received"]
    note: Note = ""


@router.get("/ekts/{ekt_id}", summary="One EKT with every attempt at sending it")
async def read_ekt(request: Request, _: SignedIn, ekt_id: UUID) -> EktDetail:
    """One EKT."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        ekt = await ekts.get(connection, ekt_id)
        if ekt is None:
            raise not_found("EKT", ekt_id)
        facts = await ekts.file_facts(connection, [ekt_id])
        tried = await deliveries.attempts(connection, ekt_id)
        noted = (await notes.of_ekts(connection, [ekt_id])).get(ekt_id, [])
    view = EktView.of(ekt, facts.get(ekt_id, ()))
    return EktDetail(
        **view.model_dump(),
        attempts=[AttemptView.of(attempt) for attempt in tried],
        notes=[NoteView.of(note) for note in noted],
    )


@router.get("/ekts/{ekt_id}/file", summary="The bytes of a file, exactly as sent", response_class=Response)
async def read_file(
    request: Request, _: SignedIn, ekt_id: UUID, number: Annotated[int, Query(ge=1)] = 1
) -> Response:
    """A kept file."""
    database: Database = request.app.state.database
    async with database.connect() as connection:
        found = await ekts.files(connection, ekt_id)
    if number > len(found):
        raise not_found("file of EKT", f"{ekt_id} with number {number}")
    file = found[number - 1]
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "ETag": f'"{file.sha256}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(file.content, media_type="application/EDIFACT", headers=headers)


@router.post("/ekts/{ekt_id}/confirm", summary="The customer confirmed that it arrived")
async def confirm(
    request: Request,
    ekt_id: UUID,
    body: Confirmation,
    once: Once,
    person: Person = allow("sales", "finance", "ops"),
) -> Response:
    """Note what the customer said (EF-47)."""
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        ekt = await ekts.get(connection, ekt_id)
        if ekt is None:
            raise not_found("EKT", ekt_id)
        if not ekt.file_name:
            raise Problem(409, "There is no file to confirm", "This EKT was never built.")
        now = sending.clock.now()
        await confirming.confirm(connection, sending, ekt_id, person.name, body.note, again=True)
        written = await _locked(connection, ekt_id)
        await audit(connection, person, now, "confirmed", "ekt", str(ekt_id), new={"note": body.note})
        facts = await ekts.file_facts(connection, [ekt_id])
        return await once.keep(connection, EktView.of(written, facts.get(ekt_id, ())), 200)


@router.post("/ekts/{ekt_id}/settle", summary="Settle an EKT whose outcome is unknown")
async def settle(
    request: Request,
    ekt_id: UUID,
    body: Settlement,
    once: Once,
    person: Person = allow("sales", "ops"),
) -> Response:
    """Put down what a person found out."""
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    received = body.outcome == "received"
    said = f"{person.name} found that it {'arrived' if received else 'did not arrive'}. {body.note}".strip()
    async with database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        if await ekts.get(connection, ekt_id) is None:
            raise not_found("EKT", ekt_id)
        # The delivery is locked before its EKT, in the same order as the worker does it.
        delivery = await deliveries.close(
            connection,
            sending.clock,
            ekt_id,
            state=State.SENT if received else State.FAILED,
            states=[State.UNKNOWN],
            message=said,
        )
        if delivery is None:
            raise Problem(
                409, "Nothing to settle", "Only an EKT whose outcome is unknown can be settled; reload it."
            )
        await sending.on_delivery(connection, delivery)
        now = sending.clock.now()
        await audit(connection, person, now, "settled", "ekt", str(ekt_id), new=body.model_dump())
        written = await _locked(connection, ekt_id)
        facts = await ekts.file_facts(connection, [ekt_id])
        return await once.keep(connection, EktView.of(written, facts.get(ekt_id, ())), 200)


async def _locked(connection: AsyncConnection, ekt_id: UUID) -> Ekt:
    ekt = await ekts.get(connection, ekt_id, lock=True)
    if ekt is None:
        raise not_found("EKT", ekt_id)
    return ekt
