"""What comes in and goes out over HTTP. Unknown fields are refused, so that a typing error is not lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

from klokwerk_contracts import new_event_id
from klokwerk_contracts.debtor_changed import (
    BankAccount,
    CardAddress,
    CardState,
    ContactPerson,
    EktConfiguration,
    EktMethod,
    EktTransfer,
    EmailAddress,
    InvoiceDelivery,
    Kind,
    Party,
)
from klokwerk_contracts.types import Address, ElectronicAddress, Identifier
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from debtor_service.domain.addresses import formatted, split_street
from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.checks import warnings_for
from debtor_service.domain.customer_numbers import CustomerNumber
from debtor_service.domain.numbering import NumberRange, RangeUse
from debtor_service.store.cards import content_json

STRICT = ConfigDict(extra="forbid", frozen=True)

TypedNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{0,18}$")]
"""A number that a person types in or that is migrated; empty for none."""


class AddressBody(CardAddress):
    """An address. What GET derives from it (letter lines, street and number) may come back and is passed over."""

    model_config: ClassVar[ConfigDict] = STRICT

    formatted: tuple[str, ...] = ()
    street: dict[str, str] | None = None


class EmailBody(EmailAddress):
    """An e-mail address with its use."""

    model_config: ClassVar[ConfigDict] = STRICT


class AccountBody(BankAccount):
    """A bank account."""

    model_config: ClassVar[ConfigDict] = STRICT


class ElectronicBody(ElectronicAddress):
    """An e-invoice address."""

    model_config: ClassVar[ConfigDict] = STRICT


class DeliveryBody(InvoiceDelivery):
    """What the customer can receive."""

    model_config: ClassVar[ConfigDict] = STRICT

    electronic: ElectronicBody | None = None


class EktBody(EktConfiguration):
    """The EKT configuration."""

    model_config: ClassVar[ConfigDict] = STRICT


class ContactAddressBody(Address):
    """The address of a contact person."""

    model_config: ClassVar[ConfigDict] = STRICT


class ContactBody(ContactPerson):
    """A contact person; one without an id gets one."""

    model_config: ClassVar[ConfigDict] = STRICT

    contact_id: Identifier = Field(default_factory=lambda: str(new_event_id()))
    address: ContactAddressBody | None = None


class CardBody(CardContent):
    """The fields of a card that a person fills in."""

    model_config: ClassVar[ConfigDict] = STRICT

    addresses: Annotated[tuple[AddressBody, ...], Field(max_length=20)] = ()
    emails: Annotated[tuple[EmailBody, ...], Field(max_length=20)] = ()
    bank_accounts: Annotated[tuple[AccountBody, ...], Field(max_length=20)] = ()
    invoice_delivery: DeliveryBody = DeliveryBody()
    ekt: EktBody = EktBody()
    contact_persons: Annotated[tuple[ContactBody, ...], Field(max_length=100)] = ()

    def content(self, defaults: Mapping[str, Any]) -> CardContent:
        """The content of the card, without what is not part of it.

        Args:
            defaults: what the organisation wants where the form says nothing (FA-13, FA-17).
        """
        said = self.model_dump(include=set(CardContent.model_fields))
        unsaid = {name: value for name, value in defaults.items() if name not in self.model_fields_set}
        return CardContent.model_validate(said | unsaid)


class NewCardBody(CardBody):
    """A new card.

    Attributes:
        debtor_id: the id that another system gave it; one is made when absent.
        debtor_number: only for a number that exists already, e.g. at a migration; triggers give the others.
        customer_number: likewise; otherwise the next one is assigned (FA-10).
    """

    debtor_id: Identifier | None = None
    administration: Identifier = "main"
    customer_number: CustomerNumber = ""
    debtor_number: TypedNumber = ""
    creditor_number: TypedNumber = ""


class EditedCardBody(CardBody):
    """A whole card as edited: what GET gave, with changes. Absent contact persons and own fields stay.

    Attributes:
        state: ``active`` or ``blocked``; absent keeps it.
        debtor_number: may be typed in while the card has none; once given it stays.
        customer_number: empty keeps the one the card has.
        attachments: have routes of their own; what GET gave may come back and is passed over.
    """

    debtor_id: Identifier | None = None
    administration: Identifier | None = None
    revision: int | None = None
    state: CardState | None = None
    merged_into: Identifier | None = None
    previous_ids: tuple[Identifier, ...] = ()
    debtor_number: TypedNumber = ""
    creditor_number: TypedNumber = ""
    customer_number: CustomerNumber = ""
    attachments: tuple[dict[str, Any], ...] = ()
    created_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str = ""
    warnings: tuple[dict[str, Any], ...] = ()


class EktPatch(BaseModel):
    """The part of the EKT configuration that changes; what is absent stays.

    Attributes:
        transfer: null says that there is none any more, so that `method` counts again.
    """

    model_config: ClassVar[ConfigDict] = STRICT

    use_ekts: bool | None = None
    accepts_ekts: bool | None = None
    method: EktMethod | None = None
    transfer: EktTransfer | None = None
    folder: str | None = None
    buyer_code: str | None = None
    receiver_code: str | None = None
    auction_code: str | None = None
    bgm_code: str | None = None
    separate_files: bool | None = None
    file_name_pattern: str | None = None
    character_set: str | None = None
    optional_segments: tuple[str, ...] | None = None


class NumberBody(BaseModel):
    """Which number the button beside the field asks for."""

    model_config: ClassVar[ConfigDict] = STRICT

    kind: Kind = Kind.DEBTOR


class RangeBody(BaseModel):
    """A number range, both ends included."""

    model_config: ClassVar[ConfigDict] = STRICT

    first: Annotated[int, Field(ge=1, lt=10**18)]
    last: Annotated[int, Field(ge=1, lt=10**18)]
    fill_gaps: bool = False


class RangeAnswer(BaseModel):
    """A range and how full it is; `warning` is empty while there is room."""

    administration: str
    kind: Kind
    first: int
    last: int
    fill_gaps: bool
    size: int
    remaining: int
    shared_number_space: bool = True
    warning: str = ""
    given: int = 0

    @classmethod
    def of(cls, numbers: NumberRange, use: RangeUse, *, given: int = 0) -> RangeAnswer:
        """The answer for `numbers`; `given` counts the waiting cards that got a number by this change."""
        return cls(
            administration=numbers.administration,
            kind=numbers.kind,
            first=numbers.first,
            last=numbers.last,
            fill_gaps=numbers.fill_gaps,
            size=use.size,
            remaining=use.remaining,
            shared_number_space=numbers.shared,
            warning=use.warning,
            given=given,
        )


def card_answer(card: Card, home: str) -> dict[str, Any]:
    """A card as plain JSON, with its warnings and its addresses as letters have them.

    Args:
        home: the country of the office itself, whose name letters at home leave out.
    """
    return {
        "debtor_id": card.debtor_id,
        "administration": card.administration,
        "revision": card.revision,
        "state": card.state.value,
        "merged_into": card.merged_into,
        "previous_ids": list(card.previous_ids),
        "debtor_number": card.debtor_number,
        "creditor_number": card.creditor_number,
        "customer_number": card.customer_number,
        "created_at": card.created_at,
        "changed_at": card.changed_at,
        "changed_by": card.changed_by,
        **content_json(card.content),
        "addresses": [_address(address, card.content, home) for address in card.content.addresses],
        "attachments": [attachment.model_dump(mode="json") for attachment in card.attachments],
        "warnings": [
            {"field": w.field, "message": w.message, "cure": w.cure} for w in warnings_for(card.content)
        ],
    }


def _address(address: CardAddress, content: CardContent, home: str) -> dict[str, Any]:
    street = split_street(address)
    organisation = content.name if content.party is Party.ORGANISATION else ""
    attention = "" if organisation else content.name
    lines = formatted(address, organisation=organisation, attention=attention, home=home)
    return address.model_dump(mode="json") | {
        "formatted": list(lines),
        "street": None
        if street is None
        else {"name": street.street, "number": street.number, "addition": street.addition},
    }
