"""The cards as known: newest revision only, and what changed of them for each administration they feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from klokwerk.database import raw
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.relation import Kind, RelationSource, canonical, fingerprint_of
from accounting_sync.store.administrations import lock_for_cards

KINDS = (Kind.DEBTORS, Kind.CREDITORS)

# A batch comes in by COPY and is told apart by the database: several times cheaper than a parameter a value.
_NEWS = sa.text(
    "create temporary table if not exists card_news (administration text, debtor_id text, revision integer, "
    "merged_into text, anonymised boolean, as_debtor text, debtor_mark text, debtor_number text, "
    "as_creditor text, creditor_mark text, creditor_number text) on commit delete rows"
)
_COLUMNS = (
    "administration", "debtor_id", "revision", "merged_into", "anonymised",
    "as_debtor", "debtor_mark", "debtor_number", "as_creditor", "creditor_mark", "creditor_number",
)  # fmt: skip
_KEEP = (
    "with kept as (insert into card (administration, debtor_id, revision, as_debtor, as_creditor, merged_into, "
    "anonymised, received_at) select administration, debtor_id, revision, as_debtor, as_creditor, merged_into, "
    "anonymised, cast(:now as timestamptz) from card_news on conflict (administration, debtor_id) do update set "
    "revision = excluded.revision, as_debtor = excluded.as_debtor, as_creditor = excluded.as_creditor, "
    "merged_into = excluded.merged_into, anonymised = excluded.anonymised, received_at = excluded.received_at "
    "where excluded.revision > card.revision returning administration, debtor_id), "
    "role as (select a.code, n.debtor_id, n.anonymised, v.kind, v.mark, v.number from kept "
    "join card_news n using (administration, debtor_id) join administration a on a.source = n.administration "
    "cross join lateral (values ('debtors', n.debtor_mark, n.debtor_number), "
    "('creditors', n.creditor_mark, n.creditor_number)) as v (kind, mark, number)), "
    "without as (update relation r set source_fingerprint = '', number = null, pending = true from role "
    "where role.mark is null and r.administration = role.code and r.kind = role.kind "
    "and r.debtor_id = role.debtor_id and r.source_fingerprint <> ''), "
    "related as (insert into relation (administration, kind, debtor_id, source_fingerprint, number, to_blank, "
    "pending) select code, kind, debtor_id, mark, number, anonymised, true from role where mark is not null "
    "on conflict (administration, kind, debtor_id) do update set "
    "source_fingerprint = excluded.source_fingerprint, number = excluded.number, "
    "to_blank = relation.to_blank or excluded.to_blank, pending = true "
    "where relation.source_fingerprint <> excluded.source_fingerprint) "
    "select count(*) from kept"
)
_TAKE_IN = sa.text(_KEEP)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One card as its newest event tells it; `sources` holds None for a role the card doesn't have."""

    administration: str
    debtor_id: str
    revision: int
    sources: dict[Kind, RelationSource | None]
    merged_into: str | None
    anonymised: bool = False


async def take_in(connection: AsyncConnection, snapshots: Sequence[Snapshot], now: datetime) -> int:
    """Keep the snapshots whose revision is higher than what is known; how many there were.

    A relation whose data for accounting is the same as before is not marked as changed (EP-22), whatever
    else changed on its card.
    """
    newest: dict[tuple[str, str], Snapshot] = {}
    for each in snapshots:
        key = (each.administration, each.debtor_id)
        if key not in newest or newest[key].revision < each.revision:
            newest[key] = each
    await lock_for_cards(connection)
    await connection.execute(_NEWS)
    driver = await raw(connection)
    records = [_record(newest[key]) for key in sorted(newest)]
    await driver.copy_records_to_table("card_news", records=records, columns=_COLUMNS)
    return int((await connection.execute(_TAKE_IN, {"now": now})).scalar_one())


def _record(card: Snapshot) -> tuple[object, ...]:
    """A row of `card_news`: in each role the source as JSON text, a mark of it, and the number that is in use."""
    end = f" merged into {card.merged_into}" if card.merged_into else ""
    end += " anonymised" if card.anonymised else ""
    row: tuple[object, ...] = (
        card.administration,
        card.debtor_id,
        card.revision,
        card.merged_into,
        card.anonymised,
    )
    for kind in KINDS:
        source = card.sources[kind]
        if source is None:
            row = (*row, None, None, None)
        else:
            body = canonical(source)
            number = None if card.merged_into else source.number
            row = (*row, body.decode(), fingerprint_of(body) + end, number)
    return row
