"""Everything that is held about one debtor, and what of it goes when the card is anonymised.

Issued invoices and the sold lines stay as they are: bookkeeping law asks for them. What goes is what was only of use
while the customer was one: addresses that EKTs went to, what others answered, notes, the persons on drafts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_ANONYMISED = sa.text(
    "select debtor_id from debtors where debtor_id = any(cast(:ids as text[])) and state = 'anonymised'"
)
_BLANK_EKTS = sa.text(
    "update ekt_deliveries set recipient = '', message = '', confirmed_by = '' "
    "where debtor_id = any(cast(:ids as text[])) and (recipient, message, confirmed_by) <> ('', '', '')"
)
_BLANK = (
    _BLANK_EKTS,
    sa.text(
        "update resend_requests set note = '', recipients = '[]' where debtor_id = any(cast(:ids as text[])) "
        "and (note <> '' or recipients <> '[]')"
    ),
    sa.text(
        "update audit set new = new - 'note' where entity = 'sale' and action = 'resend requested' "
        "and entity_id in (select debtor_id || '/' || order_day from distributions "
        "  where debtor_id = any(cast(:ids as text[]))) and new ? 'note'"
    ),
    sa.text(
        "update invoices i set buyer_name = d.name, search = d.search, revision = i.revision + 1, "
        "draft = i.draft || jsonb_build_object('attention', null, 'deliver_to', null, 'note', '', "
        "'buyer_reference', '') from debtors d where d.debtor_id = i.debtor_id "
        "and i.debtor_id = any(cast(:ids as text[])) and i.state = 'draft' and i.buyer_name <> d.name"
    ),
)
_SECTIONS: dict[str, sa.TextClause] = {
    name: sa.text(statement)
    for name, statement in {
        "cards": "select to_jsonb(d) - 'search' as item from debtors d where debtor_id = any(cast(:ids as text[])) "
        "order by debtor_id",
        "sales": "select to_jsonb(d) - 'digest' || jsonb_build_object('lines', (select coalesce(jsonb_agg(to_jsonb(l) "
        "  - 'debtor_id' - 'order_day' order by l.position), '[]') from sale_lines l "
        "  where l.debtor_id = d.debtor_id and l.order_day = d.order_day)) as item "
        "from distributions d where debtor_id = any(cast(:ids as text[])) order by order_day, debtor_id",
        "invoices": "select to_jsonb(i) - 'search' - 'place' as item from invoices i "
        "where debtor_id = any(cast(:ids as text[])) order by place",
        "ekts": "select to_jsonb(e) as item from ekt_deliveries e where debtor_id = any(cast(:ids as text[])) "
        "order by changed_at, ekt_id",
        "resends": "select to_jsonb(r) as item from resend_requests r where debtor_id = any(cast(:ids as text[])) "
        "order by requested_at, request_id",
        "dispatches": "select to_jsonb(x) as item from invoice_dispatches x join invoices i using (invoice_id) "
        "where i.debtor_id = any(cast(:ids as text[])) order by x.changed_at, x.invoice_id, x.purpose",
        "changes": "select to_jsonb(a) as item from audit a where a.entity = 'sale' and a.entity_id in "
        "(select d.debtor_id || '/' || d.order_day from distributions d "
        "  where d.debtor_id = any(cast(:ids as text[]))) order by a.id",
    }.items()
}


async def anonymised(connection: AsyncConnection, ids: Iterable[str]) -> list[str]:
    """Those of `ids` whose card was anonymised."""
    return list((await connection.execute(_ANONYMISED, {"ids": sorted(set(ids))})).scalars())


async def blank(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Take out what need not be kept of debtors that were anonymised; doing it again changes nothing."""
    for statement in _BLANK:
        await connection.execute(statement, {"ids": list(ids)})


async def blank_ekts(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """The same for what is told about EKTs afterwards, or once more."""
    await connection.execute(_BLANK_EKTS, {"ids": list(ids)})


SECTIONS = tuple(_SECTIONS)


async def held(connection: AsyncConnection, section: str, ids: Sequence[str]) -> AsyncIterator[bytes]:
    """Everything of a section about cards of one debtor, each item as JSON, however many there are."""
    async with connection.stream(_SECTIONS[section], {"ids": list(ids)}) as rows:
        async for row in rows:
            yield orjson.dumps(row.item, default=str)
