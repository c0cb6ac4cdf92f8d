"""Administrations: their settings, and filling a new one with the relations that are known already."""

from typing import Any

import sqlalchemy as sa
from klokwerk.database import advisory_key
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.administration import Administration, NumberRange
from accounting_sync.domain.mapping import MappingTables
from accounting_sync.domain.relation import Kind
from accounting_sync.domain.targets import Codes, Target
from accounting_sync.store.json import to_text

_LOCK_KEY = advisory_key("accounting-sync: administrations")

_SELECT = (
    "select code, name, target, source, folder, ranges, mappings, revision, changed_at, changed_by "
    "from administration "
)
_ALL = sa.text(_SELECT + "order by code")
_ONE = sa.text(_SELECT + "where code = :code")
_SAVE = sa.text(
    "insert into administration (code, name, target, source, folder, ranges, mappings, revision, changed_at, "
    "changed_by) values (:code, :name, :target, :source, :folder, cast(:ranges as jsonb), cast(:mappings as jsonb), "
    ":revision, :now, :by) on conflict (code) do update set name = excluded.name, target = excluded.target, "
    "folder = excluded.folder, ranges = excluded.ranges, mappings = excluded.mappings, "
    "revision = excluded.revision, changed_at = excluded.changed_at, changed_by = excluded.changed_by"
)
_FILL = sa.text(
    "insert into relation (administration, kind, debtor_id, source_fingerprint, number, pending) "
    "select :code, k.kind, c.debtor_id, 'not compared yet', "
    "case when c.merged_into is null then cast(s.body as jsonb) ->> 'number' end, true "
    "from card c cross join (values ('debtors'), ('creditors')) as k (kind) "
    "cross join lateral (select case k.kind when 'debtors' then c.as_debtor else c.as_creditor end as body) s "
    "where c.administration = :source and s.body is not null on conflict do nothing"
)
_LOOK_AGAIN = sa.text("update relation set pending = true where administration = :code and not pending")
_LOCK = sa.text("select pg_advisory_xact_lock(:key)")
_LOCK_SHARED = sa.text("select pg_advisory_xact_lock_shared(:key)")


async def lock_for_change(connection: AsyncConnection) -> None:
    """Keep cards from being taken in while the set of administrations changes, so that none is missed."""
    await connection.execute(_LOCK, {"key": _LOCK_KEY})


async def lock_for_cards(connection: AsyncConnection) -> None:
    """The other side of `lock_for_change`; many may hold it at once."""
    await connection.execute(_LOCK_SHARED, {"key": _LOCK_KEY})


async def all_of(connection: AsyncConnection) -> list[Administration]:
    """Every administration, by code."""
    return [_of(row) for row in (await connection.execute(_ALL)).mappings()]


async def find(connection: AsyncConnection, code: str) -> Administration | None:
    """One administration; none when the code is not known."""
    row = (await connection.execute(_ONE, {"code": code})).mappings().one_or_none()
    return _of(row) if row else None


async def save(connection: AsyncConnection, administration: Administration) -> None:
    """Keep the settings as given; call `lock_for_change` first."""
    tables = administration.mappings
    await connection.execute(
        _SAVE,
        {
            "code": administration.code,
            "name": administration.name,
            "target": administration.target.value,
            "source": administration.source,
            "folder": administration.folder,
            "ranges": to_text(
                {kind.value: [each.first, each.last] for kind, each in administration.ranges.items()}
            ),
            "mappings": to_text({codes.value: dict(tables.of(codes)) for codes in Codes}),
            "revision": administration.revision,
            "now": administration.changed_at,
            "by": administration.changed_by,
        },
    )


async def fill(connection: AsyncConnection, administration: Administration) -> None:
    """Give a new administration all relations of its source that are known (EP-35)."""
    await connection.execute(_FILL, {"code": administration.code, "source": administration.source})


_SYNCED = sa.text(
    "select exists (select from relation where administration = :code and synced_at is not null)"
)


async def synced_before(connection: AsyncConnection, code: str) -> bool:
    """Whether its accounting system was ever told of anybody."""
    return bool((await connection.execute(_SYNCED, {"code": code})).scalar_one())


async def look_again(connection: AsyncConnection, code: str) -> None:
    """Have the next fetch compare every relation anew: the mapping tables changed."""
    await connection.execute(_LOOK_AGAIN, {"code": code})


def _of(row: Any) -> Administration:
    return Administration(
        code=row["code"],
        name=row["name"],
        target=Target(row["target"]),
        source=row["source"],
        folder=row["folder"],
        ranges={Kind(kind): NumberRange(*ends) for kind, ends in row["ranges"].items()},
        mappings=MappingTables(**row["mappings"]),
        revision=row["revision"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
    )
