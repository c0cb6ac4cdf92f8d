"""Everything that is held about one customer, and what of it goes when the card is anonymised.

Invoices as they were issued, and how and to whom they were delivered, are kept as long as bookkeeping asks for it: they
are the documents and their proof. What lists find and show them by is not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

NAME = "Anonymised"

_FAMILY = sa.text(
    "with recursive whole (debtor_id) as (select debtor_id from debtor where debtor_id = any(cast(:ids as text[])) "
    "union select debtor.debtor_id from whole join debtor on debtor.merged_into = whole.debtor_id) "
    "select debtor_id from whole order by debtor_id"
)
_ANONYMISED = sa.text(
    "select debtor_id from debtor where debtor_id = any(cast(:ids as text[])) and card ->> 'state' = 'anonymised'"
)
_BLANK = sa.text(
    "update invoice set buyer_name = :name, search = lower(number || ' ' || debtor_id) "
    "where debtor_id = any(cast(:ids as text[])) and buyer_name <> :name"
)
_SECTIONS = {
    "cards": sa.text(
        "select cast(card as text) as item from debtor where debtor_id = any(cast(:ids as text[])) order by debtor_id"
    ),
    "invoices": sa.text(
        "select cast(jsonb_build_object('invoice_id', invoice_id, 'number', number, 'state', state, "
        "'channel', channel, 'recipient', recipient, 'message', message, 'changed_at', changed_at, 'document', body, "
        "'history', "
        "(select coalesce(jsonb_agg(jsonb_build_object('at', at, 'by', by, 'action', action, 'detail', detail) "
        "order by id), '[]') from invoice_history h where h.invoice_id = invoice.invoice_id)) as text) as item "
        "from invoice where debtor_id = any(cast(:ids as text[])) order by seq"
    ),
    "deliveries": sa.text(
        "select cast(jsonb_build_object('id', d.id, 'invoice_id', d.subject, 'channel', d.channel, 'recipient', "
        "d.recipient, 'file_name', d.file_name, 'sha256', d.sha256, 'state', d.state, 'message', d.message, "
        "'reference', d.reference, 'created_at', d.created_at, 'changed_at', d.changed_at) as text) as item "
        "from delivery d join invoice i on i.invoice_id = d.subject where d.kind = 'invoice' "
        "and i.debtor_id = any(cast(:ids as text[])) order by d.created_at, d.id"
    ),
}
SECTIONS = tuple(_SECTIONS)
"""What there is, in the order in which it is told."""


async def family(connection: AsyncConnection, ids: Sequence[str]) -> list[str]:
    """These customers and all that were merged into them."""
    return list((await connection.execute(_FAMILY, {"ids": list(ids)})).scalars())


async def held(connection: AsyncConnection, section: str, ids: Sequence[str]) -> AsyncIterator[bytes]:
    """What is held in one section, item by item as JSON."""
    async with connection.stream(_SECTIONS[section], {"ids": list(ids)}) as rows:
        async for row in rows:
            yield row.item.encode()


async def anonymised(connection: AsyncConnection, ids: Sequence[str]) -> list[str]:
    """Those of the customers whose card was anonymised."""
    return list((await connection.execute(_ANONYMISED, {"ids": list(ids)})).scalars())


async def blank(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Take names out of what lists show and search of anonymised customers; doing it again changes nothing."""
    if ids:
        whole = await family(connection, ids)
        await connection.execute(_BLANK, {"ids": whole, "name": NAME})
