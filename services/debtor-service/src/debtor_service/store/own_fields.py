"""Definitions of own fields, and which cards have values for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from klokwerk.database import advisory_key
from klokwerk_contracts.debtor_changed import Kind, OwnFieldType
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.own_fields import OwnFieldDefinition

_READ = "key, label, type, kinds, choices, on_documents, position, revision"
_VALUES = (
    ":label, :type, cast(:kinds as text[]), cast(:choices as text[]), :on_documents, :position, "
    ":revision, :told_revision, :at, :by"
)
_ALL = sa.text(f"select {_READ} from own_field order by position, key")  # noqa: S608
_HELD = sa.text(f"select {_READ} from own_field order by key for key share")  # noqa: S608
_LOCK = sa.text(f"select {_READ} from own_field where key = :key for update")  # noqa: S608
_LOCK_LIST = sa.text("select pg_advisory_xact_lock(:key)")
_INSERT = sa.text(
    "insert into own_field (key, label, type, kinds, choices, on_documents, position, revision, "  # noqa: S608
    f"told_revision, changed_at, changed_by) values (:key, {_VALUES}) on conflict do nothing returning 1"
)
_UPDATE = sa.text(
    "update own_field set label = :label, kinds = cast(:kinds as text[]), choices = cast(:choices as text[]), "
    "on_documents = :on_documents, position = :position, revision = :revision, changed_at = :at, "
    "changed_by = :by where key = :key"
)
_DELETE = sa.text("delete from own_field where key = :key")
_HAS = "content -> 'own_fields' <> '{}'::jsonb and content -> 'own_fields' ->> :key is not null"
_LIVE_HAS = f"state in ('active', 'blocked') and {_HAS}"
_USED = sa.text(f"select count(*) from card where {_LIVE_HAS}")  # noqa: S608
_USED_BEYOND = sa.text(
    f"select count(*) from card where {_LIVE_HAS} and ("  # noqa: S608
    "not kinds && cast(:kinds as text[]) or (cast(:choices as text[]) <> '{}' "
    "and content -> 'own_fields' ->> :key <> all(cast(:choices as text[]))))"
)
_HOLDERS = sa.text(
    f"select debtor_id from card where {_LIVE_HAS} and debtor_id > :after order by debtor_id limit :limit"  # noqa: S608
)
_UNTOLD = sa.text(
    f"select {_READ} from own_field where told_revision < revision order by key limit 1"  # noqa: S608
)
_TOLD = sa.text("update own_field set told_revision = :revision where key = :key")
_ONE_TELLER = sa.text("select pg_try_advisory_xact_lock(:key)")


async def definitions(connection: AsyncConnection) -> list[OwnFieldDefinition]:
    """All of them, in the order in which they stand on the card."""
    return [_definition(row) for row in (await connection.execute(_ALL)).mappings()]


async def held_definitions(connection: AsyncConnection) -> list[OwnFieldDefinition]:
    """As `definitions`, and none of them changes before the transaction ends; for whoever stores values."""
    found = [_definition(row) for row in (await connection.execute(_HELD)).mappings()]
    return sorted(found, key=lambda definition: (definition.position, definition.key))


async def lock(connection: AsyncConnection, key: str) -> OwnFieldDefinition | None:
    """One definition, for changing it; waits for everybody who is storing values."""
    row = (await connection.execute(_LOCK, {"key": key})).mappings().first()
    return None if row is None else _definition(row)


async def lock_list(connection: AsyncConnection) -> None:
    """Let nobody else add a definition until the transaction ends."""
    await connection.execute(_LOCK_LIST, {"key": advisory_key("own-fields")})


async def insert(connection: AsyncConnection, definition: OwnFieldDefinition, at: datetime, by: str) -> bool:
    """Store a new definition; false when its key is taken."""
    values = _row(definition, at, by) | {"told_revision": definition.revision}
    return (await connection.execute(_INSERT, values)).first() is not None


async def update(connection: AsyncConnection, definition: OwnFieldDefinition, at: datetime, by: str) -> None:
    """Replace a locked definition; cards with the field are told by the worker."""
    await connection.execute(_UPDATE, _row(definition, at, by))


async def delete(connection: AsyncConnection, key: str) -> None:
    """Remove a locked definition."""
    await connection.execute(_DELETE, {"key": key})


async def used(connection: AsyncConnection, key: str) -> int:
    """Cards in use that have a value for the field."""
    return int((await connection.execute(_USED, {"key": key})).scalar_one())


async def used_beyond(
    connection: AsyncConnection, key: str, kinds: Iterable[Kind], choices: Iterable[str]
) -> int:
    """Cards in use whose value would not fit a definition with these kinds and choices."""
    values = {"key": key, "kinds": [kind.value for kind in kinds], "choices": list(choices)}
    return int((await connection.execute(_USED_BEYOND, values)).scalar_one())


async def holders(connection: AsyncConnection, key: str, after: str, limit: int) -> list[str]:
    """Ids of cards with a value for the field, after an id."""
    rows = await connection.execute(_HOLDERS, {"key": key, "after": after, "limit": limit})
    return list(rows.scalars())


async def untold(connection: AsyncConnection) -> OwnFieldDefinition | None:
    """A definition that changed since the cards with it were told; none when another process is at it."""
    mine = (await connection.execute(_ONE_TELLER, {"key": advisory_key("own-fields-teller")})).scalar_one()
    if not mine:
        return None
    row = (await connection.execute(_UNTOLD)).mappings().first()
    return None if row is None else _definition(row)


async def told(connection: AsyncConnection, definition: OwnFieldDefinition) -> None:
    """Note that all cards with the field were told of this revision."""
    await connection.execute(_TOLD, {"key": definition.key, "revision": definition.revision})


def _row(definition: OwnFieldDefinition, at: datetime, by: str) -> dict[str, Any]:
    return {
        "key": definition.key,
        "label": definition.label,
        "type": definition.type.value,
        "kinds": [kind.value for kind in definition.kinds],
        "choices": list(definition.choices),
        "on_documents": definition.on_documents,
        "position": definition.position,
        "revision": definition.revision,
        "at": at,
        "by": by,
    }


def _definition(row: sa.RowMapping) -> OwnFieldDefinition:
    return OwnFieldDefinition(
        key=row["key"],
        label=row["label"],
        type=OwnFieldType(row["type"]),
        kinds=tuple(Kind(kind) for kind in row["kinds"]),
        choices=tuple(row["choices"]),
        on_documents=row["on_documents"],
        position=row["position"],
        revision=row["revision"],
    )
