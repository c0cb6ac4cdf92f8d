"""All objections against lines of the queue: the pure pre-flight rules, and the numbers others have."""

import uuid
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from accounting_sync.domain.administration import Administration
from accounting_sync.domain.checks import preflight
from accounting_sync.domain.lines import Action, Message, Origin
from accounting_sync.store import lines as queue
from accounting_sync.store.lines import Checked, Line


async def objections(
    connection: AsyncConnection, administration: Administration, lines: Sequence[Line | Checked]
) -> dict[uuid.UUID, tuple[str, ...]]:
    """Why lines can't be exported, by id; lines without objections are not in it."""
    ids, shared = [line.id for line in lines], administration.rules.shared_numbers
    clashes = await queue.clashes(connection, ids, shared=shared)
    found: dict[uuid.UUID, tuple[str, ...]] = {}
    for line in lines:
        reasons = preflight(
            line.kind,
            line.data,
            administration,
            missing=line.missing,
            merged_into=line.merged_into,
        )
        if line.id in clashes and line.merged_into is None:
            reasons = (*reasons, clashes[line.id])
        if reasons:
            found[line.id] = reasons
    return found


async def messages(
    connection: AsyncConnection, administration: Administration, lines: Sequence[Line | Checked]
) -> dict[uuid.UUID, Message]:
    """As `objections`, as the message that a line gets when it is exported all the same (EP-50, EP-51).

    A line that was chosen although it is set to Ignore is refused too.
    """
    found = {
        line_id: Message("; ".join(reasons), Origin.OWN)
        for line_id, reasons in (await objections(connection, administration, lines)).items()
    }
    for line in lines:
        if line.action is Action.IGNORE:
            text = "this line is set to Ignore; change its status to Insert or Update to export it"
            found[line.id] = Message(text, Origin.OWN)
    return found
