"""A line of a list is judged: the card it would make, and everything that is wrong with it. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from klokwerk_contracts.debtor_changed import CardState, Kind
from klokwerk_contracts.types import Identifier
from pydantic import TypeAdapter, ValidationError

from debtor_service.changes import NewCard
from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks import FieldProblem, check_card
from debtor_service.domain.layout import IGNORED, BadRow, EmptyCells, Row, column_of, read_row
from debtor_service.domain.options import ChoiceList, Options, check_options
from debtor_service.domain.own_fields import OwnFieldDefinition, check_values

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class Ground:
    """What lines are judged by.

    Attributes:
        own: definitions of own fields, held by the transaction that stores what was judged.
        ekt_module: whether "Use EKTs" may be ticked (EF-39).
        kind: what a card becomes by being in the list; none where only the lines say it.
        administration: where new cards go whose line names none.
        empty: what empty cells do to cards that are there.
        offered: what the organisation lets cards choose from, and what new cards start with.
    """

    own: Sequence[OwnFieldDefinition]
    ekt_module: bool
    kind: Kind | None = None
    administration: str = "main"
    empty: EmptyCells = EmptyCells.CLEAR
    offered: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a line.

    Attributes:
        content: the card as it would be; none when something is wrong.
        numbers: numbers that the line brings and the card has not.
        customer_number: what the card will be called by; empty where the line does not say.
        problems: why it can't be taken.
        remarks: what is left out, though the line is taken.
    """

    content: CardContent | None
    debtor_id: str = ""
    administration: str = ""
    numbers: Mapping[Kind, str] = field(default_factory=dict)
    problems: tuple[FieldProblem, ...] = ()
    remarks: tuple[FieldProblem, ...] = ()
    customer_number: str = ""

    def new_card(self) -> NewCard:
        """The card to be made; only where nothing is wrong."""
        assert self.content is not None  # noqa: S101
        return NewCard(
            self.content, self.administration, self.debtor_id, dict(self.numbers), self.customer_number
        )

    def changes(self, card: Card) -> bool:
        """Whether `card` would be another one than it is."""
        renumbered = self.customer_number not in ("", card.customer_number)
        return self.content != card.content or bool(self.numbers) or renumbered


def judge(line: Mapping[str, str], card: Card | None, ground: Ground) -> Judged:
    """Judge one line.

    Args:
        line: text by column name.
        card: the card that the line is about; none for a new one.
    """
    known = {name: text for name, text in line.items() if name not in IGNORED}
    try:
        row = read_row(
            _coded(known, ground.offered), card, ground.empty, ground.offered.settings.card_defaults
        )
    except BadRow as bad:
        return Judged(None, line.get("debtor_id", "").strip(), problems=tuple(bad.problems))
    content = _with_kind(row.content, line, card, ground.kind)
    content, problems = check_card(content)
    problems += check_options(content, card.content if card else None, ground.offered)
    values, wrong = check_values(content.own_fields, ground.own, content.kinds)
    if problems := problems + wrong:
        document = content.model_dump()
        problems = [FieldProblem(column_of(p.field, document), p.message, p.cure) for p in problems]
    content = content.model_copy(update={"own_fields": values})
    problems += _identity(row, card)
    if content.ekt.use_ekts and not ground.ekt_module and not (card and card.content.ekt.use_ekts):
        problems.append(FieldProblem("use_ekts", "EKTs are not set up for this system", "Write no."))
    administration = card.administration if card else row.administration or ground.administration
    fresh = {kind: number for kind, number in row.numbers.items() if card is None or not card.number_of(kind)}
    return Judged(
        None if problems else content,
        row.debtor_id,
        administration,
        fresh,
        tuple(problems),
        tuple(_remarks(row, card)),
        row.customer_number,
    )


def _coded(line: Mapping[str, str], offered: Options) -> dict[str, str]:
    """A category or tier that is written by its name becomes its code."""
    texts = dict(line)
    for name, of in (("category", ChoiceList.CATEGORIES), ("price_tier", ChoiceList.PRICE_TIERS)):
        if text := texts.get(name, "").strip():
            codes = {choice.label.casefold(): choice.code for choice in offered.choices.get(of, ())}
            texts[name] = codes.get(text.casefold(), text)
    return texts


def _with_kind(
    content: CardContent, line: Mapping[str, str], card: Card | None, kind: Kind | None
) -> CardContent:
    if kind is None or line.get("kinds", "").strip():
        return content
    kinds = {kind, *(card.content.kinds if card else ())}
    return content.model_copy(update={"kinds": tuple(kinds)})


def _identity(row: Row, card: Card | None) -> list[FieldProblem]:
    problems = []
    for name, value in (("debtor_id", row.debtor_id), ("administration", row.administration)):
        try:
            if value:
                _IDENTIFIER.validate_python(value)
        except ValidationError:
            problems.append(
                FieldProblem(name, f"{value[:60]!r} is no id", "Use up to 64 letters, digits and . _ : -")
            )
    for kind, number in row.numbers.items():
        plain = number.replace(".", "").replace("-", "")
        if len(number) > LONGEST_NUMBER or not (plain.isascii() and plain.isalnum()):
            problems.append(
                FieldProblem(
                    f"{kind.value}_number",
                    f"{number[:60]!r} is not a valid number",
                    f"Use up to {LONGEST_NUMBER} letters, digits, dots and hyphens.",
                )
            )
    if card is not None and card.state not in (CardState.ACTIVE, CardState.BLOCKED):
        where = f" into {card.merged_into}" if card.merged_into else ""
        problems.append(
            FieldProblem("debtor_id", f"card {card.debtor_id} is {card.state.value}{where}", "Leave it out.")
        )
    if card is not None and row.administration not in ("", card.administration):
        problems.append(
            FieldProblem("administration", f"the card belongs to {card.administration}", "Leave it as it is.")
        )
    return problems


def _remarks(row: Row, card: Card | None) -> list[FieldProblem]:
    return [
        FieldProblem(
            f"{kind.value}_number",
            f"{number!r} is not taken: the card has number {card.number_of(kind)}",
            "The number of the card stays.",
        )
        for kind, number in row.numbers.items()
        if card is not None and card.number_of(kind) and card.number_of(kind) != number
    ]
