"""Change status (Wijzig status): of the lines named, or of all that a filter means (EP-28, EP-29, EP-37)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from klokwerk import jobs, pinned
from klokwerk.access import Person, allow, audit
from klokwerk.http import Once, Problem
from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync import status_change
from accounting_sync.api.models import Code, FilterIn, LineAnswer, StatusIn, StatusOut
from accounting_sync.domain.relation import Kind
from accounting_sync.parts import Accounting, accounting, administration_of
from accounting_sync.store import line_status
from accounting_sync.store import lines as queue
from accounting_sync.store.lines import LineFilter, LineState

router = APIRouter(prefix="/{administration}/{kind}", tags=["queue"])
Parts = Annotated[Accounting, Depends(accounting)]
BUSY = "it is being exported at this moment"
MOST_NAMED = 100
"""Lines that stayed as they were and are named in an answer; all are counted."""


@router.post("/lines/status", response_model=StatusOut)
async def change_status(
    administration: Code,
    kind: Kind,
    wanted: StatusIn,
    parts: Parts,
    once: Once,
    person: Person = allow("finance"),
) -> Any:
    """Change the action of lines by hand, and say of each that stayed as it was why.

    A change of more than a few thousand lines is a job; the answer says where it is followed.
    """
    if (wanted.line_ids is None) == (wanted.matching is None):
        raise Problem(422, "Say which lines", "Send either line_ids or matching.")
    async with parts.database.transaction() as connection:
        if answer := await once.answered(connection):
            return answer
        await administration_of(connection, administration)
        change = _Change(connection, parts, person, administration, kind, wanted)
        done = await (change.of_filter() if wanted.line_ids is None else change.of_ids(wanted.line_ids))
        return await once.keep(connection, done, 200)


@dataclass(frozen=True, slots=True)
class _Change:
    """What one person wants changed in one list, within one transaction."""

    connection: AsyncConnection
    parts: Accounting
    person: Person
    administration: str
    kind: Kind
    wanted: StatusIn

    @property
    def filters(self) -> LineFilter:
        return (self.wanted.matching or FilterIn()).as_domain()

    async def of_ids(self, ids: list[uuid.UUID]) -> StatusOut:
        known = await queue.states(self.connection, ids)
        done = await line_status.set_action(
            self.connection, self.administration, self.kind, ids, self.wanted.action, self.parts.clock.now()
        )
        await self._noted(len(done.ids), done.before)
        skipped = [
            _skipped(line_id, known, self.administration, self.kind)
            for line_id in dict.fromkeys(ids)
            if line_id not in done.ids
        ]
        return StatusOut(changed=len(done.ids), skipped=skipped, left=len(skipped))

    async def of_filter(self) -> StatusOut:
        lines = self.connection, self.administration, self.kind, self.filters
        if (await queue.count(*lines)).lines.count > status_change.AT_ONCE:
            return StatusOut(job=await self._begin())
        busy = await line_status.busy(*lines, MOST_NAMED)
        done = await line_status.set_all(*lines, self.wanted.action, self.parts.clock.now())
        pinned.check(self.wanted.pin, done.lines)
        await self._noted(done.changed, done.before)
        skipped = [LineAnswer(line_id=line_id, name=name, reason=BUSY) for line_id, name in busy.first]
        return StatusOut(changed=done.changed, skipped=skipped, left=done.lines.count - done.changed)

    async def _noted(self, lines: int, before: dict[str, int]) -> None:
        await audit(
            self.connection,
            self.person,
            self.parts.clock.now(),
            "status changed",
            "queue",
            f"{self.administration}/{self.kind}",
            old=before,
            new={"action": self.wanted.action, "lines": lines},
        )

    async def _begin(self) -> str:
        """Begin the job; the same change that is under way already is that one.

        Raises:
            Problem: 409 while another change of status of this list is under way, or where the lines are not those
                that the person confirmed.
        """
        connection, clock, here = self.connection, self.parts.clock, (self.administration, self.kind.value)
        given = status_change.job_input(self.administration, self.kind, self.filters, self.wanted.action)
        found = await jobs.page(connection, [status_change.JOB], limit=20)
        under_way = [
            job
            for job in found
            if not job.state.final and (job.input["administration"], job.input["kind"]) == here
        ]
        if any(job.input != given for job in under_way):
            raise Problem(
                409,
                "Another change of status is under way",
                "Wait until it is done or stop it, and try again.",
            )
        if under_way:
            return f"/v1/jobs/{under_way[0].id}"
        queue_name = "/".join(here)
        new = jobs.NewJob(status_change.JOB, title=f"{queue_name}: {given['action']}", input=given)
        job = await jobs.start(connection, clock, new, self.person)
        kept = await line_status.keep_all(connection, self.administration, self.kind, self.filters, job.id)
        pinned.check(self.wanted.pin, kept)
        await audit(
            connection, self.person, clock.now(), "status change begun", "queue", queue_name, new=given
        )
        return f"/v1/jobs/{job.id}"


def _skipped(
    line_id: uuid.UUID, known: Mapping[uuid.UUID, Any], administration: str, kind: Kind
) -> LineAnswer:
    row = known.get(line_id)
    if row is None or (row.administration, row.kind) != (administration, kind.value):
        return LineAnswer(line_id=line_id, name="", reason="this line is not in the list any more")
    busy = row.state in (LineState.EXPORTING, LineState.SENDING)
    return LineAnswer(line_id=line_id, name=row.name, reason=BUSY if busy else "it can't be changed now")
