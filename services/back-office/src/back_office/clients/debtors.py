"""The debtor service: customer and supplier cards, their contact persons, their numbers, and merging."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from klokwerk_contracts.debtor_changed import (
    Attachment,
    CardAddress,
    ContactPerson,
    EktConfiguration,
    EmailAddress,
    InvoiceDelivery,
)
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from back_office.clients.shapes import Page, Pin, Said, Shape, Words, at
from back_office.clients.transport import Answer, Caller, Download, FieldProblem


class Street(Shape):
    """A street line taken apart."""

    name: Words = ""
    number: Words = ""
    addition: Words = ""


class ShownAddress(CardAddress):
    """An address with the lines of a letter to it."""

    formatted: tuple[str, ...] = ()
    street: Street | None = None


class Card(BaseModel):
    """A card as the service holds it; fields not named here are kept as they came.

    Attributes:
        warnings: what does not forbid saving but hinders later.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    debtor_id: str
    revision: int = 0
    state: str = "active"
    merged_into: str | None = None
    kinds: tuple[str, ...] = ("debtor",)
    party: str = "organisation"
    name: str
    search_name: Words = ""
    customer_number: Words = ""
    debtor_number: Words = ""
    creditor_number: Words = ""
    addresses: tuple[ShownAddress, ...] = ()
    country: Words = "NL"
    vat_number: Words = ""
    chamber_number: Words = ""
    vat_regime: Words = "standard"
    emails: tuple[EmailAddress, ...] = ()
    phones: tuple[str, ...] = ()
    website: Words = ""
    language: Words = "nl"
    currency: Words = "EUR"
    payment_term_days: int | None = None
    discount_percent: str | None = None
    discount_kind: Words = "general"
    category: Words = ""
    price_tier: Words = ""
    invoice_delivery: InvoiceDelivery = InvoiceDelivery()
    ekt: EktConfiguration = EktConfiguration()
    internal_note: Words = ""
    note_for_documents: Words = ""
    contact_persons: tuple[ContactPerson, ...] = ()
    own_fields: dict[str, str] = Field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    warnings: tuple[FieldProblem, ...] = ()
    changed_at: datetime | None = None
    changed_by: Words = ""

    def email(self, document: str = "general") -> str:
        """The address for one kind of document, as entered; empty when it has none of its own."""
        return next(iter(self.emails_of(document)), "")

    def emails_of(self, document: str) -> tuple[str, ...]:
        """Every address for one kind of document, the one that is used first."""
        return tuple(entry.address for entry in self.emails if entry.document == document)

    @property
    def city(self) -> str:
        """Where the relation is, for lists."""
        return next((address.city for address in self.addresses if address.city), "")

    @property
    def is_open(self) -> bool:
        """Whether it can still be edited: neither merged nor anonymised."""
        return self.state in ("active", "blocked")


class Change(Shape):
    """One line of the history of a card."""

    at: datetime
    person_name: Words = ""
    action: Words = ""
    old: dict[str, Any] | None = None
    new: dict[str, Any] | None = None


class Duplicate(Shape):
    """A card that may be the one being typed, with the reasons."""

    debtor_id: str
    name: str
    city: Words = ""
    customer_number: Words = ""
    debtor_number: Words = ""
    reasons: tuple[str, ...] = ()


class VatLookup(Shape):
    """What is known of a VAT number; ``unknown`` whenever nobody could say (FA-09)."""

    status: str
    vat_number: Words = ""
    country: Words = ""
    name: Words = ""
    address: CardAddress | None = None
    message: Said = ""
    code: Words = ""
    again: bool = False


class Side(Shape):
    """One of two cards that are to be merged."""

    debtor_id: str
    revision: int
    name: str
    state: str = "active"
    debtor_number: Words = ""
    creditor_number: Words = ""


class MergePreview(Shape):
    """What a merge would do, field by field."""

    removed: Side
    target: Side
    moves: tuple[Said, ...] = ()
    lost: dict[str, Any] = Field(default_factory=dict)
    kept: dict[str, Any] = Field(default_factory=dict)
    filled: dict[str, Any] = Field(default_factory=dict)
    notices: tuple[Said, ...] = ()
    warning: Said = ""


class Waiting(Shape):
    """A trigger of a number that waits, with the reason (EP-14)."""

    id: int
    debtor_id: Words = ""
    name: Words = ""
    number_kind: Words = ""
    trigger: Words = ""
    reason: Said = ""
    parked_at: datetime | None = None


class NumberRange(Shape):
    """The numbers one administration gives to one kind of relation, and how full it is (EP-11, EP-13).

    Attributes:
        shared_number_space: the bookkeeping keeps debtors and creditors in one list, so ranges must not overlap.
        warning: what people are told, empty while there is room (EP-14).
        given: how many waiting cards got a number by the change just made.
    """

    administration: str
    kind: str
    first: int
    last: int
    fill_gaps: bool = False
    size: int = 1
    remaining: int = 0
    shared_number_space: bool = True
    warning: Said = ""
    given: int = 0

    @property
    def used_percent(self) -> int:
        """How full it is, rounded down: it is full only when nothing is left."""
        return 100 * (self.size - self.remaining) // max(1, self.size)


class NumberSpace(Shape):
    """Whether an administration keeps debtors and creditors in one list of numbers."""

    shared_number_space: bool = True


VAT_SECONDS = 15.0
"""How long a look-up at VIES may take; the service itself gives up before."""

NOTHING: TypeAdapter[None] = TypeAdapter(None)


class DebtorClient:
    """Reads and changes cards and the ranges of their numbers."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def count(self, query: Mapping[str, str]) -> Pin:
        """How many cards a filter means, and which."""
        return (await self._caller.get("/v1/debtors/count", Pin, query)).value

    async def find(self, **filters: str | None) -> Page[Card]:
        """Cards by ``q``, ``kind``, ``state``, ``use_ekts``, page by page with ``cursor``."""
        return (await self._caller.get("/v1/debtors", Page[Card], filters)).value

    async def card(self, debtor_id: str) -> Answer[Card]:
        """One card with its revision."""
        return await self._caller.get(at("debtors", debtor_id), Card)

    async def create(self, card: dict[str, Any], once: str) -> Answer[Card]:
        """Add a card."""
        return await self._caller.send("POST", "/v1/debtors", Card, card, once=once)

    async def save(self, debtor_id: str, card: dict[str, Any], revision: str) -> Answer[Card]:
        """Save the whole card."""
        return await self._caller.send("PUT", at("debtors", debtor_id), Card, card, revision=revision)

    async def save_ekt(self, debtor_id: str, ekt: dict[str, Any], revision: str) -> Answer[Card]:
        """Save the EKT configuration (EF-33)."""
        return await self._caller.send("PATCH", at("debtors", debtor_id, "ekt"), Card, ekt, revision=revision)

    async def give_number(self, debtor_id: str, kind: str, once: str) -> Answer[Card]:
        """Give the next available number, trigger 3 (EP-09)."""
        return await self._caller.send(
            "POST", at("debtors", debtor_id, "numbers"), Card, {"kind": kind}, once=once
        )

    async def history(self, debtor_id: str) -> tuple[Change, ...]:
        """What changed, newest first."""
        answer = await self._caller.get(at("debtors", debtor_id, "history"), Page[Change], {"limit": 200})
        return answer.value.items

    async def duplicates(self, typed: dict[str, Any]) -> tuple[Duplicate, ...]:
        """Cards that may be the one being typed."""
        return (await self._caller.send("POST", "/v1/debtors/duplicates", Page[Duplicate], typed)).value.items

    async def vat_lookup(self, vat_number: str, country: str) -> VatLookup:
        """Ask VIES whose VAT number it is (FA-08)."""
        body = {"vat_number": vat_number, "country": country}
        return (await self._caller.send("POST", "/v1/vat-lookup", VatLookup, body, seconds=VAT_SECONDS)).value

    async def contacts(self, debtor_id: str) -> Answer[Page[ContactPerson]]:
        """The contact persons, with the revision of the card."""
        return await self._caller.get(at("debtors", debtor_id, "contacts"), Page[ContactPerson])

    async def add_contact(self, debtor_id: str, contact: dict[str, Any], revision: str, once: str) -> None:
        """Add a contact person (FA-39)."""
        path = at("debtors", debtor_id, "contacts")
        await self._caller.send("POST", path, ContactPerson, contact, revision=revision, once=once)

    async def save_contact(
        self, debtor_id: str, contact_id: str, contact: dict[str, Any], revision: str
    ) -> None:
        """Save a contact person as a whole."""
        path = at("debtors", debtor_id, "contacts", contact_id)
        await self._caller.send("PUT", path, ContactPerson, contact, revision=revision)

    async def remove_contact(self, debtor_id: str, contact_id: str, revision: str) -> None:
        """Take a contact person off the card."""
        path = at("debtors", debtor_id, "contacts", contact_id)
        await self._caller.send("DELETE", path, NOTHING, revision=revision)

    async def merge_preview(self, removed: str, into: str, *, fill_empty: bool) -> MergePreview:
        """What merging would do; nothing is changed."""
        params = {"into": into, "fill_empty": "true" if fill_empty else None}
        return (await self._caller.get(at("debtors", removed, "merge-preview"), MergePreview, params)).value

    async def merge(self, removed: str, revision: str, body: dict[str, Any], once: str) -> None:
        """Merge a card into another; it can't be undone (FA-55)."""
        path = at("debtors", removed, "merge")
        await self._caller.send("POST", path, dict, body, revision=revision, once=once)

    async def number_ranges(self) -> tuple[NumberRange, ...]:
        """Every range that is set."""
        return (await self._caller.get("/v1/number-ranges", Page[NumberRange])).value.items

    async def save_number_range(self, administration: str, kind: str, body: dict[str, Any]) -> NumberRange:
        """Set or change a range; what waits for a number of it is handled at once."""
        path = at("number-ranges", administration, kind)
        return (await self._caller.send("PUT", path, NumberRange, body)).value

    async def number_space(self, administration: str) -> bool:
        """Whether debtors and creditors of an administration share one list of numbers."""
        return (
            await self._caller.get(at("number-ranges", administration), NumberSpace)
        ).value.shared_number_space

    async def save_number_space(self, administration: str, *, shared: bool) -> None:
        """Say whether they do."""
        body = {"shared_number_space": shared}
        await self._caller.send("PUT", at("number-ranges", administration), NumberSpace, body)

    async def waiting(self, debtor_id: str = "", cursor: str = "") -> Page[Waiting]:
        """Triggers that wait for a card or a free number, of one card or all, oldest first."""
        query = {"limit": 100, "debtor_id": debtor_id or None, "cursor": cursor or None}
        return (await self._caller.get("/v1/waiting", Page[Waiting], query)).value

    def export(self, suffix: str, **filters: str | None) -> AbstractAsyncContextManager[Download]:
        """The filtered list as ``csv`` or ``xlsx``."""
        return self._caller.download(f"/v1/debtors.{suffix}", filters)
