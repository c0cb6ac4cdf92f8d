"""The card of a customer or supplier: what a person fills in, and what the service adds to it.

The content is one immutable document that is replaced as a whole; identity, revision, state and numbers are
the service's own and never come from a form by accident (EP-10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from klokwerk_contracts.debtor_changed import (
    Attachment,
    BankAccount,
    CardAddress,
    CardState,
    ContactPerson,
    DebtorChanged,
    DiscountKind,
    EktConfiguration,
    EmailAddress,
    InvoiceDelivery,
    Kind,
    OwnField,
    Party,
)
from klokwerk_contracts.types import Country, Currency, DecimalString, Language, LongText, Part, Text
from pydantic import Field, StringConstraints


class VatRegime(StrEnum):
    """VAT regimes that a card may have; ``standard`` is the default (FA-12, FA-13)."""

    STANDARD = "standard"
    REDUCED = "reduced"
    ZERO = "zero"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"
    INTRA_COMMUNITY = "intra_community"
    EXPORT = "export"


class CardContent(Part):
    """Everything a person may fill in.

    Attributes:
        name: the name on documents; a person's full name, or the registered name of an organisation.
        search_name: short name by which the office knows the relation.
        payment_term_days: none means the company-wide term (FA-21).
        discount_percent: discount on the whole invoice (FA-24).
        discount_kind: ``general`` lowers what is invoiced, ``financial`` is for paying in time.
        category: code of the customer category, from the office's list (FA-80).
        price_tier: code of the tier of prices; empty: the normal prices (FA-82).
        internal_note: for colleagues only; it is never part of an event or a document (FA-31, FA-32).
        note_for_documents: may be shown to the customer.
        contact_persons: of an organisation (FA-39).
        own_fields: the filled-in own fields by key, written as `domain.own_fields` says (FA-28).
    """

    kinds: tuple[Kind, ...] = (Kind.DEBTOR,)
    party: Party = Party.ORGANISATION
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    search_name: Text = ""
    addresses: Annotated[tuple[CardAddress, ...], Field(max_length=20)] = ()
    country: Country = "NL"
    vat_number: Annotated[str, StringConstraints(max_length=30)] = ""
    chamber_number: Annotated[str, StringConstraints(max_length=50)] = ""
    vat_regime: VatRegime = VatRegime.STANDARD
    emails: Annotated[tuple[EmailAddress, ...], Field(max_length=20)] = ()
    phones: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=1, max_length=50)], ...], Field(max_length=20)
    ] = ()
    website: Text = ""
    language: Language = "nl"
    currency: Currency = "EUR"
    payment_term_days: Annotated[int, Field(ge=0, le=365)] | None = None
    discount_percent: Annotated[DecimalString, Field(ge=Decimal(0), le=Decimal(100))] | None = None
    discount_kind: DiscountKind = DiscountKind.GENERAL
    category: Annotated[str, StringConstraints(max_length=40)] = ""
    price_tier: Annotated[str, StringConstraints(max_length=40)] = ""
    bank_accounts: Annotated[tuple[BankAccount, ...], Field(max_length=20)] = ()
    invoice_delivery: InvoiceDelivery = InvoiceDelivery()
    ekt: EktConfiguration = EktConfiguration()
    internal_note: LongText = ""
    note_for_documents: LongText = ""
    contact_persons: Annotated[tuple[ContactPerson, ...], Field(max_length=100)] = ()
    own_fields: dict[str, str] = Field(default_factory=dict, max_length=50)

    @property
    def general_email(self) -> str:
        """The address for everything without one of its own; empty when there is none."""
        return next((e.address for e in self.emails if e.document == "general"), "")


@dataclass(frozen=True, slots=True)
class Card:
    """A card as stored.

    Attributes:
        debtor_id: identity, for debtors and creditors alike.
        administration: the legal entity the card belongs to; fixed at creation.
        revision: rises by one with every change.
        previous_ids: cards that were merged into this one.
        customer_number: by which people call the card (FA-10); kept by a tombstone, so that it never comes back.
        attachments: files that belong to the card; their bytes are stored apart (FA-63).
        changed_by: name of the person or service that made this revision.
    """

    debtor_id: str
    administration: str
    revision: int
    content: CardContent
    changed_at: datetime
    changed_by: str
    created_at: datetime
    debtor_number: str = ""
    creditor_number: str = ""
    state: CardState = CardState.ACTIVE
    merged_into: str | None = None
    previous_ids: tuple[str, ...] = ()
    customer_number: str = ""
    attachments: tuple[Attachment, ...] = ()

    def number_of(self, kind: Kind) -> str:
        """The number of one kind; empty until a trigger gave it (EP-05, EP-17)."""
        return self.debtor_number if kind is Kind.DEBTOR else self.creditor_number


def snapshot(card: Card, own_fields: Sequence[OwnField] = ()) -> DebtorChanged:
    """What the other services are told about `card`: all of it but the internal note (FA-32).

    Args:
        own_fields: the card's own fields as `domain.own_fields.told` writes them.
    """
    own = ("internal_note", "own_fields")
    told = {name: getattr(card.content, name) for name in CardContent.model_fields if name not in own}
    return DebtorChanged(
        administration=card.administration,
        debtor_id=card.debtor_id,
        revision=card.revision,
        state=card.state,
        merged_into=card.merged_into,
        previous_ids=card.previous_ids,
        debtor_number=card.debtor_number,
        creditor_number=card.creditor_number,
        customer_number=card.customer_number,
        attachments=card.attachments,
        changed_at=card.changed_at,
        changed_by=card.changed_by,
        own_fields=tuple(own_fields),
        **(told | {"vat_regime": card.content.vat_regime.value}),
    )


def with_number(card: Card, kind: Kind, number: str) -> Card:
    """`card` with its number of `kind`; whoever gets a number of a kind is of that kind."""
    kinds = tuple(sorted({*card.content.kinds, kind}, reverse=True))
    content = card.content.model_copy(update={"kinds": kinds})
    if kind is Kind.DEBTOR:
        return replace(card, debtor_number=number, content=content)
    return replace(card, creditor_number=number, content=content)


def differences(old: Card | None, new: Card) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ between two revisions, before and after, for the audit trail."""
    before = _plain(old) if old is not None else {}
    after = _plain(new)
    changed = [name for name, value in after.items() if before.get(name, _NOTHING) != value]
    return {name: before[name] for name in changed if name in before}, {name: after[name] for name in changed}


_NOTHING = object()


def _plain(card: Card) -> dict[str, Any]:
    return {
        **card.content.model_dump(mode="json"),
        "debtor_number": card.debtor_number,
        "creditor_number": card.creditor_number,
        "customer_number": card.customer_number,
        "attachments": [attachment.model_dump(mode="json") for attachment in card.attachments],
        "state": card.state.value,
        "merged_into": card.merged_into,
        "previous_ids": list(card.previous_ids),
    }
