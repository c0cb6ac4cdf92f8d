"""An import is taken back, as far as its cards are as it left them.

What was published can't be called back, so each card says with a next revision what holds from now on: a card that
the import changed is again what it was before; one that it made is anonymised, which empties it here and everywhere
else and takes it out of every list (decision 0030). Typed-in numbers become free again. Cards that somebody changed
since, or that were sold to or billed, are left alone and listed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from klokwerk.access import Person
from klokwerk.jobs import JobFailed, Run
from klokwerk_contracts.debtor_changed import CardState
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.aside import worked_out
from debtor_service.changes import Changes
from debtor_service.domain.anonymise import anonymised
from debtor_service.domain.card import Card, CardContent
from debtor_service.store import cards, import_rows, imports, usage
from debtor_service.store.import_rows import ImportRow, Outcome
from debtor_service.store.imports import Import, ImportState

KIND = "card-import-take-back"
CHUNK = 500


@dataclass(frozen=True, slots=True)
class TakingBack:
    """Takes imports back."""

    changes: Changes

    async def __call__(self, run: Run) -> str:
        """Go through the lines that made or changed a card, last ones first.

        Raises:
            JobFailed: the import was thrown away meanwhile.
        """
        import_id = uuid.UUID(run.job.input["import_id"])
        person = Person(run.job.created_by, run.job.created_by_name, frozenset())
        while True:
            async with run.step() as step:
                await imports.one_at_a_time(step.connection, import_id)
                each = await imports.get(step.connection, import_id)
                if each is None:
                    raise JobFailed("The import was thrown away.")
                rows = await import_rows.to_take_back(step.connection, import_id, CHUNK)
                if not rows:
                    await imports.move(step.connection, import_id, ImportState.TAKEN_BACK, run.clock.now())
                    return ""
                ends = await self._chunk(step.connection, each, rows, person)
                await import_rows.keep_taken_back(step.connection, import_id, ends)
                step.done += len(rows)
                for end in ends:
                    step.result[end["taken_back"]] = step.result.get(end["taken_back"], 0) + 1

    async def _chunk(
        self, connection: AsyncConnection, each: Import, rows: Sequence[ImportRow], person: Person
    ) -> list[dict[str, Any]]:
        locked = await cards.lock(connection, [row.card_id for row in rows if row.card_id])
        made = [row.card_id for row in rows if row.card_id and row.outcome is Outcome.CREATED]
        used = await usage.used(connection, made)
        together, ends = await worked_out(len(rows), lambda: self._settled(rows, locked, used, person))
        await usage.free_typed_numbers(connection, together)
        await cards.update(connection, [after for _, after in together])
        await self.changes.publish(connection, together, person, f"import of {each.file_name} taken back")
        return ends

    def _settled(
        self, rows: Sequence[ImportRow], locked: Mapping[str, Card], used: Mapping[str, str], person: Person
    ) -> tuple[list[tuple[Card, Card]], list[dict[str, Any]]]:
        """The cards as they are and as they will be, and what becomes of each line."""
        ends: list[dict[str, Any]] = []
        together: list[tuple[Card, Card]] = []
        for row in rows:
            card = locked.get(row.card_id or "")
            why = _left(row, card, used)
            if card is None or why:
                ends.append({"number": row.number, "taken_back": "left", "message": why})
                continue
            together.append((card, self.changes.next_revision(_before(row, card), person)))
            end = "removed" if row.outcome is Outcome.CREATED else "restored"
            ends.append({"number": row.number, "taken_back": end, "message": row.message})
        return together, ends


def _left(row: ImportRow, card: Card | None, used: Mapping[str, str]) -> str:
    """Why a card has to stay as it is; empty when it may go back."""
    if card is None:
        return "The card is not there any more."
    if card.revision != row.revision_after:
        at = card.changed_at.strftime("%Y-%m-%d %H:%M")
        return f"{card.changed_by} changed the card at {at} UTC; it is left as it is."
    if card.debtor_id in used:
        return f"The card was used since ({used[card.debtor_id]}); it is left as it is."
    return ""


def _before(row: ImportRow, card: Card) -> Card:
    if row.outcome is Outcome.CREATED or row.before is None:
        return replace(
            card,
            content=anonymised(card.content, card.debtor_id),
            state=CardState.ANONYMISED,
            debtor_number="",
            creditor_number="",
            customer_number="",
        )
    before = row.before
    return replace(
        card,
        content=CardContent.model_validate(before["content"]),
        state=CardState(before["state"]),
        debtor_number=before["debtor_number"],
        creditor_number=before["creditor_number"],
        customer_number=before["customer_number"],
    )
