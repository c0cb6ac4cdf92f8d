"""Refusals in the words of problem details."""

from __future__ import annotations

from collections.abc import Sequence

from klokwerk.http import FieldProblem as HttpFieldProblem
from klokwerk.http import Problem
from klokwerk_contracts.debtor_changed import Kind

from debtor_service.changes import CustomerNumberTaken, NumberTaken
from debtor_service.domain.card import Card
from debtor_service.domain.checks import FieldProblem
from debtor_service.domain.checks.registrations import BadNumber


def bad_card(problems: Sequence[FieldProblem]) -> Problem:
    """422 with every field that is wrong."""
    return _unsaved("The card can't be saved", problems)


def bad_contact(problems: Sequence[FieldProblem]) -> Problem:
    """422 with every field of a contact person that is wrong."""
    return _unsaved("The contact person can't be saved", problems)


def bad_definition(problems: Sequence[FieldProblem]) -> Problem:
    """422 with everything that is wrong with the definition of an own field."""
    return _unsaved("The own field can't be saved", problems)


def bad_vat_number(number: str, error: BadNumber) -> Problem:
    """422 for a VAT number that can't be right, whoever is asked."""
    return Problem(
        422,
        "The VAT number can't be right",
        f"{number!r}: {error}.",
        errors=[
            HttpFieldProblem(
                field="vat_number", message=str(error), cure="Compare it with the customer's papers."
            )
        ],
    )


def number_taken(error: NumberTaken) -> Problem:
    """409 for a typed number of another card."""
    field = f"{error.kind.value}_number"
    return Problem(
        409,
        "The number is in use",
        f"{error}.",
        errors=[
            HttpFieldProblem(field=field, message=str(error), cure="Leave it empty or type another one.")
        ],
    )


def customer_number_taken(error: CustomerNumberTaken) -> Problem:
    """409 for a typed customer number of another card."""
    return Problem(
        409,
        "The customer number is in use",
        f"{error}.",
        errors=[
            HttpFieldProblem(
                field="customer_number", message=str(error), cure="Leave it empty or type another one."
            )
        ],
    )


def fixed_field(field: str, message: str, cure: str) -> Problem:
    """422 for a field that does not change this way."""
    return Problem(
        422,
        "The field can't be changed",
        f"{field}: {message}",
        errors=[HttpFieldProblem(field=field, message=message, cure=cure)],
    )


def merged_card(card: Card) -> Problem:
    """409 for an edit of a tombstone, with the way to the card that took over."""
    return Problem(
        409,
        "The card was merged",
        f"It went into card {card.merged_into}; edit that one.",
        errors=[
            HttpFieldProblem(
                field="debtor_id",
                message=f"it was merged into {card.merged_into}",
                cure=f"Edit card {card.merged_into}.",
                link=f"/v1/debtors/{card.merged_into}",
            )
        ],
    )


def anonymised_card() -> Problem:
    """409 for an edit of a card whose person was forgotten."""
    return Problem(409, "The card was anonymised", "It can't be edited any more.")


def id_taken(debtor_id: str | None) -> Problem:
    """409 for an id that another card has."""
    return Problem(
        409,
        "The card exists",
        f"There is a card {debtor_id} already.",
        errors=[
            HttpFieldProblem(
                field="debtor_id", message="another card has it", cure="Edit that card, or leave the id out."
            )
        ],
    )


def no_number(kind: Kind, why: str) -> Problem:
    """409 when no number can be given; the trigger is kept."""
    return Problem(
        409,
        "No number can be given",
        f"{why} The wish is kept and shown under what waits.",
        errors=[HttpFieldProblem(field=f"{kind.value}_number", message=why, cure="Set or widen the range.")],
    )


def _unsaved(title: str, problems: Sequence[FieldProblem]) -> Problem:
    errors = [HttpFieldProblem(field=p.field, message=p.message, cure=p.cure) for p in problems]
    fields = ", ".join(dict.fromkeys(p.field for p in problems))
    return Problem(422, title, f"Mend {fields}; see errors.", errors=errors)
