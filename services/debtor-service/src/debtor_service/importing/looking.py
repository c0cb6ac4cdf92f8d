"""Lines of an import beside the cards that are there: which card each is about, and which it may be a double of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from klokwerk_contracts.debtor_changed import CardState
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.domain.card import Card
from debtor_service.domain.checks import FieldProblem
from debtor_service.domain.duplicates import Typed
from debtor_service.importing.judging import Ground, Judged, judge
from debtor_service.importing.mapping import ColumnMapping
from debtor_service.settings import DebtorSettings
from debtor_service.store import cards, choices, import_rows, matches, own_fields
from debtor_service.store.import_rows import ImportRow
from debtor_service.store.imports import Import
from debtor_service.store.matches import CUSTOMER_NUMBER, NUMBER, Match, Number, typed_of

IN_USE = (CardState.ACTIVE, CardState.BLOCKED)


@dataclass(frozen=True, slots=True)
class Looked:
    """A line with what was found about it.

    Attributes:
        line: its text by field.
        card: the card that it names by its id; none for a new one.
        judged: what the line makes of that card, or of a new one.
        revives: the card went when an import was taken back, and comes again with this line.
        matches: cards that it may be a double of, the likeliest first; none where it names a card.
        keys: what other lines of the file are compared by.
    """

    row: ImportRow
    line: Mapping[str, str]
    card: Card | None
    judged: Judged
    revives: bool = False
    matches: tuple[Match, ...] = ()
    keys: tuple[str, ...] = ()


def mapping_of(each: Import) -> ColumnMapping:
    """How the lines of an import are read."""
    return ColumnMapping.of({"fields": each.fields, "constants": each.constants, "empty": each.empty_cells})


async def ground_of(connection: AsyncConnection, each: Import, settings: DebtorSettings) -> Ground:
    """What the lines of an import are judged by; own fields stay as they are until the transaction ends."""
    return Ground(
        own=await own_fields.held_definitions(connection),
        ekt_module=settings.ekt_module,
        kind=each.kind,
        administration=each.administration,
        empty=mapping_of(each).empty,
        offered=await choices.options(connection),
    )


async def look(
    connection: AsyncConnection, each: Import, rows: Sequence[ImportRow], ground: Ground
) -> list[Looked]:
    """Look at lines; nothing is locked, so whoever goes on to change cards has to look at those again."""
    mapping = mapping_of(each)
    lines = [mapping.line(row.cells) for row in rows]
    ids = {line.get("debtor_id", "").strip() for line in lines} - {""}
    named = await cards.find(connection, ids)
    gone = [debtor_id for debtor_id, card in named.items() if card.state is CardState.ANONYMISED]
    reviving = await import_rows.removed_by_taking_back(connection, gone)
    found = await asyncio.to_thread(_judged, rows, lines, named, reviving, ground)
    return await _with_matches(connection, found)


def _judged(
    rows: Sequence[ImportRow],
    lines: Sequence[Mapping[str, str]],
    named: Mapping[str, Card],
    reviving: set[str],
    ground: Ground,
) -> list[Looked]:
    found = []
    for row, line in zip(rows, lines, strict=True):
        debtor_id = line.get("debtor_id", "").strip()
        card = named.get(debtor_id)
        revives = debtor_id in reviving
        found.append(Looked(row, line, card, judge(line, None if revives else card, ground), revives))
    return found


async def _with_matches(connection: AsyncConnection, found: Sequence[Looked]) -> list[Looked]:
    right = [each for each in found if each.judged.content is not None]
    typed = {each.row.number: typed_of(each.judged.content) for each in right if each.judged.content}
    open_ones = {
        each.row.number: typed[each.row.number] for each in right if each.card is None or each.revives
    }
    alike = await matches.by_likeness(connection, open_ones)
    holders = await _holders(connection, right)
    held = await cards.find(connection, {h for those in holders.values() for _, h in those})

    def matched() -> list[Looked]:
        return [
            _matched(each, typed[n], alike.get(n, []), holders[n], held)
            if (n := each.row.number) in typed
            else each
            for each in found
        ]

    return await asyncio.to_thread(matched)


async def _holders(
    connection: AsyncConnection, right: Sequence[Looked]
) -> dict[int, list[tuple[FieldProblem, str]]]:
    """By line: other cards that have a number of it, each with what there is to say about it."""
    numbers = [number for each in right for number in numbers_of(each.judged)]
    held = await matches.by_numbers(connection, numbers)
    called = [each.judged.customer_number for each in right if each.judged.customer_number]
    held_called = await matches.by_customer_numbers(connection, called)
    found: dict[int, list[tuple[FieldProblem, str]]] = {}
    for each in right:
        own = each.card.debtor_id if each.card is not None else ""
        mine = [(f"{n[1].value}_number", n[2], held[n]) for n in numbers_of(each.judged) if n in held]
        number = each.judged.customer_number
        if number in held_called:
            mine.append(("customer_number", number, held_called[number]))
        found[each.row.number] = [
            (number_problem(field, text, holder), holder) for field, text, holder in mine if holder != own
        ]
    return found


def _matched(
    each: Looked,
    typed: Typed,
    alike: Sequence[Match],
    holders: Sequence[tuple[FieldProblem, str]],
    held: Mapping[str, Card],
) -> Looked:
    judged = each.judged
    names_card = each.card is not None and not each.revives
    usable = {i: card for i, card in held.items() if card.state in IN_USE and not names_card}
    problems = tuple(problem for problem, holder in holders if holder not in usable)
    if problems:
        return replace(each, judged=replace(judged, content=None, problems=(*judged.problems, *problems)))
    keys = [f"number:{a}:{kind.value}:{number}" for a, kind, number in numbers_of(judged)]
    if judged.customer_number and not names_card:
        keys.append(f"customer_number:{judged.customer_number}")
    if judged.debtor_id:
        keys.append(f"id:{judged.debtor_id}")
    if names_card:
        return replace(each, keys=tuple(keys))
    doubles = [
        Match(usable[holder], CUSTOMER_NUMBER if problem.field == "customer_number" else NUMBER)
        for problem, holder in holders
    ]
    doubles += [match for match in alike if match.card.debtor_id != judged.debtor_id]
    return replace(each, matches=tuple(matches.ranked(doubles)), keys=(*keys, *matches.keys_within(typed)))


def number_problem(field: str, text: str, holder: str) -> FieldProblem:
    """A number of the line is another card's."""
    return FieldProblem(field, f"{text!r} belongs to card {holder}", "Leave it empty or give another one.")


def numbers_of(judged: Judged) -> list[Number]:
    """The debtor and creditor numbers that a line brings, with where they are unique."""
    return [(judged.administration, kind, number) for kind, number in judged.numbers.items()]
