"""The cards as known: newest revision only, and what changed of them for each administration they feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.relation import Kind, RelationSource, fingerprint, to_json
from accounting_sync.store.administrations import lock_for_cards
from accounting_sync.store.json import to_text

_KEEP = sa.text(
    "insert into card (administration, debtor_id, revision, sources, merged_into, received_at) "
    "select a, d, r, cast(s as jsonb), m, :now from unnest(cast(:administrations as text[]), "
    "cast(:debtors as text[]), cast(:revisions as integer[]), cast(:sources as text[]), "
    "cast(:merged as text[])) as n (a, d, r, s, m) "
    "on conflict (administration, debtor_id) do update set revision = excluded.revision, "
    "sources = excluded.sources, merged_into = excluded.merged_into, received_at = excluded.received_at "
    "where excluded.revision > card.revision returning administration, debtor_id"
)
_RELATE = sa.text(
    "insert into relation (administration, kind, debtor_id, revision, source, source_fingerprint, merged_into, "
    "pending) select a.code, n.k, n.d, n.r, cast(n.s as jsonb), n.f, n.m, true "
    "from unnest(cast(:administrations as text[]), cast(:kinds as text[]), cast(:debtors as text[]), "
    "cast(:revisions as integer[]), cast(:sources as text[]), cast(:fingerprints as text[]), "
    "cast(:merged as text[])) as n (a, k, d, r, s, f, m) join administration a on a.source = n.a "
    "where n.s is not null or exists (select 1 from relation e where e.administration = a.code "
    "and e.kind = n.k and e.debtor_id = n.d) "
    "on conflict (administration, kind, debtor_id) do update set revision = excluded.revision, "
    "source = excluded.source, source_fingerprint = excluded.source_fingerprint, "
    "merged_into = excluded.merged_into, pending = relation.pending "
    "or relation.source_fingerprint <> excluded.source_fingerprint "
    "or relation.merged_into is distinct from excluded.merged_into "
    "where excluded.revision > relation.revision"
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One card as its newest event tells it; `sources` holds None for a role the card doesn't have."""

    administration: str
    debtor_id: str
    revision: int
    sources: dict[Kind, RelationSource | None]
    merged_into: str | None


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
    ordered = [newest[key] for key in sorted(newest)]
    await lock_for_cards(connection)
    kept = await connection.execute(
        _KEEP,
        {
            "administrations": [each.administration for each in ordered],
            "debtors": [each.debtor_id for each in ordered],
            "revisions": [each.revision for each in ordered],
            "sources": [to_text(_documents(each)) for each in ordered],
            "merged": [each.merged_into for each in ordered],
            "now": now,
        },
    )
    news = [newest[row.administration, row.debtor_id] for row in kept]
    if news:
        await _relate(connection, sorted(news, key=lambda each: (each.administration, each.debtor_id)))
    return len(news)


async def _relate(connection: AsyncConnection, snapshots: Sequence[Snapshot]) -> None:
    rows = [(each, kind, source) for each in snapshots for kind, source in each.sources.items()]
    await connection.execute(
        _RELATE,
        {
            "administrations": [each.administration for each, _, _ in rows],
            "kinds": [kind.value for _, kind, _ in rows],
            "debtors": [each.debtor_id for each, _, _ in rows],
            "revisions": [each.revision for each, _, _ in rows],
            "sources": [None if source is None else to_text(to_json(source)) for _, _, source in rows],
            "fingerprints": ["" if source is None else fingerprint(source) for _, _, source in rows],
            "merged": [each.merged_into for each, _, _ in rows],
        },
    )


def _documents(snapshot: Snapshot) -> dict[str, object]:
    return {
        kind.value: {"source": to_json(source), "fingerprint": fingerprint(source)}
        for kind, source in snapshot.sources.items()
        if source is not None
    }
