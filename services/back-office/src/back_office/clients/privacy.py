"""A person's rights at each of the services: what it holds about them, and (by the debtor service) forgetting them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from pydantic import TypeAdapter

from back_office.clients.shapes import Said, Shape, Words, at
from back_office.clients.transport import Caller, Download, ServiceName

NOTHING: TypeAdapter[None] = TypeAdapter(None)


class Goes(Shape):
    """What would be taken away."""

    fields: tuple[str, ...] = ()
    merged_cards: int = 0
    attachments: int = 0
    newsletter: bool = False
    import_lines: int = 0
    exports: int = 0
    changes: int = 0


class Stays(Shape):
    """What would stay."""

    fields: tuple[str, ...] = ()
    customer_number: Words = ""
    debtor_number: Words = ""
    creditor_number: Words = ""
    administration: Words = ""
    used_for: Words = ""


class Obstacle(Shape):
    """Why it can't be done."""

    code: Words = ""
    message: Said = ""
    cure: Said = ""
    card: Words = ""


class Preview(Shape):
    """What anonymising a card would do."""

    debtor_id: str
    revision: int = 0
    state: Words = ""
    goes: Goes = Goes()
    stays: Stays = Stays()
    obstacles: tuple[Obstacle, ...] = ()


class Anonymised(Shape):
    """The card that is left."""

    debtor_id: str
    name: Words = ""


class PrivacyClient:
    """Asks every service."""

    def __init__(self, callers: Mapping[ServiceName, Caller]) -> None:
        self._callers = callers
        self._debtors = callers[ServiceName.DEBTORS]

    def held(
        self, service: ServiceName, debtor_id: str, administration: str, contact_id: str = ""
    ) -> AbstractAsyncContextManager[Download]:
        """Everything a service holds about the person on a card, or about one contact person of it.

        Args:
            administration: of the card, for services that know cards by both.
        """
        params = {"administration": administration or None, "contact_id": contact_id or None}
        return self._callers[service].download(at("debtors", debtor_id, "personal-data"), params)

    async def preview(self, debtor_id: str) -> Preview:
        """What anonymising would take away, what stays, and what forbids it."""
        return (await self._debtors.get(at("debtors", debtor_id, "anonymise-preview"), Preview)).value

    async def anonymise(self, debtor_id: str, reason: str, revision: str, once: str) -> Anonymised:
        """Forget the person on a card; there is no way back."""
        path = at("debtors", debtor_id, "anonymise")
        body = {"confirm": True, "reason": reason}
        return (await self._debtors.send("POST", path, Anonymised, body, revision=revision, once=once)).value

    async def forget_contact(self, debtor_id: str, contact_id: str, revision: str) -> None:
        """Forget one contact person."""
        path = at("debtors", debtor_id, "contacts", contact_id, "forget")
        await self._debtors.send("POST", path, NOTHING, revision=revision)
