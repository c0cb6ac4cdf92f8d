"""Takes out of every table what tells about a person, and leaves what bookkeeping needs.

What stays of an EKT: day, state, times, method, file names, the files themselves and their fingerprints, who of us
asked for it and why. What goes: addresses, mails, notes, and the words of other servers, which may name anybody.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from ekt_service.domain.search import words_of
from ekt_service.store.debtors import DebtorKey

REMOVED = "(removed)"
"""Stands where an address stood."""
STOPPED = "It was not sent any more: the customer's card was anonymised."

_FAMILY = sa.text(
    "with recursive family as (select administration, debtor_id from debtor "
    "where (administration, debtor_id) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:debtors as text[]))) "
    "union select d.administration, d.debtor_id from debtor d join family f "
    "on d.administration = f.administration and d.merged_into = f.debtor_id) "
    "select administration, debtor_id from family order by administration, debtor_id"
)
_EKTS = sa.text(
    "select id from ekt where (administration, debtor_id) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:debtors as text[])))"
)
_LOCK_DELIVERIES = sa.text("select from delivery where id = any(cast(:ids as uuid[])) order by id for update")
"""A delivery is locked before its EKT, in the same order as everywhere."""
_CARDS = sa.text(
    "update debtor set card = (card - array['search_name', 'addresses', 'vat_number', 'chamber_number', 'emails', "
    "'phones', 'website', 'bank_accounts', 'invoice_delivery', 'note_for_documents', 'contact_persons', "
    "'own_fields', 'attachments', 'changed_by']) || cast(:name as jsonb) where (administration, debtor_id) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:debtors as text[]))) "
    "returning administration, debtor_id, card->>'debtor_number' as number"
)
_WORDS = sa.text(
    "update debtor d set words = t.words from unnest(cast(:administrations as text[]), cast(:debtors as text[]), "
    "cast(:words as text[])) as t (administration, debtor_id, words) "
    "where d.administration = t.administration and d.debtor_id = t.debtor_id"
)
"""What a debtor is found by, which holds its name."""
_CONNECTIONS = sa.text(
    "delete from connection where (administration, debtor_id) in "
    "(select * from unnest(cast(:administrations as text[]), cast(:debtors as text[])))"
)
_AUDIT_OF_CONNECTIONS = sa.text(
    "update audit set old = null, new = null where entity = 'connection' and entity_id = any(cast(:names as text[]))"
)
_STOP = sa.text(
    "update delivery set state = 'failed', message = :words, revision = revision + 1, changed_at = :now "
    "where id = any(cast(:ids as uuid[])) and state in ('planned', 'unknown') returning id"
)
_STOP_EKTS = sa.text("update ekt set state = 'failed', message = :words where id = any(cast(:ids as uuid[]))")
_OF_EKTS = tuple(
    sa.text(statement)
    for statement in (
        "update delivery set recipient = :removed, context = context - array['recipients', 'sender'], "
        "payload = null, message = case when message = :words then message else '' end "
        "where id = any(cast(:ids as uuid[]))",
        "update delivery_attempt set message = '' where delivery_id = any(cast(:ids as uuid[]))",
        "update ekt_note set recipient = '', words = '' where ekt_id = any(cast(:ids as uuid[]))",
        "update return_mail set words = '', content = null where ekt_id = any(cast(:ids as uuid[]))",
        "update audit set new = new - 'note' where entity = 'ekt' and entity_id = any(cast(:names as text[]))",
        "delete from idempotency where body ->> 'id' = any(cast(:names as text[]))",
    )
)
_EKTS_THEMSELVES = sa.text(
    "update ekt set recipient = case when recipient = '' then '' else :removed end, other_recipients = '{}', "
    "note = '', confirm_note = '', message = case when message = :words then message else '' end, "
    "revision = revision + 1, changed_at = :now where id = any(cast(:ids as uuid[])) and (recipient <> :removed "
    "or note <> '' or confirm_note <> '' or other_recipients <> '{}' or message not in ('', :words)) returning id"
)


async def family(connection: AsyncConnection, debtors: Iterable[DebtorKey]) -> list[DebtorKey]:
    """Debtors together with all that were merged into them."""
    return [(row.administration, row.debtor_id) for row in await connection.execute(_FAMILY, _keys(debtors))]


async def forget(connection: AsyncConnection, debtor: DebtorKey, name: str, now: datetime) -> list[UUID]:
    """Remove what is personal about a debtor and all that were merged into it.

    Args:
        name: what the anonymised card is called.

    Returns:
        The EKTs that changed by it, which others have copies of.
    """
    whole = await family(connection, [debtor])
    keys = _keys(whole)
    ids = [row.id for row in await connection.execute(_EKTS, keys)]
    cards = (await connection.execute(_CARDS, keys | {"name": _name(name)})).all()
    found_by = [words_of(name, card.number or "", card.debtor_id) for card in cards]
    named = _keys((card.administration, card.debtor_id) for card in cards)
    await connection.execute(_WORDS, named | {"words": found_by})
    await connection.execute(_CONNECTIONS, keys)
    await connection.execute(_AUDIT_OF_CONNECTIONS, {"names": ["/".join(key) for key in whole]})
    return await forget_ekts(connection, ids, now)


async def forget_ekts(connection: AsyncConnection, ids: Sequence[UUID], now: datetime) -> list[UUID]:
    """Remove what is personal about EKTs; what was still to be sent is not sent any more."""
    if not ids:
        return []
    values: dict[str, Any] = {"ids": list(ids), "names": [str(each) for each in ids], "now": now}
    values |= {"removed": REMOVED, "words": STOPPED}
    await connection.execute(_LOCK_DELIVERIES, values)
    stopped = [row.id for row in await connection.execute(_STOP, values)]
    if stopped:
        await connection.execute(_STOP_EKTS, values | {"ids": stopped})
    for statement in _OF_EKTS:
        await connection.execute(statement, values)
    return [row.id for row in await connection.execute(_EKTS_THEMSELVES, values)]


def _keys(debtors: Iterable[DebtorKey]) -> dict[str, list[str]]:
    keys = list(debtors)
    return {"administrations": [key[0] for key in keys], "debtors": [key[1] for key in keys]}


def _name(name: str) -> str:
    return orjson.dumps({"name": name}).decode()
