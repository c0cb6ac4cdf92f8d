"""The cards as known: newest revision only, and what changed of them for each administration they feed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from klokwerk.database import raw
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.relation import Kind, canonical, fingerprint_of
from accounting_sync.store.administrations import lock_for_cards

KINDS = (Kind.DEBTORS, Kind.CREDITORS)

# A batch comes in by COPY and is told apart by the database: several times cheaper than a parameter a value.
_NEWS = sa.text(
    "create temporary table if not exists card_news (administration text, debtor_id text, revision integer, "
    "merged_into text, anonymised boolean, as_debtor text, debtor_mark text, debtor_number text, "
    "as_creditor text, creditor_mark text, creditor_number text) on commit delete rows"
)
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


class Snapshot(NamedTuple):
    """One card as its newest event tells it; a row of ``card_news``.

    Attributes:
        as_debtor: what accounting could be told of it as a debtor, as JSON; None without that role.
        debtor_mark: equal for cards that are the same to accounting.
        debtor_number: the number that is in use; none once the card is merged into another.
    """

    administration: str
    debtor_id: str
    revision: int
    merged_into: str | None
    anonymised: bool
    as_debtor: str | None
    debtor_mark: str | None
    debtor_number: str | None
    as_creditor: str | None
    creditor_mark: str | None
    creditor_number: str | None


_NO_ROLE = (None, None, None)


def snapshot(
    administration: str,
    debtor_id: str,
    revision: int,
    sources: Sequence[Mapping[str, Any] | None],
    merged_into: str | None,
    *,
    anonymised: bool,
) -> Snapshot:
    """A snapshot from its parts; `sources` are in the order of `KINDS`, None for a role the card doesn't have."""
    end = f" merged into {merged_into}" if merged_into else ""
    end += " anonymised" if anonymised else ""
    as_debtor, as_creditor = sources
    gone = merged_into is not None
    return Snapshot(
        administration, debtor_id, revision, merged_into, anonymised,
        *_role(as_debtor, end, gone=gone), *_role(as_creditor, end, gone=gone),
    )  # fmt: skip


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
    records = [newest[key] for key in sorted(newest)]
    await driver.copy_records_to_table("card_news", records=records, columns=Snapshot._fields)
    return int((await connection.execute(_TAKE_IN, {"now": now})).scalar_one())


def _role(
    source: Mapping[str, Any] | None, end: str, *, gone: bool
) -> tuple[str | None, str | None, str | None]:
    if source is None:
        return _NO_ROLE
    body = canonical(source)
    return body.decode(), fingerprint_of(body) + end, None if gone else source.get("number")
