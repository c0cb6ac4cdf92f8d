"""Everything that is kept about a person beside the card itself, read for them or taken away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.exporting import KIND as EXPORT

_TRAIL = sa.text(
    "select at, person_name, action, old, new from audit where entity = 'debtor' "
    "and entity_id = any(cast(:ids as text[])) order by id"
)
_BLANK_TRAIL = sa.text(
    "update audit set old = null, new = null where entity = 'debtor' and entity_id = any(cast(:ids as text[])) "
    "and (old is not null or new is not null)"
)
_BLANK_CONTACTS = sa.text(
    "update audit set old = old - 'contact_persons', new = new - 'contact_persons' where entity = 'debtor' "
    "and entity_id = :id and (old ? 'contact_persons' or new ? 'contact_persons')"
)
_NUMBERS = sa.text(
    "select administration, kind, number, issued, trigger, given_at from card_number "
    "where debtor_id = any(cast(:ids as text[])) order by given_at, kind"
)
_USES = sa.text(
    "select what, first_at from card_use where debtor_id = any(cast(:ids as text[])) order by first_at"
)
_OF_ROWS = (
    "from card_import_row r join card_import i on i.id = r.import_id "
    "where r.card_id = any(cast(:ids as text[])) or (r.card_id is null and r.cells && cast(:texts as text[]))"
)
_ROWS = sa.text(
    "select i.file_name, i.created_at, i.created_by_name, i.headings, r.number, r.cells, r.outcome, r.before "
    f"{_OF_ROWS} order by i.created_at, r.number"
)
_COUNT_ROWS = sa.text(f"select count(*) {_OF_ROWS}")
_BLANK_ROWS = sa.text(
    "update card_import_row set cells = array_fill(cast('' as text), array[cardinality(cells)]), problems = '[]', "
    "matches = '[]', keys = '{}', message = '', before = null, card_id = null, target = null "
    "where card_id = any(cast(:ids as text[])) or (card_id is null and cells && cast(:texts as text[])) "
    "returning import_id"
)
_BLANK_MATCHES = sa.text(
    "update card_import_row r set matches = (select jsonb_agg(case when each ->> 'debtor_id' = any(cast(:ids as "
    'text[])) then each || \'{"name": ""}\' else each end order by place) '
    "from jsonb_array_elements(r.matches) with ordinality as every(each, place)) "
    "where exists (select 1 from jsonb_array_elements(r.matches) as each "
    "where each ->> 'debtor_id' = any(cast(:ids as text[])))"
)
_BLANK_FILES = sa.text(
    "update card_import set content = null, guesses = (select jsonb_agg(each || '{\"samples\": []}' order by place) "
    "from jsonb_array_elements(guesses) with ordinality as every(each, place)) "
    "where id = any(cast(:imports as uuid[]))"
)
_EXPORTS = "from job where kind = :kind and created_at >= :since"
_COUNT_EXPORTS = sa.text(f"select count(*) {_EXPORTS}")
_DROP_EXPORTS = sa.text(f"delete {_EXPORTS}")
_DROP_ANSWERS = sa.text(
    "delete from idempotency where exists (select 1 from unnest(cast(:ids as text[])) as id "
    "where strpos(cast(body as text), '\"' || id || '\"') > 0)"
)
"""Answers that are kept for repeated requests, whatever they hold of the cards."""
_BLANK_ATTACHMENTS = sa.text("update attachment set name = '' where debtor_id = any(cast(:ids as text[]))")
_DROP_CHOICES = sa.text("delete from newsletter_choice where debtor_id = any(cast(:ids as text[]))")
_DROP_STRANGERS = sa.text(
    "delete from newsletter_member where email_hash = any(cast(:hashes as text[])) and status = 'gone'"
)


async def trail(connection: AsyncConnection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Every change of cards, with the values before and after."""
    return [dict(row) for row in (await connection.execute(_TRAIL, {"ids": list(ids)})).mappings()]


async def numbers(connection: AsyncConnection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Every number that cards have or had."""
    return [dict(row) for row in (await connection.execute(_NUMBERS, {"ids": list(ids)})).mappings()]


async def uses(connection: AsyncConnection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What cards were used for, and since when."""
    return [dict(row) for row in (await connection.execute(_USES, {"ids": list(ids)})).mappings()]


async def import_rows(
    connection: AsyncConnection, ids: Sequence[str], texts: Sequence[str]
) -> list[dict[str, Any]]:
    """Lines of lists that made, changed or name the person.

    Args:
        texts: what a cell must hold exactly: e-mail addresses, registrations.
    """
    rows = await connection.execute(_ROWS, {"ids": list(ids), "texts": list(texts)})
    return [
        {
            "file": row.file_name,
            "at": row.created_at,
            "by": row.created_by_name,
            "line": row.number,
            "cells": dict(zip(row.headings, row.cells, strict=False)),
            "outcome": row.outcome,
            "card_before": row.before,
        }
        for row in rows
    ]


async def counts(
    connection: AsyncConnection, ids: Sequence[str], texts: Sequence[str], since: datetime
) -> dict[str, int]:
    """How much there is to be taken away."""
    lines = await connection.execute(_COUNT_ROWS, {"ids": list(ids), "texts": list(texts)})
    exports = await connection.execute(_COUNT_EXPORTS, {"kind": EXPORT, "since": since})
    changes = await trail(connection, ids)
    return {
        "import_lines": int(lines.scalar_one()),
        "exports": int(exports.scalar_one()),
        "changes": sum(change["old"] is not None or change["new"] is not None for change in changes),
    }


async def blank(
    connection: AsyncConnection,
    ids: Sequence[str],
    texts: Sequence[str],
    hashes: Sequence[str],
    since: datetime,
) -> None:
    """Take away what is kept about a person beside the card: values in the trail, lines of lists, exports, answers.

    Args:
        ids: the card and those merged into it.
        texts: what cells of lists must hold exactly to be theirs.
        hashes: of their e-mail addresses.
        since: exports before it can't hold the card.
    """
    given = {"ids": list(ids), "texts": list(texts)}
    await connection.execute(_BLANK_TRAIL, given)
    touched = {row.import_id for row in await connection.execute(_BLANK_ROWS, given)}
    await connection.execute(_BLANK_MATCHES, given)
    await connection.execute(_BLANK_FILES, {"imports": [str(each) for each in touched]})
    await connection.execute(_DROP_EXPORTS, {"kind": EXPORT, "since": since})
    await connection.execute(_DROP_ANSWERS, given)
    await connection.execute(_BLANK_ATTACHMENTS, given)
    await connection.execute(_DROP_CHOICES, given)
    await connection.execute(_DROP_STRANGERS, {"hashes": list(hashes)})


async def blank_contact(connection: AsyncConnection, debtor_id: str) -> None:
    """Take contact persons out of the trail of a card."""
    await connection.execute(_BLANK_CONTACTS, {"id": debtor_id})
