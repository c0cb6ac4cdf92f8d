"""Cards as files: export of a filter to CSV or XLSX, and their import."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from klokwerk.access import Person, SignedIn
from klokwerk.http import Column, Once, Problem, csv_response, xlsx_response
from klokwerk.http import FieldProblem as HttpFieldProblem
from klokwerk_contracts.debtor_changed import CardState, Kind
from klokwerk_contracts.types import Identifier
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.api.answers import services
from debtor_service.api.cards import Editor, wanted_cards
from debtor_service.api.tables import read_table
from debtor_service.changes import CustomerNumberTaken, IdTaken, NewCard, NumberTaken
from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks import FieldProblem, check_card
from debtor_service.domain.layout import COLUMNS, IGNORED, BadRow, read_row
from debtor_service.domain.options import check_options
from debtor_service.domain.own_fields import COLUMN_PREFIX, check_values
from debtor_service.settings import DebtorSettings
from debtor_service.store import cards, choices, own_fields
from debtor_service.store.cards import CardFilter
from debtor_service.triggers import Triggers

router = APIRouter(tags=["files"])

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


class Rows(StrEnum):
    """What becomes of an import with wrong rows: nothing is stored, or the right ones are."""

    ALL = "all"
    VALID = "valid"


@router.get("/debtors.csv")
async def export_csv(
    request: Request,
    _: SignedIn,
    q: str = "",
    kind: Kind | None = None,
    state: Annotated[list[CardState] | None, Query()] = None,
    use_ekts: bool | None = None,
    administration: Identifier | None = None,
    language: Annotated[str, Query(pattern="^[a-z]{2}$")] = "nl",
) -> Response:
    """The cards of a filter, all pages, in the layout that the import takes."""
    rows = _all(request, wanted_cards(q, kind, state, use_ekts, administration))
    return csv_response(rows, await _columns(request), file_name="debtors.csv", language=language)


@router.get("/debtors.xlsx")
async def export_xlsx(
    request: Request,
    _: SignedIn,
    q: str = "",
    kind: Kind | None = None,
    state: Annotated[list[CardState] | None, Query()] = None,
    use_ekts: bool | None = None,
    administration: Identifier | None = None,
) -> Response:
    """As the CSV export, as a workbook."""
    rows = _all(request, wanted_cards(q, kind, state, use_ekts, administration))
    return await xlsx_response(rows, await _columns(request), file_name="debtors.xlsx")


async def _columns(request: Request) -> list[Column[Card]]:
    """Our columns, and one for each own field (FA-30)."""
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        own = await own_fields.definitions(connection)
    return [
        *(Column(name, value) for name, value in COLUMNS.items()),
        *(Column(definition.column, _own_value(definition.key)) for definition in own),
    ]


def _own_value(key: str) -> Callable[[Card], str]:
    return lambda card: card.content.own_fields.get(key, "")


async def _all(request: Request, wanted: CardFilter) -> AsyncIterator[Card]:
    database, _triggers, _settings = services(request)
    async with database.connect() as connection:
        async for card in cards.stream(connection, wanted):
            yield card


@dataclass(slots=True)
class _Import:
    """An import under way: what is to be made and changed, and the rows that can't be."""

    new: list[NewCard] = field(default_factory=list)
    edited: list[tuple[Card, CardContent, dict[Kind, str], str]] = field(default_factory=list)
    unchanged: int = 0
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
                "unchanged": work.unchanged + len(work.edited) - changed,
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
    seen: set[str] = set()
    own = await own_fields.held_definitions(connection)
    offered = await choices.options(connection)
    for number, cells in enumerate(table, 2):
        known = {name: cell for name, cell in cells.items() if name not in IGNORED}
        card = stored.get(cells.get("debtor_id", "").strip())
        try:
            row = read_row(known, card.content if card else None, offered.settings.card_defaults)
            content, problems = check_card(row.content)
            problems += check_options(content, card.content if card else None, offered)
            values, wrong = check_values(content.own_fields, own, content.kinds)
            content = content.model_copy(update={"own_fields": values})
            problems += [
                FieldProblem(p.field.replace("own_fields.", COLUMN_PREFIX), p.message, p.cure) for p in wrong
            ]
            problems += _row_problems(row.debtor_id, row.administration, card, seen)
            if content.ekt.use_ekts and not settings.ekt_module and not (card and card.content.ekt.use_ekts):
                problems.append(FieldProblem("use_ekts", "EKTs are not set up for this system", "Write no."))
        except BadRow as error:
            work.refuse(number, error.problems)
            continue
        if problems:
            work.refuse(number, problems)
            continue
        if row.debtor_id:
            seen.add(row.debtor_id)
        if card is None:
            new = NewCard(
                content, row.administration or "main", row.debtor_id, dict(row.numbers), row.customer_number
            )
            work.new.append(new)
        else:
            fresh = {kind: n for kind, n in row.numbers.items() if not card.number_of(kind)}
            work.edited.append((card, content, fresh, row.customer_number))
    return work


def _row_problems(
    debtor_id: str, administration: str, card: Card | None, seen: set[str]
) -> list[FieldProblem]:
    problems = []
    for name, value in (("debtor_id", debtor_id), ("administration", administration)):
        try:
            if value:
                _IDENTIFIER.validate_python(value)
        except ValidationError:
            problems.append(
                FieldProblem(name, f"{value[:60]!r} is no id", "Use up to 64 letters, digits and . _ : -")
            )
    if debtor_id in seen:
        problems.append(FieldProblem("debtor_id", f"{debtor_id!r} is in the file twice", "Keep one row."))
    if card is not None and card.state not in (CardState.ACTIVE, CardState.BLOCKED):
        problems.append(FieldProblem("debtor_id", f"card {debtor_id} is {card.state.value}", "Leave it out."))
    if card is not None and administration not in ("", card.administration):
        problems.append(
            FieldProblem("administration", f"the card belongs to {card.administration}", "Leave it as it is.")
        )
    return problems


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
