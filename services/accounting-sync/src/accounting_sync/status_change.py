"""Changing the status of very many lines, as a job that a person watches (EP-29, EP-37)."""

import uuid
from dataclasses import asdict
from typing import Any

from klokwerk.jobs import Run, Runner, items

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind
from accounting_sync.store import line_status
from accounting_sync.store.lines import LineFilter

JOB = "accounting-status"
AT_ONCE = 5_000
"""A change of more lines than this is a job."""
CHUNK = 1_000


def job_input(administration: str, kind: Kind, filters: LineFilter, action: Action) -> dict[str, Any]:
    """The parameters of such a job."""
    wanted = asdict(filters) | {"action": filters.action.value if filters.action else None}
    return {
        "administration": administration,
        "kind": kind.value,
        "matching": wanted,
        "action": action.value,
    }


def status_job() -> Runner:
    """The runner of such jobs; lines that are being exported stay as they are and are counted as `left`, and so are
    those that left the list. It does the lines that the person confirmed, whatever the filter says of them now."""

    async def change_in_steps(run: Run) -> str:
        asked = run.job.input
        code, kind, action = asked["administration"], Kind(asked["kind"]), Action(asked["action"])
        more = True
        while more:
            async with run.step() as step:
                if step.total is None:
                    step.total = await items.left(step.connection, run.job.id)
                ids = [uuid.UUID(ref) for ref in await items.take(step.connection, run.job.id, CHUNK)]
                done = await line_status.set_action(step.connection, code, kind, ids, action, run.clock.now())
                more = len(ids) == CHUNK
                step.done += len(ids)
                step.result = {
                    "changed": step.result.get("changed", 0) + len(done.ids),
                    "left": step.result.get("left", 0) + len(ids) - len(done.ids),
                }
        return ""

    return change_in_steps
