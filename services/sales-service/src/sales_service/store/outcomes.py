"""What other services told about EKTs and dispatches; each kept only if newer than what is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import orjson
import sqlalchemy as sa
from klokwerk_contracts.ekt_delivery_changed import EktDeliveryChanged
from klokwerk_contracts.invoice_dispatch_changed import InvoiceDispatchChanged
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.store.sales import DayKey

SHOWN_STATE = "case when l.state = 'failed' and l.bounced_at is not null then 'bounced' else l.state end"
"""State of an EKT as people see it, of a table of deliveries that is called l (`domain.ekts.BOUNCED`)."""
_EKT_COLUMNS = (
    "ekt_id, debtor_id, order_day, revision, trigger, state, sale_revision, request_id, method, recipient, "
    "file_name, message, link, bounced_at, confirmed_at, confirmed_by, changed_at"
)
_KEEP_EKTS = sa.text(
    f"insert into ekt_deliveries ({_EKT_COLUMNS}) select {_EKT_COLUMNS} "  # noqa: S608
    "from jsonb_populate_recordset(null::ekt_deliveries, cast(:rows as jsonb)) order by ekt_id "
    "on conflict (ekt_id) do update set revision = excluded.revision, state = excluded.state, "
    "sale_revision = excluded.sale_revision, method = excluded.method, recipient = excluded.recipient, "
    "file_name = excluded.file_name, message = excluded.message, link = excluded.link, "
    "bounced_at = excluded.bounced_at, confirmed_at = excluded.confirmed_at, "
    "confirmed_by = excluded.confirmed_by, changed_at = excluded.changed_at "
    "where ekt_deliveries.revision < excluded.revision"
)
_DISPATCH_COLUMNS = (
    "invoice_id, purpose, dispatch_id, revision, intent, state, channel, recipient, message, link, changed_at"
)
_KEEP_DISPATCHES = sa.text(
    f"insert into invoice_dispatches ({_DISPATCH_COLUMNS}) select {_DISPATCH_COLUMNS} "  # noqa: S608
    "from jsonb_populate_recordset(null::invoice_dispatches, cast(:rows as jsonb)) order by invoice_id, purpose "
    "on conflict (invoice_id, purpose) do update set dispatch_id = excluded.dispatch_id, "
    "revision = excluded.revision, intent = excluded.intent, state = excluded.state, "
    "channel = excluded.channel, recipient = excluded.recipient, message = excluded.message, "
    "link = excluded.link, changed_at = excluded.changed_at "
    "where invoice_dispatches.revision < excluded.revision"
)
_EKTS = sa.text(
    f"select l.ekt_id, l.trigger, {SHOWN_STATE}, l.sale_revision, l.request_id, l.method, l.recipient, "  # noqa: S608
    "l.file_name, l.message, l.link, l.bounced_at, l.confirmed_at, l.confirmed_by, l.changed_at "
    "from ekt_deliveries l where debtor_id = :debtor_id and order_day = :order_day "
    "order by changed_at desc, ekt_id desc"
)
_ASK = sa.text(
    "insert into resend_requests (request_id, debtor_id, order_day, sale_revision, requested_by, requested_at, "
    "reason, note, batch_id, recipients) select request_id, debtor_id, order_day, sale_revision, requested_by, "
    "requested_at, reason, note, batch_id, recipients "
    "from jsonb_populate_recordset(null::resend_requests, cast(:rows as jsonb))"
)
_REQUESTS = sa.text(
    "select request_id, sale_revision, requested_by, requested_at, reason, note, batch_id, recipients "
    "from resend_requests where debtor_id = :debtor_id and order_day = :order_day "
    "order by requested_at desc, request_id"
)
_RESENDS = sa.text(
    "select debtor_id, count(distinct request_id) as resends from ("
    "select debtor_id, request_id from resend_requests "
    "  where order_day = :day and debtor_id = any(cast(:ids as text[])) "
    "union all select debtor_id, request_id from ekt_deliveries where order_day = :day "
    "  and debtor_id = any(cast(:ids as text[])) and request_id is not null) r group by debtor_id"
)
_MOVE = [
    sa.text(f"update {table} set debtor_id = :target where debtor_id = :removed")  # noqa: S608
    for table in ("ekt_deliveries", "resend_requests")
]


async def keep_ekts(
    connection: AsyncConnection, events: Sequence[EktDeliveryChanged], targets: dict[str, str]
) -> None:
    """Keep the state of each EKT; `targets` says which card a merged debtor stands for now."""
    newest: dict[str, EktDeliveryChanged] = {}
    for event in sorted(events, key=lambda event: event.revision):
        newest[event.ekt_id] = event
    rows = [
        {
            **event.model_dump(mode="json", exclude={"administration", "sha256"}),
            "debtor_id": targets.get(event.debtor_id, event.debtor_id),
        }
        for event in newest.values()
    ]
    await connection.execute(_KEEP_EKTS, {"rows": orjson.dumps(rows).decode()})


async def keep_dispatches(connection: AsyncConnection, events: Sequence[InvoiceDispatchChanged]) -> None:
    """Keep the newest dispatch state of each invoice and purpose."""
    newest: dict[tuple[str, str], InvoiceDispatchChanged] = {}
    for event in sorted(events, key=lambda event: event.revision):
        newest[event.invoice_id, event.purpose] = event
    rows = [event.model_dump(mode="json") for event in newest.values()]
    await connection.execute(_KEEP_DISPATCHES, {"rows": orjson.dumps(rows).decode()})


@dataclass(frozen=True, slots=True)
class Ekt:
    """One EKT of a debtor and day, as the EKT service last told.

    Attributes:
        state: as the EKT service names it, or ``bounced``.
        bounced_at: when it came back after it had been taken.
        confirmed_at, confirmed_by: the customer said that it arrived (EF-47).
    """

    ekt_id: str
    trigger: str
    state: str
    sale_revision: int | None
    request_id: str | None
    method: str
    recipient: str
    file_name: str
    message: str
    link: str
    bounced_at: datetime | None
    confirmed_at: datetime | None
    confirmed_by: str
    changed_at: datetime


async def ekts(connection: AsyncConnection, key: DayKey) -> list[Ekt]:
    """EKTs of one debtor and day, the last changed first."""
    return [Ekt(*row) for row in await connection.execute(_EKTS, key._asdict())]


@dataclass(frozen=True, slots=True)
class Asked:
    """One resend that was asked for here.

    Attributes:
        batch_id: of the click on many debtors that it was part of; none for a single one.
        recipients: addresses of this one sending, instead of the customer's own (EF-56).
    """

    request_id: str
    sale_revision: int
    requested_by: str
    requested_at: datetime
    reason: str
    note: str
    batch_id: str | None = None
    recipients: tuple[str, ...] = ()


async def add_requests(connection: AsyncConnection, asked: Mapping[DayKey, Asked]) -> None:
    """Remember what was asked for."""
    rows = [
        {name: getattr(one, name) for name in Asked.__slots__}
        | {"debtor_id": key.debtor_id, "order_day": key.order_day}
        for key, one in asked.items()
    ]
    await connection.execute(_ASK, {"rows": orjson.dumps(rows).decode()})


async def requests(connection: AsyncConnection, key: DayKey) -> list[Asked]:
    """Resends asked for here, newest first."""
    rows = await connection.execute(_REQUESTS, key._asdict())
    return [Asked(**{**row, "recipients": tuple(row["recipients"])}) for row in rows.mappings()]


async def resends(connection: AsyncConnection, day: date, ids: Iterable[str]) -> dict[str, int]:
    """How many resends were asked for so far, here or elsewhere; debtors without any are absent."""
    rows = await connection.execute(_RESENDS, {"day": day, "ids": sorted(set(ids))})
    return {row.debtor_id: row.resends for row in rows}


async def move(connection: AsyncConnection, removed: str, target: str) -> None:
    """Bring what is known of a merged card under its target."""
    for statement in _MOVE:
        await connection.execute(statement, {"removed": removed, "target": target})
