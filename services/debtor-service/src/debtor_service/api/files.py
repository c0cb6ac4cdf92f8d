"""Taking in a file in the layout of the export in one request, for programs; people have the import in steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from klokwerk.access import Person
from klokwerk.http import FieldProblem as HttpFieldProblem
from klokwerk.http import Once, Problem
from klokwerk_contracts.debtor_changed import Kind
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.cards import Editor
from debtor_service.api.tables import read_table
from debtor_service.changes import CustomerNumberTaken, IdTaken, NewCard, NumberTaken
from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks import FieldProblem
from debtor_service.importing.judging import Ground, judge
from debtor_service.settings import DebtorSettings
from debtor_service.store import cards, choices, own_fields
from debtor_service.triggers import Triggers

router = APIRouter(tags=["files"])


class Rows(StrEnum):
    """What becomes of an import with wrong rows: nothing is stored, or the right ones are."""

    ALL = "all"
    VALID = "valid"


@dataclass(slots=True)
class _Import:
    """An import under way: what is to be made and changed, and the rows that can't be."""

    new: list[NewCard] = field(default_factory=list)
    edited: list[tuple[Card, CardContent, dict[Kind, str], str]] = field(default_factory=list)
    refused: list[HttpFieldProblem] = field(default_factory=list)

    def refuse(self, row: int, problems: list[FieldProblem]) -> None:
        for problem in problems[:20]:
            self.refused.append(
                HttpFieldProblem(
                    field=f"row {row}: {problem.field}", message=problem.message, cure=problem.cure
                )
            )


@router.post("/debtors/import")
async def import_cards(
    request: Request,
    person: Editor,
    once: Once,
    rows: Rows = Rows.ALL,
) -> JSONResponse:
    """Take in a CSV (``;``, ``,`` or tab) or XLSX file, the body of the request, in the layout of the export.

    A row with the id of a card changes that card, any other makes one. With a wrong row nothing is stored, unless
    ``rows=valid`` asks for the right ones. Importing one's own export changes nothing.
    """
    body = await request.body()
    database, triggers, settings = services(request)
    try:
        async with database.transaction() as connection:
            if answer := await once.answered(connection):
                return answer
            own = await own_fields.definitions(connection)
            table = await read_table(body, [definition.column for definition in own])
            work = await _plan(connection, table, settings)
            if work.refused and rows is Rows.ALL:
                raise Problem(
                    422,
                    "The file was not imported",
                    f"{len(work.refused)} values are wrong; nothing was stored. Mend them, or ask for rows=valid.",
                    errors=work.refused[:500],
                )
            changed = await _store(connection, work, triggers, person)
            result = {
                "created": len(work.new),
                "updated": changed,
                "unchanged": len(work.edited) - changed,
                "refused": [error.model_dump() for error in work.refused[:500]],
            }
            return await once.keep(connection, result, status=200)
    except IdTaken as error:
        raise Problem(409, "A card of the file was made meanwhile", str(error) + ": try again.") from None
    except (NumberTaken, CustomerNumberTaken) as error:
        raise Problem(409, "A number of the file is in use", f"{error}. Take it out of the file.") from None


async def _plan(
    connection: AsyncConnection, table: list[dict[str, str]], settings: DebtorSettings
) -> _Import:
    """Check every row against what is stored; nothing is changed yet."""
    work = _Import()
    stored = await cards.lock(connection, {row.get("debtor_id", "").strip() for row in table} - {""})
    ground = Ground(
        await own_fields.held_definitions(connection),
        settings.ekt_module,
        offered=await choices.options(connection),
    )
    seen: set[str] = set()
    for number, cells in enumerate(table, 2):
        card = stored.get(cells.get("debtor_id", "").strip())
        judged = judge(cells, card, ground)
        problems = list(judged.problems)
        if judged.debtor_id in seen:
            twice = f"{judged.debtor_id!r} is in the file twice"
            problems.append(FieldProblem("debtor_id", twice, "Keep one row."))
        if problems or judged.content is None:
            work.refuse(number, problems)
            continue
        if judged.debtor_id:
            seen.add(judged.debtor_id)
        if card is None:
            work.new.append(judged.new_card())
        else:
            work.edited.append((card, judged.content, dict(judged.numbers), judged.customer_number))
    return work


async def _store(connection: AsyncConnection, work: _Import, triggers: Triggers, person: Person) -> int:
    """Make and change the cards; gives how many changed."""
    if work.new:
        await triggers.create(connection, work.new, person, action="imported")
    changed = 0
    for card, content, numbers, customer_number in work.edited:
        saved = await triggers.changes.replace(
            connection,
            card,
            content,
            person,
            action="imported",
            typed=numbers,
            customer_number=customer_number,
        )
        changed += saved.revision != card.revision
    return changed
