"""What the organisation settles for its customers: settings, lists to choose from, own fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from back_office.clients.shapes import Page, Shape, Words, at
from back_office.clients.transport import Answer, Caller

SETTINGS = "/v1/customer-settings"
NOTHING: TypeAdapter[None] = TypeAdapter(None)


class Numbering(BaseModel):
    """The way of numbering customers (FA-11)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    automatic: bool = True
    prefix: Words = ""
    year: bool = False
    digits: int = 5
    next_value: int = 1
    next_number: Words = ""


class CustomerSettings(BaseModel):
    """The settings as they stand; fields not named here are kept as they came."""

    model_config = ConfigDict(extra="allow", frozen=True)

    default_vat_regime: Words = "standard"
    default_language: Words = "nl"
    default_currency: Words = "EUR"
    default_country: Words = "NL"
    languages: tuple[str, ...] = ("nl", "en", "de", "fr", "sv")
    apps: tuple[str, ...] = ("languages",)
    numbering: Numbering = Numbering()
    revision: int = 0
    changed_at: datetime | None = None
    changed_by: Words = ""

    def has(self, app: str) -> bool:
        """Whether an app is activated (FA-86)."""
        return app in self.apps


class Choice(Shape):
    """An entry of a list that cards choose from."""

    code: str
    label: str
    position: int = 0
    revision: int = 1


class OwnFieldDefinition(Shape):
    """A field that the office made itself (FA-28)."""

    key: str
    label: str
    type: Words = "text"
    kinds: tuple[str, ...] = ("debtor",)
    choices: tuple[str, ...] = ()
    on_documents: bool = False
    position: int = 0
    revision: int = 1


class CustomerClient:
    """Reads and changes what holds for all customers."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def settings(self) -> Answer[CustomerSettings]:
        """The settings with their revision."""
        return await self._caller.get(SETTINGS, CustomerSettings)

    async def save_settings(self, body: dict[str, Any], revision: str) -> CustomerSettings:
        """Save all of them."""
        return (await self._caller.send("PUT", SETTINGS, CustomerSettings, body, revision=revision)).value

    async def choices(self, of: str) -> tuple[Choice, ...]:
        """``categories`` or ``price-tiers``, in the order in which people see them."""
        return (await self._caller.get(at("customer-lists", of), Page[Choice])).value.items

    async def add_choice(self, of: str, body: dict[str, Any], once: str) -> Choice:
        """Add an entry."""
        return (await self._caller.send("POST", at("customer-lists", of), Choice, body, once=once)).value

    async def save_choice(self, of: str, code: str, body: dict[str, Any], revision: str) -> Choice:
        """Change what people see of an entry."""
        path = at("customer-lists", of, code)
        return (await self._caller.send("PUT", path, Choice, body, revision=revision)).value

    async def remove_choice(self, of: str, code: str, revision: str) -> None:
        """Remove an entry that no card has chosen."""
        await self._caller.send("DELETE", at("customer-lists", of, code), NOTHING, revision=revision)

    async def own_fields(self) -> tuple[OwnFieldDefinition, ...]:
        """All own fields, in the order in which they stand on cards."""
        return (await self._caller.get("/v1/own-fields", Page[OwnFieldDefinition])).value.items

    async def define_field(self, body: dict[str, Any], once: str) -> OwnFieldDefinition:
        """Make an own field."""
        return (await self._caller.send("POST", "/v1/own-fields", OwnFieldDefinition, body, once=once)).value

    async def save_field(self, key: str, body: dict[str, Any], revision: str) -> OwnFieldDefinition:
        """Change a definition."""
        path = at("own-fields", key)
        return (await self._caller.send("PUT", path, OwnFieldDefinition, body, revision=revision)).value

    async def remove_field(self, key: str, revision: str) -> None:
        """Remove a definition that no card has a value for."""
        await self._caller.send("DELETE", at("own-fields", key), NOTHING, revision=revision)
