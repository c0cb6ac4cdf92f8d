"""The cards as known: newest revision only, and what changed of them for each administration they feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.relation import Kind, RelationSource, canonical, fingerprint_of
from accounting_sync.store.administrations import lock_for_cards

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
    ordered = [_Kept.of(newest[key]) for key in sorted(newest)]
    await lock_for_cards(connection)
    kept = await connection.execute(
        _KEEP,
        {
            "administrations": [each.snapshot.administration for each in ordered],
            "debtors": [each.snapshot.debtor_id for each in ordered],
            "revisions": [each.snapshot.revision for each in ordered],
            "sources": [each.document for each in ordered],
            "merged": [each.snapshot.merged_into for each in ordered],
            "now": now,
        },
    )
    news = {(row.administration, row.debtor_id) for row in kept}
    if news:
        await _relate(
            connection,
            [each for each in ordered if (each.snapshot.administration, each.snapshot.debtor_id) in news],
        )
    return len(news)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A snapshot with its sources as JSON text and their fingerprints, made once."""

    snapshot: Snapshot
    roles: tuple[tuple[Kind, str | None, str], ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "_Kept":
        roles = []
        for kind, source in snapshot.sources.items():
            body = None if source is None else canonical(source)
            roles.append((kind, body.decode() if body else None, fingerprint_of(body) if body else ""))
        return cls(snapshot, tuple(roles))

    @property
    def document(self) -> str:
        """The sources for the card's row."""
        parts = (
            f'"{kind.value}": {{"source": {body}, "fingerprint": "{mark}"}}'
            for kind, body, mark in self.roles
            if body
        )
        return "{" + ", ".join(parts) + "}"


async def _relate(connection: AsyncConnection, news: Sequence[_Kept]) -> None:
    rows = [(each.snapshot, *role) for each in news for role in each.roles]
    await connection.execute(
        _RELATE,
        {
            "administrations": [snapshot.administration for snapshot, *_ in rows],
            "kinds": [kind.value for _, kind, _, _ in rows],
            "debtors": [snapshot.debtor_id for snapshot, *_ in rows],
            "revisions": [snapshot.revision for snapshot, *_ in rows],
            "sources": [body for _, _, body, _ in rows],
            "fingerprints": [mark for *_, mark in rows],
            "merged": [snapshot.merged_into for snapshot, *_ in rows],
        },
    )
