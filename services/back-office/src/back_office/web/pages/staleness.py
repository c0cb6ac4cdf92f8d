"""What a form says when somebody else saved the card first."""

from __future__ import annotations

from dataclasses import replace

from back_office.clients.debtors import Card
from back_office.web.components.addresses import segment
from back_office.web.components.form import Form
from back_office.web.components.message import Item, Link, Message, Weight
from back_office.web.visit import Visit


def told_stale(form: Form, card: Card, visit: Visit, tab: str = "") -> Form:
    """The form with what was typed, who changed the card and when, and a way to reload."""
    t, time = visit.t, visit.formats.clock(card.changed_at)
    title = t("form.stale", name=card.changed_by, time=time) if card.changed_by else ""
    link = Link(t("form.reload"), f"/debtors/{segment(card.debtor_id)}{tab}")
    message = Message(
        Weight.ERROR, title or t("form.stale_nobody", time=time), t("form.stale_cure"), (Item("", link),)
    )
    return replace(form, message=message)
