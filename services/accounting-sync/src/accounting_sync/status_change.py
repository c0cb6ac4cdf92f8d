"""Changing the status of very many lines, as a job that a person watches (EP-29, EP-37)."""

import uuid
from dataclasses import asdict
from typing import Any

from klokwerk.jobs import Run, Runner

from accounting_sync.domain.lines import Action
from accounting_sync.domain.relation import Kind
from accounting_sync.store import line_status, lines
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
    """The runner of such jobs; lines that are being exported stay as they are and are counted as `left`.

    It goes through the lines by their id, so it ends: a line that was changed is not met again, whatever the
    filter says of it now.
    """

    async def change_in_steps(run: Run) -> str:
        asked = run.job.input
        code, kind, action = asked["administration"], Kind(asked["kind"]), Action(asked["action"])
        of_action = asked["matching"]["action"]
        filters = LineFilter(
            **{**asked["matching"], "action": Action(of_action) if of_action is not None else None}
        )
        more = True
        while more:
            async with run.step() as step:
                if step.total is None:
                    counted = await lines.count(step.connection, code, kind, filters)
                    step.total = counted.lines
                part = await line_status.set_next_actions(
                    step.connection,
                    code,
                    kind,
                    filters,
                    action,
                    run.clock.now(),
                    after=uuid.UUID(step.position.get("after", str(uuid.UUID(int=0)))),
                    limit=CHUNK,
                )
                more = part.last is not None
                step.done += part.looked_at
                step.result = {
                    "changed": step.result.get("changed", 0) + part.changed,
                    "left": step.result.get("left", 0) + part.looked_at - part.changed,
                }
                if more:
                    step.position = {"after": str(part.last)}
                else:
                    step.total = step.done
        return ""

    return change_in_steps
