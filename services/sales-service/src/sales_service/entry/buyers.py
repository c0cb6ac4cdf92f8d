"""Who may be sold to."""

from __future__ import annotations

from klokwerk.http import FieldProblem

from sales_service.store.debtors import Buyer


def buyer_problem(debtor_id: str, buyer: Buyer | None, field: str) -> FieldProblem | None:
    """Why nothing can be sold to `debtor_id`; none when it can."""
    if buyer is None:
        return FieldProblem(
            field=field,
            message=f"debtor {debtor_id} is not known",
            cure="make the card in Debtors; a new one is here within a second",
        )
    if buyer.anonymised:
        return FieldProblem(
            field=field,
            message=f"the card of debtor {buyer.target} was anonymised",
            cure="sell to another card, or make a new one",
            link=f"/debtors/{buyer.target}",
        )
    if not buyer.is_debtor:
        return FieldProblem(
            field=field,
            message=f"{buyer.name} is a supplier only",
            cure="tick the kind debtor on the card",
            link=f"/debtors/{debtor_id}",
        )
    return None
