"""The lists that cards choose from: categories and price tiers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from klokwerk.database import advisory_key
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.options import Choice, ChoiceList, Options
from debtor_service.store import customer_settings

_CHOICES = sa.text(
    "select list, code, label, position, revision from customer_choice order by position, code"
)
_HELD = sa.text(
    "select list, code, label, position, revision from customer_choice order by list, code for key share"
)
_LOCK = sa.text(
    "select list, code, label, position, revision from customer_choice "
    "where list = :list and code = :code for update"
)
_LOCK_LIST = sa.text("select pg_advisory_xact_lock(:key)")
_ADD = sa.text(
    "insert into customer_choice (list, code, label, position, revision, changed_at, changed_by) "
    "values (:list, :code, :label, :position, :revision, :at, :by) on conflict do nothing returning 1"
)
_SAVE = sa.text(
    "update customer_choice set label = :label, position = :position, revision = :revision, changed_at = :at, "
    "changed_by = :by where list = :list and code = :code"
)
_REMOVE = sa.text("delete from customer_choice where list = :list and code = :code")
_USED = {
    ChoiceList.CATEGORIES: sa.text(
        "select count(*) from card where state in ('active', 'blocked') and content ->> 'category' = :code"
    ),
    ChoiceList.PRICE_TIERS: sa.text(
        "select count(*) from card where state in ('active', 'blocked') and content ->> 'price_tier' = :code"
    ),
}


async def options(connection: AsyncConnection) -> Options:
    """What cards may choose from; no entry of a list is removed before the transaction ends."""
    settings = (await customer_settings.read(connection)).settings
    return Options(settings, _by_list((await connection.execute(_HELD)).mappings().all()))


async def entries(connection: AsyncConnection, of: ChoiceList) -> tuple[Choice, ...]:
    """One list, in the order in which people see it."""
    return _by_list((await connection.execute(_CHOICES)).mappings().all()).get(of, ())


async def lock(connection: AsyncConnection, of: ChoiceList, code: str) -> Choice | None:
    """One entry, for changing it; waits for everybody who is storing cards with it."""
    row = (await connection.execute(_LOCK, {"list": of.value, "code": code})).mappings().first()
    return None if row is None else _choice(row)


async def lock_list(connection: AsyncConnection, of: ChoiceList) -> None:
    """Let nobody else add to the list until the transaction ends."""
    await connection.execute(_LOCK_LIST, {"key": advisory_key(f"customer-list:{of.value}")})


async def add(connection: AsyncConnection, of: ChoiceList, choice: Choice, at: datetime, by: str) -> bool:
    """Store a new entry; false when its code is taken."""
    return (await connection.execute(_ADD, _row(of, choice, at, by))).first() is not None


async def save(connection: AsyncConnection, of: ChoiceList, choice: Choice, at: datetime, by: str) -> None:
    """Replace a locked entry."""
    await connection.execute(_SAVE, _row(of, choice, at, by))


async def remove(connection: AsyncConnection, of: ChoiceList, code: str) -> None:
    """Remove a locked entry."""
    await connection.execute(_REMOVE, {"list": of.value, "code": code})


async def used(connection: AsyncConnection, of: ChoiceList, code: str) -> int:
    """How many cards in use have chosen it."""
    return int((await connection.execute(_USED[of], {"code": code})).scalar_one())


def _by_list(rows: Collection[sa.RowMapping]) -> dict[ChoiceList, tuple[Choice, ...]]:
    ordered = sorted(rows, key=lambda row: (row["position"], row["code"]))
    return {of: tuple(_choice(row) for row in ordered if row["list"] == of.value) for of in ChoiceList}


def _choice(row: sa.RowMapping) -> Choice:
    return Choice(row["code"], row["label"], row["position"], row["revision"])


def _row(of: ChoiceList, choice: Choice, at: datetime, by: str) -> dict[str, Any]:
    return {
        "list": of.value,
        "code": choice.code,
        "label": choice.label,
        "position": choice.position,
        "revision": choice.revision,
        "at": at,
        "by": by,
    }
