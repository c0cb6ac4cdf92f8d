"""The EKT module's settings: one row with a revision."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.module import EktModule

_GET = sa.text("select revision, settings, changed_at, changed_by from module")
_LOCKED = sa.text("select revision, settings, changed_at, changed_by from module for update")
_PUT = sa.text(
    "update module set revision = revision + 1, settings = cast(:settings as jsonb), changed_at = :now, "
    "changed_by = :by returning revision"
)


@dataclass(frozen=True, slots=True)
class StoredModule:
    """Settings with what is known of their last change."""

    revision: int
    settings: EktModule
    changed_at: datetime | None
    changed_by: str


async def get(connection: AsyncConnection, *, lock: bool = False) -> StoredModule:
    """The settings as they stand; `lock` keeps them until the transaction ends."""
    row = (await connection.execute(_LOCKED if lock else _GET)).one()
    return StoredModule(row.revision, EktModule.model_validate(row.settings), row.changed_at, row.changed_by)


async def put(connection: AsyncConnection, settings: EktModule, by: str, now: datetime) -> int:
    """Keep new settings and give their revision."""
    values = {"settings": settings.model_dump_json(), "by": by, "now": now}
    return int((await connection.execute(_PUT, values)).scalar_one())
