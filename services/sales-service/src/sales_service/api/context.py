"""What the routes work with, and the types that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from klokwerk.clock import Clock
from klokwerk.database import Database
from klokwerk.http import FieldProblem, Problem
from klokwerk.http.pages import MOST
from klokwerk.outbox import Outbox
from klokwerk_contracts.types import plain
from pydantic import StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from sales_service.domain.amounts import to_cents
from sales_service.domain.completeness import Missing
from sales_service.domain.seller import Fault
from sales_service.entry.buyers import buyer_problem
from sales_service.entry.entering import Entering
from sales_service.invoicing import Invoicing
from sales_service.resending import Resending
from sales_service.selling import Distributions
from sales_service.store import debtors


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the service that routes need."""

    database: Database
    clock: Clock
    outbox: Outbox
    distributions: Distributions
    invoicing: Invoicing

    @property
    def entering(self) -> Entering:
        """Enters many lines at once."""
        return Entering(self.distributions)

    @property
    def resending(self) -> Resending:
        """Checks resends and asks for them."""
        return Resending(self.distributions)


def _context(request: Request) -> Context:
    found: Context = request.app.state.sales
    return found


Sales = Annotated[Context, Depends(_context)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Words = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
"""Search words."""


def _bad_cursor() -> Problem:
    return Problem(
        400, "The cursor is not valid", "Take it from `next` of the page before, for the same list."
    )


def cursor_number(value: Any) -> int:
    """A whole number out of a cursor that may have been tampered with."""
    if not isinstance(value, int) or not 0 <= value < 2**62:
        raise _bad_cursor()
    return value


def cursor_text(value: Any) -> str:
    """A text out of a cursor that may have been tampered with."""
    if not isinstance(value, str) or "\x00" in value:
        raise _bad_cursor()
    return value


def cursor_decimal(value: Any) -> Decimal:
    """An amount out of a cursor that may have been tampered with."""
    try:
        found = Decimal(cursor_text(value))
    except ArithmeticError:
        raise _bad_cursor() from None
    if not found.is_finite():
        raise _bad_cursor()
    return found


def cursor_day(value: Any) -> date:
    """A day out of a cursor that may have been tampered with."""
    try:
        return date.fromisoformat(cursor_text(value))
    except ValueError:
        raise _bad_cursor() from None


def cents(amount: Decimal) -> str:
    """An amount for people: two decimals, as a string."""
    return plain(to_cents(amount))


def number(amount: Decimal | None) -> str | None:
    """A price as a string with the decimals it has."""
    return None if amount is None else plain(amount)


def gap_problem(gap: Missing) -> FieldProblem:
    """One missing thing as an entry of a problem document."""
    field = f"lines.{gap.line_id}.{gap.field}" if gap.line_id else gap.field
    message = f"{gap.label}: {gap.message}" if gap.label else gap.message
    return FieldProblem(field=field, message=message, cure=gap.cure, code=gap.rule, link=gap.link)


def fault_problems(faults: Sequence[Fault]) -> list[FieldProblem]:
    """Faults of a document as entries of a problem document."""
    return [FieldProblem(field=fault.field, message=fault.message, cure=fault.cure) for fault in faults]


async def buyer_id(connection: AsyncConnection, debtor_id: str, *, field: str = "debtor_id") -> str:
    """The card that a sale to `debtor_id` goes to now, after merges; no merge comes in between any more.

    Raises:
        Problem: 422 when the card is not known here or is no debtor.
    """
    buyer = (await debtors.buyers(connection, [debtor_id])).get(debtor_id)
    problem = buyer_problem(debtor_id, buyer, field)
    if problem is not None or buyer is None:
        raise Problem(
            422,
            "Nothing can be sold to this debtor",
            f"See errors for debtor {debtor_id}.",
            errors=[problem] if problem else [],
        )
    return buyer.target
