"""E-invoice: look the receiver up in the network, hand the UBL to the access point, ask by the same key."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import httpx
from klokwerk.deliveries import Delivery, Outcome, refused, temporary
from pydantic import BaseModel, ValidationError

from dispatch_service.channels.provider import Provider


class Registration(BaseModel):
    """Answer of the participant look-up."""

    registered: bool


@dataclass(frozen=True, slots=True)
class AccessPointChannel:
    """The access point as a channel of `klokwerk.deliveries`."""

    provider: Provider

    async def send(self, delivery: Delivery) -> Outcome:
        """Submit the document under the delivery's id."""
        receiver = delivery.recipient
        if self.provider.url and (obstacle := await self._look_up(receiver)) is not None:
            return obstacle
        headers = {
            "Content-Type": "application/xml",
            "Peppol-Sender": str(delivery.context.get("sender", "")),
            "Peppol-Receiver": receiver,
        }
        return await self.provider.submit("/documents", str(delivery.id), delivery.payload or b"", headers)

    async def ask(self, delivery: Delivery) -> Outcome:
        """Whether the access point took a document under the delivery's id."""
        return await self.provider.ask(f"/documents/by-key/{delivery.id}", delivery.sha256)

    async def _look_up(self, receiver: str) -> Outcome | None:
        """Why nothing can be submitted for `receiver` now; none when it can.

        A look-up that fails says nothing about the receiver: it is tried again, never taken for "not
        registered". Nothing was handed over yet, so this is the temporary kind.
        """
        url = f"{self.provider.url.rstrip('/')}/participants/{quote(receiver)}"
        try:
            answer = await self.provider.client.get(url, headers=self.provider.authorisation())
        except httpx.HTTPError as error:
            return temporary(f"The receiver could not be looked up ({str(error) or type(error).__name__}).")
        if answer.status_code in (401, 403):
            return refused(
                f"The access point did not accept our credentials ({answer.status_code}). Have the administrator "
                f"check the token of {self.provider.setting}, then send by hand."
            )
        try:
            registered = answer.is_success and Registration.model_validate_json(answer.content).registered
        except ValidationError:
            return temporary("The look-up of the receiver gave an answer that could not be read.")
        if not answer.is_success and answer.status_code != 404:
            return temporary(f"The receiver could not be looked up ({answer.status_code}).")
        if not registered:
            return refused(
                f"{receiver} is not registered in the network for this kind of document. Check the e-invoice "
                "address on the customer's card, then send by hand."
            )
        return None
