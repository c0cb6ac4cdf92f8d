"""Invoices and credit notes: drafts that may change, final ones that the database itself keeps frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
import sqlalchemy as sa
from klokwerk.pinned import Pin, digest_of, pin, pin_of
from klokwerk_contracts.invoice_created import InvoiceCreated, InvoiceKind, InvoiceStatus, VatCategory
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.invoices import Draft
from sales_service.domain.search import fold, pattern

DRAFT = "draft"
FINAL = "final"
PAID = "paid"
NOT_PAID = "not_paid"


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice with what is kept beside the document.

    Attributes:
        place: order in which they were added; what lists are sorted by.
        origin: ``ce_source`` of the system that issued it.
        draft: what was decided, while it is a draft; also kept afterwards for our own ones.
        document: the document as issued; none for a draft.
    """

    invoice_id: str
    place: int
    state: str
    kind: InvoiceKind
    source: str
    origin: str
    number: str | None
    debtor_id: str
    buyer_name: str
    order_day: date | None
    issue_date: date | None
    due_date: date | None
    currency: str
    net: Decimal
    vat: Decimal
    gross: Decimal
    reverse_charge: bool
    corrects_id: str | None
    payment_status: str
    paid_on: date | None
    delivery_time: str
    revision: int
    draft: Draft | None
    document: InvoiceCreated | None
    added_at: datetime
    finalised_at: datetime | None
    dispatch_state: str | None = None
    dispatch_channel: str | None = None
    dispatch_message: str | None = None
    dispatch_at: datetime | None = None
    dispatch_intent: str | None = None


_COLUMNS = (
    "i.invoice_id, place, i.state, kind, source, origin, number, debtor_id, buyer_name, order_day, issue_date, "
    "due_date, currency, net, vat, gross, reverse_charge, corrects_id, payment_status, paid_on, delivery_time, "
    "i.revision, draft, document, added_at, finalised_at"
)
_LIGHT = _COLUMNS.replace("draft, document", "null::jsonb as draft, null::jsonb as document")
_DISPATCH = (
    "x.state as dispatch_state, x.channel as dispatch_channel, x.message as dispatch_message, "
    "x.changed_at as dispatch_at, x.intent as dispatch_intent"
)
_FROM = (
    "from invoices i left join invoice_dispatches x on x.invoice_id = i.invoice_id and x.purpose = 'invoice'"
)
_INSERT_NAMES = (
    "invoice_id, administration, state, kind, source, origin, number, debtor_id, buyer_name, search, order_day, "
    "issue_date, due_date, currency, net, vat, gross, reverse_charge, corrects_id, payment_status, paid_on, "
    "draft, document, added_at, finalised_at"
)
_INSERT = sa.text(
    f"insert into invoices ({_INSERT_NAMES}) select {_INSERT_NAMES} "  # noqa: S608
    "from jsonb_populate_recordset(null::invoices, cast(:rows as jsonb)) with ordinality "
    "on conflict do nothing returning invoice_id"
)
_CHANGED = [
    name
    for name in _INSERT_NAMES.split(", ")
    if name not in ("invoice_id", "administration", "added_at", "origin", "payment_status", "paid_on")
]
_UPDATE = sa.text(
    "update invoices i set revision = i.revision + 1, "  # noqa: S608
    + ", ".join(f"{name} = r.{name}" for name in _CHANGED)
    + " from jsonb_populate_recordset(null::invoices, cast(:rows as jsonb)) r where i.invoice_id = r.invoice_id"
)
_GET = sa.text(f"select {_COLUMNS}, {_DISPATCH} {_FROM} where i.invoice_id = :id")
_LOCK = sa.text(f"select {_COLUMNS} from invoices i where invoice_id = :id for update")  # noqa: S608
_WHO_HAS = sa.text(
    "select invoice_id, origin, number from invoices where invoice_id = any(cast(:ids as text[])) "
    "or (origin = :origin and number = any(cast(:numbers as text[])))"
)
_ISSUED = "i.state = 'final'"
_LIST = f"select {_LIGHT}, {_DISPATCH} {_FROM} where (cast(:after as bigint) is null or place < :after) "
_COUNT = (
    f"select {pin('i.invoice_id')}, count(*) filter (where {_ISSUED}) as issued, "
    f"{digest_of('i.invoice_id', _ISSUED)} as issued_digest {_FROM} where true "
)
_ISSUED_ONES = (
    f"select {pin('i.invoice_id')}, array_agg(i.invoice_id order by place) as ids {_FROM} where {_ISSUED} "
)
_DELETE_DRAFT = sa.text("delete from invoices where invoice_id = :id and state = 'draft'")
_LINES = sa.text(
    "insert into invoice_lines (invoice_id, line_id, article_number, name, quantity, net_amount) "
    "select invoice_id, line_id, article_number, name, quantity, net_amount "
    "from jsonb_populate_recordset(null::invoice_lines, cast(:rows as jsonb)) on conflict do nothing"
)
_PAYMENT = sa.text(
    "update invoices set payment_status = :payment_status, paid_on = :paid_on, delivery_time = :delivery_time, "
    "revision = revision + 1 where invoice_id = :id"
)
_MOVE = sa.text("update invoices set debtor_id = :target where debtor_id = :removed")
_CREDITED = sa.text(
    "select number from invoices where corrects_id = :id and state = 'final' order by place limit 1"
)
_TURNOVER = sa.text(
    "select coalesce(sum(case when kind = 'credit_note' then -net else net end), 0) as net, count(*) as documents "
    "from invoices where debtor_id = :debtor_id and state = 'final'"
)
_TURNOVER_BY_ARTICLE = sa.text(
    "select l.article_number, min(l.name) as name, "
    "sum(case when i.kind = 'credit_note' then -l.quantity else l.quantity end) as quantity, "
    "sum(case when i.kind = 'credit_note' then -l.net_amount else l.net_amount end) as net "
    "from invoices i join invoice_lines l using (invoice_id) where i.debtor_id = :debtor_id and i.state = 'final' "
    "group by l.article_number, case when l.article_number = '' then l.name end order by net desc"
)


def _values(
    *,
    invoice_id: str,
    administration: str,
    origin: str,
    debtor_id: str,
    draft: Draft | None,
    document: InvoiceCreated,
    state: str,
    now: datetime,
) -> dict[str, Any]:
    paid = document.status is InvoiceStatus.PAID
    issued = state == FINAL
    return {
        "invoice_id": invoice_id,
        "administration": administration,
        "state": state,
        "kind": document.kind,
        "source": document.source,
        "origin": origin,
        "number": document.invoice_number if issued else None,
        "debtor_id": debtor_id,
        "buyer_name": document.buyer.name,
        "search": fold(document.buyer.name, document.invoice_number if issued else ""),
        "order_day": document.order_day,
        "issue_date": document.issue_date if issued or (draft and draft.issue_date) else None,
        "due_date": document.due_date,
        "currency": document.currency,
        "net": document.totals.net,
        "vat": document.totals.vat,
        "gross": document.totals.gross,
        "reverse_charge": any(entry.category is VatCategory.REVERSE_CHARGE for entry in document.vat),
        "corrects_id": draft.corrects_id if draft else None,
        "payment_status": PAID if paid else NOT_PAID,
        "paid_on": document.issue_date if paid else None,
        "draft": draft.model_dump(mode="json") if draft else None,
        "document": document.model_dump(mode="json") if issued else None,
        "added_at": now,
        "finalised_at": now if issued else None,
    }


def _json(value: object) -> str:
    return orjson.dumps(value, default=str).decode()


def _invoice(row: Any) -> Invoice:
    values = dict(row)
    values["kind"] = InvoiceKind(row["kind"])
    values["draft"] = Draft.model_validate(row["draft"]) if row["draft"] else None
    values["document"] = InvoiceCreated.model_validate(row["document"]) if row["document"] else None
    return Invoice(**values)


async def add_draft(
    connection: AsyncConnection,
    draft: Draft,
    preview: InvoiceCreated,
    *,
    administration: str,
    origin: str,
    now: datetime,
) -> None:
    """Store a new draft; `preview` is the document that it would become today."""
    row = _values(
        invoice_id=preview.invoice_id,
        administration=administration,
        origin=origin,
        debtor_id=preview.debtor_id,
        draft=draft,
        document=preview,
        state=DRAFT,
        now=now,
    )
    await connection.execute(_INSERT, {"rows": _json([row])})


async def change(
    connection: AsyncConnection,
    invoice: Invoice,
    draft: Draft,
    document: InvoiceCreated,
    *,
    final: bool,
    now: datetime,
) -> None:
    """Overwrite a draft, or make it final with its document and lines."""
    row = _values(
        invoice_id=invoice.invoice_id,
        administration=document.administration,
        origin=invoice.origin,
        debtor_id=document.debtor_id,
        draft=draft,
        document=document,
        state=FINAL if final else DRAFT,
        now=now,
    )
    await connection.execute(_UPDATE, {"rows": _json([row])})
    if final:
        await _add_lines(connection, [document])


async def _add_lines(connection: AsyncConnection, documents: Sequence[InvoiceCreated]) -> None:
    rows = [
        {
            "invoice_id": document.invoice_id,
            "line_id": line.line_id,
            "article_number": line.article_number,
            "name": line.name,
            "quantity": line.quantity,
            "net_amount": line.net_amount,
        }
        for document in documents
        for line in document.lines
    ]
    await connection.execute(_LINES, {"rows": _json(rows)})


async def add_issued(
    connection: AsyncConnection,
    documents: Sequence[tuple[InvoiceCreated, str]],
    *,
    origin: str,
    now: datetime,
) -> dict[str, str]:
    """Record documents that another system issued, as they are.

    Args:
        documents: each with the id of the card it belongs to now.
        origin: the system that issued all of them.

    Returns:
        For each one that could not be taken, its id and why; a repetition of a known one is no trouble.
    """
    rows = [
        _values(
            invoice_id=document.invoice_id,
            administration=document.administration,
            origin=origin,
            debtor_id=debtor_id,
            draft=None,
            document=document,
            state=FINAL,
            now=now,
        )
        for document, debtor_id in documents
    ]
    added = set((await connection.execute(_INSERT, {"rows": _json(rows)})).scalars())
    await _add_lines(connection, [document for document, _ in documents if document.invoice_id in added])
    left = [document for document, _ in documents if document.invoice_id not in added]
    if not left:
        return {}
    found = list(
        await connection.execute(
            _WHO_HAS,
            {
                "ids": [document.invoice_id for document in left],
                "numbers": [document.invoice_number for document in left],
                "origin": origin,
            },
        )
    )
    by_id = {row.invoice_id: row for row in found}
    by_number = {row.number: row for row in found if row.origin == origin}
    refused: dict[str, str] = {}
    for document in left:
        known = by_id.get(document.invoice_id)
        if known is not None and known.origin == origin:
            continue
        if known is not None:
            refused[document.invoice_id] = (
                f"invoice id {document.invoice_id} belongs to an invoice of {known.origin}: use ids of your own"
            )
        elif document.invoice_number in by_number:
            other = by_number[document.invoice_number]
            refused[document.invoice_id] = (
                f"number {document.invoice_number} was used for invoice {other.invoice_id} before: "
                "a number is given once"
            )
    return refused


async def get(connection: AsyncConnection, invoice_id: str) -> Invoice | None:
    """One invoice with the state of its dispatch."""
    row = (await connection.execute(_GET, {"id": invoice_id})).mappings().one_or_none()
    return None if row is None else _invoice(row)


async def lock(connection: AsyncConnection, invoice_id: str) -> Invoice | None:
    """One invoice, locked for a change."""
    row = (await connection.execute(_LOCK, {"id": invoice_id})).mappings().one_or_none()
    return None if row is None else _invoice(row)


async def delete_draft(connection: AsyncConnection, invoice_id: str) -> bool:
    """Throw a draft away; False when there is no such draft."""
    return bool((await connection.execute(_DELETE_DRAFT, {"id": invoice_id})).rowcount)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of invoices is narrowed by; each one that is set must hold (LS-04..LS-08).

    Attributes:
        words: part of the customer's name or the invoice number.
        dispatch: state of the dispatch; ``none`` for those of which none is known.
        ids: exactly these.
    """

    words: str = ""
    state: str | None = None
    kind: str | None = None
    source: str | None = None
    debtor_id: str | None = None
    payment_status: str | None = None
    paid_from: date | None = None
    paid_to: date | None = None
    reverse_charge: bool | None = None
    dispatch: str | None = None
    ids: Sequence[str] | None = None


def _where(filters: Filters) -> tuple[str, dict[str, Any]]:
    clauses: list[str] = []
    values: dict[str, Any] = {}

    def add(clause: str, name: str, value: Any) -> None:
        if value is not None:
            clauses.append(clause)
            values[name] = value

    add("search like :words", "words", pattern(filters.words) if filters.words.strip() else None)
    add("i.state = :state", "state", filters.state)
    add("kind = :kind", "kind", filters.kind)
    add("source = :source", "source", filters.source)
    add("debtor_id = :debtor_id", "debtor_id", filters.debtor_id)
    add("payment_status = :payment_status", "payment_status", filters.payment_status)
    add("paid_on >= :paid_from", "paid_from", filters.paid_from)
    add("paid_on <= :paid_to", "paid_to", filters.paid_to)
    add("reverse_charge = :reverse_charge", "reverse_charge", filters.reverse_charge)
    add("i.invoice_id = any(cast(:ids as text[]))", "ids", list(filters.ids) if filters.ids else None)
    if filters.dispatch == "none":
        clauses.append("x.state is null")
    else:
        add("x.state = :dispatch", "dispatch", filters.dispatch)
    return "".join(f"and {clause} " for clause in clauses), values


async def page(
    connection: AsyncConnection, filters: Filters, *, after: int | None, limit: int
) -> list[Invoice]:
    """Invoices, last added first (LS-02, LS-03); `after` is the place of the last one seen."""
    where, values = _where(filters)
    statement = sa.text(f"{_LIST}{where} order by place desc limit :limit")
    rows = await connection.execute(statement, {**values, "after": after, "limit": limit})
    return [_invoice(row) for row in rows.mappings()]


@dataclass(frozen=True, slots=True)
class Counted:
    """Which invoices a filter means, and which of them are issued, so that they can be sent."""

    all: Pin
    issued: Pin


async def count(connection: AsyncConnection, filters: Filters) -> Counted:
    """How many invoices a filter means, and which."""
    where, values = _where(filters)
    row = (await connection.execute(sa.text(f"{_COUNT}{where}"), values)).one()
    return Counted(pin_of(row), Pin(count=row.issued, digest=row.issued_digest))


async def issued(connection: AsyncConnection, filters: Filters) -> tuple[list[str], Pin]:
    """The invoices of a filter that can be sent, in the order in which they were added, and which those are."""
    where, values = _where(filters)
    row = (await connection.execute(sa.text(f"{_ISSUED_ONES}{where}"), values)).one()
    return list(row.ids or ()), pin_of(row)


async def set_payment(
    connection: AsyncConnection,
    invoice_id: str,
    *,
    payment_status: str,
    paid_on: date | None,
    delivery_time: str,
) -> None:
    """Change payment status and delivery time, and nothing else (LS-31)."""
    await connection.execute(
        _PAYMENT,
        {
            "id": invoice_id,
            "payment_status": payment_status,
            "paid_on": paid_on,
            "delivery_time": delivery_time,
        },
    )


async def move(connection: AsyncConnection, removed: str, target: str) -> None:
    """Bring the documents of a merged card under its target; what stands in them stays (FA-56, FA-57)."""
    await connection.execute(_MOVE, {"removed": removed, "target": target})


async def credited_by(connection: AsyncConnection, invoice_id: str) -> str | None:
    """Number of the credit note that corrects this invoice; none when there is none."""
    found: str | None = (await connection.execute(_CREDITED, {"id": invoice_id})).scalar_one_or_none()
    return found


@dataclass(frozen=True, slots=True)
class ArticleTurnover:
    """Turnover of one article with one customer."""

    article_number: str
    name: str
    quantity: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True)
class Turnover:
    """Issued invoices minus credit notes, without VAT; drafts do not count (FA-35, FA-36)."""

    net: Decimal
    documents: int
    articles: tuple[ArticleTurnover, ...]


async def turnover(connection: AsyncConnection, debtor_id: str) -> Turnover:
    """Turnover of a customer, in all and by article."""
    total = (await connection.execute(_TURNOVER, {"debtor_id": debtor_id})).one()
    rows = await connection.execute(_TURNOVER_BY_ARTICLE, {"debtor_id": debtor_id})
    return Turnover(total.net, total.documents, tuple(ArticleTurnover(*row) for row in rows))
