"""The import itself: cards made and changed chunk by chunk, each with what came of its lines in one transaction."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from klokwerk import telemetry
from klokwerk.access import Person
from klokwerk.jobs import JobFailed, Run
from klokwerk_contracts.debtor_changed import CardState, Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.aside import worked_out
from debtor_service.changes import CustomerNumberTaken, IdTaken, NumberTaken
from debtor_service.domain.card import Card, CardContent
from debtor_service.importing.judging import Ground, Judged, judge
from debtor_service.importing.looking import IN_USE, Looked, ground_of, look
from debtor_service.settings import DebtorSettings
from debtor_service.store import cards, import_rows, imports
from debtor_service.store.import_rows import ImportRow, Outcome, Ran, Verdict
from debtor_service.store.imports import Decision, Import, ImportState
from debtor_service.store.matches import CUSTOMER_NUMBER, NUMBER
from debtor_service.triggers import Triggers

log = telemetry.get_logger(__name__)

KIND = "card-import-run"
CHUNK = 500
TRIES = 5
"""Times a chunk is done anew because somebody took a number or an id of it at the same moment."""


@dataclass(frozen=True, slots=True)
class Running:
    """Runs imports."""

    triggers: Triggers
    settings: DebtorSettings

    async def __call__(self, run: Run) -> str:
        """Do the lines that nothing came of yet.

        Raises:
            JobFailed: the import was thrown away meanwhile.
        """
        import_id = uuid.UUID(run.job.input["import_id"])
        person = Person(run.job.created_by, run.job.created_by_name, frozenset())
        while not await self._chunk(run, import_id, person):
            pass
        return ""

    async def _chunk(self, run: Run, import_id: uuid.UUID, person: Person) -> bool:
        for tried in range(1, TRIES + 1):
            try:
                async with run.step() as step:
                    await imports.one_at_a_time(step.connection, import_id)
                    each = await imports.get(step.connection, import_id)
                    if each is None:
                        raise JobFailed("The import was thrown away.")
                    rows = await import_rows.to_run(step.connection, import_id, CHUNK)
                    if not rows:
                        await imports.move(step.connection, import_id, ImportState.DONE, run.clock.now())
                        return True
                    ran = await self._store(step.connection, each, rows, person)
                    await import_rows.keep_outcomes(step.connection, import_id, ran)
                    step.done += len(rows)
                    for one in ran:
                        step.result[one.outcome.value] = step.result.get(one.outcome.value, 0) + 1
                    return False
            except (IdTaken, NumberTaken, CustomerNumberTaken) as error:
                log.info("import_chunk_again", import_id=str(import_id), tried=tried, why=str(error))
        raise JobFailed("Somebody keeps taking numbers of the file at the same moment. Run the rest again.")

    async def _store(
        self, connection: AsyncConnection, each: Import, rows: Sequence[ImportRow], person: Person
    ) -> list[Ran]:
        ground = await ground_of(connection, each, self.settings)
        found = await look(connection, each, rows, ground)
        plan = await plan_of(connection, each, found, ground)
        action = f"imported from {each.file_name}"
        made = await self.triggers.create(
            connection, [n.judged.new_card() for n in plan.new], person, action=action
        )
        ran = [
            Ran(new.row.number, Outcome.CREATED, card_id=card.debtor_id, revision_after=card.revision)
            for new, card in zip(plan.new, made, strict=True)
        ]
        ran += await self._update(connection, plan.edits, person, action)
        return [*plan.settled, *ran]

    async def _update(
        self, connection: AsyncConnection, edits: Sequence[Edit], person: Person, action: str
    ) -> list[Ran]:
        """Change cards with few statements; those that get a number go one by one, as the range's lock wants."""
        changes = self.triggers.changes
        ran: list[Ran] = []
        together: list[tuple[Card, Card]] = []
        befores = await worked_out(len(edits), lambda: [snapshot_of(edit.card) for edit in edits])
        for edit, before in zip(edits, befores, strict=True):
            if edit.numbered and not edit.revives:
                saved = await changes.replace(
                    connection,
                    edit.card,
                    edit.content,
                    person,
                    action=action,
                    typed=edit.numbers,
                    customer_number=edit.customer_number,
                )
            else:
                state = CardState.ACTIVE if edit.revives else edit.card.state
                saved = changes.next_revision(replace(edit.card, content=edit.content, state=state), person)
                together.append((edit.card, saved))
            outcome = Outcome.CREATED if edit.revives else Outcome.UPDATED
            ran.append(
                Ran(
                    edit.row.number, outcome, card_id=saved.debtor_id, revision_after=saved.revision,
                    before=None if edit.revives else before,
                )
            )  # fmt: skip
        await cards.update(connection, [after for _, after in together])
        await changes.publish(connection, together, person, action)
        for edit in edits:
            if edit.revives and edit.numbered:
                card = (await cards.lock(connection, [edit.card.debtor_id]))[edit.card.debtor_id]
                saved = await changes.replace(
                    connection,
                    card,
                    card.content,
                    person,
                    action=action,
                    typed=edit.numbers,
                    customer_number=edit.customer_number,
                )
                ran = [
                    replace(one, revision_after=saved.revision) if one.number == edit.row.number else one
                    for one in ran
                ]
        return ran


@dataclass(frozen=True, slots=True)
class Edit:
    """A card that a line changes.

    Attributes:
        revives: the card had gone when an import was taken back.
    """

    row: ImportRow
    card: Card
    content: CardContent
    numbers: Mapping[Kind, str]
    customer_number: str = ""
    revives: bool = False

    @property
    def numbered(self) -> bool:
        """Whether the line brings a number that the card has not."""
        return bool(self.numbers) or self.customer_number not in ("", self.card.customer_number)


@dataclass(slots=True)
class Plan:
    """What a chunk of lines comes to."""

    new: list[Looked] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    settled: list[Ran] = field(default_factory=list)

    def settle(self, row: ImportRow, outcome: Outcome, message: str = "", card_id: str | None = None) -> None:
        """Nothing is to be done for a line any more."""
        self.settled.append(Ran(row.number, outcome, message, card_id))


async def plan_of(connection: AsyncConnection, each: Import, found: Sequence[Looked], ground: Ground) -> Plan:
    """Decide what each line does, with the cards to be changed locked."""
    candidates = {match.card.debtor_id for one in found for match in one.matches}
    candidates |= {one.card.debtor_id for one in found if one.card is not None}
    touched = dict(await import_rows.made_here(connection, each.id, sorted(candidates)))
    plan = Plan()
    targets: list[tuple[Looked, str]] = []
    for one in found:
        _sort(one, each, touched, plan, targets)
    # All locks are taken at once and in the order of ids, as everywhere.
    locked = await cards.lock(connection, {debtor_id for _, debtor_id in targets})
    judged = await asyncio.to_thread(_judge_targets, targets, locked, ground)
    for (one, debtor_id), after in zip(targets, judged, strict=True):
        _edit(one, locked.get(debtor_id), debtor_id, after, touched, plan)
    _numbers_once(plan)
    return plan


def _sort(
    one: Looked, each: Import, touched: Mapping[str, int], plan: Plan, targets: list[tuple[Looked, str]]
) -> None:
    row = one.row
    if one.judged.content is None:
        plan.settle(row, Outcome.FAILED, _in_words(one.judged))
        return
    if one.card is not None:
        targets.append((one, one.card.debtor_id))
        return
    decision = row.decision or each.duplicates
    others = [match.card for match in one.matches if match.card.debtor_id not in touched]
    repeats = next((match["row"] for match in row.matches if "row" in match), None)
    if repeats is not None and row.decision is not Decision.NEW:
        plan.settle(row, Outcome.SKIPPED, f"It repeats line {repeats}.")
    elif not others or decision is Decision.NEW:
        numbered = next((match for match in one.matches if match.by in (NUMBER, CUSTOMER_NUMBER)), None)
        if numbered is not None:
            plan.settle(row, Outcome.FAILED, f"Its number belongs to card {numbered.card.debtor_id}.")
        else:
            plan.new.append(one)
    elif decision is Decision.SKIP:
        outcome = Outcome.UNCHANGED if row.verdict is Verdict.UNCHANGED else Outcome.SKIPPED
        plan.settle(row, outcome, f"It is card {others[0].debtor_id}.", others[0].debtor_id)
    else:
        targets.append((one, row.target or others[0].debtor_id))


def _judge_targets(
    targets: Sequence[tuple[Looked, str]], locked: Mapping[str, Card], ground: Ground
) -> list[Judged | None]:
    found: list[Judged | None] = []
    for one, debtor_id in targets:
        card = locked.get(debtor_id)
        if card is None:
            found.append(None)
        elif one.card is not None and one.card == card:
            found.append(one.judged)  # nobody changed it since it was looked at
        else:
            line = {n: t for n, t in one.line.items() if n not in ("debtor_id", "administration")}
            found.append(judge(line, card, ground))
    return found


def _edit(
    one: Looked, card: Card | None, debtor_id: str, after: Judged | None, touched: dict[str, int], plan: Plan
) -> None:
    row = one.row
    if card is None or after is None:
        plan.settle(row, Outcome.FAILED, f"Card {debtor_id} is not there any more.")
    elif debtor_id in touched:
        plan.settle(row, Outcome.SKIPPED, f"Line {touched[debtor_id]} has this card already.", card.debtor_id)
    elif one.revives and card.state is CardState.ANONYMISED and after.content is not None:
        touched[debtor_id] = row.number
        plan.edits.append(Edit(row, card, after.content, after.numbers, after.customer_number, revives=True))
    elif card.state not in IN_USE:
        plan.settle(row, Outcome.FAILED, f"Card {debtor_id} is {card.state.value} by now.", card.debtor_id)
    elif after.content is None:
        plan.settle(row, Outcome.FAILED, _in_words(after), card.debtor_id)
    elif not after.changes(card):
        plan.settle(row, Outcome.UNCHANGED, card_id=card.debtor_id)
    else:
        touched[debtor_id] = row.number
        plan.edits.append(Edit(row, card, after.content, after.numbers, after.customer_number))


def _numbers_once(plan: Plan) -> None:
    """Of lines of one chunk that bring the same number or the same new id, the first one gets it."""
    seen: dict[tuple[str, str, str], int] = {}
    kept: list[Looked] = []
    for one in plan.new:
        judged = one.judged
        wanted = [(judged.administration, kind.value, number) for kind, number in judged.numbers.items()]
        if judged.debtor_id:
            wanted.append(("", "id", judged.debtor_id))
        if judged.customer_number:
            wanted.append(("", "customer number", judged.customer_number))
        clash = next((seen[key] for key in wanted if key in seen), None)
        if clash is not None:
            plan.settle(one.row, Outcome.FAILED, f"Line {clash} has the same number or id.")
            continue
        seen |= dict.fromkeys(wanted, one.row.number)
        kept.append(one)
    plan.new = kept


def snapshot_of(card: Card) -> dict[str, Any]:
    """A card as it is kept beside a line that changed it."""
    return {
        "content": card.content.model_dump(mode="json"),
        "debtor_number": card.debtor_number,
        "creditor_number": card.creditor_number,
        "customer_number": card.customer_number,
        "state": card.state.value,
    }


def _in_words(judged: Judged) -> str:
    return "; ".join(f"{p.field}: {p.message}" for p in judged.problems)
