"""The dry run: every line judged and compared with the cards that are there. No card is touched."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from klokwerk.jobs import JobFailed, Run

from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks import FieldProblem
from debtor_service.importing.judging import Ground, Judged, judge
from debtor_service.importing.looking import Looked, ground_of, look
from debtor_service.settings import DebtorSettings
from debtor_service.store import import_rows, imports
from debtor_service.store.import_rows import Verdict
from debtor_service.store.imports import ImportState

KIND = "card-import-check"
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Checking:
    """Runs the dry run of an import."""

    settings: DebtorSettings

    async def __call__(self, run: Run) -> str:
        """Judge the lines that are not judged yet.

        Raises:
            JobFailed: the import was thrown away meanwhile.
        """
        import_id = uuid.UUID(run.job.input["import_id"])
        while True:
            async with run.step() as step:
                each = await imports.get(step.connection, import_id)
                if each is None:
                    raise JobFailed("The import was thrown away.")
                after = int(step.position.get("after", 0))
                if not after:
                    await import_rows.forget_decisions(step.connection, import_id)
                rows = await import_rows.chunk(step.connection, import_id, after, CHUNK)
                if not rows:
                    await import_rows.find_doubles_within(step.connection, import_id)
                    tally = (await import_rows.counts(step.connection, import_id))["verdict"]
                    await imports.lock(step.connection, import_id)
                    await imports.move(step.connection, import_id, ImportState.CHECKED, run.clock.now())
                    step.result = {f"rows_{verdict}": count for verdict, count in sorted(tally.items())}
                    break
                ground = await ground_of(step.connection, each, self.settings)
                found = await look(step.connection, each, rows, ground)
                await import_rows.judge(step.connection, import_id, await verdicts(found, ground))
                step.done += len(rows)
                step.total = each.row_count
                step.position = {"after": rows[-1].number}
        return ""


async def verdicts(found: Sequence[Looked], ground: Ground) -> list[dict[str, Any]]:
    """What is kept with each line."""
    return await asyncio.to_thread(lambda: [_verdict(each, ground) for each in found])


def _verdict(each: Looked, ground: Ground) -> dict[str, Any]:
    judged = each.judged
    verdict, changes = Verdict.NEW, []
    if judged.content is None:
        verdict = Verdict.WRONG
    elif each.card is not None and not each.revives:
        changes = changed_fields(judged, each.card)
        verdict = Verdict.UPDATE if changes else Verdict.UNCHANGED
    elif each.matches:
        verdict = Verdict.DUPLICATE
        card = each.matches[0].card
        after = judge(_without_id(each.line), card, ground)
        changes = changed_fields(after, card)
        if after.content is not None and not changes:
            verdict = Verdict.UNCHANGED
        judged = after if after.content is None or after.remarks else judged
    return {
        "number": each.row.number,
        "verdict": verdict.value,
        "problems": [
            *(plain_problem(problem) for problem in judged.problems),
            *(plain_problem(remark, remark=True) for remark in judged.remarks),
        ],
        "matches": [match.plain() for match in each.matches],
        "changes": changes,
        "keys": list(each.keys) if verdict is not Verdict.WRONG else [],
    }


def _without_id(line: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in line.items() if name not in ("debtor_id", "administration")}


def changed_fields(judged: Judged, card: Card) -> list[str]:
    """Names of the fields in which a card would get other values."""
    if judged.content is None:
        return []
    after = judged.content
    names = [name for name in CardContent.model_fields if getattr(after, name) != getattr(card.content, name)]
    names += [f"{kind.value}_number" for kind in judged.numbers]
    return names + ["customer_number"] * (judged.customer_number not in ("", card.customer_number))


def plain_problem(problem: FieldProblem, *, remark: bool = False) -> dict[str, Any]:
    """A finding as it is kept with the line."""
    return {
        "field": problem.field,
        "message": problem.message[:500],
        "cure": problem.cure[:500],
        "remark": remark,
    }
