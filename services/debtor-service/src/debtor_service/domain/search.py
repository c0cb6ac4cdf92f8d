"""How text is made comparable, so that a search ignores accents, dots, blanks and case."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from klokwerk_contracts.debtor_changed import ContactPerson

from debtor_service.domain.card import Card
from debtor_service.domain.phones import digits_of
from debtor_service.domain.words import NO, YES

_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"}
)
_NOT_PLAIN = re.compile(r"[^a-z0-9\s]")
MOST_WORDS = 8
"""Words of a query that count; more only cost time."""

MOST_OF_A_NOTE = 1000
"""Characters of a note that are searched."""


def normalise(text: str) -> str:
    """Lower case without accents and punctuation; blanks kept single.

    ``Fleurs d'Anvers (Liège)`` becomes ``fleurs danvers liege``.
    """
    if text.isascii():
        return " ".join(_NOT_PLAIN.sub("", text.lower()).split())
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", folded)
    kept = "".join(
        c if c.isalnum() else " " if c.isspace() else "" for c in plain if not unicodedata.combining(c)
    )
    return " ".join(kept.split())


def words_of(query: str) -> list[str]:
    """The words of a query; a card is found when it holds all of them. Empty: every card."""
    return normalise(query).split()[:MOST_WORDS]


def document_of(card: Card) -> str:
    """The text that is searched: everything on the card that somebody may remember of it."""
    return " ".join(dict.fromkeys(part for part in _parts(card) if part))


def sort_name_of(card: Card) -> str:
    """What lists are ordered by: the name as people would look it up."""
    return normalise(card.content.name)[:200]


def _parts(card: Card) -> Iterator[str]:
    content = card.content
    for number in (card.customer_number, card.debtor_number, card.creditor_number):
        yield normalise(number)
    yield normalise(content.name)
    yield normalise(content.search_name)
    yield normalise(card.debtor_id)
    for number in (content.vat_number, content.chamber_number, *(a.iban for a in content.bank_accounts)):
        yield _together(number)
    for email in content.emails:
        yield normalise(email.address)
    for phone in content.phones:
        yield from digits_of(phone, content.country)
    yield normalise(content.website)
    for contact in content.contact_persons:
        yield from _contact(contact, content.country)
    for value in content.own_fields.values():
        if value not in (YES, NO):
            yield normalise(value)
    for address in content.addresses:
        for line in address.lines:
            yield normalise(line)
        yield normalise(address.city)
        yield _together(address.postal_code)
    for attachment in card.attachments:
        yield normalise(attachment.name)
    yield normalise(content.internal_note[:MOST_OF_A_NOTE])
    yield normalise(content.note_for_documents[:MOST_OF_A_NOTE])


def _contact(contact: ContactPerson, country: str) -> Iterator[str]:
    yield normalise(contact.name)
    yield normalise(contact.department)
    yield normalise(contact.email)
    if contact.phone:
        yield from digits_of(contact.phone, country)
    if contact.address is not None:
        yield normalise(contact.address.city)


def _together(number: str) -> str:
    """A number without its blanks: however it is typed, each part of it occurs in this."""
    return normalise(number).replace(" ", "")
