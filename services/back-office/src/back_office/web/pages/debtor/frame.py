"""What the pages of one card share: where they are, and what may be done with the card."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from back_office.clients.debtors import Card
from back_office.web.components.addresses import segment
from back_office.web.visit import Visit


def address_of(card: Card, *parts: str) -> str:
    """The address of a page of the card."""
    return "/".join(("/debtors", segment(card.debtor_id), *(segment(part) for part in parts)))


def may_edit(card: Card, visit: Visit) -> bool:
    """Whether this user may change this card."""
    return visit.may("edit_debtor") and card.is_open


async def shown(
    visit: Visit, card: Card, tab: str, template: str, *, status: int = 200, **context: Any
) -> Response:
    """A page of the card, below its header and tabs."""
    return await visit.page(
        template,
        status=status,
        card=card,
        tab=tab,
        editable=may_edit(card, visit),
        explanation=_explanation(card, visit),
        **context,
    )


def _explanation(card: Card, visit: Visit) -> tuple[str, ...]:
    if card.state == "merged":
        return (visit.t("debtor.merged_into"),)
    if card.state == "anonymised":
        return (visit.t("debtor.anonymised"),)
    return () if visit.may("edit_debtor") else (visit.t("debtor.read_only"),)
