"""Resends of very many debtors as a job: those that a person confirmed, a part after the other, each asked for once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from klokwerk.access import Person
from klokwerk.jobs import Job, Run, items
from klokwerk_contracts.ekt_resend_requested import ResendReason

from sales_service.resending import Checked, Resending, Wish
from sales_service.store import batches
from sales_service.store.batches import LeftOut

KIND = "ekt-resends"
AT_ONCE = 1_000
"""Resends of more debtors than this are a job."""
CHUNK = 500


def job_input(day: date, batch_id: str, wish: Wish) -> dict[str, Any]:
    """The parameters of such a job; the debtors stand beside it."""
    return {"day": day.isoformat(), "batch_id": batch_id, "reason": wish.reason.value, "note": wish.note}


def left_out(checked: Iterable[Checked]) -> tuple[LeftOut, ...]:
    """Those that nothing can be sent to, with everything that stands in the way."""
    return tuple(
        LeftOut(one.key.debtor_id, tuple(asdict(gap) for gap in one.missing))
        for one in checked
        if not one.can
    )


@dataclass(frozen=True, slots=True)
class ResendJob:
    """Asks for them in steps; a step that breaks off is done anew as a whole."""

    resending: Resending

    async def __call__(self, run: Run) -> str:
        """Go on until nobody is left."""
        more = True
        while more:
            more = await self._next(run)
        return ""

    async def _next(self, run: Run) -> bool:
        given = run.job.input
        day, batch_id = date.fromisoformat(given["day"]), given["batch_id"]
        async with run.step() as step:
            if step.total is None:
                step.total = await items.left(step.connection, run.job.id)
            ids = await items.take(step.connection, run.job.id, CHUNK)
            checked = await self.resending.check(step.connection, day, ids, ask=True)
            # Two cards of the batch may have become one since: the target gets one EKT.
            seen = await batches.asked(step.connection, batch_id, [one.key.debtor_id for one in checked])
            new = [one for one in checked if one.key.debtor_id not in seen]
            wish = Wish(ResendReason(given["reason"]), given["note"])
            asked = await self.resending.ask(step.connection, new, wish, _person(run.job), batch_id=batch_id)
            skipped = left_out(new)
            await batches.skip(step.connection, batch_id, skipped)
            step.done += len(ids)
            step.result = {
                "asked": step.result.get("asked", 0) + len(asked),
                "skipped": step.result.get("skipped", 0) + len(skipped),
            }
        return len(ids) == CHUNK


def _person(job: Job) -> Person:
    return Person(job.created_by, job.created_by_name, frozenset())
