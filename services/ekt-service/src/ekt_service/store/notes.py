"""What became known about EKTs beside their state: bounces, delays, automatic answers, confirmations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_ADD = sa.text(
    "insert into ekt_note (ekt_id, at, kind, recipient, words) values (:ekt, :at, :kind, :recipient, :words)"
)
_OF = sa.text(
    "select ekt_id, at, kind, recipient, words from ekt_note where ekt_id = any(cast(:ekts as uuid[])) order by id"
)


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that became known about an EKT.

    Args:
        kind: ``bounced``, ``delayed``, ``delivered``, ``auto_reply`` or ``confirmed``.
        recipient: the address it is about; empty where nobody says.
        words: the other side's own words.
    """

    ekt_id: UUID
    at: datetime
    kind: str
    recipient: str
    words: str


async def add(connection: AsyncConnection, notes: Sequence[Note]) -> None:
    """Keep notes."""
    if notes:
        await connection.execute(
            _ADD,
            [
                {"ekt": n.ekt_id, "at": n.at, "kind": n.kind, "recipient": n.recipient, "words": n.words}
                for n in notes
            ],
        )


async def of_ekts(connection: AsyncConnection, ekt_ids: Iterable[UUID]) -> dict[UUID, list[Note]]:
    """Notes of EKTs, oldest first."""
    found: dict[UUID, list[Note]] = {}
    for row in await connection.execute(_OF, {"ekts": list(ekt_ids)}):
        found.setdefault(row.ekt_id, []).append(Note(row.ekt_id, row.at, row.kind, row.recipient, row.words))
    return found
