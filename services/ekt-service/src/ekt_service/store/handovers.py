"""How far sendings came: whether the other side may have seen something of a delivery."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from klokwerk.clock import Clock
from klokwerk.database import Database

_NOTE = sa.text(
    "insert into handover (delivery_id, noted_at) values (:delivery, :now) on conflict (delivery_id) do nothing"
)
_NOTED = sa.text("select exists (select 1 from handover where delivery_id = :delivery)")
_FORGET = sa.text("delete from handover where delivery_id = :delivery")


@dataclass(frozen=True, slots=True)
class StoredHandovers:
    """Notes in transactions of their own, committed before the step that they are about."""

    database: Database
    clock: Clock

    async def noted(self, delivery: UUID) -> bool:
        """Whether an earlier attempt got that far."""
        async with self.database.connect() as connection:
            return bool((await connection.execute(_NOTED, {"delivery": delivery})).scalar_one())

    async def note(self, delivery: UUID) -> None:
        """Note it before the step itself."""
        async with self.database.transaction() as connection:
            await connection.execute(_NOTE, {"delivery": delivery, "now": self.clock.now()})

    async def forget(self, delivery: UUID) -> None:
        """The other side said that it did not take anything."""
        async with self.database.transaction() as connection:
            await connection.execute(_FORGET, {"delivery": delivery})
