"""Fetch: list everybody whose data must be forwarded; nothing is sent (EP-19 to EP-25).

The cost follows the relations that changed since the last fetch, not the number of relations: a card that
comes in marks its relations, and only marked ones are looked at. A fetch of very many, such as the first one, is
a job that a person watches.
"""

from dataclasses import asdict, dataclass

import orjson
from klokwerk import deliveries
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.jobs import JobFailed, Run, Runner
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.administration import Administration
from accounting_sync.domain.lines import Need, action_for, need_of
from accounting_sync.domain.mapping import Mapped, apply
from accounting_sync.domain.relation import (
    Kind,
    RelationData,
    canonical,
    fingerprint_of,
    source_from_json,
    to_json,
)
from accounting_sync.store import administrations, queue, statistics
from accounting_sync.store.lines import LineState
from accounting_sync.store.queue import Changed, NewLine

CHUNK = 1000
JOB = "accounting-fetch"
AT_ONCE = 5_000
"""A fetch of more changed relations than this is a job."""
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
            rows = await _chunk(connection, clock, administration, kind, after, result, chunks)
        chunks += 1
        if not rows:
            break
        after = rows[-1].debtor_id
    async with database.connect() as connection:
        result.total = await queue.count(connection, administration.code, kind)
    return result


def fetch_job(database: Database, clock: Clock) -> Runner:
    """The runner of fetches that are jobs; their parameters are `administration` and `kind`."""

    async def fetch_in_steps(run: Run) -> str:
        code, kind = run.job.input["administration"], Kind(run.job.input["kind"])
        async with database.connect() as connection:
            administration = await administrations.find(connection, code)
        if administration is None:
            raise JobFailed(f"The administration {code} is not there any more.")
        more = True
        while more:
            async with run.step() as step:
                result = Fetched(**{name: step.result.get(name, 0) for name in Fetched.__slots__})
                after, chunks = step.position.get("after", ""), step.position.get("chunks", 0)
                if not chunks:
                    step.total = await queue.pending(step.connection, code, kind, 10_000_000)
                rows = await _chunk(step.connection, clock, administration, kind, after, result, chunks)
                more = bool(rows)
                if more:
                    step.position = {"after": rows[-1].debtor_id, "chunks": chunks + 1}
                    step.done += len(rows)
                else:
                    result.total = await queue.count(step.connection, code, kind)
                    step.total = step.done
                step.result = asdict(result)
        return ""

    return fetch_in_steps


async def _chunk(
    connection: AsyncConnection,
    clock: Clock,
    administration: Administration,
    kind: Kind,
    after: str,
    result: Fetched,
    chunks: int,
) -> list[Changed]:
    """Look at the next changed relations; `chunks` is how many such chunks went before."""
    rows = await queue.changed(connection, administration.code, kind, after, CHUNK)
    await take(connection, clock, administration, kind, rows, result)
    if chunks + 1 in LOOK_ANEW:
        await statistics.refresh(connection, chunks * CHUNK + len(rows), "relation", "line")
    return rows


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
        document = canonical(to_json(mapped.data))
        mark = fingerprint_of(document)
        need = need_of(
            has_role=row.source is not None,
            merged=row.merged_into is not None,
            anonymised=row.anonymised,
            listed=row.line_id is not None,
            synced=row.synced,
            fingerprint=mark,
        )
        if need is Need.LIST:
            chosen = row.line_action if row.by_hand else row.next_action
            to_list.append(
                NewLine(
                    debtor_id=row.debtor_id,
                    revision=row.revision,
                    mapped=mapped,
                    document=document,
                    fingerprint=mark,
                    merged_into=row.merged_into,
                    action=action_for(synced_before=row.synced is not None, by_hand=chosen),
                    by_hand=chosen is not None,
                    synced_fields=row.synced_fields,
                    message=row.next_message or "",
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
    source = source_from_json(orjson.loads(row.source))
    return apply(source, administration.mappings, administration.code, administration.rules)


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
