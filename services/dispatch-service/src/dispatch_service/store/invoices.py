"""Invoices with the state of their dispatch, their history, and the lists that pages show."""

# ruff: noqa: S608 - statements are put together from the fixed parts of this module only

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from klokwerk.jobs.items import KEEP
from klokwerk.pinned import Pin, pin, pin_of
from klokwerk_contracts.invoice_created import InvoiceCreated
from sqlalchemy.ext.asyncio import AsyncConnection


class InvoiceState(StrEnum):
    """Where the dispatch of an invoice stands.

    ``waiting`` for its night, ``queued`` in a run and not yet decided, ``by_hand`` left to people.
    """

    WAITING = "waiting"
    BY_HAND = "by_hand"
    QUEUED = "queued"
    PLANNED = "planned"
    SENT = "sent"
    FAILED = "failed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


UNDER_WAY = frozenset({InvoiceState.QUEUED, InvoiceState.PLANNED, InvoiceState.UNKNOWN})
"""States in which something is being done, so that nobody may start another sending."""


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice as stored; `body` is the document as issued."""

    seq: int
    invoice_id: str
    administration: str
    debtor_id: str
    number: str
    kind: str
    source: str
    issue_date: date
    counts_from: datetime
    gross: Decimal
    currency: str
    buyer_name: str
    unsent: bool
    state: InvoiceState
    reason: str
    message: str
    channel: str
    recipient: str
    dispatch_id: UUID | None
    run_id: int | None
    revision: int
    changed_at: datetime
    body: dict[str, Any] | None = None

    @property
    def document(self) -> InvoiceCreated:
        """The invoice as issued; only where the row was read with its body."""
        return InvoiceCreated.model_validate(self.body)


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """An invoice that came in, with what was decided at its creation (D-09)."""

    document: InvoiceCreated
    counts_from: datetime
    unsent: bool
    state: InvoiceState
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One action on an invoice, by a person or by the service."""

    at: datetime
    by: str
    action: str
    detail: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; empty fields narrow nothing."""

    states: Sequence[str] = ()
    channel: str = ""
    debtor_id: str = ""
    administration: str = ""
    text: str = ""

    def values(self) -> dict[str, Any]:
        """As the statements take it."""
        text = searchable(self.text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return {
            "states": list(self.states),
            "channel": self.channel,
            "debtor": self.debtor_id,
            "administration": self.administration,
            "text": text,
            "pattern": f"%{text}%",
        }


_COLUMNS = (
    "seq, invoice_id, administration, debtor_id, number, kind, source, issue_date, counts_from, gross, currency, "
    "buyer_name, unsent, state, reason, message, channel, recipient, dispatch_id, run_id, revision, changed_at"
)


def _sql(text: str) -> sa.TextClause:
    """A statement in which ``<columns>`` stands for the columns of a row."""
    return sa.text(text.replace("<columns>", _COLUMNS))


_INSERT = _sql(
    "insert into invoice (invoice_id, administration, debtor_id, number, kind, source, issue_date, counts_from, "
    "gross, currency, buyer_name, search, body, unsent, state, reason, message, changed_at) "
    "select invoice_id, administration, debtor_id, number, kind, source, issue_date, counts_from, "
    "gross, currency, buyer_name, search, body, unsent, state, reason, message, changed_at "
    "from jsonb_to_recordset(cast(:rows as jsonb)) as r(invoice_id text, administration text, debtor_id text, "
    "number text, kind text, source text, issue_date date, counts_from timestamptz, gross numeric, currency text, "
    "buyer_name text, search text, body jsonb, unsent boolean, state text, reason text, message text, "
    "changed_at timestamptz) on conflict (invoice_id) do nothing returning invoice_id"
)
_GET = _sql("select <columns>, body from invoice where invoice_id = :id")
_GET_LOCKED = _sql("select <columns>, body from invoice where invoice_id = :id for update")
_CHANGE = _sql(
    "update invoice set state = :state, reason = :reason, message = :message, channel = :channel, "
    "recipient = :recipient, dispatch_id = coalesce(:dispatch_id, dispatch_id), revision = revision + 1, "
    "changed_at = :now where invoice_id = :id returning <columns>"
)
_BUMP = _sql("update invoice set revision = revision + 1 where invoice_id = :id returning <columns>")
_CLAIM_QUEUED = _sql(
    "select <columns>, body from invoice where state = 'queued' order by seq limit 1 for update skip locked"
)
_ADD_HISTORY = _sql(
    "insert into invoice_history (invoice_id, at, by, action, detail) "
    "values (:invoice_id, :at, :by, :action, :detail)"
)
_HISTORY = _sql(
    "select at, by, action, detail from invoice_history where invoice_id = :id order by id desc limit :limit"
)
_RECENT = _sql(
    "select h.at, h.action, h.detail, i.number, i.invoice_id, i.state from invoice_history h "
    "join invoice i using (invoice_id) order by h.id desc limit :limit"
)
_COUNTS = _sql("select state, count(*) from invoice group by state")
_SENT_SINCE = _sql("select count(*) from invoice where state = 'sent' and changed_at >= :since")
_MEANT = (
    "(cast(:states as text[]) = '{}' or state = any(cast(:states as text[]))) "
    "and (:channel = '' or channel = :channel) "
    "and (:debtor = '' or debtor_id = :debtor) "
    "and (:administration = '' or administration = :administration) "
    "and (:text = '' or search like :pattern) "
)
"""The invoices that a `Filter` means."""
_LIST = _sql(
    f"select <columns> from invoice where {_MEANT} "
    "and (cast(:before as bigint) is null or seq < :before) order by seq desc limit :limit"
)
_COUNT = sa.text(f"select {pin('invoice_id')} from invoice where {_MEANT}")
_KEEP = sa.text(
    f"with meant as materialized (select invoice_id from invoice where {_MEANT}), "
    f"kept as ({KEEP}invoice_id from meant) select {pin('invoice_id')} from meant"
)


def searchable(text: str) -> str:
    """Text as it is searched: case folded, blanks single."""
    return " ".join(text.casefold().split())


async def add(connection: AsyncConnection, invoices: Sequence[NewInvoice], now: datetime) -> set[str]:
    """Store invoices that are not here yet; returns the ids of the new ones."""
    rows = []
    for new in invoices:
        document = new.document
        rows.append(
            {
                "invoice_id": document.invoice_id,
                "administration": document.administration,
                "debtor_id": document.debtor_id,
                "number": document.invoice_number,
                "kind": document.kind.value,
                "source": document.source.value,
                "issue_date": document.issue_date.isoformat(),
                "counts_from": new.counts_from.isoformat(),
                "gross": str(document.totals.gross),
                "currency": document.currency,
                "buyer_name": document.buyer.name,
                "search": searchable(f"{document.invoice_number} {document.buyer.name} {document.debtor_id}"),
                "body": document.model_dump(mode="json"),
                "unsent": new.unsent,
                "state": new.state.value,
                "reason": new.reason,
                "message": new.message,
                "changed_at": now.isoformat(),
            }
        )
    added = await connection.execute(_INSERT, {"rows": orjson.dumps(rows).decode()})
    return {row[0] for row in added}


async def get(connection: AsyncConnection, invoice_id: str, *, locked: bool = False) -> InvoiceRow | None:
    """One invoice with its body."""
    rows = await connection.execute(_GET_LOCKED if locked else _GET, {"id": invoice_id})
    row = rows.mappings().one_or_none()
    return _of(row) if row else None


async def claim_queued(connection: AsyncConnection) -> InvoiceRow | None:
    """The next invoice of a run that nobody else is deciding on; locked until the transaction ends."""
    row = (await connection.execute(_CLAIM_QUEUED)).mappings().one_or_none()
    return _of(row) if row else None


async def change(
    connection: AsyncConnection,
    invoice_id: str,
    state: InvoiceState,
    *,
    reason: str,
    message: str,
    now: datetime,
    channel: str = "none",
    recipient: str = "",
    dispatch_id: UUID | None = None,
) -> InvoiceRow:
    """Set the state of an invoice's dispatch and raise its revision."""
    values = {
        "id": invoice_id,
        "state": state.value,
        "reason": reason,
        "message": message,
        "channel": channel,
        "recipient": recipient,
        "dispatch_id": dispatch_id,
        "now": now,
    }
    return _of((await connection.execute(_CHANGE, values)).mappings().one())


async def bump(connection: AsyncConnection, invoice_id: str) -> InvoiceRow:
    """Raise the revision alone: something happened beside the invoice's own state, such as a resend."""
    return _of((await connection.execute(_BUMP, {"id": invoice_id})).mappings().one())


async def note(connection: AsyncConnection, invoice_id: str, entry: HistoryEntry) -> None:
    """Add a line to the invoice's history."""
    await note_many(connection, [(invoice_id, entry)])


async def note_many(connection: AsyncConnection, entries: Sequence[tuple[str, HistoryEntry]]) -> None:
    """Add lines to the histories of several invoices."""
    if entries:
        values = [
            {"invoice_id": invoice, "at": e.at, "by": e.by, "action": e.action, "detail": e.detail}
            for invoice, e in entries
        ]
        await connection.execute(_ADD_HISTORY, values)


async def history(connection: AsyncConnection, invoice_id: str, limit: int = 200) -> list[HistoryEntry]:
    """What happened to an invoice, newest first."""
    return [
        HistoryEntry(*row) for row in await connection.execute(_HISTORY, {"id": invoice_id, "limit": limit})
    ]


async def recent(connection: AsyncConnection, limit: int = 10) -> list[Any]:
    """The latest lines of all histories, with the invoices they are about."""
    return list((await connection.execute(_RECENT, {"limit": limit})).mappings())


async def counts(connection: AsyncConnection, since: datetime) -> tuple[dict[str, int], int]:
    """How many invoices stand in each state, and how many were sent since an instant."""
    by_state = {row[0]: int(row[1]) for row in await connection.execute(_COUNTS)}
    sent = (await connection.execute(_SENT_SINCE, {"since": since})).scalar_one()
    return by_state, int(sent)


async def page(
    connection: AsyncConnection, wanted: Filter, before: int | None, limit: int
) -> list[InvoiceRow]:
    """Up to `limit` invoices that match, newest first; `before` is the `seq` of the last one seen."""
    values = {**wanted.values(), "before": before, "limit": limit}
    return [_of(row) for row in (await connection.execute(_LIST, values)).mappings()]


async def count(connection: AsyncConnection, wanted: Filter) -> Pin:
    """How many invoices match, and which."""
    return pin_of((await connection.execute(_COUNT, wanted.values())).one())


async def keep(connection: AsyncConnection, wanted: Filter, job_id: UUID) -> Pin:
    """Fix the invoices that match as what a job has to do; returns which those are."""
    return pin_of((await connection.execute(_KEEP, {**wanted.values(), "job": job_id})).one())


def _of(row: Any) -> InvoiceRow:
    values = {name: row[name] for name in _COLUMNS.split(", ")}
    values["state"] = InvoiceState(values["state"])
    return InvoiceRow(**values, body=row.get("body"))
