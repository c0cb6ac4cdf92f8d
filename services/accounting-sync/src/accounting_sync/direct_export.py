"""Direct export: line by line, each with its own success, message and retries (EP-43 to EP-47).

An export claims its lines at once and hands them to the delivery workers a chunk at a time, the first of them in
the request that asks for it and the others after it, whoever of the processes is free. A line becomes a delivery
in the transaction that hands it over, under a key of line and version; its outcome is written in the transaction
that records it. What failed is taken up again by itself: temporary trouble by the delivery itself after 5 min,
30 min, 2 h and then nightly; what was refused when its relation changes, else nightly (D-07). Locks are taken
relation first, then line.
"""

import uuid
from collections.abc import Sequence
from dataclasses import replace

import orjson
import sqlalchemy as sa
from klokwerk import deliveries
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.deliveries import Delivery, Plan, State
from klokwerk_contracts.envelope import new_event_id
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.checking import messages
from accounting_sync.domain.administration import Administration
from accounting_sync.domain.lines import Action, Message, Origin
from accounting_sync.domain.relation import Kind, to_json
from accounting_sync.domain.retries import next_night
from accounting_sync.domain.targets import RULES, Mode, Target
from accounting_sync.exporting import Order, check_chosen, check_selection
from accounting_sync.fetching import Fetched, take
from accounting_sync.store import administrations, export_lines, exports, lines, queue, statistics
from accounting_sync.store.exports import ExportState, NewExport
from accounting_sync.store.lines import Line

KIND = "accounting-line"
CHUNK = 500
"""Lines that one transaction hands over."""
DIRECT = [target.value for target, rules in RULES.items() if rules.mode is Mode.DIRECT]

_UNDER_WAY = sa.text(
    "update line set state = 'sending', version = x.v, delivery_id = x.d, export_id = :export, message = '', "
    "message_origin = null, retry_at = null, failures = 0, changed_at = :now "
    "from unnest(cast(:ids as uuid[]), cast(:versions as integer[]), cast(:deliveries as uuid[])) as x (i, v, d) "
    "where line.id = x.i"
)
_NEXT_CLAIMED = sa.text(
    "select x.id, x.administration, x.target from export x join line l on l.export_id = x.id "
    "where l.state = 'exporting' and x.mode = 'direct' order by x.created_at limit 1"
)
_REFUSED = sa.text(
    "update line set state = 'failed', delivery_id = null, export_id = :export, retry_at = :retry_at, "
    "changed_at = :now where id = any(cast(:ids as uuid[]))"
)
_OF_DELIVERIES = sa.text(
    "select l.id, l.export_id, l.delivery_id from line l join relation r using (administration, kind, debtor_id) "
    "where l.delivery_id = any(cast(:deliveries as uuid[])) "
    "order by r.administration, r.kind, r.debtor_id for update of r"
)
_WAITING = sa.text(
    "update line set message = :message, message_origin = 'own', attempted = attempted or :unknown, changed_at = :now "
    "where id = :id"
)
_DUE = sa.text(
    "select l.id, l.administration, l.kind, l.debtor_id, r.pending from line l join relation r using "
    "(administration, kind, debtor_id) join administration a on a.code = l.administration "
    "where l.retry_at is not null and l.delivery_id is null and l.state in ('listed', 'failed') "
    "and (l.retry_at <= :now or r.pending) and a.target = any(cast(:direct as text[])) "
    "order by l.retry_at limit 200 for update of r skip locked"
)


class DirectExport:
    """Takes lines up and writes down what became of them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, connection: AsyncConnection, order: Order) -> uuid.UUID:
        """Claim the lines of the order and hand over the first of them, in the caller's transaction.

        Returns the id of the history entry.

        Raises:
            Problem: there is nothing to export, or a selected line can't be chosen.
        """
        export_id, now = new_event_id(), self._clock.now()
        administration = order.administration
        await check_selection(connection, order)
        new = NewExport(
            id=export_id,
            administration=administration.code,
            kind=order.kind,
            mode=Mode.DIRECT,
            target=administration.target,
            by=order.by,
            by_name=order.by_name,
        )
        await exports.begin(connection, new, ExportState.RUNNING, now)
        taken = await export_lines.claim(connection, export_id, order.choice, now)
        check_chosen(order, taken)
        count = taken.count
        await exports.counted(connection, export_id, count)
        await export_lines.remember_claimed(connection, export_id)
        await statistics.refresh(connection, count, "line", "export_line")
        await self._hand_over(connection, administration, export_id)
        return export_id

    async def hand_over_claimed(self) -> int:
        """Hand over what exports have claimed and did not hand over yet; returns how many lines that were."""
        handed = 0
        while True:
            async with self._database.transaction() as connection:
                export = (await connection.execute(_NEXT_CLAIMED)).one_or_none()
                if export is None:
                    return handed
                administration = await administrations.find(connection, export.administration)
                if administration is None:
                    return handed
                # What was ordered goes where it was ordered to, whatever the settings say by now.
                as_ordered = replace(administration, target=Target(export.target))
                count = await self._hand_over(connection, as_ordered, export.id)
            if not count:  # another process has them in hand
                return handed
            handed += count

    async def _hand_over(
        self, connection: AsyncConnection, administration: Administration, export_id: uuid.UUID
    ) -> int:
        ids = await export_lines.claimed(connection, export_id, CHUNK)
        if ids:
            taken = await lines.lock(connection, ids)
            await self._attempt(connection, administration, taken, export_id)
            await exports.settle(connection, export_id, self._clock.now())
        return len(ids)

    async def retry_due(self) -> int:
        """Take up lines whose time has come, or whose relation changed; returns how many (EP-47)."""
        async with self._database.transaction() as connection:
            due = (await connection.execute(_DUE, {"now": self._clock.now(), "direct": DIRECT})).all()
            for row in due:
                administration = await administrations.find(connection, row.administration)
                if administration is None:
                    continue
                if row.pending:
                    kind = Kind(row.kind)
                    changed = await queue.changed_one(connection, row.administration, kind, row.debtor_id)
                    if changed is not None:
                        await take(connection, self._clock, administration, kind, [changed], Fetched())
                for line in await lines.lock(connection, [row.id]):
                    if line.delivery_id is not None:
                        continue  # it is on its way already
                    if line.merged_into is None and line.action is not Action.IGNORE and line.export_id:
                        await export_lines.remember(connection, line.export_id, [line.id])
                        await self._attempt(connection, administration, [line], line.export_id)
                    else:
                        await self._let_rest(connection, line)
            await exports.settle(connection, None, self._clock.now())
        return len(due)

    async def on_changes(self, connection: AsyncConnection, changed: Sequence[Delivery]) -> None:
        """Write the outcomes of calls onto their lines and exports, in the same transaction."""
        now = self._clock.now()
        by_id = {delivery.id: delivery for delivery in changed}
        rows = (await connection.execute(_OF_DELIVERIES, {"deliveries": list(by_id)})).all()
        sent: dict[uuid.UUID, list[uuid.UUID]] = {}
        refused: dict[uuid.UUID, dict[uuid.UUID, Message]] = {}
        waiting: list[dict[str, object]] = []
        for row in rows:
            delivery = by_id[row.delivery_id]
            if delivery.state is State.SENT:
                sent.setdefault(row.export_id, []).append(row.id)
            elif delivery.state is State.FAILED:
                said = Message(delivery.message, Origin.ACCOUNTING)
                refused.setdefault(row.export_id, {})[row.id] = said
            else:
                lost = delivery.state is State.UNKNOWN
                waiting.append({"id": row.id, "message": delivery.message, "unknown": lost, "now": now})
        remote = {row.id: by_id[row.delivery_id].reference for row in rows}
        for export_id, ids in sent.items():
            await export_lines.mark_synced(connection, export_id, now, {each: remote[each] for each in ids})
        for export_id, said_of in refused.items():
            await self._refuse(connection, export_id, said_of)
        if waiting:
            await connection.execute(_WAITING, waiting)
        for export_id in sent.keys() | refused.keys():
            await exports.settle(connection, export_id, now)

    async def _attempt(
        self,
        connection: AsyncConnection,
        administration: Administration,
        taken: Sequence[Line],
        export_id: uuid.UUID,
    ) -> None:
        wrong = await messages(connection, administration, taken)
        if wrong:
            await self._refuse(connection, export_id, wrong)
        good = [line for line in taken if line.id not in wrong]
        if not good:
            return
        plans = [self._plan(line, administration, export_id) for line in good]
        await deliveries.plan(connection, self._clock, *plans)
        await connection.execute(
            _UNDER_WAY,
            {
                "export": export_id,
                "ids": [line.id for line in good],
                "versions": [line.version + 1 for line in good],
                "deliveries": [plan.id for plan in plans],
                "now": self._clock.now(),
            },
        )

    def _plan(self, line: Line, administration: Administration, export_id: uuid.UUID) -> Plan:
        return Plan(
            natural_key=f"accounting:{line.id}:{line.version + 1}",
            kind=KIND,
            subject=str(line.id),
            channel=administration.target.value,
            recipient=line.administration,
            context={
                "administration": line.administration,
                "kind": line.kind.value,
                "action": line.action.value,
                "cleared": list(line.cleared),
                "tried": {
                    "remote_id": line.remote_id,
                    "attempted": line.attempted,
                    "known": line.known_remote_id,
                },
                "export_id": str(export_id),
            },
            media_type="application/json",
            payload=orjson.dumps(to_json(line.data)),
        )

    async def _refuse(
        self, connection: AsyncConnection, export_id: uuid.UUID, wrong: dict[uuid.UUID, Message]
    ) -> None:
        now = self._clock.now()
        await export_lines.set_messages(connection, export_id, wrong, now)
        values = {
            "ids": list(wrong),
            "export": export_id,
            "retry_at": next_night(now, self._clock.zone),
            "now": now,
        }
        await connection.execute(_REFUSED, values)

    async def _let_rest(self, connection: AsyncConnection, line: Line) -> None:
        """A line that must not be sent any more waits for a person."""
        values = {"ids": [line.id], "export": line.export_id, "retry_at": None, "now": self._clock.now()}
        await connection.execute(_REFUSED, values)
