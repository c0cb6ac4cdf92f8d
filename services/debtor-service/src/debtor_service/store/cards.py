"""Cards in the database: insert, lock, replace, find."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from klokwerk.pinned import Pin, pin, pin_of
from klokwerk_contracts.debtor_changed import Attachment, CardState, Kind
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.aside import worked_out
from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.duplicates import keys_of, plain_name
from debtor_service.domain.search import document_of, sort_name_of

DERIVED = 1
"""Version of the rules by which search text, sort name and keys are made from a card. Raise it when they change:
the cards that are there are then derived anew by a worker, without a new revision."""

SHORTEST_INSIDE = 3
"""Letters that a word needs to be found inside other words (decision 0040). The trigram index finds one or two letters
at the beginning of a word only; where all words of a search are that short, all cards would be read."""

CUSTOMER_NUMBER_INDEX = "card_customer_number"
"""Name of the index that keeps customer numbers apart, as errors of the database say it."""

_COLUMNS = (
    "debtor_id, administration, revision, state, merged_into, previous_ids, kinds, name, sort_name, "
    "debtor_number, creditor_number, customer_number, use_ekts, content, attachments, search, keys, "
    "plain_name, derived, created_at, changed_at, changed_by"
)
_GIVEN = (
    "jsonb_to_recordset(cast(:rows as jsonb)) as r(debtor_id text, administration text, revision bigint, state text, "
    "merged_into text, previous_ids text[], kinds text[], name text, sort_name text, debtor_number text, "
    "creditor_number text, customer_number text, use_ekts boolean, content jsonb, attachments jsonb, search text, "
    "keys text[], plain_name text, derived integer, created_at timestamptz, changed_at timestamptz, changed_by text)"
)
READ = (
    "debtor_id, administration, revision, state, merged_into, previous_ids, debtor_number, creditor_number, "
    "customer_number, content, attachments, created_at, changed_at, changed_by"
)
_INSERT = sa.text(f"insert into card ({_COLUMNS}) select {_COLUMNS} from {_GIVEN}")  # noqa: S608
_REPLACE = (
    f"update card c set ({_COLUMNS}) = row({', '.join(f'r.{name}' for name in _COLUMNS.split(', '))}) "  # noqa: S608
    f"from {_GIVEN} where c.debtor_id = r.debtor_id"
)
_UPDATE = sa.text(f"{_REPLACE} and c.customer_number = r.customer_number returning c.debtor_id")
_UPDATE_RENUMBERED = sa.text(_REPLACE)
_GET = sa.text(f"select {READ} from card where debtor_id = :id")  # noqa: S608
_FIND = sa.text(f"select {READ} from card where debtor_id = any(cast(:ids as text[]))")  # noqa: S608
_LOCK = sa.text(
    f"select {READ} from card where debtor_id = any(cast(:ids as text[])) "  # noqa: S608
    "order by debtor_id for update"
)
_NUMBERED = {
    kind: sa.text(
        f"select debtor_id from card where debtor_id = any(cast(:ids as text[])) "  # noqa: S608
        f"and {kind.value}_number <> '' and state <> 'merged'"
    )
    for kind in Kind
}
_TARGETS = sa.text(
    "with recursive chain (asked, debtor_id, merged_into) as ("
    "select debtor_id, debtor_id, merged_into from card where debtor_id = any(cast(:ids as text[])) "
    "union all select chain.asked, card.debtor_id, card.merged_into "
    "from chain join card on card.debtor_id = chain.merged_into) "
    "select asked, debtor_id from chain where merged_into is null"
)
_WITHOUT_CUSTOMER_NUMBER = sa.text(
    "select debtor_id from card where customer_number = '' and state in ('active', 'blocked') "
    "order by created_at, debtor_id limit :limit"
)
_UNDERIVED = sa.text(
    f"select {READ} from card where derived < :derived limit :limit for update skip locked"  # noqa: S608
)
_DERIVE = sa.text(
    "update card c set search = r.search, sort_name = r.sort_name, keys = r.keys, plain_name = r.plain_name, "  # noqa: S608
    f"derived = r.derived from {_GIVEN} where c.debtor_id = r.debtor_id"
)
_IN_USE = (CardState.ACTIVE, CardState.BLOCKED)
_LIVE = tuple(state.value for state in _IN_USE)
_ATTACHMENTS: TypeAdapter[tuple[Attachment, ...]] = TypeAdapter(tuple[Attachment, ...])


@dataclass(frozen=True, slots=True)
class CardFilter:
    """Which cards a list shows.

    Attributes:
        words: each must occur in the card's search text, at the beginning of a word when all of them are shorter
            than `SHORTEST_INSIDE`; already normalised.
        states: none means the ones in use: active and blocked.
        ids: only these, e.g. the ones that were ticked; none means all.
    """

    words: tuple[str, ...] = ()
    kind: Kind | None = None
    states: tuple[CardState, ...] = ()
    use_ekts: bool | None = None
    administration: str | None = None
    ids: tuple[str, ...] = ()


async def insert(connection: AsyncConnection, cards: Sequence[Card]) -> None:
    """Store new cards; a taken id raises SQLAlchemy's IntegrityError."""
    if cards:
        await connection.execute(_INSERT, {"rows": await worked_out(len(cards), lambda: _rows(cards))})


async def update(connection: AsyncConnection, cards: Sequence[Card]) -> None:
    """Replace stored cards; the caller holds their locks.

    Those that get another customer number are replaced one by one in the order given, since one may get what another
    gives up; all others by one statement.
    """
    if not cards:
        return
    rows = await worked_out(len(cards), lambda: _rows(cards))
    replaced = set((await connection.execute(_UPDATE, {"rows": rows})).scalars())
    for card in cards:
        if card.debtor_id not in replaced:
            await connection.execute(_UPDATE_RENUMBERED, {"rows": _rows([card])})


async def get(connection: AsyncConnection, debtor_id: str) -> Card | None:
    """One card."""
    row = (await connection.execute(_GET, {"id": debtor_id})).mappings().first()
    return None if row is None else card_of(row)


async def find(connection: AsyncConnection, debtor_ids: Iterable[str]) -> dict[str, Card]:
    """The cards that exist, for looking only."""
    return await _by_id(await connection.execute(_FIND, {"ids": sorted(set(debtor_ids))}))


async def lock(connection: AsyncConnection, debtor_ids: Iterable[str]) -> dict[str, Card]:
    """The cards that exist, locked until the transaction ends; always in the order of their ids."""
    return await _by_id(await connection.execute(_LOCK, {"ids": sorted(set(debtor_ids))}))


async def _by_id(found: sa.CursorResult[Any]) -> dict[str, Card]:
    rows = found.mappings().all()
    return await worked_out(len(rows), lambda: {row["debtor_id"]: card_of(row) for row in rows})


async def lock_targets(connection: AsyncConnection, debtor_ids: Iterable[str]) -> dict[str, Card]:
    """The cards that stand for these ids, locked, by the id asked for: the card itself, or what it was merged into.

    Targets are looked up before anything is locked, so that all locks are taken in the order of ids; only where
    a merge is committed in between a second round is needed.
    """
    ids = sorted(set(debtor_ids))
    while True:
        rows = (await connection.execute(_TARGETS, {"ids": ids})).all()
        locked = await lock(connection, {row.debtor_id for row in rows})
        if all(card.merged_into is None for card in locked.values()):
            return {row.asked: locked[row.debtor_id] for row in rows}


async def lock_without_customer_number(connection: AsyncConnection, limit: int) -> list[Card]:
    """Cards in use that have no customer number, oldest first."""
    ids = (await connection.execute(_WITHOUT_CUSTOMER_NUMBER, {"limit": limit})).scalars().all()
    locked = (await lock(connection, ids)).values()
    waiting = [card for card in locked if not card.customer_number and card.state in _IN_USE]
    return sorted(waiting, key=lambda card: (card.created_at, card.debtor_id))


async def lock_underived(connection: AsyncConnection, limit: int) -> list[Card]:
    """Cards whose search text and keys were made by earlier rules."""
    rows = await connection.execute(_UNDERIVED, {"derived": DERIVED, "limit": limit})
    return [card_of(row) for row in rows.mappings()]


async def derive(connection: AsyncConnection, cards: Sequence[Card]) -> None:
    """Store search text and keys of locked cards anew; their revision stays."""
    if cards:
        rows = [{"debtor_id": card.debtor_id, **_derived(card)} for card in cards]
        await connection.execute(_DERIVE, {"rows": orjson.dumps(rows).decode()})


async def numbered(connection: AsyncConnection, kind: Kind, debtor_ids: Iterable[str]) -> set[str]:
    """Which of the cards have a number of `kind` already; the number of a merged card serves nobody."""
    return set((await connection.execute(_NUMBERED[kind], {"ids": list(debtor_ids)})).scalars())


async def stream(connection: AsyncConnection, wanted: CardFilter) -> AsyncIterator[Card]:
    """All cards of a filter by name, without holding them in memory."""
    where, values = conditions(wanted)
    statement = sa.text(
        f"select {READ} from card where {' and '.join(where)} order by sort_name, debtor_id"  # noqa: S608
    )
    async with connection.stream(statement, values) as rows:
        async for row in rows.mappings():
            yield card_of(row)


async def counted(connection: AsyncConnection, wanted: CardFilter) -> Pin:
    """How many cards the filter finds, and which."""
    where, values = conditions(wanted)
    statement = sa.text(f"select {pin('debtor_id')} from card where {' and '.join(where)}")  # noqa: S608
    return pin_of((await connection.execute(statement, values)).one())


async def count(connection: AsyncConnection, wanted: CardFilter) -> int:
    """How many cards a filter finds."""
    where, values = conditions(wanted)
    statement = sa.text(f"select count(*) from card where {' and '.join(where)}")  # noqa: S608
    return int((await connection.execute(statement, values)).scalar_one())


def conditions(wanted: CardFilter) -> tuple[list[str], dict[str, Any]]:
    """A filter as SQL conditions with their values."""
    where = ["state = any(cast(:states as text[]))"]
    values: dict[str, Any] = {"states": [s.value for s in wanted.states] or list(_LIVE)}
    short = all(len(word) < SHORTEST_INSIDE for word in wanted.words)
    for position, word in enumerate(wanted.words):
        if short:
            where.append(f"(search like :start{position} or search like :word{position})")
            values |= {f"start{position}": f"{word}%", f"word{position}": f"% {word}%"}
        else:
            where.append(f"search like :word{position}")
            values[f"word{position}"] = f"%{word}%"
    if wanted.kind is not None:
        where.append("kinds @> array[cast(:kind as text)]")
        values["kind"] = wanted.kind.value
    if wanted.use_ekts is not None:
        where.append("use_ekts = :use_ekts")
        values["use_ekts"] = wanted.use_ekts
    if wanted.administration is not None:
        where.append("administration = :administration")
        values["administration"] = wanted.administration
    if wanted.ids:
        where.append("debtor_id = any(cast(:ids as text[]))")
        values["ids"] = list(wanted.ids)
    return where, values


def _rows(cards: Sequence[Card]) -> str:
    return orjson.dumps([_row(card) for card in cards]).decode()


def _row(card: Card) -> dict[str, Any]:
    return {
        "debtor_id": card.debtor_id,
        "administration": card.administration,
        "revision": card.revision,
        "state": card.state.value,
        "merged_into": card.merged_into,
        "previous_ids": list(card.previous_ids),
        "kinds": [kind.value for kind in card.content.kinds],
        "name": card.content.name,
        "debtor_number": card.debtor_number,
        "creditor_number": card.creditor_number,
        "customer_number": card.customer_number,
        "use_ekts": card.content.ekt.use_ekts,
        "content": orjson.Fragment(card.content.model_dump_json()),
        "attachments": orjson.Fragment(_ATTACHMENTS.dump_json(card.attachments)),
        **_derived(card),
        "created_at": card.created_at,
        "changed_at": card.changed_at,
        "changed_by": card.changed_by,
    }


def _derived(card: Card) -> dict[str, Any]:
    return {
        "sort_name": sort_name_of(card),
        "search": document_of(card),
        "keys": list(keys_of(card.content)),
        "plain_name": plain_name(card.content.name)[:200],
        "derived": DERIVED,
    }


def card_of(row: Mapping[str, Any] | sa.RowMapping) -> Card:
    """The card of a row with the columns of `READ`."""
    return Card(
        debtor_id=row["debtor_id"],
        administration=row["administration"],
        revision=row["revision"],
        content=CardContent.model_validate(row["content"]),
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        created_at=row["created_at"],
        debtor_number=row["debtor_number"],
        creditor_number=row["creditor_number"],
        customer_number=row["customer_number"],
        attachments=_ATTACHMENTS.validate_python(row["attachments"]),
        state=CardState(row["state"]),
        merged_into=row["merged_into"],
        previous_ids=tuple(row["previous_ids"]),
    )


def json_of(row: sa.RowMapping) -> dict[str, Any]:
    """The card of a row as plain JSON, for lists."""
    return {
        **{name: row[name] for name in READ.split(", ") if name != "content"},
        **row["content"],
    }


@dataclass(frozen=True, slots=True)
class Change:
    """A line of "what happened lately"."""

    at: datetime
    debtor_id: str
    name: str
    by: str


_COUNTS = sa.text(
    "select count(*) filter (where kinds @> array['debtor']) as debtors, "
    "count(*) filter (where kinds @> array['creditor']) as creditors, "
    "count(*) filter (where use_ekts) as ekts, "
    "count(*) filter (where kinds @> array['debtor'] and debtor_number = '') as unnumbered "
    "from card where state in ('active', 'blocked')"
)
_RECENT = sa.text(
    "select changed_at, debtor_id, name, changed_by from card order by changed_at desc limit :limit"
)


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """How many cards of which sort are in use."""
    return dict((await connection.execute(_COUNTS)).mappings().one())


async def recent(connection: AsyncConnection, limit: int) -> list[Change]:
    """The latest changes, newest first."""
    rows = await connection.execute(_RECENT, {"limit": limit})
    return [Change(row.changed_at, row.debtor_id, row.name, row.changed_by) for row in rows]


def content_json(content: CardContent) -> dict[str, Any]:
    """A card's content as plain JSON types."""
    plain: dict[str, Any] = orjson.loads(content.model_dump_json())
    return plain
