"""An EKT beside the one made before it for the same debtor and day, as their kept files say."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.difference import Difference, compare
from ekt_service.domain.ekt import Ekt
from ekt_service.edifact.reader import read

_BEFORE = sa.text(
    "select id, made_at from ekt where administration = :administration and debtor_id = :debtor "
    "and order_day = :day and file_name <> '' and (made_at, id) < (:made_at, :id) "
    "order by made_at desc, id desc limit 1"
)
_CONTENTS = sa.text(
    "select ekt_id, content from ekt_file where ekt_id = any(cast(:ekts as uuid[])) order by ekt_id, number"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """The bytes of two EKTs."""

    previous_id: UUID
    previous_made_at: datetime
    before: Sequence[bytes]
    after: Sequence[bytes]

    def difference(self) -> Difference:
        """What changed from the one to the other; takes a while for thousands of lines."""
        return compare([read(data) for data in self.before], [read(data) for data in self.after])


class Differences:
    """What changed between EKTs, worked out once: kept files never change.

    Args:
        most: how many are remembered, the least used go first.
    """

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._known: OrderedDict[UUID, tuple[Pair, Difference] | None] = OrderedDict()

    async def of(self, connection: AsyncConnection, ekt: Ekt) -> tuple[Pair, Difference] | None:
        """The EKT before `ekt` and what changed since; none for the first of a day."""
        if ekt.id in self._known:
            self._known.move_to_end(ekt.id)
            return self._known[ekt.id]
        pair = await compared(connection, ekt)
        found = None
        if pair is not None:
            found = replace(pair, before=(), after=()), await asyncio.to_thread(pair.difference)
        self._known[ekt.id] = found
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return found


async def compared(connection: AsyncConnection, ekt: Ekt) -> Pair | None:
    """An EKT and the one before it; none for the first of a day."""
    found = await connection.execute(
        _BEFORE,
        {
            "administration": ekt.sale.administration,
            "debtor": ekt.debtor_id,
            "day": ekt.sale.order_day,
            "made_at": ekt.made_at,
            "id": ekt.id,
        },
    )
    before = found.one_or_none()
    if before is None:
        return None
    contents: dict[UUID, list[bytes]] = {before.id: [], ekt.id: []}
    for row in await connection.execute(_CONTENTS, {"ekts": [before.id, ekt.id]}):
        contents[row.ekt_id].append(row.content)
    return Pair(before.id, before.made_at, contents[before.id], contents[ekt.id])
