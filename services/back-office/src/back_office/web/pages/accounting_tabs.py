"""The pages of one administration's accounting link, beside each other."""

from __future__ import annotations

from back_office.web.components.addresses import segment
from back_office.web.components.message import Link
from back_office.web.visit import Visit

KINDS = ("debtors", "creditors")
HISTORY = "exports"


def tabs(administration: str, visit: Visit) -> tuple[Link, ...]:
    """Debtors, creditors, export history."""
    base = f"/accounting/{segment(administration)}"
    kinds = tuple(Link(visit.t(f"accounting.tab_{kind}"), f"{base}/{kind}") for kind in KINDS)
    return (*kinds, Link(visit.t("accounting.tab_history"), f"{base}/{HISTORY}"))
