"""The newsletter: its settings, its audience at Mailchimp, and what a customer chose."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from back_office.clients.jobs import Job
from back_office.clients.shapes import Said, Shape, Words, at
from back_office.clients.transport import Answer, Caller


class RefusedAddress(Shape):
    """An address that Mailchimp does not take."""

    email: Words = ""
    why: Words = ""
    detail: Said = ""
    at: datetime | None = None


class Newsletter(Shape):
    """The settings and how things stand.

    Attributes:
        active: the app is activated.
        ready: there is a key and an audience.
        counts: addresses by Mailchimp's word for them, and how many it refuses.
    """

    key_hint: Words = ""
    list_id: Words = ""
    list_name: Words = ""
    policy: Words = "opt_out"
    tags: tuple[str, ...] = ()
    nightly: bool = True
    at_time: Words = "03:30"
    active: bool = False
    ready: bool = False
    trouble: Said = ""
    synced_at: datetime | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    refused: tuple[RefusedAddress, ...] = ()
    changed_at: datetime | None = None
    changed_by: Words = ""


class Audience(Shape):
    """An audience of the account."""

    id: str
    name: Words = ""
    members: int = 0


class Audiences(Shape):
    """What a key gives access to."""

    audiences: tuple[Audience, ...] = ()


class Choice(Shape):
    """What a customer chose, and what Mailchimp says of the address."""

    active: bool = False
    choice: Words = "unset"
    source: Words = ""
    reason: Words = ""
    changed_at: datetime | None = None
    changed_by: Words = ""
    email: Words = ""
    gets_it: bool = False
    status: Words = ""
    refused: Words = ""
    detail: Said = ""


class NewsletterClient:
    """Reads and changes the newsletter."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def settings(self) -> Answer[Newsletter]:
        """The settings with their revision."""
        return await self._caller.get(at("newsletter"), Newsletter)

    async def save(self, body: dict[str, Any], revision: str) -> Newsletter:
        """Save the settings."""
        path = at("newsletter")
        return (await self._caller.send("PUT", path, Newsletter, body, revision=revision)).value

    async def test(self) -> Audiences:
        """Try the stored key."""
        return (await self._caller.send("POST", at("newsletter", "test"), Audiences, {})).value

    async def sync(self) -> Job:
        """Bring both sides in step now."""
        return (await self._caller.send("POST", at("newsletter", "sync"), Job)).value

    async def choice(self, debtor_id: str) -> Choice:
        """What a customer chose."""
        return (await self._caller.get(at("debtors", debtor_id, "newsletter"), Choice)).value

    async def choose(self, debtor_id: str, choice: str, reason: str) -> Choice:
        """Note what a customer said."""
        path = at("debtors", debtor_id, "newsletter")
        return (await self._caller.send("PUT", path, Choice, {"choice": choice, "reason": reason})).value
