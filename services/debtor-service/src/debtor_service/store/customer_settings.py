"""The customer settings: one for the installation."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.customer_settings import CustomerSettings, StoredSettings

_READ = sa.text("select content, revision, changed_at, changed_by from customer_settings where id = 1")
_LOCK = sa.text(
    "select content, revision, changed_at, changed_by from customer_settings where id = 1 for update"
)
_SAVE = sa.text(
    "update customer_settings set content = cast(:content as jsonb), revision = :revision, "
    "changed_at = :at, changed_by = :by where id = 1"
)


async def read(connection: AsyncConnection) -> StoredSettings:
    """The settings as they stand."""
    return _stored((await connection.execute(_READ)).mappings().one())


async def lock(connection: AsyncConnection) -> StoredSettings:
    """The settings, for changing them."""
    return _stored((await connection.execute(_LOCK)).mappings().one())


async def save(
    connection: AsyncConnection, settings: CustomerSettings, revision: int, at: datetime, by: str
) -> None:
    """Replace the locked settings."""
    values = {"content": settings.model_dump_json(), "revision": revision, "at": at, "by": by}
    await connection.execute(_SAVE, values)


def _stored(row: sa.RowMapping) -> StoredSettings:
    settings = CustomerSettings.model_validate(row["content"])
    return StoredSettings(settings, row["revision"], row["changed_at"], row["changed_by"])
