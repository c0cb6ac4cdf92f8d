"""What may stand on a card: every check names the field, what is wrong and the cure."""

from debtor_service.domain.checks.card_rules import check_card, warnings_for
from debtor_service.domain.checks.problem import FieldProblem

__all__ = ["FieldProblem", "check_card", "warnings_for"]
