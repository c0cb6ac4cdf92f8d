"""What a resend of an EKT needs of the sale and the card, as far as this service knows (EF-05, EF-63, EF-69..71)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from klokwerk_contracts.debtor_changed import CardState

from sales_service.domain.completeness import Missing, Rule

USUAL = 2
"""Resends after which another one is warned of; it is never blocked (EF-53, EF-54)."""


@dataclass(frozen=True, slots=True)
class Customer:
    """What a resend needs to know of a card."""

    debtor_id: str
    name: str
    number: str
    use_ekts: bool
    state: str


def requirements(
    debtor_id: str, customer: Customer | None, gaps: Sequence[Missing], *, revision: int
) -> tuple[Missing, ...]:
    """Everything that is not met, all at once.

    Args:
        gaps: what the distribution lacks.
        revision: last one published; 0 before the first completion.
    """
    found: list[Missing] = []
    if customer is not None and customer.state == CardState.ANONYMISED:
        text = "the card was anonymised; nothing can be sent to it"
        cure = "sell to another card"
        found.append(Missing(Rule.REACHABLE, "", "", "state", text, cure, f"/debtors/{debtor_id}"))
    elif customer is None or not customer.use_ekts:
        cure = 'tick "Use EKTs" under Organisation > Debtors > Configuration'
        link = f"/debtors/{debtor_id}/configuration" if customer else ""
        text = '"Use EKTs" is not ticked for this debtor'
        found.append(Missing(Rule.USE_EKTS, "", "", "ekt.use_ekts", text, cure, link))
    found += gaps
    if not gaps and not revision:
        text = "this distribution was never completed"
        found.append(Missing(Rule.NO_DISTRIBUTION, "", "", "lines", text, "allocate its lines"))
    return tuple(found)


def is_warned(resends_so_far: int) -> bool:
    """Whether the next resend is one more than is usual."""
    return resends_so_far >= USUAL
