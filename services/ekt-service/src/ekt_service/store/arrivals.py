"""How the EKTs of a debtor have been arriving lately, over all its days."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.store.debtors import DebtorKey

LOOKED_AT = 20
"""How many of the newest EKTs say whether something is wrong with an address."""

_NEWEST = sa.text(
    "select state, bounced_at, confirmed_at, message from ekt where administration = :administration "
    "and debtor_id = :debtor and state in ('sent', 'failed') order by made_at desc, id desc limit :limit"
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of the newest EKTs that were sent or failed; see `api.views.ArrivalView`."""

    looked_at: int
    bounced: int
    failed_in_a_row: int
    bounced_in_a_row: int
    last_bounce: datetime | None
    last_bounce_message: str
    last_confirmed_at: datetime | None


async def of_debtor(connection: AsyncConnection, debtor: DebtorKey) -> Arrival:
    """Of one debtor, after merges."""
    values = {"administration": debtor[0], "debtor": debtor[1], "limit": LOOKED_AT}
    rows = list(await connection.execute(_NEWEST, values))
    came_back = [row for row in rows if row.bounced_at is not None]
    last = max(came_back, key=lambda row: row.bounced_at, default=None)
    return Arrival(
        looked_at=len(rows),
        bounced=len(came_back),
        failed_in_a_row=_leading([row.state == "failed" for row in rows]),
        bounced_in_a_row=_leading([row.bounced_at is not None for row in rows]),
        last_bounce=last.bounced_at if last else None,
        last_bounce_message=last.message if last else "",
        last_confirmed_at=max((row.confirmed_at for row in rows if row.confirmed_at), default=None),
    )


def _leading(marks: list[bool]) -> int:
    """How many of the first are true before one is not."""
    return next((place for place, mark in enumerate(marks) if not mark), len(marks))
