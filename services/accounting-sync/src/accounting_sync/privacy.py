"""Personal data: what this service holds of one card, and what is taken out of it once a card is anonymised.

An anonymised card is told to the accounting system like any change, where it was told of the card before
(`domain/lines.need_of`). What this service keeps for its own history loses the person then: the lines of
exports keep number and outcome, files that held the person are made anew without them when somebody asks for
them, and files in the service's own folder are removed. Files in a configured folder belong to whoever imports
them.
"""

import uuid
from typing import Any

import sqlalchemy as sa
from klokwerk import telemetry
from klokwerk.clock import Clock
from klokwerk.database import Database
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.direct_export import KIND as LINE_DELIVERY
from accounting_sync.domain.relation import Kind
from accounting_sync.fetching import Fetched, take
from accounting_sync.file_export import FileExport
from accounting_sync.store import administrations, exports, queue

log = telemetry.get_logger(__name__)
AT_A_TIME = 50

_CARDS = sa.text(
    "select administration, revision, cast(as_debtor as jsonb) as as_debtor, cast(as_creditor as jsonb) "
    "as as_creditor, merged_into, anonymised, received_at from card "
    "where debtor_id = :debtor order by administration"
)
_RELATIONS = sa.text(
    "select r.administration, r.kind, r.synced_data, r.synced_at, r.remote_id, l.data as line_data, "
    "l.state, l.message, l.fetched_at from relation r left join line l using (administration, kind, debtor_id) "
    "where r.debtor_id = :debtor order by r.administration, r.kind"
)
_EXPORTED = sa.text(
    "select e.export_id, x.administration, x.kind, x.target, x.created_at, e.action, e.outcome, e.number, e.name, "
    "e.data, e.message from export_line e join export x on x.id = e.export_id where e.debtor_id = :debtor "
    "order by x.created_at desc, e.export_id limit 500"
)
_TO_BLANK = sa.text(
    "select r.administration, r.kind, r.debtor_id from relation r where r.to_blank and not exists "
    "(select from export_line e join export x on x.id = e.export_id and x.state in ('planned', 'running') "
    "where e.debtor_id = r.debtor_id) order by r.administration, r.kind, r.debtor_id limit :limit "
    "for update of r skip locked"
)
_BLANK_RELATION = sa.text(
    "update relation set to_blank = false, next_message = null, synced_data = (select "
    "jsonb_object_agg(key, null) from jsonb_object_keys(synced_data) as key) where administration = :administration "
    "and kind = :kind and debtor_id = :debtor"
)
_BLANK_LINES = sa.text(
    "update export_line e set name = '', data = '{}', previous = case when previous is null then null else "
    "jsonb_set(previous, '{data}', '{}') end, message = '' from export x where x.id = e.export_id "
    "and x.administration = :administration and x.kind = :kind and e.debtor_id = :debtor "
    "returning e.export_id, e.line_id"
)
_BLANK_PAYLOADS = sa.text(
    "update delivery set payload = null, context = context - 'tried' where kind = :kind "
    "and subject = any(cast(:lines as text[])) and state in ('sent', 'failed', 'ignored')"
)
_MARK_EXPORTS = sa.text(
    "update export set kept_without_persons = true where id = any(cast(:exports as uuid[])) and sha256 is not null "
    "and state in ('done', 'import_failed') returning id, administration"
)
_DROP_FILES = sa.text("delete from export_file where export_id = any(cast(:exports as uuid[]))")


async def held_of(connection: AsyncConnection, debtor_id: str) -> dict[str, Any]:
    """All that this service holds of one card, as plain JSON types."""
    values = {"debtor": debtor_id}
    return {
        "cards": [dict(row) for row in (await connection.execute(_CARDS, values)).mappings()],
        "relations": [dict(row) for row in (await connection.execute(_RELATIONS, values)).mappings()],
        "exported": [dict(row) for row in (await connection.execute(_EXPORTED, values)).mappings()],
    }


class Blanking:
    """Takes persons out of the history; run in every process, they share the work."""

    def __init__(self, database: Database, clock: Clock, files: FileExport) -> None:
        self._database = database
        self._clock = clock
        self._files = files

    async def tick(self) -> int:
        """Blank some relations that were anonymised and are in no export under way; how many there were."""
        async with self._database.transaction() as connection:
            rows = (await connection.execute(_TO_BLANK, {"limit": AT_A_TIME})).all()
            changed: list[tuple[uuid.UUID, str]] = []
            for row in rows:
                changed += await self._blank(connection, row)
            paths = [
                path
                for export_id, administration in changed
                if (found := await exports.find(connection, administration, export_id)) is not None
                and (path := self._files.own_file(found)) is not None
            ]
            # Before the commit: a crash in between does it once more.
            for path in paths:
                path.unlink(missing_ok=True)
        return len(rows)

    async def _blank(self, connection: AsyncConnection, row: Any) -> list[tuple[uuid.UUID, str]]:
        values = {"administration": row.administration, "kind": row.kind, "debtor": row.debtor_id}
        administration = await administrations.find(connection, row.administration)
        kind = Kind(row.kind)
        changed = await queue.changed_one(connection, row.administration, kind, row.debtor_id)
        if administration is not None and changed is not None and changed.line_id is not None:
            await take(connection, self._clock, administration, kind, [changed], Fetched())
        lines = (await connection.execute(_BLANK_LINES, values)).all()
        await connection.execute(
            _BLANK_PAYLOADS, {"kind": LINE_DELIVERY, "lines": [str(line.line_id) for line in lines]}
        )
        found = [line.export_id for line in lines]
        marked = (await connection.execute(_MARK_EXPORTS, {"exports": found})).all()
        await connection.execute(_DROP_FILES, {"exports": [each.id for each in marked]})
        await connection.execute(_BLANK_RELATION, values)
        log.info(
            "relation_blanked", administration=row.administration, relation=row.debtor_id, exports=len(found)
        )
        return [(each.id, each.administration) for each in marked]
