"""What this service holds of one person, for who asks for it (GDPR, article 15)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from klokwerk.access import Person, allow, audit
from pydantic import BaseModel

from accounting_sync.parts import Accounting, accounting
from accounting_sync.privacy import held_of

router = APIRouter(prefix="/debtors", tags=["personal data"])


class PersonalData(BaseModel):
    """Everything kept about one card.

    Attributes:
        cards: what was taken over from the card, for each administration it is in.
        relations: what each accounting system was told, and the line that waits.
        exported: what stands in the export history, newest first.
    """

    service: str = "accounting-sync"
    debtor_id: str
    cards: list[dict[str, Any]]
    relations: list[dict[str, Any]]
    exported: list[dict[str, Any]]


@router.get("/{debtor_id}/personal-data")
async def personal_data(
    debtor_id: str,
    parts: Annotated[Accounting, Depends(accounting)],
    person: Person = allow("ops", "finance"),
) -> PersonalData:
    """All that this service holds of one card; empty lists where it holds nothing."""
    async with parts.database.transaction() as connection:
        held = await held_of(connection, debtor_id)
        await audit(connection, person, parts.clock.now(), "personal data read", "card", debtor_id)
    return PersonalData(debtor_id=debtor_id, **jsonable_encoder(held))
