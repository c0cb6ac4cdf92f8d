"""Own fields: what the office defines itself, and the values that cards have for them (FA-28, FA-30).

Values are kept as text in one form per type, so that the card, the event and files agree: text as it is, a
number like ``12.50``, a date like ``2026-11-24``, ``yes`` or ``no``, or one of the choices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from klokwerk_contracts.debtor_changed import Kind, OwnField, OwnFieldType

from debtor_service.domain.checks.problem import FieldProblem
from debtor_service.domain.words import NO, NO_WORDS, YES, YES_WORDS

MOST_FIELDS = 50
"""Definitions that there may be; a card is a page, not a database."""

LONGEST_VALUE = 500
COLUMN_PREFIX = "own."
"""Put before the key in files, so that an own field never meets a column of ours."""


@dataclass(frozen=True, slots=True)
class OwnFieldDefinition:
    """A field that the office made.

    Attributes:
        key: fixed; names the field on cards, events and in files.
        label: what people see.
        kinds: on which cards it stands: of customers, of suppliers, or both.
        choices: for type ``choice``, in the order shown.
        on_documents: shown on documents for the customer (FA-29).
        position: place on the card, lowest first.
    """

    key: str
    label: str
    type: OwnFieldType
    kinds: tuple[Kind, ...]
    choices: tuple[str, ...] = ()
    on_documents: bool = False
    position: int = 0
    revision: int = 1

    @property
    def column(self) -> str:
        """Heading of its column in files."""
        return COLUMN_PREFIX + self.key

    def stands_on(self, kinds: Iterable[Kind]) -> bool:
        """Whether cards of `kinds` have the field."""
        return not set(self.kinds).isdisjoint(kinds)


def check_definition(definition: OwnFieldDefinition) -> list[FieldProblem]:
    """What is wrong with a definition."""
    problems = []
    if not definition.label.strip() or not definition.label.isprintable():
        problems.append(FieldProblem("label", "it is blank or has a line break", "Write a short name."))
    if not definition.kinds:
        problems.append(FieldProblem("kinds", "it is empty", 'Write "debtor", "creditor" or both.'))
    wants_choices = definition.type is OwnFieldType.CHOICE
    if wants_choices != bool(definition.choices):
        problems.append(
            FieldProblem("choices", "there are none", "Write the choices.")
            if wants_choices
            else FieldProblem("choices", f"a field of type {definition.type} has none", "Leave them out.")
        )
    if len(set(definition.choices)) < len(definition.choices):
        problems.append(FieldProblem("choices", "one comes twice", "Write each once."))
    if any(not c.strip() or c != c.strip() or not c.isprintable() for c in definition.choices):
        problems.append(FieldProblem("choices", "one is blank or has blanks around it", "Write plain words."))
    return problems


def check_values(
    values: Mapping[str, str], definitions: Sequence[OwnFieldDefinition], kinds: Iterable[Kind]
) -> tuple[dict[str, str], list[FieldProblem]]:
    """The values in their kept form, without empty ones, in the order of the card; and what is wrong."""
    by_key = {definition.key: definition for definition in definitions}
    kinds = tuple(kinds)
    problems = [
        FieldProblem(
            f"own_fields.{key[:60]}", "no own field has this key", "Leave it out, or define the field first."
        )
        for key, value in values.items()
        if key not in by_key and value.strip()
    ]
    kept = {}
    for key, definition in by_key.items():
        value = values.get(key, "").strip()
        if not value:
            continue
        where = f"own_fields.{key}"
        if not definition.stands_on(kinds):
            wanted = " and ".join(kind.value for kind in definition.kinds)
            problems.append(
                FieldProblem(where, f"{definition.label} is for a {wanted} only", "Leave it empty.")
            )
            continue
        try:
            kept[key] = clean_value(value, definition)
        except BadValue as error:
            problems.append(FieldProblem(where, f"{definition.label}: {value[:60]!r} {error}", error.cure))
    return kept, problems


class BadValue(ValueError):
    """A value that its field can't hold; `cure` says what to write."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def clean_value(value: str, definition: OwnFieldDefinition) -> str:
    """The value in the form in which it is kept.

    Raises:
        BadValue: it is no value of the field's type.
    """
    match definition.type:
        case OwnFieldType.NUMBER:
            return _number(value)
        case OwnFieldType.DATE:
            return _date(value)
        case OwnFieldType.YES_NO:
            return _yes_no(value)
        case OwnFieldType.CHOICE:
            return _choice(value, definition.choices)
        case OwnFieldType.TEXT:
            if len(value) > LONGEST_VALUE:
                raise BadValue("is too long", f"Write at most {LONGEST_VALUE} characters.")
            if not value.isprintable():
                raise BadValue("holds a line break or a control character", "Write it on one line.")
            return value


def told(values: Mapping[str, str], definitions: Sequence[OwnFieldDefinition]) -> tuple[OwnField, ...]:
    """The filled-in fields as they stand on the event."""
    return tuple(
        OwnField(
            key=definition.key,
            label=definition.label,
            type=definition.type,
            value=value,
            on_documents=definition.on_documents,
        )
        for definition in definitions
        if (value := values.get(definition.key))
    )


def shown(
    values: Mapping[str, str], definitions: Sequence[OwnFieldDefinition], kinds: Iterable[Kind]
) -> dict[str, str]:
    """Every field of a card of `kinds`, also the empty ones (FA-30)."""
    kinds = tuple(kinds)
    return {
        definition.key: values.get(definition.key, "")
        for definition in definitions
        if definition.stands_on(kinds) or values.get(definition.key)
    }


def _number(value: str) -> str:
    cure = "Write digits, like 12.50."
    try:
        number = Decimal(value.replace(",", "."))
    except InvalidOperation:
        raise BadValue("is no number", cure) from None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 15 or number != round(number, 6):
        raise BadValue("is no number of at most 15 digits and 6 decimals", cure)
    return format(number, "f")


def _date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise BadValue("is no date", "Write year, month and day, like 2026-11-24.") from None


def _yes_no(value: str) -> str:
    word = value.casefold()
    if word not in YES_WORDS | NO_WORDS:
        raise BadValue("is neither yes nor no", "Write yes or no.")
    return YES if word in YES_WORDS else NO


def _choice(value: str, choices: Sequence[str]) -> str:
    for choice in choices:
        if choice.casefold() == value.casefold():
            return choice
    raise BadValue("is none of the choices", f"Write one of: {', '.join(choices)}.")
