"""The local copy of debtors: as `debtor.changed` last told, merged ones pointing at their target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
import sqlalchemy as sa
from klokwerk_contracts.debtor_changed import CardState, DebtorChanged, Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.resending import Customer
from sales_service.domain.search import fold

_UPSERT = sa.text(
    "insert into debtors (debtor_id, revision, state, merged_into, is_debtor, number, name, search, use_ekts, card) "
    "select debtor_id, revision, state, merged_into, is_debtor, number, name, search, use_ekts, card "
    "from jsonb_populate_recordset(null::debtors, cast(:rows as jsonb)) order by debtor_id "
    "on conflict (debtor_id) do update set revision = excluded.revision, state = excluded.state, "
    "merged_into = excluded.merged_into, is_debtor = excluded.is_debtor, number = excluded.number, "
    "name = excluded.name, search = excluded.search, use_ekts = excluded.use_ekts, card = excluded.card "
    "where debtors.revision < excluded.revision "
    "returning debtor_id, merged_into"
)
_FLATTEN = sa.text(
    "update debtors d set merged_into = t.merged_into from debtors t "
    "where d.merged_into = t.debtor_id and t.merged_into is not null and t.merged_into <> d.debtor_id"
)
_RESOLVE = sa.text(
    "select debtor_id, coalesce(merged_into, debtor_id) as target from debtors "
    "where debtor_id = any(cast(:ids as text[]))"
)
_HOLD = sa.text(
    "select debtor_id from debtors where debtor_id = any(cast(:ids as text[])) order by debtor_id for share"
)
_BUYERS = sa.text(
    "select d.debtor_id, t.debtor_id as target, t.is_debtor, t.name, t.state from debtors d "
    "join debtors t on t.debtor_id = coalesce(d.merged_into, d.debtor_id) "
    "where d.debtor_id = any(cast(:ids as text[]))"
)
_CARD = sa.text("select card, is_debtor from debtors where debtor_id = :id")
_CUSTOMERS = sa.text(
    "select debtor_id, name, number, use_ekts, state from debtors where debtor_id = any(cast(:ids as text[]))"
)
_BY_NUMBER = sa.text(
    "select number, array_agg(debtor_id order by debtor_id) as ids from debtors "
    "where number = any(cast(:numbers as text[])) and number <> '' and is_debtor and merged_into is null "
    "group by number"
)
_PREVIOUS = sa.text("select debtor_id from debtors where merged_into = :id order by debtor_id")
_MERGED = sa.text(
    "select debtor_id, merged_into from debtors where merged_into is not null "
    "and (debtor_id = any(cast(:ids as text[])) or merged_into = any(cast(:ids as text[])))"
)


@dataclass(frozen=True, slots=True)
class Merge:
    """A card that was merged, and the card that took over (at the end of the chain)."""

    removed: str
    target: str


async def upsert(
    connection: AsyncConnection, cards: Sequence[DebtorChanged]
) -> tuple[list[str], list[Merge]]:
    """Keep each card that is newer than what is held.

    Returns:
        Ids of the cards that were new or newer, and the merges that these make known.
    """
    newest = {card.debtor_id: _blanked(card) for card in sorted(cards, key=lambda card: card.revision)}
    rows = [
        {
            "debtor_id": card.debtor_id,
            "revision": card.revision,
            "state": card.state,
            "merged_into": card.merged_into if card.state is CardState.MERGED else None,
            "is_debtor": Kind.DEBTOR in card.kinds,
            "number": card.debtor_number,
            "name": card.name,
            "search": fold(card.name, card.search_name, card.debtor_number, card.vat_number),
            "use_ekts": card.ekt.use_ekts,
            "card": card.model_dump(mode="json"),
        }
        for card in newest.values()
    ]
    result = await connection.execute(_UPSERT, {"rows": orjson.dumps(rows).decode()})
    changed = [(row.debtor_id, row.merged_into) for row in result]
    if not changed:
        return [], []
    for _ in range(10):  # a chain of merges becomes one step; ten in a row is more than anybody makes
        if (await connection.execute(_FLATTEN)).rowcount == 0:
            break
    ids = [debtor_id for debtor_id, _ in changed]
    found = await connection.execute(_MERGED, {"ids": ids})
    merges = [Merge(row.debtor_id, row.merged_into) for row in found]
    return ids, sorted(merges, key=lambda merge: merge.removed)


def _blanked(card: DebtorChanged) -> DebtorChanged:
    """Of an anonymised card only what lists and books need, whatever else the event still holds."""
    if card.state is not CardState.ANONYMISED:
        return card
    return DebtorChanged(
        administration=card.administration,
        debtor_id=card.debtor_id,
        revision=card.revision,
        state=card.state,
        previous_ids=card.previous_ids,
        kinds=card.kinds,
        party=card.party,
        name=card.name,
        debtor_number=card.debtor_number,
        creditor_number=card.creditor_number,
        country=card.country,
        vat_regime=card.vat_regime,
        language=card.language,
        currency=card.currency,
        changed_at=card.changed_at,
    )


async def resolve(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, str]:
    """For each known id the id it stands for now: its own, or the target of its merge."""
    found = await connection.execute(_RESOLVE, {"ids": sorted(set(ids))})
    return {row.debtor_id: row.target for row in found}


async def hold(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, str]:
    """As `resolve`, and no merge comes in between until the transaction ends.

    Whoever is about to write under the ids needs this: a merge that moved their days a moment ago would miss
    what is written now. A card that a merge has in hand is waited for, and its target held as well.
    """
    held: set[str] = set()
    wanted = set(ids)
    while wanted - held:
        await connection.execute(_HOLD, {"ids": sorted(wanted - held)})
        held |= wanted
        targets = await resolve(connection, wanted)
        wanted |= set(targets.values())
    return await resolve(connection, ids)


@dataclass(frozen=True, slots=True)
class Buyer:
    """The card that a sale goes to: `target` after merges."""

    target: str
    is_debtor: bool
    name: str
    anonymised: bool = False


async def buyers(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Buyer]:
    """For each known id the card that a sale to it goes to now; they are held as by `hold`."""
    wanted = sorted(set(ids))
    await hold(connection, wanted)
    rows = await connection.execute(_BUYERS, {"ids": wanted})
    return {
        row.debtor_id: Buyer(row.target, row.is_debtor, row.name, row.state == CardState.ANONYMISED)
        for row in rows
    }


async def customers(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Customer]:
    """What a resend needs of those cards of `ids` that are known."""
    rows = await connection.execute(_CUSTOMERS, {"ids": sorted(set(ids))})
    return {row.debtor_id: Customer(*row) for row in rows}


async def by_number(connection: AsyncConnection, numbers: Iterable[str]) -> dict[str, list[str]]:
    """Debtors by their number; more than one where several administrations gave the same."""
    rows = await connection.execute(_BY_NUMBER, {"numbers": sorted(set(numbers))})
    return {row.number: list(row.ids) for row in rows}


async def merged_into(connection: AsyncConnection, target: str) -> list[str]:
    """Cards that were merged into `target`."""
    return list((await connection.execute(_PREVIOUS, {"id": target})).scalars())


async def card(connection: AsyncConnection, debtor_id: str) -> DebtorChanged | None:
    """The card as last told; none when this service does not know the debtor."""
    row = (await connection.execute(_CARD, {"id": debtor_id})).one_or_none()
    return None if row is None else DebtorChanged.model_validate(row.card)
