"""A person's data, given to them or taken away: the card, what was merged into it, and all that is kept beside it.

What bookkeeping must keep stays (decision 0032): the card's id and numbers, its administration, country, VAT regime and
terms, and in other services the documents as they were issued. The others are told by ``debtor.changed`` with the
state ``anonymised`` and an empty card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from klokwerk.access import Person, audit
from klokwerk_contracts.debtor_changed import CardState
from sqlalchemy.ext.asyncio import AsyncConnection

from debtor_service.changes import Changes
from debtor_service.domain.anonymise import anonymised
from debtor_service.domain.card import Card
from debtor_service.domain.newsletter import hash_of
from debtor_service.store import attachments, cards, newsletter, numbers, privacy

ACTION = "anonymised"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a card can't be anonymised.

    Attributes:
        code: stable name, for pages in other languages.
        card: the card to go to instead; empty where there is none.
    """

    code: str
    message: str
    cure: str
    card: str = ""


async def family_of(connection: AsyncConnection, card: Card) -> list[Card]:
    """The card and the tombstones of those merged into it, which hold the same person's data."""
    others = await cards.find(connection, card.previous_ids)
    return [card, *(others[i] for i in sorted(others) if i != card.debtor_id)]


async def obstacles(connection: AsyncConnection, card: Card) -> list[Obstacle]:
    """What forbids to anonymise a card now."""
    if card.state is CardState.MERGED:
        target = card.merged_into or ""
        return [
            Obstacle(
                "merged", f"it was merged into card {target}", f"Anonymise card {target} instead.", target
            )
        ]
    if card.state is CardState.ANONYMISED:
        return [Obstacle("anonymised", "it was anonymised already", "Nothing is left to do.")]
    waiting = await numbers.waiting_for_number(connection, card.debtor_id)
    if waiting:
        return [
            Obstacle(
                "waiting",
                "a sale or an invoice waits for a number of this card",
                "Set or widen the number range first, so that it can be booked.",
            )
        ]
    return []


async def anonymise(
    connection: AsyncConnection, changes: Changes, card: Card, person: Person, reason: str
) -> Card:
    """Anonymise a locked card and all that is kept about the person; the caller has looked for obstacles.

    Args:
        reason: why, for the audit trail; nothing personal.
    """
    family = await family_of(connection, card)
    locked = await cards.lock(connection, [each.debtor_id for each in family])
    emails = sorted({email.address for each in family for email in each.content.emails})
    found = signs_of(family)
    before = [locked[each.debtor_id] for each in family]
    after = [changes.next_revision(_blanked(each, card), person) for each in before]
    for each in before:
        for attachment in await attachments.of_card(connection, each.debtor_id):
            await attachments.remove(connection, attachment, changes.clock.now(), person.name)
    await cards.update(connection, after)
    await changes.publish(connection, list(zip(before, after, strict=True)), person, ACTION)
    ids = [each.debtor_id for each in family]
    since = min(each.created_at for each in family)
    theirs = await _only_theirs(connection, emails)
    await newsletter.forget(connection, theirs)
    await privacy.blank(connection, ids, found, [hash_of(email) for email in theirs], since)
    facts = {"state": CardState.ANONYMISED.value, "reason": reason, "cards": len(family)}
    await audit(connection, person, changes.clock.now(), ACTION, "debtor", card.debtor_id, new=facts)
    return after[0]


def signs_of(family: Sequence[Card]) -> list[str]:
    """What a cell of a list must hold exactly to be about the person."""
    found: set[str] = set()
    for each in family:
        content = each.content
        found |= {email.address for email in content.emails}
        found |= {content.vat_number, content.chamber_number, *content.phones}
        found |= {account.iban for account in content.bank_accounts}
        found |= {contact.email for contact in content.contact_persons}
        found.add(content.name)
    return sorted(found - {""})


def _blanked(each: Card, asked: Card) -> Card:
    label = each.customer_number or each.debtor_number or each.creditor_number or each.debtor_id
    state = CardState.ANONYMISED if each.debtor_id == asked.debtor_id else each.state
    return replace(each, content=anonymised(each.content, label), state=state, attachments=())


async def _only_theirs(connection: AsyncConnection, emails: Sequence[str]) -> list[str]:
    """Addresses that no other card in use has."""
    shared = {row.email for row in await newsletter.cards_of(connection, emails)}
    return [email for email in emails if email.lower() not in shared]


async def everything(connection: AsyncConnection, card: Card) -> dict[str, Any]:
    """All that this service holds about the person on a card, as plain JSON."""
    family = await family_of(connection, card)
    ids = [each.debtor_id for each in family]
    return {
        "cards": [_plain(each) for each in family],
        "numbers": await privacy.numbers(connection, ids),
        "attachments": [
            attachment.told().model_dump(mode="json")
            for each in ids
            for attachment in await attachments.of_card(connection, each)
        ],
        "newsletter": await _newsletter(connection, family),
        "used_for": await privacy.uses(connection, ids),
        "import_lines": await privacy.import_rows(connection, ids, signs_of(family)),
        "changes": await privacy.trail(connection, ids),
    }


async def about_contact(connection: AsyncConnection, card: Card, contact_id: str) -> dict[str, Any] | None:
    """All that this service holds about one contact person; none where the card has no such person."""
    contact = next((c for c in card.content.contact_persons if c.contact_id == contact_id), None)
    if contact is None:
        return None
    texts = [text for text in (contact.email, contact.phone, contact.name) if text]
    changes = [
        change
        for change in await privacy.trail(connection, [card.debtor_id])
        if contact_id in str((change["old"] or {}).get("contact_persons", ""))
        or contact_id in str((change["new"] or {}).get("contact_persons", ""))
    ]
    return {
        "contact_person": contact.model_dump(mode="json"),
        "organisation": card.content.name,
        "import_lines": await privacy.import_rows(connection, [], texts),
        "changes": [
            {
                **change,
                "old": _only(change["old"], contact_id),
                "new": _only(change["new"], contact_id),
            }
            for change in changes
        ],
    }


def _only(values: dict[str, Any] | None, contact_id: str) -> list[Any]:
    contacts = (values or {}).get("contact_persons") or []
    return [contact for contact in contacts if contact.get("contact_id") == contact_id]


def _plain(card: Card) -> dict[str, Any]:
    return {
        "debtor_id": card.debtor_id,
        "administration": card.administration,
        "state": card.state.value,
        "merged_into": card.merged_into,
        "customer_number": card.customer_number,
        "debtor_number": card.debtor_number,
        "creditor_number": card.creditor_number,
        "created_at": card.created_at,
        "changed_at": card.changed_at,
        "changed_by": card.changed_by,
        **card.content.model_dump(mode="json"),
    }


async def _newsletter(connection: AsyncConnection, family: Sequence[Card]) -> list[dict[str, Any]]:
    found = []
    for each in family:
        choice = await newsletter.choice_of(connection, each.debtor_id)
        email = each.content.general_email
        member = await newsletter.member(connection, email) if email else None
        if choice.source is not None or member is not None:
            found.append(
                {
                    "email": email,
                    "choice": choice.choice.value,
                    "source": choice.source,
                    "reason": choice.reason,
                    "changed_at": choice.changed_at,
                    "at_mailchimp": member[0].status if member else "",
                }
            )
    return found
