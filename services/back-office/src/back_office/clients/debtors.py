"""The debtor service: customer and supplier cards."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from klokwerk_contracts.debtor_changed import (
    CardAddress,
    EktConfiguration,
    EmailAddress,
    InvoiceDelivery,
)
from pydantic import BaseModel, ConfigDict

from back_office.clients.shapes import Page, Shape, Words, at
from back_office.clients.transport import Answer, Caller, Download


class Card(BaseModel):
    """A card as the service holds it; fields not named here are kept as they came."""

    model_config = ConfigDict(extra="allow", frozen=True)

    debtor_id: str
    revision: int = 0
    state: str = "active"
    kinds: tuple[str, ...] = ("debtor",)
    party: str = "organisation"
    name: str
    search_name: Words = ""
    debtor_number: Words = ""
    creditor_number: Words = ""
    addresses: tuple[CardAddress, ...] = ()
    country: Words = "NL"
    vat_number: Words = ""
    chamber_number: Words = ""
    emails: tuple[EmailAddress, ...] = ()
    phones: tuple[str, ...] = ()
    language: Words = "nl"
    currency: Words = "EUR"
    payment_term_days: int | None = None
    invoice_delivery: InvoiceDelivery = InvoiceDelivery()
    ekt: EktConfiguration = EktConfiguration()
    note_for_documents: Words = ""
    changed_at: datetime | None = None
    changed_by: Words = ""

    def email(self, document: str = "general") -> str:
        """The address for one kind of document, as entered; empty when it has none of its own."""
        return next((entry.address for entry in self.emails if entry.document == document), "")

    @property
    def city(self) -> str:
        """Where the relation is, for lists."""
        return next((address.city for address in self.addresses if address.city), "")


class NumberRange(Shape):
    """The numbers one administration gives to one kind of relation, and how full it is (EP-11, EP-13).

    Attributes:
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
    warning: Words = ""
    given: int = 0

    @property
    def used_percent(self) -> int:
        """How full it is, rounded down: it is full only when nothing is left."""
        return 100 * (self.size - self.remaining) // max(1, self.size)


class DebtorClient:
    """Reads and changes cards and the ranges of their numbers."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

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

    async def number_ranges(self) -> tuple[NumberRange, ...]:
        """Every range that is set."""
        return (await self._caller.get("/v1/number-ranges", Page[NumberRange])).value.items

    async def save_number_range(self, administration: str, kind: str, body: dict[str, Any]) -> NumberRange:
        """Set or change a range; what waits for a number of it is handled at once."""
        path = at("number-ranges", administration, kind)
        return (await self._caller.send("PUT", path, NumberRange, body)).value

    def export(self, suffix: str, **filters: str | None) -> AbstractAsyncContextManager[Download]:
        """The filtered list as ``csv`` or ``xlsx``."""
        return self._caller.download(f"/v1/debtors.{suffix}", filters)
