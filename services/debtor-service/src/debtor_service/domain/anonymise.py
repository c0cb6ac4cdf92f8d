"""What is left of a card when the person on it is forgotten: what accounts are kept by, and nothing that names them."""

from __future__ import annotations

from klokwerk_contracts.debtor_changed import EktConfiguration, InvoiceDelivery

from debtor_service.domain.card import CardContent

KEPT = (
    *("kinds", "party", "country", "vat_regime", "language", "currency", "payment_term_days"),
    *("discount_percent", "discount_kind", "category", "price_tier"),
)
"""Fields that stay: none of them tells who it was, and old invoices can't be understood without them."""

NAME = "Anonymised"


def anonymised(content: CardContent, label: str) -> CardContent:
    """`content` without anything personal.

    Args:
        label: a number or id, put behind the name, so that lists and accounts still tell such cards apart.
    """
    kept = {name: getattr(content, name) for name in KEPT}
    quiet = InvoiceDelivery(email_allowed=False, print_allowed=False)
    return CardContent(
        name=f"{NAME} {label}", invoice_delivery=quiet, ekt=EktConfiguration(use_ekts=False), **kept
    )


def lost(content: CardContent) -> list[str]:
    """Names of the fields that hold something now and will be empty; for the person who decides."""
    empty = anonymised(content, "")
    return [
        name
        for name in CardContent.model_fields
        if name not in KEPT and name != "name" and getattr(content, name) != getattr(empty, name)
    ] + ["name"]
