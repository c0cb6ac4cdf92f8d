"""What a resend of many debtors of one day would meet: the requirements of each, with a fixed number of queries."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request
from klokwerk.access import SignedIn
from klokwerk.database import Database
from klokwerk_contracts.types import Identifier
from pydantic import BaseModel, ConfigDict, Field

from ekt_service.api.views import ResendCheck
from ekt_service.domain.ekt import SaleKey
from ekt_service.domain.requirements import requirements, shown
from ekt_service.sending import Sending
from ekt_service.store import connections, debtors, module, sales

router = APIRouter(prefix="/days/{order_day}", tags=["Debtor days"])
MOST_DEBTORS = 1000


class DayCheckBody(BaseModel):
    """Whose resend is to be checked."""

    model_config = ConfigDict(extra="forbid")

    debtor_ids: Annotated[list[Identifier], Field(min_length=1, max_length=MOST_DEBTORS)]
    administration: Identifier = "main"


class DebtorCheck(ResendCheck):
    """The check of one debtor.

    Attributes:
        debtor_id: as it was asked; `owner_id` is who it is after all merges.
        method, recipient: how and where to a file would go; empty while the card isn't known.
    """

    debtor_id: str
    owner_id: str
    method: str
    recipient: str


class DayChecks(BaseModel):
    """The checks, in the order of the request."""

    items: list[DebtorCheck]


@router.post("/resend-check", summary="Everything that is missing for a resend, for many debtors at once")
async def check_many(request: Request, _: SignedIn, order_day: date, body: DayCheckBody) -> DayChecks:
    """What a resend of each would meet now; the same rules refuse it when it comes. At most 1,000 at once."""
    database: Database = request.app.state.database
    sending: Sending = request.app.state.sending
    keys = [
        SaleKey(body.administration, debtor_id, order_day) for debtor_id in dict.fromkeys(body.debtor_ids)
    ]
    async with database.connect() as connection:
        owners = await debtors.owners(connection, {(key.administration, key.debtor_id) for key in keys})
        owner_of = {key: SaleKey(*owners[(key.administration, key.debtor_id)], order_day) for key in keys}
        known = await sales.load(connection, {*keys, *owner_of.values()})
        cards = await debtors.load(connection, set(owners.values()))
        ways_to = await connections.states(connection, set(owners.values()))
        settings = (await module.get(connection)).settings
    items = []
    for key, owner in owner_of.items():
        stored = known.get(key) or known.get(owner)
        owner_key = (owner.administration, owner.debtor_id)
        debtor, sale = cards.get(owner_key), stored.sale if stored else None
        found = requirements(owner, debtor, sale, settings, sending.abilities, ways_to.get(owner_key))
        items.append(
            DebtorCheck(
                **ResendCheck.of(shown(debtor, settings), found).model_dump(),
                debtor_id=key.debtor_id,
                owner_id=owner.debtor_id,
                method=debtor.way.value if debtor else "",
                recipient=debtor.recipient if debtor else "",
            )
        )
    return DayChecks(items=items)
