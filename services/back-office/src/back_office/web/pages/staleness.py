"""What a form says when somebody else saved first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from back_office.clients.debtors import Card
from back_office.web.components.addresses import segment
from back_office.web.components.form import Form
from back_office.web.components.message import Item, Link, Message, Weight
from back_office.web.visit import Visit


def told_stale(form: Form, card: Card, visit: Visit, tab: str = "") -> Form:
    """The form of a card with what was typed, who changed the card and when, and a way to reload."""
    address = f"/debtors/{segment(card.debtor_id)}{tab}"
    return told_changed(form, visit, address, by=card.changed_by, at=card.changed_at)


def told_changed(form: Form, visit: Visit, address: str, *, by: str = "", at: datetime | None = None) -> Form:
    """The form with what was typed, who changed the thing meanwhile and when, as far as that is known.

    Args:
        address: the page to reload.
    """
    t = visit.t
    title = t("form.stale_unknown")
    if at:
        time = visit.formats.clock(at)
        title = t("form.stale", name=by, time=time) if by else t("form.stale_nobody", time=time)
    link = Link(t("form.reload"), address)
    return replace(form, message=Message(Weight.ERROR, title, t("form.stale_cure"), (Item("", link),)))
