"""Fetch: list everybody whose data must be forwarded; nothing is sent (EP-19 to EP-25).

The cost follows the relations that changed since the last fetch, not the number of relations: a card that
comes in marks its relations, and only marked ones are looked at.
"""

from dataclasses import dataclass

from klokwerk import deliveries
from klokwerk.clock import Clock
from klokwerk.database import Database
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.administration import Administration
from accounting_sync.domain.lines import Need, action_for, need_of
from accounting_sync.domain.mapping import Mapped, apply
from accounting_sync.domain.relation import Kind, RelationData, fingerprint, source_from_json
from accounting_sync.store import queue, statistics
from accounting_sync.store.queue import Changed, LineState, NewLine

CHUNK = 1000
LOOK_ANEW = frozenset({1, 4, 16, 64, 256})
"""After which chunks of a large fetch the planner is told how large the tables have become."""
SUPERSEDED = "the relation changed before this was sent"


@dataclass(slots=True)
class Fetched:
    """What a fetch did, in numbers of lines."""

    listed: int = 0
    updated: int = 0
    dropped: int = 0
    total: int = 0


async def fetch(database: Database, clock: Clock, administration: Administration, kind: Kind) -> Fetched:
    """List every relation of one kind that has to be forwarded; safe to repeat and to run twice at once."""
    result = Fetched()
    after, chunks = "", 0
    while True:
        async with database.transaction() as connection:
            rows = await queue.changed(connection, administration.code, kind, after, CHUNK)
            await take(connection, clock, administration, kind, rows, result)
            chunks += 1
            if chunks in LOOK_ANEW:
                await statistics.refresh(connection, len(rows), "relation", "line")
        if not rows:
            break
        after = rows[-1].debtor_id
    async with database.connect() as connection:
        result.total = await queue.count(connection, administration.code, kind)
    return result


async def take(
    connection: AsyncConnection,
    clock: Clock,
    administration: Administration,
    kind: Kind,
    rows: list[Changed],
    result: Fetched,
) -> None:
    """Turn changed relations into lines, within the caller's transaction that locked them.

    A relation whose line is on its way at this moment is left marked, and comes up at the next fetch.
    """
    to_list: list[NewLine] = []
    to_drop: list[str] = []
    done: list[str] = []
    for row in rows:
        if not await _free(connection, clock, row):
            continue
        done.append(row.debtor_id)
        mapped = _mapped(administration, row)
        need = need_of(
            has_role=row.source is not None,
            merged=row.merged_into is not None,
            listed=row.line_id is not None,
            synced=row.synced,
            fingerprint=fingerprint(mapped.data),
        )
        if need is Need.LIST:
            chosen = row.line_action if row.by_hand else row.next_action
            to_list.append(
                NewLine(
                    debtor_id=row.debtor_id,
                    revision=row.revision,
                    mapped=mapped,
                    merged_into=row.merged_into,
                    action=action_for(synced_before=row.synced is not None, by_hand=chosen),
                    by_hand=chosen is not None,
                )
            )
        elif need is Need.DROP:
            to_drop.append(row.debtor_id)
    new = await queue.put(connection, administration.code, kind, to_list, clock.now())
    result.listed += new
    result.updated += len(to_list) - new
    if to_drop:
        result.dropped += await queue.drop(connection, administration.code, kind, to_drop)
    if done:
        await queue.looked_at(connection, administration.code, kind, done)


def _mapped(administration: Administration, row: Changed) -> Mapped:
    if row.source is None:
        return Mapped(RelationData())
    return apply(source_from_json(row.source), administration.mappings, administration.code)


async def _free(connection: AsyncConnection, clock: Clock, row: Changed) -> bool:
    """Whether the relation's line may change now; a call that still waits is called off for that."""
    if row.line_state is LineState.EXPORTING:
        return False
    if row.line_state is LineState.SENDING and row.delivery_id is not None:
        closed = await deliveries.close(
            connection,
            clock,
            row.delivery_id,
            state=deliveries.State.IGNORED,
            states=[deliveries.State.PLANNED],
            message=SUPERSEDED,
        )
        return closed is not None
    return True
