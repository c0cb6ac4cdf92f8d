"""The log across debtors: pages of it, all of it for an export, and what the newest of it looks like."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from klokwerk_contracts.ekt_delivery_changed import EktTrigger
from klokwerk_contracts.ekt_resend_requested import ResendReason
from klokwerk_contracts.outcomes import DeliveryState
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.ekt import Ekt
from ekt_service.domain.hints import LOOKED_AT, Past
from ekt_service.domain.search import fold
from ekt_service.store.ekts import COLUMN_NAMES, ekt_of

# ruff: noqa: S608 - statements are put together from this module's own texts, values are always bound
_ROWS_AT_ONCE = 500
_FROM = (
    f"select {', '.join('e.' + name for name in COLUMN_NAMES)}, d.card->>'name' as debtor_name, "
    "d.card->>'debtor_number' as debtor_number from ekt e "
    "left join debtor d on d.administration = e.administration and d.debtor_id = e.debtor_id "
)
_NEWEST = " order by e.made_at desc, e.id desc limit :limit"
_CONDITIONS = {
    "administration": "e.administration = :administration",
    "debtor_id": "e.debtor_id = :debtor_id",
    "order_day": "e.order_day = :order_day",
    "from_day": "e.order_day >= :from_day",
    "until_day": "e.order_day <= :until_day",
    "state": "e.state = :state",
    "method": "e.method = :method",
    "trigger": "e.trigger = :trigger",
    "confirmed": "(e.confirmed_at is not null) = :confirmed",
}
_SEARCHED = (
    "(e.recipient || ' ' || e.file_name || ' ' || e.requested_by || ' ' || e.note || ' ' || e.message || ' ' || "
    "coalesce(e.request_id, '')) ilike :like escape '!' or "
    "(e.administration, e.debtor_id) in (select administration, debtor_id from debtor where :folded <> '' "
    "and words like '%' || :folded || '%')"
)
_WITH_FILE = sa.text(
    f"select {', '.join(COLUMN_NAMES)} from ekt where file_name <> '' order by made_at desc, id desc limit 1"
)

_PAST = sa.text(
    "select state, made_at, method, recipient, confirmed_at is not null as confirmed, next_reason from ("
    "select *, lead(reason) over (partition by order_day order by made_at, id) as next_reason from ekt "
    "where administration = :administration and debtor_id = :debtor and file_name <> '') as built "
    "order by made_at desc, id desc limit :limit"
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the log is narrowed to.

    Args:
        order_day, from_day, until_day: of the sale.
        q: part of recipient, file name, person, note or message, or of the debtor's name or number.
        confirmed: only those that the customer did (or did not) say the arrival of.
    """

    administration: str | None = None
    debtor_id: str | None = None
    order_day: date | None = None
    from_day: date | None = None
    until_day: date | None = None
    state: DeliveryState | None = None
    method: str | None = None
    trigger: EktTrigger | None = None
    confirmed: bool | None = None
    q: str = ""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One EKT with who it is for."""

    ekt: Ekt
    debtor_name: str
    debtor_number: str

    @property
    def place(self) -> tuple[datetime, UUID]:
        """Where it stands in the log."""
        return self.ekt.made_at, self.ekt.id


async def page(
    connection: AsyncConnection, filters: Filters, after: tuple[datetime, UUID] | None, limit: int
) -> list[LogRow]:
    """EKTs newest first, up to one more than `limit`."""
    conditions, values = _narrowed(filters)
    if after is not None:
        conditions.append("(e.made_at, e.id) < (:at, :id)")
        values |= {"at": after[0], "id": after[1]}
    where = f"where {' and '.join(f'({each})' for each in conditions)}" if conditions else ""
    rows = await connection.execute(sa.text(_FROM + where + _NEWEST), values | {"limit": limit + 1})
    return [_row(row) for row in rows.mappings()]


async def everything(connection: AsyncConnection, filters: Filters) -> AsyncIterator[LogRow]:
    """The whole filtered log, newest first, a page at a time."""
    after: tuple[datetime, UUID] | None = None
    while True:
        rows = (await page(connection, filters, after, _ROWS_AT_ONCE))[:_ROWS_AT_ONCE]
        for row in rows:
            yield row
        if len(rows) < _ROWS_AT_ONCE:
            return
        after = rows[-1].place


async def newest_built(connection: AsyncConnection) -> Ekt | None:
    """The EKT whose file was made last; none on a new installation."""
    row = (await connection.execute(_WITH_FILE)).mappings().one_or_none()
    return ekt_of(row) if row else None


async def past(connection: AsyncConnection, administration: str, debtor_id: str) -> list[Past]:
    """The newest EKTs of a debtor that were made, for `domain.hints`."""
    values = {"administration": administration, "debtor": debtor_id, "limit": LOOKED_AT}
    return [
        Past(
            state=DeliveryState(row.state),
            made_at=row.made_at,
            method=row.method,
            recipient=row.recipient,
            confirmed=row.confirmed,
            next_reason=ResendReason(row.next_reason) if row.next_reason else None,
        )
        for row in await connection.execute(_PAST, values)
    ]


def _narrowed(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for name, condition in _CONDITIONS.items():
        value = getattr(filters, name)
        if value is not None:
            conditions.append(condition)
            values[name] = value
    if filters.q.strip():
        conditions.append(_SEARCHED)
        literal = filters.q.strip().replace("!", "!!").replace("%", "!%").replace("_", "!_")
        values |= {"like": f"%{literal}%", "folded": fold(filters.q)}
    return conditions, values


def _row(row: sa.RowMapping) -> LogRow:
    return LogRow(
        ekt_of({name: row[name] for name in COLUMN_NAMES}),
        row["debtor_name"] or "",
        row["debtor_number"] or "",
    )
