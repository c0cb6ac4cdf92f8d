"""A person's rights, from the card: all their data in one file, the newsletter, and being forgotten."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from back_office.clients.debtors import Card
from back_office.clients.newsletter import Choice
from back_office.clients.privacy import Preview
from back_office.clients.sales import InvoiceRow
from back_office.clients.transport import ServiceFailure, Stale
from back_office.domain.roles import Action
from back_office.web.components.form import new_once
from back_office.web.components.message import Message, Weight, done
from back_office.web.components.table import Option
from back_office.web.explain import Tried, explained, tried
from back_office.web.pages.debtor.frame import address_of, shown
from back_office.web.pages.debtor.packing import Incomplete, packed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)

MOST_INVOICES = "50"
"""Open invoices that are named; more are counted."""
CHOICES = ("unset", "yes", "no")


@router.get("/debtors/{debtor_id}/privacy")
async def page(debtor_id: str, visit: SignedIn) -> Response:
    """What is held, what would go and what would stay."""
    card = (await visit.clients.debtors.card(debtor_id)).value
    return await _page(visit, card)


@router.post("/debtors/{debtor_id}/privacy/data")
async def data(debtor_id: str, visit: SignedIn) -> Response:
    """Everything that all services hold about the person, or about one contact person, as one ZIP file."""
    typed = await visit.form()
    card = (await visit.clients.debtors.card(debtor_id)).value
    try:
        return await packed(visit, card, typed.get("contact_id", ""))
    except Incomplete as incomplete:
        message = Message(
            Weight.ERROR,
            visit.t("privacy.incomplete", service=visit.t(f"service.{incomplete.service}")),
            visit.t("privacy.incomplete_why"),
            reference=visit.correlation,
        )
        return await _page(visit, card, message, 502)


@router.post("/debtors/{debtor_id}/privacy/newsletter")
async def newsletter(debtor_id: str, visit: SignedIn) -> Response:
    """Note what the customer said about the newsletter."""
    typed = await visit.form()
    choice = typed.get("choice", "unset")
    try:
        await visit.clients.newsletter.choose(
            debtor_id, choice if choice in CHOICES else "unset", typed.get("reason", "").strip()
        )
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    else:
        await visit.say(done(visit.t("privacy.newsletter_saved")))
    card = (await visit.clients.debtors.card(debtor_id)).value
    return visit.go(address_of(card, "privacy"))


@router.post("/debtors/{debtor_id}/privacy/anonymise")
async def anonymise(debtor_id: str, visit: SignedIn) -> Response:
    """Forget the person; refused while invoices are open, since nobody could be reminded of them any more."""
    typed = await visit.form()
    t = visit.t
    card = (await visit.clients.debtors.card(debtor_id)).value
    if typed.get("sure") != "on":
        return await _page(visit, card, Message(Weight.WARNING, t("privacy.not_sure")), 422)
    open_invoices = await tried(_open_invoices(visit, debtor_id), t)
    if open_invoices.trouble:
        return await _page(visit, card, open_invoices.trouble, 502)
    if open_invoices.value:
        return await _page(
            visit, card, Message(Weight.ERROR, t("privacy.open_title"), t("privacy.open_cure")), 409
        )
    try:
        left = await visit.clients.privacy.anonymise(
            debtor_id, typed.get("reason", "").strip(), typed.get("_revision", ""), typed.get("_once", "")
        )
    except Stale:
        return await _page(
            visit, card, Message(Weight.WARNING, t("trouble.stale"), t("privacy.look_again")), 412
        )
    except ServiceFailure as failure:
        return await _page(visit, card, explained(failure, t), 409)
    await visit.say(done(t("privacy.anonymised", name=left.name), t("privacy.anonymised_why")))
    return visit.go(address_of(card))


@router.post("/debtors/{debtor_id}/privacy/contact")
async def forget_contact(debtor_id: str, visit: SignedIn) -> Response:
    """Take a contact person off the card and out of its history."""
    typed = await visit.form()
    card = (await visit.clients.debtors.card(debtor_id)).value
    try:
        await visit.clients.privacy.forget_contact(
            debtor_id, typed.get("contact_id", ""), typed.get("_revision", "")
        )
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    else:
        await visit.say(done(visit.t("privacy.contact_forgotten")))
    return visit.go(address_of(card, "privacy"))


async def _page(visit: Visit, card: Card, message: Message | None = None, status: int = 200) -> Response:
    t = visit.t
    preview, choice, invoices = await asyncio.gather(
        tried(visit.clients.privacy.preview(card.debtor_id), t),
        tried(visit.clients.newsletter.choice(card.debtor_id), t),
        tried(_open_invoices(visit, card.debtor_id), t),
    )
    troubles = [each.trouble for each in (preview, invoices) if each.trouble]
    return await shown(
        visit,
        card,
        "privacy",
        "pages/debtor_privacy.html",
        status=status,
        may=visit.may(Action.KEEP_PRIVACY),
        preview=preview.value,
        goes=_goes(preview, visit),
        newsletter=_newsletter(choice),
        newsletter_options=tuple(Option(name, t(f"privacy.choice_{name}")) for name in CHOICES),
        open_invoices=invoices.value or (),
        unsure=invoices.value is None,
        revision=str(preview.value.revision if preview.value else card.revision),
        once=new_once(),
        messages=[*([message] if message else []), *troubles],
    )


async def _open_invoices(visit: Visit, debtor_id: str) -> tuple[InvoiceRow, ...]:
    """Issued invoices that are not paid, and drafts."""
    unpaid, drafts = await asyncio.gather(
        visit.clients.sales.invoices(
            debtor_id=debtor_id, payment_status="not_paid", state="final", limit=MOST_INVOICES
        ),
        visit.clients.sales.invoices(debtor_id=debtor_id, state="draft", limit=MOST_INVOICES),
    )
    found = {row.invoice_id: row for row in (*unpaid.items, *drafts.items)}
    return tuple(row for row in found.values() if row.kind != "credit_note")


def _goes(preview: Tried[Preview], visit: Visit) -> list[str]:
    """What would be taken away, in words."""
    if preview.value is None:
        return []
    t, goes = visit.t, preview.value.goes
    fields = ", ".join(t.either(f"imports.content.{name}", name) for name in goes.fields)
    lines = [t("privacy.goes_fields", fields=fields)] if fields else []
    for name in ("changes", "attachments", "merged_cards", "import_lines", "exports"):
        count = getattr(goes, name)
        if count:
            lines.append(t.many(f"privacy.goes_{name}", count))
    if goes.newsletter:
        lines.append(t("privacy.goes_newsletter"))
    return lines


def _newsletter(choice: Tried[Choice]) -> Choice | None:
    return choice.value if choice.value is not None and choice.value.active else None
